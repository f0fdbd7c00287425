package hl7

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"consilium/fault"
)

// MLLP frames a message: <VT> message <FS><CR>.
const (
	startBlock = 0x0B
	endBlock   = 0x1C
	carriage   = 0x0D
	maxNoise   = 1024 // bytes between frames that are passed over
)

func validUTF8(raw []byte) bool { return utf8.Valid(raw) }

// readFrame reads one message. begun is called at its first byte, for the
// deadline of the rest. io.EOF says that the other side ended between messages.
func readFrame(r *bufio.Reader, begun func()) ([]byte, error) {
	for n := 0; ; n++ {
		b, err := r.ReadByte()
		if err != nil {
			return nil, err
		}
		if b == startBlock {
			break
		}
		if n == maxNoise {
			return nil, malformed("what comes in is not MLLP")
		}
	}
	begun()
	var message []byte
	for {
		part, err := r.ReadSlice(endBlock)
		message = append(message, part...)
		switch {
		case len(message) > MaxMessage+1:
			return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("a message is beyond the limit of %d bytes", MaxMessage), "send less in one message")
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err == io.EOF:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		}
		next, err := r.ReadByte()
		if err == io.EOF {
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		if next == carriage {
			return message[:len(message)-1], nil
		}
		if err := r.UnreadByte(); err != nil { // FS alone is a part of the text
			return nil, err
		}
	}
}

func frame(message []byte) []byte {
	out := make([]byte, 0, len(message)+3)
	out = append(out, startBlock)
	out = append(out, message...)
	return append(out, endBlock, carriage)
}
