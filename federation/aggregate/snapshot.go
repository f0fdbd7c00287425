package aggregate

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"

	"consilium/fault"
	"consilium/federation"
)

// A snapshot is "CFR1", a byte of length and the algorithm's name, size and sites as 32 bits, the figures that the
// rule keeps as 64-bit floats, its lists of 32-bit floats, each with its length before it, and a CRC-32 of all that.
// Little endian. The first four bytes change when the layout does.
var snapshotMagic = []byte("CFR1")

func (b *base) snapshotHead() []byte {
	out := append([]byte(nil), snapshotMagic...)
	out = append(out, byte(len(b.plan.Algorithm)))
	out = append(out, b.plan.Algorithm...)
	out = binary.LittleEndian.AppendUint32(out, uint32(b.size))
	return binary.LittleEndian.AppendUint32(out, uint32(b.sites))
}

func (b *base) snapshot(scalars []float64, lists ...[]float32) []byte {
	out := b.snapshotHead()
	for _, x := range scalars {
		out = binary.LittleEndian.AppendUint64(out, math.Float64bits(x))
	}
	for _, v := range lists {
		out = federation.AppendFloats(out, v)
	}
	return append(out, checksum(out)...)
}

func checksum(b []byte) []byte { return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(b)) }

// restore reads a snapshot that must have so many scalars and lists of the model's length. It changes nothing.
func (b *base) restore(in []byte, scalars int, lists int) ([]float64, [][]float32, error) {
	bad := func(what string) ([]float64, [][]float32, error) {
		return nil, nil, fault.New(fault.CheckpointBad, "a rule's snapshot "+what, "start the job again")
	}
	head := b.snapshotHead()
	want := len(head) + 8*scalars + lists*(4+4*b.size) + 4
	switch {
	case len(in) < len(head)+4 || string(in[:len(head)]) != string(head):
		return bad("belongs to another plan or model, or is none")
	case len(in) != want:
		return bad("ends too early or too late")
	case !bytes.Equal(checksum(in[:want-4]), in[want-4:]):
		return bad("was damaged")
	}
	rest := in[len(head) : want-4]
	x := make([]float64, scalars)
	for i := range x {
		x[i] = math.Float64frombits(binary.LittleEndian.Uint64(rest))
		if !(x[i] >= 0 && x[i] <= math.MaxFloat32) {
			return bad("holds a number that cannot be")
		}
		rest = rest[8:]
	}
	read := make([][]float32, lists)
	for i := range read {
		v, after, err := federation.CutFloats(rest)
		if err != nil || len(v) != b.size || !usable(v, math.MaxFloat32) {
			return bad("has a list of the wrong length, or NaN in it")
		}
		read[i], rest = v, after
	}
	return x, read, nil
}

// drop forgets a round under way.
func (b *base) drop() { b.global, b.in = nil, nil }
