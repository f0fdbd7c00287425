package phenotype

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"consilium/clinical"
	"consilium/fault"
)

// Limits of what is read. Beyond MaxFeatures a profile is cut and says so;
// beyond the others the document is refused.
const (
	MaxDocument = 64 << 20 // bytes of one JSON document
	MaxFeatures = 5_000    // findings of one profile
	maxDepth    = 64       // objects and arrays inside each other
	maxValues   = 2_000_000
)

const formats = "give a phenopacket (JSON), a zip or JSON lines of them, or a FHIR R4 Bundle, Condition or Observation"

// Visit takes one profile. An error ends the reading and is returned.
//
// A profile with Refusals and without Features stands for an entry of a larger
// file that could not be read; the others go on.
type Visit func(clinical.Phenotype) error

// ReadFile reads the profiles of a file: see Read.
func ReadFile(ctx context.Context, path string, visit Visit) error {
	info, err := os.Stat(path)
	if err != nil {
		return fault.Wrap(err, fault.InputMissing, filepath.Base(path)+" cannot be opened", "check the path")
	}
	if !info.Mode().IsRegular() {
		return fault.New(fault.InputUnsupported, filepath.Base(path)+" is not a file", formats)
	}
	f, err := os.Open(path)
	if err != nil {
		return fault.Wrap(err, fault.InputMissing, filepath.Base(path)+" cannot be opened", "check the path and its permissions")
	}
	defer f.Close()
	return Read(ctx, f, info.Size(), filepath.Base(path), visit)
}

// Read finds the profiles in size bytes of r and visits them one by one, in the
// order of the file. It knows by content: a phenopacket, a Family (its proband,
// with the relatives' findings marked as theirs), a Cohort (its members), a FHIR
// resource or Bundle (one profile a patient), an array or lines of these, each
// also gzipped, and a zip of any of them. name is for messages and becomes the
// Source of each feature.
func Read(ctx context.Context, r io.ReaderAt, size int64, name string, visit Visit) error {
	if size == 0 {
		return fault.New(fault.InputEmpty, name+" is empty", formats)
	}
	head := make([]byte, min(size, 512))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return fault.Wrap(err, fault.IO, name+" cannot be read", "check the disk")
	}
	stream := io.NewSectionReader(r, 0, size)
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return readArchive(ctx, r, size, name, visit)
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		unpacked, err := gzip.NewReader(stream)
		if err != nil {
			return fault.Wrap(err, fault.InputMalformed, name+" is no complete gzip file", "fetch it again")
		}
		return readJSON(ctx, io.LimitReader(unpacked, maxTotal), name, visit)
	}
	return readJSON(ctx, stream, name, visit)
}

// readJSON reads one document, an array of documents, or one document a line.
func readJSON(ctx context.Context, r io.Reader, name string, visit Visit) error {
	in := bufio.NewReaderSize(r, 16<<10)
	if bom, _ := in.Peek(3); bytes.Equal(bom, []byte("\xef\xbb\xbf")) {
		_, _ = in.Discard(3)
	}
	first, err := readLine(in, name)
	if err != nil {
		return err
	}
	start := bytes.TrimLeft(first, " \t\r\n")
	switch {
	case len(start) == 0:
		return fault.New(fault.InputEmpty, name+" holds nothing but white space", formats)
	case start[0] != '{' && start[0] != '[':
		return fault.New(fault.InputUnknown, name+" is neither JSON nor a zip file", formats)
	}
	if start[0] == '{' && json.Valid(start) {
		second, err := readLine(in, name)
		if err != nil {
			return err
		}
		if len(bytes.TrimSpace(second)) > 0 {
			return readLines(ctx, in, start, second, name, visit)
		}
		return readDocument(start, name, visit)
	}
	rest, err := limited(in, MaxDocument-len(first), name)
	if err != nil {
		return err
	}
	raw := append(start, rest...)
	if raw[0] == '[' {
		return readArray(ctx, raw, name, visit)
	}
	return readDocument(raw, name, visit)
}

// readLine gives the next line that holds anything.
func readLine(in *bufio.Reader, name string) ([]byte, error) {
	var line []byte
	for {
		piece, err := in.ReadSlice('\n')
		line = append(line, piece...)
		switch {
		case len(line) > MaxDocument:
			return nil, tooLarge(name)
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return line, nil
		case err != nil:
			return nil, broken(err, name)
		case len(bytes.TrimSpace(line)) > 0:
			return line, nil
		default:
			line = line[:0] // an empty line: forgotten, or a file of them would cost its square
		}
	}
}

func readLines(ctx context.Context, in *bufio.Reader, line, next []byte, name string, visit Visit) error {
	for n := 1; len(bytes.TrimSpace(line)) > 0; n++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		entry := fmt.Sprintf("%s line %d", name, n)
		if err := entryOf(readDocument(line, entry, through(visit)), entry, visit); err != nil {
			return err
		}
		var err error
		line = next
		if next, err = readLine(in, name); err != nil {
			return err
		}
	}
	return nil
}

func readArray(ctx context.Context, raw []byte, name string, visit Visit) error {
	if _, err := shallow(raw); err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	if _, err := dec.Token(); err != nil {
		return broken(err, name)
	}
	n := 0
	for dec.More() {
		if err := ctx.Err(); err != nil {
			return err
		}
		n++
		var one json.RawMessage
		if err := dec.Decode(&one); err != nil {
			return broken(err, name)
		}
		entry := fmt.Sprintf("%s entry %d", name, n)
		if err := entryOf(readDocument(one, entry, through(visit)), entry, visit); err != nil {
			return err
		}
	}
	if n == 0 {
		return fault.New(fault.InputEmpty, name+" is an empty list", formats)
	}
	return nil
}

// visitError tells an error of the visitor from one of the document.
type visitError struct{ error }

func (e visitError) Unwrap() error { return e.error }

func through(visit Visit) Visit {
	return func(p clinical.Phenotype) error {
		if err := visit(p); err != nil {
			return visitError{err}
		}
		return nil
	}
}

// entryOf turns what went wrong with one entry of many into a refusal; what the
// visitor said ends the reading.
func entryOf(err error, entry string, visit Visit) error {
	var own visitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &own):
		return own.error
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return visit(clinical.Phenotype{ID: entry, Refusals: []clinical.Refusal{refusal(entry, err)}})
}

func refusal(input string, err error) clinical.Refusal {
	e := fault.Of(err)
	return clinical.Refusal{Input: input, Code: string(e.Code), What: e.What, Do: e.Do}
}

// limited reads at most limit bytes.
func limited(r io.Reader, limit int, name string) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, broken(err, name)
	case len(raw) > limit:
		return nil, tooLarge(name)
	}
	return raw, nil
}

func tooLarge(name string) error {
	return fault.New(fault.InputTooLarge, fmt.Sprintf("%s is beyond the limit of %d MiB for one document", name, MaxDocument>>20), "split it, for instance into one phenopacket a line")
}

// broken names what a stream or a parser complained of.
func broken(err error, name string) error {
	var syntax *json.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && syntax.Error() == "unexpected end of JSON input":
		return fault.New(fault.InputTruncated, name+" ends too early", "fetch it again")
	case errors.As(err, &syntax):
		return fault.Wrap(err, fault.InputMalformed, fmt.Sprintf("%s is no JSON at byte %d", name, syntax.Offset), formats)
	}
	return fault.Wrap(err, fault.InputMalformed, name+" cannot be read", formats)
}
