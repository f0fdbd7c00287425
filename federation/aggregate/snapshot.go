package aggregate

import (
	"encoding/binary"
	"hash/crc32"

	"consilium/fault"
	"consilium/federation"
)

// A snapshot is "CFR1", a byte of length and the algorithm's name, size and sites as 32 bits, the lists of floats that
// the rule keeps, each with its length before it, and a CRC-32 of all that. Little endian.
var snapshotMagic = []byte("CFR1")

func (b *base) snapshotHead() []byte {
	out := append([]byte(nil), snapshotMagic...)
	out = append(out, byte(len(b.plan.Algorithm)))
	out = append(out, b.plan.Algorithm...)
	out = binary.LittleEndian.AppendUint32(out, uint32(b.size))
	return binary.LittleEndian.AppendUint32(out, uint32(b.sites))
}

func (b *base) snapshot(lists ...[]float32) []byte {
	out := b.snapshotHead()
	for _, v := range lists {
		out = federation.AppendFloats(out, v)
	}
	return binary.LittleEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}

// restore reads the lists of a snapshot that must have these lengths.
func (b *base) restore(in []byte, lengths ...int) ([][]float32, error) {
	bad := func(what string) ([][]float32, error) {
		return nil, fault.New(fault.CheckpointBad, "a rule's snapshot "+what, "start the job again")
	}
	head := b.snapshotHead()
	want := len(head) + 4
	for _, n := range lengths {
		want += 4 + 4*n
	}
	switch {
	case len(in) < len(head)+4 || string(in[:len(head)]) != string(head):
		return bad("belongs to another plan or model, or is none")
	case len(in) != want:
		return bad("ends too early or too late")
	case crc32.ChecksumIEEE(in[:want-4]) != binary.LittleEndian.Uint32(in[want-4:]):
		return bad("was damaged")
	}
	rest := in[len(head) : want-4]
	lists := make([][]float32, len(lengths))
	for i, n := range lengths {
		v, after, err := federation.CutFloats(rest)
		if err != nil || len(v) != n {
			return bad("has a list of the wrong length")
		}
		lists[i], rest = v, after
	}
	return lists, nil
}
