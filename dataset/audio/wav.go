package audio

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"

	"consilium/clinical"
	"consilium/fault"
)

// Format tags of the fmt chunk.
const (
	tagPCM        = 1
	tagFloat      = 3
	tagExtensible = 0xfffe
)

// wavFormat is the fmt chunk of a RIFF/WAVE file (Microsoft and IBM,
// Multimedia Programming Interface and Data Specifications 1.0, 1991).
type wavFormat struct {
	tag, channels, bits int
	rate                int
	block               int // bytes of one sample of all channels
}

// ReadWAV reads a WAV file: PCM of 8, 16, 24 or 32 bits or 32-bit float, also
// in the extensible form. Samples come in -1..1.
func ReadWAV(path string) (clinical.Recording, error) {
	data, name, err := readFile(path)
	if err != nil {
		return clinical.Recording{}, err
	}
	return DecodeWAV(data, name)
}

// DecodeWAV reads a WAV file from memory; name is shown to the user.
func DecodeWAV(data []byte, name string) (clinical.Recording, error) {
	if len(data) == 0 {
		return clinical.Recording{}, empty(name)
	}
	if !IsWAV(data) {
		return clinical.Recording{}, malformed("%s is not a RIFF/WAVE file", name)
	}
	var format *wavFormat
	synthetic := false
	for rest := data[12:]; len(rest) >= 8; {
		id, size := string(rest[:4]), int64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:]
		if id == "data" {
			if format == nil {
				return clinical.Recording{}, malformed("%s: samples before their format", name)
			}
			rec, err := format.recording(body, size, name)
			rec.Synthetic, rec.Patient.Synthetic = synthetic, synthetic
			return rec, err
		}
		if size > int64(len(body)) {
			return clinical.Recording{}, fault.New(fault.InputTruncated, fmt.Sprintf("%s ends inside its %q chunk", name, id), "copy the file again")
		}
		chunk := body[:size]
		switch id {
		case "fmt ":
			f, err := parseFormat(chunk, name)
			if err != nil {
				return clinical.Recording{}, err
			}
			format = &f
		case "LIST":
			synthetic = synthetic || isSynthetic(chunk)
		}
		rest = body[min(size+size%2, int64(len(body))):] // chunks are padded to even length
	}
	return clinical.Recording{}, fault.New(fault.InputTruncated, name+" has no samples", "copy the file again")
}

// IsWAV recognises a RIFF/WAVE file by its first 12 bytes.
func IsWAV(head []byte) bool {
	return len(head) >= 12 && string(head[:4]) == "RIFF" && string(head[8:12]) == "WAVE"
}

func parseFormat(b []byte, name string) (f wavFormat, err error) {
	if len(b) < 16 {
		return f, malformed("%s: format chunk of %d bytes", name, len(b))
	}
	f.tag = int(binary.LittleEndian.Uint16(b))
	f.channels = int(binary.LittleEndian.Uint16(b[2:]))
	rate := binary.LittleEndian.Uint32(b[4:])
	f.block = int(binary.LittleEndian.Uint16(b[12:]))
	f.bits = int(binary.LittleEndian.Uint16(b[14:]))
	if f.tag == tagExtensible && len(b) >= 26 {
		f.tag = int(binary.LittleEndian.Uint16(b[24:])) // first field of the sub-format
	}
	if f.channels == 0 || rate == 0 {
		return f, malformed("%s: %d channels at %d Hz", name, f.channels, rate)
	}
	if f.channels > MaxChannels {
		return f, tooLarge("%s has %d channels, the limit is %d", name, f.channels, MaxChannels)
	}
	if rate < MinRate || rate > MaxRate {
		return f, fault.New(fault.InputRate, fmt.Sprintf("%s is sampled at %d Hz; %d to %d are read", name, rate, MinRate, MaxRate), "resample the recording")
	}
	f.rate = int(rate)
	pcm := f.tag == tagPCM && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32)
	if !pcm && !(f.tag == tagFloat && f.bits == 32) {
		return f, fault.New(fault.InputUnsupported, fmt.Sprintf("%s: WAV format %d with %d bits", name, f.tag, f.bits), "save it as 16-bit PCM")
	}
	if f.block != f.channels*f.bits/8 {
		return f, malformed("%s: %d bytes for %d channels of %d bits", name, f.block, f.channels, f.bits)
	}
	return f, nil
}

// streamed sizes are what recorders write that never came back to fill in the
// length: the samples then run to the end of the file.
func streamed(size int64) bool { return size == 0 || size == math.MaxUint32 }

// maxOvershoot is how far float samples may pass full scale before they are
// taken to be on another scale; what passes it by less is clipped.
const maxOvershoot = 8

