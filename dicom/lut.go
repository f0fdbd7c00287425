package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
)

// table is a lookup table of PS3.3 C.7.6.3.1.5 and C.11.1.1: values below the
// first get the first entry, values beyond the last one the last.
type table struct {
	first   int
	entries []uint16
	bits    int // of an entry
}

func (t *table) at(v float64) float64 {
	i := int(min(max(v-float64(t.first), 0), float64(len(t.entries)-1)))
	return float64(t.entries[i])
}

func (t *table) top() float64 { return float64(int(1)<<t.bits - 1) }

// table reads a lookup table: descriptor and data, both of o.
func (o *Object) table(descriptor, data Tag, signed bool) (*table, error) {
	t, n, err := o.descriptor(descriptor, signed)
	if err != nil {
		return nil, err
	}
	raw := o.Bytes(data)
	le := binary.LittleEndian
	switch {
	case len(raw) >= 2*n:
		t.entries = make([]uint16, n)
		for i := range t.entries {
			t.entries[i] = le.Uint16(raw[2*i:])
		}
		t.fit()
	case len(raw) >= n && t.bits <= 8: // two entries in a word
		t.entries = make([]uint16, n)
		for i := range t.entries {
			t.entries[i] = uint16(raw[i])
		}
	default:
		return nil, malformed(o.name, fmt.Sprintf("a lookup table of %d entries in %d bytes", n, len(raw)))
	}
	return t, nil
}

// fit corrects a number of bits that the entries do not keep to.
func (t *table) fit() {
	for _, v := range t.entries {
		for t.bits < 16 && int(v)>>t.bits > 0 {
			t.bits++
		}
	}
}

// descriptor reads number of entries (0 stands for 65536), first value and bits.
func (o *Object) descriptor(d Tag, signed bool) (*table, int, error) {
	v := o.Ints(d)
	if len(v) != 3 {
		return nil, 0, malformed(o.name, "a lookup table without its descriptor")
	}
	n, first, bits := v[0]&0xffff, v[1], v[2]
	if n == 0 {
		n = 1 << 16
	}
	if first &= 0xffff; signed {
		first = int(int16(first))
	}
	if bits < 8 || bits > 16 {
		return nil, 0, malformed(o.name, fmt.Sprintf("a lookup table of %d bits", bits))
	}
	return &table{first: first, bits: bits}, n, nil
}

// maxValue bounds what rescale and window may make of 32-bit values.
const maxValue = 1e20

// modality is the step from stored values to values of the modality: a linear
// rescale or a table (PS3.3 C.11.1).
type modality struct {
	slope, intercept float64
	table            *table
}

func (m *modality) apply(v float64) float64 {
	if m.table != nil {
		return m.table.at(v)
	}
	return v*m.slope + m.intercept
}

// span is the range that values of low..high are mapped to.
func (m *modality) span(low, high float64) (float64, float64) {
	if m.table != nil {
		return 0, m.table.top()
	}
	a, b := m.apply(low), m.apply(high)
	return min(a, b), max(a, b)
}

// modality reads the transformation of a frame.
func (o *Object) modality(frame int, signed bool) (*modality, error) {
	if lut := o.Items(ModalityLUTSequence); len(lut) > 0 {
		t, err := lut[0].table(LUTDescriptor, LUTData, signed)
		return &modality{table: t}, err
	}
	m := &modality{slope: 1}
	g := o.group(frame, PixelValueTransformationSequence)
	if v, given := g.Float(RescaleSlope); given {
		m.slope = v
	}
	if v, given := g.Float(RescaleIntercept); given {
		m.intercept = v
	}
	if m.slope == 0 {
		return nil, malformed(o.name, "the rescale slope is 0")
	}
	return m, nil
}

// Window is a VOI transformation (PS3.3 C.11.2): the range of values that is
// shown, and how. Function is LINEAR ("" too), LINEAR_EXACT or SIGMOID.
type Window struct {
	Center, Width float64
	Function      string
}

// Window gives the first window of a frame, from 0; false when there is none
// that can be applied.
func (o *Object) Window(frame int) (Window, bool) {
	g := o.group(frame, FrameVOILUTSequence)
	centre, c := g.Float(WindowCenter)
	width, w := g.Float(WindowWidth)
	v := Window{Center: centre, Width: width, Function: g.Text(VOILUTFunction)}
	return v, c && w && v.valid()
}

func (w Window) valid() bool {
	if math.Abs(w.Center) > maxValue || math.Abs(w.Width) > maxValue {
		return false
	}
	switch w.Function {
	case "", "LINEAR":
		return w.Width > 1
	case "LINEAR_EXACT", "SIGMOID":
		return w.Width > 0
	}
	return false
}

// Range is the range of values between black and white: PS3.3 C.11.2.1.2 for
// LINEAR (which is half a value narrower on both sides) and C.11.2.1.3 for the
// others. A sigmoid has no such range; what is left out at its ends is 12% together.
func (w Window) Range() (low, high float64) {
	if w.Function == "" || w.Function == "LINEAR" {
		return w.Center - 0.5 - (w.Width-1)/2, w.Center - 0.5 + (w.Width-1)/2
	}
	return w.Center - w.Width/2, w.Center + w.Width/2
}

// apply maps a value to 0..1, from black to white.
func (w Window) apply(v float64) float64 {
	if w.Function == "SIGMOID" {
		return 1 / (1 + math.Exp(-4*(v-w.Center)/w.Width))
	}
	low, high := w.Range()
	return min(max((v-low)/(high-low), 0), 1)
}
