package evidence

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"unicode/utf8"

	"consilium/fault"
)

// Limits of one document. What is longer is refused, never cut in silence.
const (
	MaxText     = 8 << 20 // bytes of a document's text
	MaxField    = 4 << 10 // bytes of an identifier, title, source or URL
	maxPassages = 1 << 16 // passages of a document
)

// Document is one item of the user's corpus. Spans count bytes of Text.
type Document struct {
	ID        string `json:"id"` // unique in the corpus; made of the content's hash when empty
	Title     string `json:"title,omitempty"`
	Text      string `json:"text"`
	Source    string `json:"source,omitempty"` // journal, institute or file
	URL       string `json:"url,omitempty"`
	Year      int    `json:"year,omitempty"`      // of publication, 0 when unknown
	Retracted bool   `json:"retracted,omitempty"` // the publisher has withdrawn it
}

// check refuses what cannot be indexed, and gives an identifier where there is none.
func (d *Document) check() error {
	for _, field := range []*string{&d.ID, &d.Title, &d.Source, &d.URL} {
		*field = strings.TrimSpace(*field)
		if len(*field) > MaxField {
			return fault.New(fault.InputTooLarge, fmt.Sprintf("a field of document %.40q has %d bytes, at most %d are read", d.ID, len(*field), MaxField), "shorten it")
		}
		if !utf8.ValidString(*field) || strings.ContainsRune(*field, 0) {
			return notUTF8(d.ID)
		}
	}
	switch {
	case !utf8.ValidString(d.Text) || strings.ContainsRune(d.Text, 0):
		return notUTF8(d.ID)
	case strings.TrimSpace(d.Text) == "":
		return fault.New(fault.InputEmpty, fmt.Sprintf("document %.80q has no text", d.ID), "leave it out")
	case len(d.Text) > MaxText:
		return fault.New(fault.InputTooLarge, fmt.Sprintf("document %.80q has %d bytes of text, at most %d are read", d.ID, len(d.Text), MaxText), "divide it")
	case d.Year < 0 || d.Year > 9999:
		return fault.New(fault.InputMalformed, fmt.Sprintf("document %.80q says year %d", d.ID, d.Year), "correct the year")
	}
	if language := foreign(d.Text); language != "" {
		return fault.New(fault.InputUnsupported, fmt.Sprintf("document %.80q is not English (%s)", d.ID, language), "index English text: stemming, encoder and stance know no other language")
	}
	if d.ID == "" {
		h := d.hash()
		d.ID = fmt.Sprintf("sha256-%x", h[:8])
	}
	return nil
}

func notUTF8(id string) error {
	return fault.New(fault.InputMalformed, fmt.Sprintf("document %.80q is not UTF-8 text", id), "convert it: iconv -f ITS-ENCODING -t UTF-8")
}

// hash identifies the content: a document with the same hash is unchanged.
func (d *Document) hash() [sha256.Size]byte {
	h := sha256.New()
	for _, field := range []string{d.Title, d.Text, d.Source, d.URL, fmt.Sprint(d.Year, d.Retracted)} {
		h.Write(binary.AppendUvarint(nil, uint64(len(field))))
		h.Write([]byte(field))
	}
	return [sha256.Size]byte(h.Sum(nil))
}

// record is a document as it is kept, with the passages it was divided into.
type record struct {
	Document
	Passages [][2]int `json:"passages"` // start and end in Text
	Tokens   [2]int   `json:"tokens"`   // analysed words of the title and of all passages
}

// encode gives the record as checksum, length of the header, header (JSON) and text.
func (r *record) encode() ([]byte, error) {
	bare := *r
	bare.Text = ""
	header, err := json.Marshal(bare)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a document cannot be encoded", "please report it")
	}
	raw := binary.BigEndian.AppendUint32(make([]byte, 4, 8+len(header)+len(r.Text)), uint32(len(header)))
	raw = append(append(raw, header...), r.Text...)
	binary.BigEndian.PutUint32(raw, crc32.ChecksumIEEE(raw[4:]))
	return raw, nil
}

// decodeRecord reads what encode wrote, and nothing else.
func decodeRecord(raw []byte) (*record, error) {
	if len(raw) < 8 || crc32.ChecksumIEEE(raw[4:]) != binary.BigEndian.Uint32(raw) {
		return nil, damaged(fmt.Errorf("the checksum of a stored document is wrong"))
	}
	length := uint64(binary.BigEndian.Uint32(raw[4:]))
	if length > uint64(len(raw)-8) {
		return nil, damaged(fmt.Errorf("the header of a stored document is longer than the document"))
	}
	r := &record{}
	if err := json.Unmarshal(raw[8:8+length], r); err != nil {
		return nil, damaged(err)
	}
	r.Text = string(raw[8+length:])
	for _, p := range r.Passages {
		if p[0] < 0 || p[0] > p[1] || p[1] > len(r.Text) {
			return nil, damaged(fmt.Errorf("a passage lies outside of its document"))
		}
	}
	return r, nil
}
