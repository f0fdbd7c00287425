package dicom

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"
)

// Text is the first value as text: decoded by the character set, without
// padding. Numbers are written as decimals, tags as "00100010". It is "" when
// the attribute is absent, empty, or no value that text can show.
func (o *Object) Text(t Tag) string {
	if all := o.Texts(t); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Texts gives every value as text; none when the attribute is absent or empty.
func (o *Object) Texts(t Tag) []string {
	e := o.find(t)
	if e == nil || len(e.value) == 0 {
		return nil
	}
	switch e.vr.trait().form {
	case formText:
		return o.textValues(e)
	case formNumber, formTags:
		out := make([]string, 0, 1)
		for v := range e.numbers() {
			out = append(out, v.text(e.vr))
		}
		return out
	}
	if e.vr == vrUN { // a private or unknown attribute: text, if it looks like text
		if s := trimText(string(e.value)); printable(s) {
			return strings.Split(s, `\`)
		}
	}
	return nil
}

// Int is the first value as a whole number.
func (o *Object) Int(t Tag) (int, bool) {
	if all := o.Ints(t); len(all) > 0 {
		return all[0], true
	}
	return 0, false
}

// Ints gives every value as a whole number; nil when one of them is none.
func (o *Object) Ints(t Tag) []int {
	e := o.find(t)
	if e == nil || len(e.value) == 0 {
		return nil
	}
	var out []int
	if f := e.vr.trait().form; f == formNumber && e.vr != vrFL && e.vr != vrFD || f == formTags {
		out = make([]int, 0, len(e.value)/e.vr.trait().width)
		for v := range e.numbers() {
			out = append(out, int(v.whole))
		}
		return out
	}
	for _, v := range o.Floats(t) {
		if v != math.Trunc(v) || math.Abs(v) > 1<<53 {
			return nil
		}
		out = append(out, int(v))
	}
	return out
}

// Float is the first value as a finite number.
func (o *Object) Float(t Tag) (float64, bool) {
	if all := o.Floats(t); len(all) > 0 {
		return all[0], true
	}
	return 0, false
}

// Floats gives every value as a finite number; nil when one of them is none.
// Values of OF and OD are numbers too.
func (o *Object) Floats(t Tag) []float64 {
	e := o.find(t)
	if e == nil || len(e.value) == 0 {
		return nil
	}
	var out []float64
	switch {
	case e.vr.trait().form == formText:
		for _, s := range o.textValues(e) {
			v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
			if err != nil {
				return nil
			}
			out = append(out, v)
		}
	case e.vr.trait().form == formNumber || e.vr == vrOF || e.vr == vrOD:
		out = make([]float64, 0, len(e.value)/e.vr.trait().width)
		for v := range e.numbers() {
			out = append(out, v.float)
		}
	}
	for _, v := range out {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil
		}
	}
	return out
}

// Bytes gives the value as it is encoded in little endian, padding included;
// nil for sequences and for encapsulated pixel data, whose bytes are in
// Fragments. The bytes must not be changed.
func (o *Object) Bytes(t Tag) []byte {
	if e := o.find(t); e != nil {
		return e.value
	}
	return nil
}

// Fragments gives the fragments of encapsulated pixel data, the basic offset
// table first; nil when the value is not encapsulated. The bytes must not be changed.
func (o *Object) Fragments(t Tag) [][]byte {
	if e := o.find(t); e != nil && e.content != nil {
		return e.content.fragments
	}
	return nil
}

// number is one value of a binary VR.
type number struct {
	whole int64
	float float64
}

func (n number) text(v vr) string {
	switch v {
	case vrFL, vrFD:
		return strconv.FormatFloat(n.float, 'g', -1, 64)
	case vrUV:
		return strconv.FormatUint(uint64(n.whole), 10)
	case vrAT:
		return Tag(n.whole).String()
	}
	return strconv.FormatInt(n.whole, 10)
}

// numbers iterates over the values of a binary VR.
func (e *element) numbers() func(yield func(number) bool) {
	le := binary.LittleEndian
	step := e.vr.trait().width
	if e.vr == vrAT {
		step = 4
	}
	return func(yield func(number) bool) {
		for b := e.value; len(b) >= step; b = b[step:] {
			var n number
			switch e.vr {
			case vrUS, vrOW:
				n.whole = int64(le.Uint16(b))
			case vrSS:
				n.whole = int64(int16(le.Uint16(b)))
			case vrUL, vrOL:
				n.whole = int64(le.Uint32(b))
			case vrSL:
				n.whole = int64(int32(le.Uint32(b)))
			case vrUV, vrSV, vrOV:
				n.whole = int64(le.Uint64(b))
			case vrAT:
				n.whole = int64(le.Uint16(b))<<16 | int64(le.Uint16(b[2:]))
			case vrFL, vrOF:
				n.float = float64(math.Float32frombits(le.Uint32(b)))
			case vrFD, vrOD:
				n.float = math.Float64frombits(le.Uint64(b))
			default:
				n.whole = int64(b[0])
			}
			switch e.vr {
			case vrFL, vrFD, vrOF, vrOD:
			case vrUV:
				n.float = float64(uint64(n.whole))
			default:
				n.float = float64(n.whole)
			}
			if !yield(n) {
				return
			}
		}
	}
}

// textValues decodes a text element and splits it into its values. Trailing
// spaces and nulls are padding; leading spaces too where PS3.5 6.2 says so.
func (o *Object) textValues(e *element) []string {
	trait := e.vr.trait()
	var s string
	if trait.encoded {
		s = decodeText(e.value, o.charset(), e.vr)
	} else {
		s = decodeDefault(e.value)
	}
	if trait.single {
		s = strings.TrimRight(s, " \x00")
		if s == "" {
			return nil
		}
		return []string{s}
	}
	if s = strings.TrimRight(s, " \x00"); s == "" {
		return nil
	}
	values := strings.Split(s, `\`)
	for i, v := range values {
		values[i] = trimText(v)
	}
	return values
}

func trimText(s string) string { return strings.Trim(s, " \x00") }

func printable(s string) bool {
	for _, c := range []byte(s) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return s != ""
}
