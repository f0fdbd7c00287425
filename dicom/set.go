package dicom

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"consilium/fault"
)

// Set gives an attribute its values, with the VR of the dictionary; without
// values it is there and empty (type 2). Values are string, int, the other
// integers, float32, float64, Tag or []byte (the value as it is encoded in
// little endian, alone), or slices of them. Text that is not ASCII turns the
// whole object to UTF-8.
//
// It fails with USAGE when a value does not fit the VR.
func (o *Object) Set(t Tag, values ...any) error {
	v := t.vr()
	switch {
	case t == PixelData:
		if v = vrOW; o.Text(BitsAllocated) == "8" || o.Text(BitsAllocated) == "1" || Encapsulated(o.syntax) {
			v = vrOB
		}
	case v == vrUS && ambiguous[t] && (o.signed() || anyNegative(values)):
		v = vrSS
	}
	return o.SetVR(t, v.String(), values...)
}

// SetVR is Set with a VR of the caller's choice.
func (o *Object) SetVR(t Tag, name string, values ...any) error {
	v := toVR(name)
	trait := v.trait()
	if !v.known() || trait.form == formItems && len(values) > 0 {
		return badValue(t, v, "use SetItems for sequences and a VR of PS3.5")
	}
	e := element{tag: t, vr: v}
	if v == vrSQ {
		e.content = &nested{}
		o.put(e)
		return nil
	}
	values = flat(values)
	if raw, ok := single[[]byte](values); ok {
		e.value = padded(raw, trait.pad)
		return o.store(e)
	}
	var err error
	switch trait.form {
	case formText:
		e.value, err = o.encodeText(t, v, values)
	case formNumber, formTags:
		e.value, err = encodeNumbers(t, v, values)
	default:
		if len(values) > 0 {
			err = badValue(t, v, "give its value as bytes")
		}
	}
	if err != nil {
		return err
	}
	return o.store(e)
}

// store puts an element whose length its VR can hold.
func (o *Object) store(e element) error {
	if int64(len(e.value)) >= undefined || e.tag.Group() == 0x0002 && len(e.value) > math.MaxUint16 {
		return badValue(e.tag, e.vr, "shorten it")
	}
	o.put(e)
	return nil
}

// SetItems makes a sequence of the items. They become part of the object; an
// item that is in another object must be cloned first.
func (o *Object) SetItems(t Tag, items ...*Object) error {
	for _, item := range items {
		if item == nil || item == o {
			return badValue(t, vrSQ, "give items")
		}
		if !sameCharset(item, o) {
			item.toUTF8()
			o.root().toUTF8()
		}
		item.Delete(SpecificCharacterSet)
		item.parent, item.meta = o, nil
	}
	o.put(element{tag: t, vr: vrSQ, content: &nested{items: slices.Clone(items)}})
	return nil
}

// SetFragments makes a value encapsulated: first the basic offset table, which
// may be empty, then the fragments (PS3.5 A.4).
func (o *Object) SetFragments(t Tag, fragments ...[]byte) error {
	if len(fragments) == 0 {
		return badValue(t, vrOB, "give the basic offset table, empty or not, and the fragments")
	}
	e := element{tag: t, vr: vrOB, content: &nested{}}
	for _, f := range fragments {
		if int64(len(f)) >= undefined-1 {
			return badValue(t, vrOB, "split it")
		}
		e.content.fragments = append(e.content.fragments, padded(f, 0))
	}
	o.put(e)
	return nil
}

// root is the outermost data set.
func (o *Object) root() *Object {
	for o.parent != nil {
		o = o.parent
	}
	return o
}

func badValue(t Tag, v vr, do string) error {
	what := t.String()
	if k := t.Keyword(); k != "" {
		what = k
	}
	return fault.New(fault.Usage, fmt.Sprintf("a value that %s (%s) cannot hold", what, v), do)
}

// padded gives a value its even length.
func padded(b []byte, pad byte) []byte {
	if len(b)%2 == 0 {
		return b
	}
	return append(slices.Clip(b), pad)
}

// ambiguous are attributes whose VR is US or SS, by PixelRepresentation.
var ambiguous = map[Tag]bool{
	SmallestImagePixelValue: true, LargestImagePixelValue: true, PixelPaddingValue: true, PixelPaddingRangeLimit: true,
	0x00280108: true, 0x00280109: true, 0x00280110: true, 0x00280111: true, 0x00280104: true, 0x00280105: true, // least and most
	0x00409216: true, 0x00409211: true, // real world values
	0x00603004: true, 0x00603006: true, // histogram bins
}

