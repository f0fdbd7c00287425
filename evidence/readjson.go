package evidence

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"consilium/fault"
)

// entry is one document in JSON, under any of the names in use: MedQuAD's
// question and answer, PubMedQA's capitals.
type entry struct {
	ID        scalar   `json:"id"`
	PMID      scalar   `json:"pmid"`
	Title     string   `json:"title"`
	Question  string   `json:"question"` // PubMedQA's QUESTION too: names match in any case
	Text      string   `json:"text"`
	Answer    string   `json:"answer"`
	Abstract  string   `json:"abstract"`
	Contexts  []string `json:"contexts"` // PubMedQA; its LONG_ANSWER is the answer key and is not read
	Source    string   `json:"source"`
	Journal   string   `json:"journal"`
	URL       string   `json:"url"`
	Year      scalar   `json:"year"`
	Retracted bool     `json:"retracted"`
}

// scalar is a JSON string or number, as text.
type scalar string

func (s *scalar) UnmarshalJSON(raw []byte) error {
	var v any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
	case string:
		*s = scalar(v)
	case json.Number:
		*s = scalar(v.String())
	default:
		return errors.New("a string or a number is expected")
	}
	return nil
}

func (e *entry) document(name, key string) (Document, error) {
	first := func(of ...string) string {
		for _, s := range of {
			if s != "" {
				return s
			}
		}
		return ""
	}
	d := Document{
		ID: first(string(e.ID), string(e.PMID), key), Title: first(e.Title, e.Question),
		Text:   first(e.Text, e.Answer, e.Abstract, strings.Join(e.Contexts, "\n\n")),
		Source: first(e.Source, e.Journal, filepath.Base(name)), URL: e.URL, Retracted: e.Retracted,
	}
	if e.Year == "" {
		return d, nil
	}
	year, err := strconv.Atoi(strings.TrimSpace(string(e.Year)))
	if err != nil {
		return d, fault.New(fault.InputMalformed, fmt.Sprintf("document %.80q has the year %.20q", d.ID, string(e.Year)), "write the year as a number")
	}
	d.Year = year
	return d, nil
}

// ofMembers matches the beginning of an object whose first member is an object.
var ofMembers = regexp.MustCompile(`^\s*\{\s*"(?:[^"\\]|\\.)*"\s*:\s*\{`)

// readJSON reads JSON lines, or one object whose members are documents.
func readJSON(name string, r *bufio.Reader) iter.Seq2[Document, error] {
	if head, _ := r.Peek(4096); ofMembers.Match(bytes.TrimPrefix(head, []byte(byteOrderMark))) {
		return readMembers(name, r)
	}
	return readLines(name, r)
}

// readLines reads one document a line. A line that cannot be read does not end the file.
func readLines(name string, r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		lines := bufio.NewScanner(r)
		lines.Buffer(make([]byte, 0, 64<<10), MaxLine)
		for n := 1; lines.Scan(); n++ {
			line := bytes.TrimSpace(bytes.TrimPrefix(lines.Bytes(), []byte(byteOrderMark)))
			if len(line) == 0 {
				continue
			}
			d, err := decodeEntry(name, "", line)
			if err != nil {
				d.ID = fmt.Sprintf("%s, line %d", name, n)
				err = malformed(d.ID, err)
			}
			if !yield(d, err) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			if errors.Is(err, bufio.ErrTooLong) {
				err = fault.New(fault.InputTooLarge, fmt.Sprintf("%s has a line of more than %d bytes", name, MaxLine), "divide it")
			}
			yield(Document{ID: name}, malformed(name, err))
		}
	}
}

// decodeEntry reads one document. Its bytes must be UTF-8: encoding/json would
// put replacement characters in place of others without a word.
func decodeEntry(name, key string, raw []byte) (Document, error) {
	if !utf8.Valid(raw) {
		return Document{}, notUTF8(name)
	}
	var e entry
	if err := json.Unmarshal(raw, &e); err != nil {
		return Document{}, err
	}
	return e.document(name, key)
}

// allowance ends a stream that gives more than left bytes before left is set again.
type allowance struct {
	r    io.Reader
	left int
}

func (a *allowance) Read(p []byte) (int, error) {
	if a.left <= 0 {
		return 0, fault.New(fault.InputTooLarge, fmt.Sprintf("one document has more than %d bytes", MaxLine), "divide it")
	}
	n, err := a.r.Read(p[:min(len(p), a.left)])
	a.left -= n
	return n, err
}

// readMembers reads {"id": {...}, ...}, one member at a time.
func readMembers(name string, r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		in := &allowance{r: r, left: MaxLine}
		d := json.NewDecoder(in)
		if _, err := d.Token(); err != nil {
			yield(Document{ID: name}, malformed(name, err))
			return
		}
		for d.More() {
			key, err := d.Token()
			var raw json.RawMessage
			if err == nil {
				in.left = MaxLine
				err = d.Decode(&raw)
			}
			if err != nil {
				yield(Document{ID: name}, malformed(name, early(err)))
				return
			}
			id, _ := key.(string)
			doc, err := decodeEntry(name, id, raw)
			if err != nil {
				doc.ID = fmt.Sprintf("%s, member %.80q", name, id)
				err = malformed(doc.ID, err)
			}
			if !yield(doc, err) {
				return
			}
		}
		if _, err := d.Token(); err != nil {
			yield(Document{ID: name}, malformed(name, early(err)))
		}
	}
}

// early turns the end of a file in the middle of a value into what it is.
func early(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
