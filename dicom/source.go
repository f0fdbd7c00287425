package dicom

import (
	"bufio"
	"io"
)

// source hands out the bytes of a data set: from memory, where values share
// the memory of the whole, or from a stream of any length.
type source struct {
	memory []byte
	stream *bufio.Reader
	pos    int64
}

// peek shows the next n (<= 16) bytes, fewer at the end.
func (s *source) peek(n int) []byte {
	if s.stream == nil {
		rest := s.memory[s.pos:]
		return rest[:min(n, len(rest))]
	}
	b, _ := s.stream.Peek(n)
	return b
}

// head takes the next n (<= 16) bytes; they are valid until the next call.
func (s *source) head(n int) ([]byte, error) {
	b := s.peek(n)
	if len(b) < n {
		if s.stream != nil { // a read error is not an end
			if _, err := s.stream.Peek(n); err != nil && err != io.EOF && err != bufio.ErrBufferFull {
				return nil, err
			}
		}
		if len(b) == 0 {
			return nil, io.EOF
		}
		return nil, io.ErrUnexpectedEOF
	}
	if s.stream != nil {
		_, _ = s.stream.Discard(n)
	}
	s.pos += int64(n)
	return b, nil
}

// value takes the next n bytes for good. It never takes more memory than
// twice what the input has.
func (s *source) value(n int64) ([]byte, error) {
	if s.stream == nil {
		if n > int64(len(s.memory))-s.pos {
			return nil, io.ErrUnexpectedEOF
		}
		b := s.memory[s.pos : s.pos+n : s.pos+n]
		s.pos += n
		return b, nil
	}
	b := make([]byte, min(n, maxHeaderValue))
	if n > int64(len(b)) {
		return nil, io.ErrUnexpectedEOF // the decoder leaves such values out
	}
	got, err := io.ReadFull(s.stream, b)
	s.pos += int64(got)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// skip passes over n bytes.
func (s *source) skip(n int64) error {
	if s.stream == nil {
		_, err := s.value(n)
		return err
	}
	got, err := io.CopyN(io.Discard, s.stream, n)
	s.pos += got
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}
