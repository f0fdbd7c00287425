package evidence

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"consilium/fault"
)

// Limits of the readers. Beyond them reading stops with an error; what came
// before stands.
const (
	MaxUnpacked = 16 << 30 // bytes of a file, unpacked
	MaxLine     = 16 << 20 // bytes of one JSON object
	MaxFiles    = 100_000  // files of a folder
)

const byteOrderMark = "\xef\xbb\xbf" // of UTF-8: allowed, and left out

// Read gives the documents of files and folders, in order. What each file is, is
// decided by its content: JSON lines (also one object of objects, as PubMedQA
// has it), PubMed's XML, PDF (through pdftotext) or plain text; each may be
// packed with gzip. An error stands for what could not be read; reading goes on
// with the next document or file.
func Read(ctx context.Context, paths ...string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for _, path := range paths {
			files, err := list(path)
			if err != nil {
				if !yield(Document{ID: path}, err) {
					return
				}
				continue
			}
			for _, file := range files {
				for d, err := range readFile(ctx, file) {
					if !yield(d, err) {
						return
					}
				}
			}
		}
	}
}

// list gives a file itself, or the regular files under a folder, hidden ones left out, in lexical order.
func list(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, path+" cannot be opened", "check the path")
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		hidden := p != path && strings.HasPrefix(d.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && d.IsDir():
			return fs.SkipDir
		case hidden || !d.Type().IsRegular():
			return nil
		case len(files) == MaxFiles:
			return fault.New(fault.InputTooLarge, fmt.Sprintf("%s has more than %d files", path, MaxFiles), "index its folders one by one")
		}
		files = append(files, p)
		return nil
	})
	var coded *fault.Error
	switch {
	case errors.As(err, &coded):
		return nil, err
	case err != nil:
		return nil, fault.Wrap(err, fault.InputMissing, "the folder "+path+" cannot be read", "check its rights")
	case len(files) == 0:
		return nil, fault.New(fault.InputEmpty, "the folder "+path+" has no files", "name another")
	}
	return files, nil
}

// readFile reads one file.
func readFile(ctx context.Context, path string) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		info, err := os.Stat(path)
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("it is no regular file")
		}
		if err != nil {
			yield(Document{ID: path}, fault.Wrap(err, fault.InputMissing, path+" cannot be read", "name a file"))
			return
		}
		f, err := os.Open(path)
		if err != nil {
			yield(Document{ID: path}, fault.Wrap(err, fault.InputMissing, path+" cannot be opened", "check its rights"))
			return
		}
		defer f.Close()
		for d, err := range Decode(ctx, path, f) {
			if !yield(d, err) {
				return
			}
		}
	}
}

// Decode reads the documents of one stream. name is its file name: the
// identifier of a plain text, and the source where the content names none.
func Decode(ctx context.Context, name string, r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		in := bufio.NewReaderSize(&bounded{ctx: ctx, r: r, left: MaxUnpacked}, 64<<10)
		if head, _ := in.Peek(2); bytes.Equal(head, []byte{0x1f, 0x8b}) {
			packed, err := gzip.NewReader(in)
			if err != nil {
				yield(Document{ID: name}, malformed(name, err))
				return
			}
			in = bufio.NewReaderSize(&bounded{ctx: ctx, r: packed, left: MaxUnpacked}, 64<<10)
		}
		var documents iter.Seq2[Document, error]
		head, err := in.Peek(512)
		text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), " \t\r\n")
		switch {
		case len(head) == 0 && err == io.EOF:
			yield(Document{ID: name}, fault.New(fault.InputEmpty, name+" is empty", "leave it out"))
			return
		case len(head) == 0:
			yield(Document{ID: name}, malformed(name, err))
			return
		case bytes.HasPrefix(head, []byte("%PDF-")):
			documents = readPDF(ctx, name, in)
		case bytes.HasPrefix(text, []byte("{")):
			documents = readJSON(name, in)
		case bytes.HasPrefix(text, []byte("<?xml")), bytes.HasPrefix(text, []byte("<!DOCTYPE PubmedArticleSet")), bytes.HasPrefix(text, []byte("<PubmedArticleSet")):
			documents = readPubMed(name, in)
		default:
			documents = readText(name, in)
		}
		for d, err := range documents {
			if !yield(d, err) {
				return
			}
		}
	}
}

// bounded ends a stream that is too long or whose reader was stopped.
type bounded struct {
	ctx  context.Context
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	if b.left <= 0 {
		return 0, fault.New(fault.InputTooLarge, fmt.Sprintf("the file has more than %d bytes", int64(MaxUnpacked)), "divide it")
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// malformed codes what a parser said about a file.
func malformed(name string, err error) error {
	var coded *fault.Error
	switch {
	case errors.As(err, &coded), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Wrap(err, fault.InputTruncated, name+" ends too early", "fetch the file again; what came before was read")
	}
	return fault.Wrap(err, fault.InputMalformed, name+" cannot be read", "correct the file")
}

// readText takes a plain text as one document.
func readText(name string, r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		text, err := io.ReadAll(io.LimitReader(r, MaxText+1))
		if err != nil {
			yield(Document{ID: name}, malformed(name, err))
			return
		}
		text = bytes.TrimPrefix(text, []byte(byteOrderMark))
		if slices.Contains(text[:min(len(text), 512)], 0) {
			yield(Document{ID: name}, fault.New(fault.InputUnknown, name+" is no text", "give JSON lines, PubMed XML, PDF or UTF-8 text"))
			return
		}
		base := strings.TrimSuffix(filepath.Base(name), ".gz")
		yield(Document{ID: name, Title: strings.TrimSuffix(base, filepath.Ext(base)), Source: base, Text: string(text)}, nil)
	}
}
