package dicom

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"consilium/fault"
)

// ParseObject reads a whole Part 10 file, or a bare data set, of at most
// MaxBytes; name is shown to the user. Values share one piece of memory.
//
// Errors: INPUT_EMPTY, INPUT_MALFORMED, INPUT_TRUNCATED, INPUT_TOO_LARGE (more
// bytes, attributes or nesting than the limits allow), IO.
func ParseObject(r io.Reader, name string) (*Object, error) {
	raw, err := readAll(r, name)
	if err != nil {
		return nil, err
	}
	d := &decoder{source: source{memory: raw}}
	return d.object(name)
}

// ParseHeader reads a Part 10 file up to its pixel data, in memory that does
// not depend on the size of the file. Pixel data and values above 64 KiB are
// left out: Has finds them, Bytes gives nil, and the object cannot be written.
func ParseHeader(r io.Reader, name string) (*Object, error) {
	d := &decoder{source: source{stream: bufio.NewReader(r)}, header: true}
	return d.object(name)
}

// readAll reads the file into one piece of memory, which it grows with what
// arrives, not with what is announced.
func readAll(r io.Reader, name string) ([]byte, error) {
	var b bytes.Buffer
	switch s := r.(type) {
	case interface{ Len() int }:
		b.Grow(min(s.Len(), MaxBytes) + bytes.MinRead)
	case *os.File:
		if info, err := s.Stat(); err == nil && info.Mode().IsRegular() {
			b.Grow(int(min(info.Size(), MaxBytes)) + bytes.MinRead)
		}
	}
	if _, err := b.ReadFrom(io.LimitReader(r, MaxBytes+1)); err != nil {
		return nil, fault.Wrap(err, fault.IO, "cannot read "+name, "check the file")
	}
	if b.Len() > MaxBytes {
		return nil, tooLarge(name, "more than %d bytes", MaxBytes)
	}
	return b.Bytes(), nil
}

// object reads preamble, meta information and data set. It is the one place
// where a defect of ours in reading becomes an error instead of a panic.
func (d *decoder) object(name string) (o *Object, err error) {
	defer func() {
		if r := recover(); r != nil {
			o, err = nil, malformed(name, fmt.Sprintf("reading failed: %v", r))
		}
	}()
	if len(d.peek(1)) == 0 {
		if _, err := d.head(1); err != io.EOF {
			return nil, d.coded(err, name)
		}
		return nil, fault.New(fault.InputEmpty, name+" is empty", "copy the file again")
	}
	o = &Object{name: name}
	bare := !d.preamble()
	if bare && guessSyntax(d.peek(8)) == "" {
		return nil, malformed(name, "no DICOM data set")
	}
	if err := d.metaInformation(o); err != nil {
		return nil, d.coded(err, name)
	}
	if err := d.enter(o, bare); err != nil {
		return nil, err
	}
	if err := d.dataset(o, -1, 0); err != nil && err != errEnough {
		return nil, d.coded(err, name)
	}
	return o, nil
}

// preamble passes over the 128 bytes and "DICM" (PS3.10 7.1).
func (d *decoder) preamble() bool {
	if d.stream == nil {
		if len(d.memory) >= 132 && string(d.memory[128:132]) == "DICM" {
			d.pos = 132
			return true
		}
		return false
	}
	head, _ := d.stream.Peek(132)
	if len(head) < 132 || string(head[128:]) != "DICM" {
		return false
	}
	return d.skip(132) == nil
}

// metaInformation reads group 0002, which is always explicit little endian (PS3.10 7.1).
func (d *decoder) metaInformation(o *Object) error {
	d.order, d.explicit = binary.LittleEndian, true
	for {
		head := d.peek(8)
		if len(head) < 8 || d.tag(head).Group() != 0x0002 {
			o.meta = tidy(o.meta)
			o.syntax = strings.TrimSpace(o.Text(TransferSyntaxUID))
			return nil
		}
		t, v, length, err := d.prefix()
		if err != nil {
			return atEnd(err)
		}
		if d.count++; length > maxHeaderValue || d.count > 1000 {
			return failf("file meta information %s of %d bytes", t, length)
		}
		value, err := d.value(int64(length))
		if err != nil {
			return err
		}
		if t.Element() != 0 {
			o.meta = append(o.meta, element{tag: t, vr: v, value: value})
		}
	}
}

// enter finds how the data set is encoded: by the transfer syntax, and by its
// first element where the two disagree or there is none.
func (d *decoder) enter(o *Object, bare bool) error {
	if o.syntax == Deflated {
		if err := d.inflate(o.name); err != nil {
			return err
		}
	}
	head := d.peek(8)
	guess := guessSyntax(head)
	if o.syntax == "" {
		if o.syntax = guess; guess == "" && !bare { // a Part 10 file may start with any group
			o.syntax = ImplicitLittle
			if len(head) == 8 && (vr(head[4])<<8 | vr(head[5])).known() {
				o.syntax = ExplicitLittle
			}
		}
	}
	d.order, d.explicit = encodingOf(o.syntax)
	if guess != "" && o.syntax != guess { // written in another encoding than it says
		d.order, d.explicit = encodingOf(guess)
	}
	o.swapped = d.order == binary.BigEndian
	return nil
}

// inflate puts the inflated data set (PS3.5 A.5) in place of the deflated one.
func (d *decoder) inflate(name string) error {
	if d.stream != nil {
		d.stream, d.pos = bufio.NewReader(io.LimitReader(flate.NewReader(d.stream), MaxBytes)), 0
		return nil
	}
	flat, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(d.memory[d.pos:])), MaxBytes+1))
	if len(flat) > MaxBytes {
		return tooLarge(name, "it inflates to more than %d bytes", MaxBytes)
	}
	if err != nil {
		return fault.Wrap(err, fault.InputTruncated, name+" cannot be inflated", "copy the file again")
	}
	d.memory, d.pos = flat, 0
	return nil
}

// coded gives an error of the decoder its code.
func (d *decoder) coded(err error, name string) error {
	var beyond limit
	var defect fail
	switch {
	case errors.As(err, &beyond):
		return tooLarge(name, "%s", beyond)
	case errors.As(err, &defect):
		return malformed(name, string(defect))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(fault.InputTruncated, fmt.Sprintf("%s ends too early, after %d bytes", name, d.pos), "copy the file again")
	}
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) {
		return fault.Wrap(err, fault.InputTruncated, name+" cannot be inflated", "copy the file again")
	}
	return fault.Wrap(err, fault.IO, "cannot read "+name, "check the file")
}
