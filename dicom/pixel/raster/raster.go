// Package raster is what the decoders of compressed frames have in common: the
// shape that their output must have, and how they say what is wrong.
package raster

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"consilium/fault"
)

// Shape is what a codestream must decode to. Bits is the most that a sample may have.
type Shape struct {
	Rows, Columns, Components, Bits int
}

// Match refuses a codestream of another shape, before anything is allocated for it.
func (s Shape) Match(codec string, rows, columns, components, bits int) error {
	if rows != s.Rows || columns != s.Columns || components != s.Components {
		return Malformed(codec, "it has %d x %d pixels of %d components, the image %d x %d of %d", columns, rows, components, s.Columns, s.Rows, s.Components)
	}
	if bits > s.Bits {
		return Malformed(codec, "it has %d bits a sample, the image %d", bits, s.Bits)
	}
	return nil
}

// Malformed says that a codestream breaks its standard, or is not of the announced shape.
func Malformed(codec, format string, a ...any) error {
	return fault.New(fault.InputMalformed, codec+": "+fmt.Sprintf(format, a...), "export the image again")
}

// Truncated says that a codestream ends before the image is complete.
func Truncated(codec string) error {
	return fault.New(fault.InputTruncated, codec+": the codestream ends before the image is complete", "copy the file again")
}

// Unsupported says that a codestream uses a legal variant that is not read.
func Unsupported(codec, format string, a ...any) error {
	return fault.New(fault.InputUnsupported, codec+": "+fmt.Sprintf(format, a...), "convert the image to another transfer syntax")
}

// Alive is nil until the context ends, then the coded error for it.
func Alive(ctx context.Context) error {
	switch err := ctx.Err(); {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "decoding took too long", "allow more time, or hand in a smaller image")
	default:
		return fault.Wrap(err, fault.Interrupted, "decoding was stopped", "start it again")
	}
}

// Segment reads the body of a JPEG or JPEG-LS marker segment, whose length stands
// at data[at:], and says where the next marker is looked for.
func Segment(codec string, data []byte, at int) (body []byte, next int, err error) {
	if at+2 > len(data) {
		return nil, at, Truncated(codec)
	}
	length := int(binary.BigEndian.Uint16(data[at:]))
	if length < 2 {
		return nil, at, Malformed(codec, "a marker segment of %d bytes", length)
	}
	if at+length > len(data) {
		return nil, at, Truncated(codec)
	}
	return data[at+2 : at+length], at + length, nil
}
