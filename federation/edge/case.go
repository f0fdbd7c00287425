package edge

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode"

	"consilium/fault"
	"consilium/federation"
)

// Kinds of mail.
const (
	KindCase   = "edge-case"   // site to hub: a case to be diagnosed
	KindAnswer = "edge-answer" // hub to site: the Opinion
	KindResult = "edge-result" // site to hub: a Summary
)

// Limits of a case and of what is said about it.
const (
	MaxCaseBytes   = 64 << 20
	MaxFiles       = 16
	MaxAnswerBytes = 1 << 20
	maxHeaderBytes = 64 << 10
	maxNameBytes   = 255
)

// File is one file of a case.
type File struct {
	Name string // without a folder
	Body []byte
}

// Case is one input: a picture or a recording, with the files that belong to it, the one to be read first.
type Case struct {
	ID       string // a word; "" = made from the content, so that the same content is the same case
	Name     string // what people at the site call it; it never leaves the house
	Accepted time.Time
	Files    []File
}

// Bytes is the size of the case's files.
func (c Case) Bytes() int64 {
	var n int64
	for _, f := range c.Files {
		n += int64(len(f.Body))
	}
	return n
}

// contentID is the first 128 bits of the SHA-256 over all files, each with its length before it.
func (c Case) contentID() string {
	h := sha256.New()
	for _, f := range c.Files {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(f.Body))))
		h.Write(f.Body)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Check refuses a case that cannot be taken. Errors: INPUT_EMPTY, INPUT_TOO_LARGE, INPUT_MALFORMED.
func (c Case) Check() error {
	bad := func(what string) error {
		return fault.New(fault.InputMalformed, "a case "+what, "hand in one picture, or one recording with its own files")
	}
	switch {
	case len(c.Files) == 0 || len(c.Files[0].Body) == 0:
		return fault.New(fault.InputEmpty, "the case has no content", "export or copy the file again")
	case c.Bytes() > MaxCaseBytes:
		return fault.New(fault.InputTooLarge, fmt.Sprintf("the case has %d MiB; the limit is %d MiB", c.Bytes()>>20, MaxCaseBytes>>20),
			"diagnose it with `consilium diagnose`")
	case len(c.Files) > MaxFiles:
		return bad("of too many files")
	case !federation.Word(c.ID):
		return bad("whose ID is not a word")
	case len(c.Name) > 4*maxNameBytes:
		return bad("with too long a name")
	}
	for _, f := range c.Files {
		if f.Name == "" || len(f.Name) > maxNameBytes || strings.HasPrefix(f.Name, ".") || filepath.Base(f.Name) != f.Name ||
			strings.ContainsFunc(f.Name, func(r rune) bool { return r == '\\' || r == unicode.ReplacementChar || unicode.IsControl(r) }) {
			return bad(fmt.Sprintf("with a file called %q", f.Name))
		}
	}
	return nil
}

var caseMagic = []byte("CEC1")

// header is a case without its bytes.
type header struct {
	ID       string    `json:"id"`
	Name     string    `json:"name,omitempty"`
	Accepted time.Time `json:"accepted,omitzero"`
	Files    []part    `json:"files"`
}

type part struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

// Encode writes magic, length of the header (32 bits, little endian), header, files.
func (c Case) Encode() ([]byte, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	h := header{ID: c.ID, Name: c.Name, Accepted: c.Accepted}
	for _, f := range c.Files {
		h.Files = append(h.Files, part{f.Name, len(f.Body)})
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the case cannot be written", "this is a defect; please report it")
	}
	out := make([]byte, 0, len(caseMagic)+4+len(head)+int(c.Bytes()))
	out = append(out, caseMagic...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	for _, f := range c.Files {
		out = append(out, f.Body...)
	}
	return out, nil
}

// DecodeCase reads what Encode wrote. Errors: INPUT_MALFORMED, and those of Check.
func DecodeCase(b []byte) (Case, error) {
	h, rest, err := cutHeader(b)
	if err != nil {
		return Case{}, err
	}
	c := Case{ID: h.ID, Name: h.Name, Accepted: h.Accepted}
	if len(h.Files) > MaxFiles {
		return Case{}, malformed("names too many files")
	}
	for _, p := range h.Files {
		if p.Size < 0 || p.Size > len(rest) {
			return Case{}, malformed("ends too early")
		}
		c.Files = append(c.Files, File{p.Name, rest[:p.Size:p.Size]})
		rest = rest[p.Size:]
	}
	if len(rest) != 0 {
		return Case{}, malformed("has bytes after its end")
	}
	return c, c.Check()
}

func cutHeader(b []byte) (h header, rest []byte, err error) {
	if len(b) > MaxCaseBytes+maxHeaderBytes || len(b) < len(caseMagic)+4 || !bytes.HasPrefix(b, caseMagic) {
		return h, nil, malformed("is not one")
	}
	b = b[len(caseMagic):]
	n := int64(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n > maxHeaderBytes || n > int64(len(b)) {
		return h, nil, malformed("ends too early")
	}
	if err := json.Unmarshal(b[:n], &h); err != nil {
		return h, nil, malformed("has a header that cannot be read")
	}
	return h, b[n:], nil
}

func malformed(what string) error {
	return fault.New(fault.InputMalformed, "a case that was kept or sent "+what, "use the same version of Consilium at hub and site")
}
