package federation

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"

	"consilium/fault"
)

// Visit is told what an update holds while it is read. The bytes of numbers are 32-bit floats, little endian, and are
// the reader's again when the call returns; at is the index of the first of them. An error ends the reading.
type Visit struct {
	Head  func(u Update, numbers int) error // before all numbers; numbers is how many Delta has
	Delta func(at int, floats []byte) error
	Extra func(at int, floats []byte) error
}

// ReadUpdate reads an update block by block, so that a large one need not be in memory, and refuses what is not one.
// Errors: UPDATE_REFUSED, and those of the body and of the visit.
func ReadUpdate(ctx context.Context, body Body, v Visit) error {
	if body.Size > MaxUpdateBytes {
		return notAnUpdate("is beyond the limit of 1 GiB")
	}
	r := updateReader{visit: v, left: body.Size}
	if err := body.Blocks(ctx, r.take); err != nil {
		return err
	}
	switch {
	case r.stage == inMagic:
		return notAnUpdate("is not one")
	case r.stage != atEnd || r.left != 0:
		return notAnUpdate("ends too early")
	}
	return nil
}

// DecodeUpdate reads an update and refuses what is not one. Errors: UPDATE_REFUSED.
func DecodeUpdate(b []byte) (u Update, err error) {
	var delta, extra []float32
	err = ReadUpdate(context.Background(), BodyOf(b), Visit{
		Head:  func(head Update, _ int) error { u = head; return nil },
		Delta: func(_ int, b []byte) error { delta = JoinFloats(delta, b); return nil },
		Extra: func(_ int, b []byte) error { extra = JoinFloats(extra, b); return nil },
	})
	if err != nil {
		return Update{}, err
	}
	u.Delta, u.Extra = delta, extra
	return u, nil
}

// JoinFloats appends numbers that are still bytes.
func JoinFloats(list []float32, b []byte) []float32 {
	if list == nil {
		return floats(b)
	}
	return append(list, floats(b)...)
}

func notAnUpdate(what string) error {
	return fault.New(fault.UpdateRefused, "an update "+what, "use the same version of Consilium at hub and site")
}

// The parts of an update, in order.
const (
	inMagic = iota // magic and length of the header
	inHead         // and the count of Delta, which is told with it
	inDelta
	inExtraCount
	inExtra
	atEnd
)

const maxUpdateHead = 1 << 20

// updateReader is fed blocks that may be cut anywhere.
type updateReader struct {
	visit Visit
	left  int64 // bytes of the body that have not been used yet
	stage int
	want  int    // bytes of the header, or numbers that are still to come
	at    int    // numbers of this list that were given on
	kept  []byte // the beginning of what the next block goes on with
}

func (r *updateReader) take(block []byte) error {
	if len(r.kept) > 0 {
		block = append(r.kept, block...)
		r.kept = nil
	}
	for {
		stage := r.stage
		n, err := r.step(block)
		if err != nil {
			return err
		}
		if n == 0 && r.stage == stage {
			break
		}
		block, r.left = block[n:], r.left-int64(n)
	}
	if r.stage == atEnd && len(block) > 0 {
		return notAnUpdate("has bytes after its end")
	}
	r.kept = bytes.Clone(block)
	return nil
}

// step uses the beginning of a block and says how much of it; 0 when it needs more.
func (r *updateReader) step(b []byte) (int, error) {
	switch r.stage {
	case inMagic:
		return r.magic(b)
	case inHead:
		return r.head(b)
	case inExtraCount:
		if len(b) < 4 {
			return 0, nil
		}
		return 4, r.list(b, r.left-4, inExtra)
	case inDelta:
		return r.numbers(b, r.visit.Delta, inExtraCount)
	case inExtra:
		return r.numbers(b, r.visit.Extra, atEnd)
	}
	return 0, nil
}

func (r *updateReader) magic(b []byte) (int, error) {
	n := len(magic) + 4
	if m := min(len(b), len(magic)); !bytes.Equal(b[:m], magic[:m]) {
		return 0, notAnUpdate("is not one")
	}
	if len(b) < n {
		return 0, nil
	}
	size := binary.LittleEndian.Uint32(b[len(magic):])
	if size > maxUpdateHead || int64(size) > r.left-int64(n) {
		return 0, notAnUpdate("ends too early")
	}
	r.want, r.stage = int(size), inHead
	return n, nil
}

func (r *updateReader) head(b []byte) (int, error) {
	size := r.want
	if len(b) < size+4 {
		return 0, nil
	}
	var u Update
	if err := json.Unmarshal(b[:size], &u); err != nil {
		return 0, notAnUpdate("has a header that cannot be read")
	}
	if err := r.list(b[size:], r.left-int64(size+4), inDelta); err != nil {
		return 0, err
	}
	return size + 4, r.visit.Head(u, r.want)
}

// list reads how many numbers follow, of which left bytes are there.
func (r *updateReader) list(b []byte, left int64, stage int) error {
	n := int64(binary.LittleEndian.Uint32(b))
	if 4*n > left {
		return notAnUpdate("ends too early")
	}
	r.want, r.at, r.stage = int(n), 0, stage
	return nil
}

// numbers gives on as many whole numbers as have come.
func (r *updateReader) numbers(b []byte, to func(int, []byte) error, next int) (int, error) {
	n := min(len(b)/4, r.want)
	if n > 0 {
		if err := to(r.at, b[:4*n]); err != nil {
			return 0, err
		}
	}
	r.at, r.want = r.at+n, r.want-n
	if r.want == 0 {
		r.stage = next
	}
	return 4 * n, nil
}
