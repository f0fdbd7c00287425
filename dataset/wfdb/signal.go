package wfdb

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// codec describes a signal format of signal(5): samples come in groups of
// fixed byte length; invalid is the stored value that means "no sample".
type codec struct {
	bytes, samples int // of one group
	invalid        int
	decode         func(group []byte, into []int)
}

var codecs = map[int]codec{
	16: {2, 1, -1 << 15, func(b []byte, v []int) { v[0] = int(int16(binary.LittleEndian.Uint16(b))) }},
	24: {3, 1, -1 << 23, func(b []byte, v []int) { v[0] = int(b[0]) | int(b[1])<<8 | int(int8(b[2]))<<16 }},
	32: {4, 1, -1 << 31, func(b []byte, v []int) { v[0] = int(int32(binary.LittleEndian.Uint32(b))) }},
	61: {2, 1, -1 << 15, func(b []byte, v []int) { v[0] = int(int16(binary.BigEndian.Uint16(b))) }},
	80: {1, 1, -1 << 7, func(b []byte, v []int) { v[0] = int(b[0]) - 128 }},
	212: {3, 2, -1 << 11, func(b []byte, v []int) {
		v[0] = signed12(int(b[0]) | int(b[1]&0x0f)<<8)
		v[1] = signed12(int(b[2]) | int(b[1]&0xf0)<<4)
	}},
}

func signed12(v int) int { return v << 52 >> 52 }

// size is the number of bytes that n samples take. The last group may be cut
// short: format 212 stores a lone last sample in two bytes.
func (c codec) size(n int64) int64 {
	whole, rest := n/int64(c.samples), n%int64(c.samples)
	if rest == 0 {
		return whole * int64(c.bytes)
	}
	return whole*int64(c.bytes) + int64(c.bytes) - 1
}

// readSignals reads all signal files of the header, one after another.
func readSignals(folder fs.FS, h Header) ([]clinical.Channel, error) {
	channels := make([]clinical.Channel, 0, len(h.Signals))
	for first := 0; first < len(h.Signals); {
		last := first + 1
		for last < len(h.Signals) && h.Signals[last].File == h.Signals[first].File {
			last++
		}
		group := h.Signals[first:last]
		for _, s := range group {
			if s.Format != group[0].Format || s.Offset != group[0].Offset {
				return nil, malformed("signals of %s differ in format or offset", s.File)
			}
		}
		read, err := readFile(folder, group, &h)
		if err != nil {
			return nil, err
		}
		channels = append(channels, read...)
		first = last
	}
	return channels, nil
}

// readFile decodes one signal file: its signals are interleaved sample by
// sample. The file's size is checked before anything of that size is allocated.
func readFile(folder fs.FS, signals []Signal, h *Header) ([]clinical.Channel, error) {
	name, c := signals[0].File, codecs[signals[0].Format]
	f, size, err := open(folder, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 1<<16)
	payload := size - signals[0].Offset
	if h.Samples == 0 && payload > 0 {
		h.Samples = int(payload / int64(c.bytes) * int64(c.samples) / int64(len(signals)))
		if h.Samples > MaxSamples/len(h.Signals) {
			return nil, tooLarge("%s holds %d samples a signal", name, h.Samples)
		}
	}
	if h.Samples == 0 {
		return nil, fault.New(fault.InputEmpty, "WFDB: "+name+" holds no sample", "check that the copy is complete")
	}
	total := int64(h.Samples) * int64(len(signals))
	if payload < c.size(total) {
		return nil, truncated(name, payload, c.size(total))
	}
	if err := skipPreamble(in, name, signals, h.Samples); err != nil {
		return nil, err
	}
	stored, err := decode(in, c, len(signals), h.Samples)
	if err != nil {
		return nil, truncated(name, payload, c.size(total))
	}
	channels := make([]clinical.Channel, len(signals))
	for i, s := range signals {
		if err := s.verify(stored[i]); err != nil {
			return nil, err
		}
		channels[i] = s.channel(stored[i], c.invalid)
	}
	return channels, nil
}

func truncated(name string, have, want int64) error {
	return fault.New(fault.InputTruncated, fmt.Sprintf("WFDB: %s holds %d bytes of samples, the header announces %d", name, have, want), "copy the file again")
}

// skipPreamble skips the bytes before the first sample. A MATLAB v4 preamble
// must agree with the header about type and size.
func skipPreamble(in *bufio.Reader, name string, signals []Signal, samples int) error {
	offset := signals[0].Offset
	if offset >= 24 && strings.HasSuffix(strings.ToLower(name), ".mat") {
		b, err := in.Peek(20)
		if err != nil {
			return truncated(name, int64(len(b)), 20)
		}
		kind, rows, columns := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
		const int16LittleEndian = 30 // MOPT digits 0, 0, 3, 0: little endian, full matrix of int16
		if kind != int16LittleEndian {
			return unsupported("%s is a MATLAB v4 matrix of type %d, not int16", name, kind)
		}
		if int64(rows) != int64(len(signals)) || int64(columns) < int64(samples) {
			return malformed("%s is a %d x %d matrix, the header announces %d x %d", name, rows, columns, len(signals), samples)
		}
	}
	if _, err := io.CopyN(io.Discard, in, offset); err != nil {
		return truncated(name, 0, offset)
	}
	return nil
}

// decode reads frames of n interleaved signals.
func decode(in io.Reader, c codec, n, samples int) ([][]int32, error) {
	stored := make([][]int32, n)
	for i := range stored {
		stored[i] = make([]int32, samples)
	}
	var group [4]byte
	var values [2]int
	total := n * samples
	for k := 0; k < total; k += c.samples {
		b := group[:c.bytes]
		if _, err := io.ReadFull(in, b); err != nil {
			lone := errors.Is(err, io.ErrUnexpectedEOF) && total-k < c.samples
			if !lone {
				return nil, err
			}
		}
		c.decode(b, values[:])
		for j := 0; j < c.samples && k+j < total; j++ {
			stored[(k+j)%n][(k+j)/n] = int32(values[j])
		}
	}
	return stored, nil
}

// verify compares the samples with the header's initial value and checksum.
func (s Signal) verify(stored []int32) error {
	if s.Initial != nil && int32(*s.Initial) != stored[0] {
		return malformed("signal %q of %s starts with %d, the header says %d", s.Description, s.File, stored[0], *s.Initial)
	}
	if s.Checksum == nil {
		return nil
	}
	var sum int16
	for _, v := range stored {
		sum += int16(v)
	}
	if sum != *s.Checksum {
		return malformed("signal %q of %s has checksum %d, the header says %d", s.Description, s.File, sum, *s.Checksum)
	}
	return nil
}

// channel converts stored values to physical ones, voltages to mV, and undoes the skew.
func (s Signal) channel(stored []int32, invalid int) clinical.Channel {
	scale, unit := toMillivolt(s.Unit)
	samples := make([]float32, len(stored))
	for t := range samples {
		samples[t] = float32(math.NaN())
		if t+s.Skew < len(stored) && int(stored[t+s.Skew]) != invalid {
			samples[t] = float32((float64(stored[t+s.Skew]) - float64(s.Baseline)) / s.Gain * scale)
		}
	}
	return clinical.Channel{Name: s.Description, Unit: unit, Samples: samples}
}

func toMillivolt(unit string) (scale float64, name string) {
	switch unit {
	case "uV", "µV", "microvolts":
		return 1e-3, "mV"
	case "V", "volts":
		return 1e3, "mV"
	case "mV", "mv", "millivolts":
		return 1, "mV"
	}
	return 1, unit
}