func (f wavFormat) recording(body []byte, size int64, name string) (clinical.Recording, error) {
	if streamed(size) {
		size = int64(len(body))
	}
	if size > int64(len(body)) {
		return clinical.Recording{}, fault.New(fault.InputTruncated, fmt.Sprintf("%s announces %d bytes of samples and holds %d", name, size, len(body)), "copy the file again")
	}
	n := int(size) / f.block
	if n == 0 {
		return clinical.Recording{}, empty(name)
	}
	if n > MaxSeconds*f.rate {
		return clinical.Recording{}, tooLarge("%s is longer than %d s", name, MaxSeconds)
	}
	samples := make([][]float32, f.channels)
	for c := range samples {
		samples[c] = make([]float32, n)
		for i := range samples[c] {
			v := f.sample(body[i*f.block+c*f.bits/8:])
			if v != v || math.IsInf(float64(v), 0) {
				return clinical.Recording{}, fault.New(fault.InputNotFinite, fmt.Sprintf("%s: sample %d is not a number", name, i), "save it as 16-bit PCM")
			}
			if v < -maxOvershoot || v > maxOvershoot {
				return clinical.Recording{}, fault.New(fault.InputRange, fmt.Sprintf("%s: sample %d is %v, full scale is 1", name, i, v), "scale float samples to -1..1")
			}
			samples[c][i] = min(max(v, -1), 1)
		}
	}
	return recording(name, "WAV", f.rate, samples), nil
}

func (f wavFormat) sample(b []byte) float32 {
	switch {
	case f.tag == tagFloat:
		return math.Float32frombits(binary.LittleEndian.Uint32(b))
	case f.bits == 8: // the only unsigned one
		return float32(int(b[0])-128) / 128
	case f.bits == 16:
		return float32(int16(binary.LittleEndian.Uint16(b))) / (1 << 15)
	case f.bits == 24:
		return float32(int32(b[0])<<8|int32(b[1])<<16|int32(b[2])<<24) / (1 << 31)
	}
	return float32(int32(binary.LittleEndian.Uint32(b))) / (1 << 31)
}

// EncodeWAV writes rec as 16-bit PCM. Values beyond -1..1 are clipped. A
// synthetic recording says so in its comment (LIST INFO ICMT).
func EncodeWAV(w io.Writer, rec clinical.Recording) error {
	n := len(rec.Channels)
	if n == 0 || n > MaxChannels || rec.Rate < MinRate || rec.Rate > MaxRate || rec.Rate != math.Trunc(rec.Rate) {
		return fault.New(fault.InputMalformed, fmt.Sprintf("cannot write %d channels at %v Hz as WAV", n, rec.Rate), "give 1 to 8 channels and a whole rate")
	}
	length := len(rec.Channels[0].Samples)
	if length > MaxSeconds*int(rec.Rate) {
		return tooLarge("the recording is longer than %d s", MaxSeconds)
	}
	pcm := make([]byte, 2*n*length)
	for c, channel := range rec.Channels {
		if len(channel.Samples) != length {
			return malformed("channels of %d and %d samples", length, len(channel.Samples))
		}
		for i, v := range channel.Samples {
			if v != v {
				return fault.New(fault.InputNotFinite, fmt.Sprintf("sample %d is not a number", i), "write finite samples")
			}
			s := min(max(math.RoundToEven(float64(v)*(1<<15)), math.MinInt16), math.MaxInt16)
			binary.LittleEndian.PutUint16(pcm[2*(i*n+c):], uint16(int16(s)))
		}
	}
	le := binary.LittleEndian
	format := le.AppendUint16(le.AppendUint16(nil, tagPCM), uint16(n))
	format = le.AppendUint32(le.AppendUint32(format, uint32(rec.Rate)), uint32(2*n*int(rec.Rate)))
	format = le.AppendUint16(le.AppendUint16(format, uint16(2*n)), 16)
	body := chunk([]byte("WAVE"), "fmt ", format)
	if rec.Synthetic {
		body = chunk(body, "LIST", chunk([]byte("INFO"), "ICMT", []byte(clinical.SyntheticNotice)))
	}
	_, err := w.Write(chunk(nil, "RIFF", chunk(body, "data", pcm)))
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot write the recording", "check the free space")
	}
	return nil
}

// chunk appends a RIFF chunk.
func chunk(to []byte, id string, body []byte) []byte {
	to = binary.LittleEndian.AppendUint32(append(to, id...), uint32(len(body)))
	to = append(to, body...)
	if len(body)%2 == 1 {
		to = append(to, 0)
	}
	return to
}

// WriteWAV writes rec to a file; see EncodeWAV.
func WriteWAV(path string, rec clinical.Recording) error {
	f, err := os.Create(path)
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot write the recording", "check the folder")
	}
	err = errors.Join(EncodeWAV(f, rec), f.Close())
	if err != nil && fault.CodeOf(err) == fault.Internal {
		return fault.Wrap(err, fault.IO, "cannot write the recording", "check the free space")
	}
	return err
}
