package wfdb

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// Stored range of format 16; the lowest value means "no sample".
const (
	maxStored     = math.MaxInt16
	invalidStored = math.MinInt16
)

// writeGain is the resolution of what we write: 1 µV a unit. Signals that do
// not fit get a smaller one.
const writeGain = 1000

var nameSyntax = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Write writes rec as name.hea, name.dat (format 16, checksums in the header)
// and, when there are annotations, name.atr, into dir. NaN becomes the
// format's mark for a missing sample. A synthetic recording says so in its
// comments. The same recording gives the same bytes.
func Write(dir, name string, rec clinical.Recording) error {
	if !nameSyntax.MatchString(name) {
		return fault.New(fault.Usage, fmt.Sprintf("record name %q", name), "use letters, digits, - and _")
	}
	header, samples, err := encode(name, rec)
	if err != nil {
		return err
	}
	files := map[string][]byte{name + ".hea": header, name + ".dat": samples}
	if len(rec.Annotations) > 0 {
		if files[name+".atr"], err = encodeAnnotations(rec.Annotations); err != nil {
			return err
		}
	}
	for file, content := range files {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			return fault.Wrap(err, fault.IO, "cannot write "+file, "check the folder and its free space")
		}
	}
	return nil
}

// encode gives the header and the interleaved samples.
func encode(name string, rec clinical.Recording) (header, data []byte, err error) {
	if len(rec.Channels) == 0 || len(rec.Channels) > MaxSignals || !(rec.Rate > 0) || math.IsInf(rec.Rate, 0) {
		return nil, nil, malformed("cannot write %d channels at %v Hz", len(rec.Channels), rec.Rate)
	}
	n, samples := len(rec.Channels), len(rec.Channels[0].Samples)
	if samples == 0 || samples > MaxSamples/n {
		return nil, nil, malformed("cannot write %d channels of %d samples", n, samples)
	}
	data = make([]byte, 2*n*samples)
	var text strings.Builder
	fmt.Fprintf(&text, "%s %d %s %d\n", name, n, strconv.FormatFloat(rec.Rate, 'g', -1, 64), samples)
	for i, c := range rec.Channels {
		if len(c.Samples) != samples {
			return nil, nil, malformed("channel %q has %d samples, the first has %d", c.Name, len(c.Samples), samples)
		}
		gain, err := fittingGain(c)
		if err != nil {
			return nil, nil, err
		}
		var sum, first int16
		for t, v := range c.Samples {
			stored := int16(invalidStored)
			if v == v {
				stored = int16(math.RoundToEven(float64(v) * gain))
			}
			if t == 0 {
				first = stored
			}
			sum += stored
			binary.LittleEndian.PutUint16(data[2*(t*n+i):], uint16(stored))
		}
		fmt.Fprintf(&text, "%s.dat 16 %s(0)/%s 16 0 %d %d 0 %s\n", name, strconv.FormatFloat(gain, 'g', -1, 64), unitField(c.Unit), first, sum, oneLine(c.Name))
	}
	if rec.Synthetic && !synthetic(rec.Comments) {
		fmt.Fprintf(&text, "# %s\n", clinical.SyntheticNotice)
	}
	for _, c := range rec.Comments {
		fmt.Fprintf(&text, "# %s\n", oneLine(c))
	}
	return []byte(text.String()), data, nil
}

// fittingGain is writeGain, or the largest gain at which the channel fits.
func fittingGain(c clinical.Channel) (float64, error) {
	var peak float64
	for t, v := range c.Samples {
		if math.IsInf(float64(v), 0) {
			return 0, fault.New(fault.InputNotFinite, fmt.Sprintf("channel %q, sample %d is infinite", c.Name, t), "mark missing samples as NaN")
		}
		if a := math.Abs(float64(v)); a > peak { // false for NaN, which is written as missing
			peak = a
		}
	}
	if peak*writeGain <= maxStored {
		return writeGain, nil
	}
	return maxStored / peak, nil
}

// unitField is a unit as the header's gain field can carry it.
func unitField(unit string) string {
	if unit == "" || strings.ContainsAny(unit, " ()/\t\r\n") {
		return "NU" // "no unit"
	}
	return unit
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// encodeAnnotations writes the MIT format. Every annotation carries its time
// as a long step when it does not fit ten bits.
func encodeAnnotations(list []clinical.Annotation) ([]byte, error) {
	codes := map[string]int{}
	for code, symbol := range mnemonics {
		if symbol != "" {
			codes[symbol] = code
		}
	}
	var out bytes.Buffer
	word := func(code, value int) {
		w := uint16(code<<10 | value&0x3ff)
		out.Write([]byte{byte(w), byte(w >> 8)})
	}
	time, num, channel := 0, 0, 0
	for _, a := range list {
		code, known := codes[a.Symbol]
		step := a.Sample - time
		if !known || step < 0 || step > math.MaxInt32 || len(a.Note) > 255 || !isByte(a.Subtype) || !isByte(a.Num) || !isByte(a.Channel) {
			return nil, malformed("cannot write annotation %+v after sample %d", a, time)
		}
		if step > 0x3ff {
			word(codeSkip, 0)
			out.Write([]byte{byte(step >> 16), byte(step >> 24), byte(step), byte(step >> 8)})
			step = 0
		}
		word(code, step)
		if a.Subtype != 0 {
			word(codeSub, a.Subtype&0xff)
		}
		if a.Channel != channel {
			word(codeChan, a.Channel&0xff)
		}
		if a.Num != num {
			word(codeNum, a.Num&0xff)
		}
		if a.Note != "" {
			word(codeAux, len(a.Note))
			out.WriteString(a.Note)
			if len(a.Note)%2 == 1 {
				out.WriteByte(0)
			}
		}
		time, num, channel = a.Sample, a.Num, a.Channel
	}
	word(0, 0)
	return out.Bytes(), nil
}

func isByte(v int) bool { return v >= math.MinInt8 && v <= math.MaxInt8 }
