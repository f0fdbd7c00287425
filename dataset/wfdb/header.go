package wfdb

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"consilium/fault"
)

// Header is a parsed .hea file.
type Header struct {
	Name     string
	Rate     float64 // samples per second and signal
	Samples  int     // per signal; 0 when the header leaves it to the file size
	Signals  []Signal
	Comments []string // lines after '#', without the mark
}

// Signal is one signal line of a header.
type Signal struct {
	File        string
	Format      int
	Skew        int   // samples by which the signal lags in the file
	Offset      int64 // bytes before the first sample
	Gain        float64
	Baseline    int // stored value of 0 physical units
	Unit        string
	Initial     *int   // first stored value, when the header gives it
	Checksum    *int16 // sum of all stored values modulo 65536, when given
	Description string
}

const (
	defaultRate = 250 // samples per second, header(5)
	defaultGain = 200 // stored units per mV, header(5)
)

// ParseHeader parses the text of a .hea file. Multi-segment records and
// several samples per frame are refused with INPUT_UNSUPPORTED.
func ParseHeader(text []byte) (Header, error) {
	var h Header
	want := -1 // number of signals, once the record line has been read
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "":
		case line[0] == '#':
			if c := strings.TrimSpace(line[1:]); c != "" {
				h.Comments = append(h.Comments, c)
			}
		case want < 0:
			n, err := h.record(strings.Fields(line))
			if err != nil {
				return Header{}, err
			}
			want = n
		case len(h.Signals) < want:
			s, err := signalLine(line)
			if err != nil {
				return Header{}, err
			}
			h.Signals = append(h.Signals, s)
		default:
			return Header{}, malformed("more signal lines than the %d that the record line announces", want)
		}
	}
	if want < 0 {
		return Header{}, malformed("the header has no record line")
	}
	if len(h.Signals) != want {
		return Header{}, malformed("%d signal lines, the record line announces %d", len(h.Signals), want)
	}
	return h, nil
}

// record parses "name nsig rate[/counter] nsamples [time date]".
func (h *Header) record(f []string) (signals int, err error) {
	if len(f) < 2 {
		return 0, malformed("record line %q is too short", strings.Join(f, " "))
	}
	h.Name = f[0]
	if strings.Contains(h.Name, "/") {
		return 0, unsupported("%s is a multi-segment record", h.Name)
	}
	signals, err = strconv.Atoi(f[1])
	if err != nil || signals < 0 {
		return 0, malformed("number of signals %q", f[1])
	}
	if signals == 0 {
		return 0, fault.New(fault.InputEmpty, "WFDB: the record has no signals", "hand in a record with signals")
	}
	if signals > MaxSignals {
		return 0, tooLarge("%d signals, the limit is %d", signals, MaxSignals)
	}
	h.Rate = defaultRate
	if len(f) > 2 {
		rate, _, _ := strings.Cut(f[2], "/") // what follows is the counter frequency
		h.Rate, err = strconv.ParseFloat(rate, 64)
		if err != nil || !(h.Rate > 0) || math.IsInf(h.Rate, 0) {
			return 0, malformed("sampling rate %q", f[2])
		}
	}
	if len(f) > 3 {
		h.Samples, err = strconv.Atoi(f[3])
		if err != nil || h.Samples < 0 {
			return 0, malformed("number of samples %q", f[3])
		}
		if h.Samples > MaxSamples/signals {
			return 0, tooLarge("%d signals of %d samples, the limit is %d in all", signals, h.Samples, MaxSamples)
		}
	}
	return signals, nil
}

// signalLine parses
// "file format[xSPF][:skew][+offset] gain[(baseline)][/units] bits zero initial checksum block description".
// Everything from the gain on is optional.
func signalLine(line string) (Signal, error) {
	f := strings.Fields(line)
	if len(f) < 2 {
		return Signal{}, malformed("signal line %q is too short", line)
	}
	s := Signal{File: f[0], Gain: defaultGain, Unit: "mV"}
	if err := localName(s.File); err != nil {
		return Signal{}, err
	}
	if err := s.format(f[1]); err != nil {
		return Signal{}, err
	}
	numbers := [5]*int{} // bits, zero, initial, checksum, block
	for i := range numbers {
		if len(f) <= 3+i {
			break
		}
		v, err := strconv.Atoi(f[3+i])
		if err != nil {
			return Signal{}, malformed("%q in signal line of %s", f[3+i], s.File)
		}
		numbers[i] = &v
	}
	if numbers[1] != nil {
		s.Baseline = *numbers[1] // the ADC's zero, unless the gain field says otherwise
	}
	s.Initial = numbers[2]
	if numbers[3] != nil {
		sum := int16(*numbers[3]) // written signed by some and unsigned by others
		s.Checksum = &sum
	}
	if len(f) > 8 {
		s.Description = strings.Join(f[8:], " ")
	}
	if len(f) > 2 {
		return s, s.calibration(f[2])
	}
	return s, nil
}

// localName refuses a signal file outside the header's folder.
func localName(name string) error {
	if name == "-" || name == "~" {
		return unsupported("signal file %q is not a file", name)
	}
	if strings.ContainsAny(name, `/\:`) || !fs.ValidPath(name) || name == "." {
		return malformed("signal file %q is not a plain file name", name)
	}
	return nil
}

// format parses "16x1:0+24".
func (s *Signal) format(field string) error {
	digits, rest := leadingDigits(field)
	s.Format, _ = strconv.Atoi(digits)
	if _, known := codecs[s.Format]; !known {
		return unsupported("signal format %q", field)
	}
	for rest != "" {
		mark := rest[0]
		digits, rest = leadingDigits(rest[1:])
		n, err := strconv.Atoi(digits)
		if err != nil || n > MaxSamples {
			return malformed("signal format %q", field)
		}
		switch mark {
		case 'x':
			if n != 1 {
				return unsupported("%d samples per frame", n)
			}
		case ':':
			s.Skew = n
		case '+':
			s.Offset = int64(n)
		default:
			return malformed("signal format %q", field)
		}
	}
	return nil
}

func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && s[i] >= '0' && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}

// calibration parses "gain(baseline)/units"; some writers put the units first.
func (s *Signal) calibration(field string) error {
	end := strings.IndexAny(field, "(/")
	if end < 0 {
		end = len(field)
	}
	gain, err := strconv.ParseFloat(field[:end], 64)
	if err != nil || math.IsNaN(gain) || math.IsInf(gain, 0) || gain < 0 {
		return malformed("gain %q", field)
	}
	if gain > 0 { // 0 means not calibrated: the default holds
		s.Gain = gain
	}
	rest := field[end:]
	for rest != "" {
		switch rest[0] {
		case '(':
			value, after, ok := strings.Cut(rest[1:], ")")
			s.Baseline, err = strconv.Atoi(value)
			if !ok || err != nil {
				return malformed("baseline in %q", field)
			}
			rest = after
		case '/':
			end := strings.IndexByte(rest, '(')
			if end < 0 {
				end = len(rest)
			}
			s.Unit, rest = rest[1:end], rest[end:]
		default:
			return malformed("calibration %q", field)
		}
	}
	return nil
}

func tooLarge(format string, a ...any) error {
	return fault.New(fault.InputTooLarge, "WFDB: "+fmt.Sprintf(format, a...), "cut the record into shorter ones")
}
