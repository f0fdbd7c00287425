package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"consilium/fault"
)

// Limits of a PDF and of the program that reads it.
const (
	MaxPDF      = 256 << 20
	pdfDeadline = 2 * time.Minute
	pdfProgram  = "pdftotext"
)

// readPDF reads the text of a PDF with poppler's pdftotext, in a process of its
// own with a deadline and a limit on what it may write. Pages end in form feeds.
func readPDF(ctx context.Context, name string, r io.Reader) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		text, err := pdfText(ctx, name, r)
		base := filepath.Base(name)
		yield(Document{ID: name, Title: strings.TrimSuffix(base, filepath.Ext(base)), Source: base, Text: text}, err)
	}
}

func pdfText(ctx context.Context, name string, r io.Reader) (string, error) {
	program, err := exec.LookPath(pdfProgram)
	if err != nil {
		return "", fault.New(fault.InputUnsupported, name+" is a PDF, and pdftotext is not installed", "install poppler-utils, or convert the file to text")
	}
	// From a file: pdftotext reads at random, and would copy a pipe itself without a limit.
	f, err := os.CreateTemp("", "consilium-*.pdf")
	if err != nil {
		return "", fault.Wrap(err, fault.IO, "there is no room for a temporary file", "free some space")
	}
	defer os.Remove(f.Name())
	n, err := io.Copy(f, io.LimitReader(r, MaxPDF+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", malformed(name, err)
	}
	if n > MaxPDF {
		return "", fault.New(fault.InputTooLarge, fmt.Sprintf("%s has more than %d bytes", name, MaxPDF), "divide it")
	}
	deadline, cancel := context.WithTimeout(ctx, pdfDeadline)
	defer cancel()
	out, complaint := &limited{left: MaxText, stop: cancel}, &limited{left: 4 << 10}
	c := exec.CommandContext(deadline, program, "-q", "-enc", "UTF-8", f.Name(), "-")
	c.Stdout, c.Stderr = out, complaint
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	c.WaitDelay = time.Second
	err = c.Run()
	switch {
	case out.full:
		return "", fault.New(fault.InputTooLarge, fmt.Sprintf("%s has more than %d bytes of text", name, MaxText), "divide it")
	case ctx.Err() != nil:
		return "", ctx.Err()
	case deadline.Err() != nil:
		return "", fault.New(fault.Timeout, fmt.Sprintf("%s took pdftotext more than %v", name, pdfDeadline), "convert it yourself, or divide it")
	case err != nil:
		return "", fault.New(fault.InputMalformed, fmt.Sprintf("%s cannot be read by pdftotext (%v): %.200q", name, err, complaint.kept.String()), "open it in a viewer; a damaged or locked PDF cannot be indexed")
	case strings.TrimSpace(out.kept.String()) == "":
		return "", fault.New(fault.InputEmpty, name+" has no text: its pages are pictures", "run text recognition (OCR) first")
	}
	return strings.ToValidUTF8(out.kept.String(), "\uFFFD"), nil
}

// limited keeps what a child writes up to a limit, and stops the child beyond it.
type limited struct {
	kept bytes.Buffer // not embedded: io.Copy would use its ReadFrom, which knows no limit
	left int
	full bool
	stop func()
}

func (l *limited) Write(p []byte) (int, error) {
	n := len(p)
	if len(p) > l.left {
		l.full = true
		if l.stop != nil {
			l.stop()
		}
		p = p[:l.left]
	}
	l.left -= len(p)
	_, _ = l.kept.Write(p)
	return n, nil
}
