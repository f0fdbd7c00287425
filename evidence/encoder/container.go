package encoder

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"

	"consilium/fault"
)

// A container is how models and checkpoints lie in files: eight bytes of magic, the length of the header
// (uint32), the header as JSON, the payload, and the CRC-32 (IEEE) of all of it. Numbers are little-endian.
const (
	modelMagic      = "CNSLENC1"
	checkpointMagic = "CNSLENK1"
	maxHeader       = 16 << 20
	maxContainer    = 4 << 30
)

// seal writes a container.
func seal(magic string, header any, payload []byte) ([]byte, error) {
	head, err := json.Marshal(header)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the header cannot be written", "please report it")
	}
	var b bytes.Buffer
	b.WriteString(magic)
	_ = binary.Write(&b, binary.LittleEndian, uint32(len(head)))
	b.Write(head)
	b.Write(payload)
	_ = binary.Write(&b, binary.LittleEndian, crc32.ChecksumIEEE(b.Bytes()))
	return b.Bytes(), nil
}

// unseal reads a container; the header is decoded into header. what names it in errors, which have the code given.
func unseal(magic string, data []byte, header any, code fault.Code, what string) (payload []byte, err error) {
	bad := func(why string) error { return fault.New(code, what+" "+why, "check the file, or make it again") }
	const fixed = len(modelMagic) + 4
	if len(data) < fixed+4 || string(data[:len(magic)]) != magic {
		return nil, bad("is of another kind")
	}
	body, sum := data[:len(data)-4], binary.LittleEndian.Uint32(data[len(data)-4:])
	if crc32.ChecksumIEEE(body) != sum {
		return nil, bad("is damaged: its checksum differs")
	}
	length := binary.LittleEndian.Uint32(body[len(magic):])
	if length > maxHeader || int(length) > len(body)-fixed {
		return nil, bad("has a header beyond its end")
	}
	if err := json.Unmarshal(body[fixed:fixed+int(length)], header); err != nil {
		return nil, fault.Wrap(err, code, what+" has a header that cannot be read", "check the file, or make it again")
	}
	return body[fixed+int(length):], nil
}

// readLimited reads a whole file of at most maxContainer bytes.
func readLimited(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMissing, "the file "+filepath.Base(path)+" cannot be opened", "check its name and rights")
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxContainer+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the file "+filepath.Base(path)+" cannot be read", "check the disk")
	}
	if len(data) > maxContainer {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the file %s exceeds %d bytes", filepath.Base(path), maxContainer), "check the file")
	}
	return data, nil
}

// writeWhole replaces a file at once: a reader sees the old or the new one, also after a crash.
func writeWhole(path string, data []byte) error {
	failed := func(err error) error {
		return fault.Wrap(err, fault.IO, "the file "+filepath.Base(path)+" cannot be written", "check the disk and the folder's rights")
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return failed(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Chmod(f.Name(), 0o644)
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return failed(err)
	}
	return nil
}

// appendFloats adds float32 values to a payload.
func appendFloats(b []byte, values []float32) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// takeFloats fills values from a payload and gives the rest; ok is false when there are too few, or one is not finite.
func takeFloats(b []byte, values []float32) (rest []byte, ok bool) {
	if len(b) < 4*len(values) {
		return nil, false
	}
	for i := range values {
		v := math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		if v != v || math.IsInf(float64(v), 0) {
			return nil, false
		}
		values[i] = v
	}
	return b[4*len(values):], true
}
