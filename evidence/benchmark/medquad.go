package benchmark

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"consilium/fault"
)

// Limits of the benchmark files.
const (
	maxLine  = 4 << 20   // bytes of one JSON line
	maxBytes = 512 << 20 // bytes of a file, unpacked
)

// Pair is one question with its answer from MedQuAD (Ben Abacha and
// Demner-Fushman, BMC Bioinformatics 2019), as JSON lines.
type Pair struct {
	ID       string   `json:"id"` // not unique: 34 of 16,407 repeat one
	Source   string   `json:"source"`
	URL      string   `json:"url"`
	Focus    string   `json:"focus"` // what the question is about; empty in 14
	Synonyms []string `json:"synonyms"`
	Type     string   `json:"qtype"`
	Question string   `json:"question"`
	Answer   string   `json:"answer"`
}

// ReadMedQuAD reads medquad.jsonl or medquad.jsonl.gz, in the file's order.
func ReadMedQuAD(path string) ([]Pair, error) {
	r, err := open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	lines := bufio.NewScanner(io.LimitReader(r, maxBytes))
	lines.Buffer(make([]byte, 64<<10), maxLine)
	var pairs []Pair
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var p Pair
		if err := json.Unmarshal(lines.Bytes(), &p); err != nil {
			return nil, malformed(path, fmt.Errorf("line %d: %w", len(pairs)+1, err))
		}
		if p.Question == "" || p.Answer == "" {
			return nil, malformed(path, fmt.Errorf("line %d: question or answer is empty", len(pairs)+1))
		}
		pairs = append(pairs, p)
	}
	if err := lines.Err(); err != nil {
		return nil, malformed(path, err)
	}
	if len(pairs) == 0 {
		return nil, fault.New(fault.InputEmpty, path+" holds no pair", "give medquad.jsonl.gz")
	}
	return pairs, nil
}

// unpacked is a file read through gzip.
type unpacked struct {
	io.Reader
	file *os.File
}

func (u unpacked) Close() error { return u.file.Close() }

// open opens a file, through gzip when its first bytes say so.
func open(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, "the benchmark cannot be opened", "check the path")
	}
	buffered := bufio.NewReader(f)
	if head, _ := buffered.Peek(2); len(head) < 2 || head[0] != 0x1f || head[1] != 0x8b {
		return unpacked{buffered, f}, nil
	}
	packed, err := gzip.NewReader(buffered)
	if err != nil {
		f.Close()
		return nil, malformed(path, err)
	}
	return unpacked{packed, f}, nil
}

func malformed(path string, err error) error {
	code := fault.InputMalformed
	if errors.Is(err, io.ErrUnexpectedEOF) {
		code = fault.InputTruncated
	}
	return fault.Wrap(err, code, path+" cannot be read", "fetch the file again")
}