// flat spreads slices among the values.
func flat(values []any) []any {
	var out []any
	for _, v := range values {
		switch s := v.(type) {
		case []string:
			out = appendAll(out, s)
		case []int:
			out = appendAll(out, s)
		case []float64:
			out = appendAll(out, s)
		case []float32:
			out = appendAll(out, s)
		case []uint16:
			out = appendAll(out, s)
		case []Tag:
			out = appendAll(out, s)
		case []any:
			out = append(out, flat(s)...)
		default:
			out = append(out, v)
		}
	}
	return out
}

func appendAll[T any](out []any, values []T) []any {
	for _, v := range values {
		out = append(out, v)
	}
	return out
}

// single gives the only value when it is a T.
func single[T any](values []any) (v T, ok bool) {
	if len(values) == 1 {
		v, ok = values[0].(T)
	}
	return v, ok
}

func anyNegative(values []any) bool {
	for _, v := range flat(values) {
		if n, ok := whole(v); ok && n < 0 {
			return true
		}
	}
	return false
}

// whole reads any integer.
func whole(v any) (int64, bool) {
	switch n := v.(type) {
	case int:
		return int64(n), true
	case int16:
		return int64(n), true
	case int32:
		return int64(n), true
	case int64:
		return n, true
	case uint8:
		return int64(n), true
	case uint16:
		return int64(n), true
	case uint32:
		return int64(n), true
	case uint64:
		return int64(n), true
	case Tag:
		return int64(n), true
	case float64:
		return int64(n), n == math.Trunc(n) && math.Abs(n) < 1<<63
	case string:
		i, err := strconv.ParseInt(strings.TrimSpace(n), 10, 64)
		return i, err == nil
	}
	return 0, false
}

func decimal(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case float32:
		return float64(n), true
	case string:
		f, err := strconv.ParseFloat(strings.TrimSpace(n), 64)
		return f, err == nil
	}
	n, ok := whole(v)
	return float64(n), ok
}

// ranges of the whole numbers that a VR holds.
var ranges = map[vr][2]int64{
	vrUS: {0, math.MaxUint16}, vrSS: {math.MinInt16, math.MaxInt16}, vrUL: {0, math.MaxUint32}, vrSL: {math.MinInt32, math.MaxInt32},
	vrSV: {math.MinInt64, math.MaxInt64}, vrUV: {math.MinInt64, math.MaxInt64}, vrAT: {0, math.MaxUint32},
}

// encodeNumbers writes the values of a binary VR.
func encodeNumbers(t Tag, v vr, values []any) ([]byte, error) {
	le := binary.LittleEndian
	var out []byte
	for _, value := range values {
		if v == vrFL || v == vrFD {
			f, ok := decimal(value)
			if !ok || v == vrFL && math.Abs(f) > math.MaxFloat32 && !math.IsInf(f, 0) {
				return nil, badValue(t, v, "give a number")
			}
			if v == vrFL {
				out = le.AppendUint32(out, math.Float32bits(float32(f)))
			} else {
				out = le.AppendUint64(out, math.Float64bits(f))
			}
			continue
		}
		if s, text := value.(string); text && v == vrAT {
			tag, err := ParseTag(s)
			if err != nil {
				return nil, err
			}
			value = tag
		}
		n, ok := whole(value)
		if r := ranges[v]; !ok || n < r[0] || n > r[1] {
			return nil, badValue(t, v, fmt.Sprintf("give a whole number within its range, not %v", value))
		}
		switch v.trait().width {
		case 8:
			out = le.AppendUint64(out, uint64(n))
		case 4:
			out = le.AppendUint32(out, uint32(n))
		default:
			if v == vrAT {
				out = le.AppendUint16(out, uint16(n>>16))
			}
			out = le.AppendUint16(out, uint16(n))
		}
	}
	return out, nil
}

// attribute is a tag with the values to give it.
type attribute struct {
	tag    Tag
	values []any
}

func list(values ...any) []any { return values }

// given is a text value, or none when the text is empty (type 2).
func given(s string) []any {
	if s == "" {
		return nil
	}
	return []any{s}
}

// setAll sets many attributes, up to the first that cannot be.
func (o *Object) setAll(all []attribute) error {
	for _, a := range all {
		if err := o.Set(a.tag, a.values...); err != nil {
			return err
		}
	}
	return nil
}
