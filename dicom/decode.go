package dicom

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Limits on the structure of a data set.
const (
	maxDepth       = 64        // sequences within sequences
	maxElements    = 1_000_000 // attributes and items in all
	maxHeaderValue = 64 << 10  // bytes of a value that ParseHeader keeps
	maxHeaderBytes = 64 << 20  // of all values that ParseHeader keeps
)

const undefined = math.MaxUint32 // a length that a delimiter ends

// Tags of PS3.5 7.5 that structure a data set.
const (
	tagItem         Tag = 0xFFFEE000
	tagItemEnd      Tag = 0xFFFEE00D
	tagSequenceEnd  Tag = 0xFFFEE0DD
	groupDelimiters     = 0xFFFE
)

var errEnough = errors.New("the pixel data begin") // ends ParseHeader, never leaves the package

// decoder reads one data set, PS3.5 section 7.
type decoder struct {
	source
	order    binary.ByteOrder
	explicit bool
	header   bool // leave out large values, end at the pixel data
	count    int  // attributes and items so far
	kept     int64
}

// fail is a defect in the encoding, told apart from the end of the input.
type fail string

func (f fail) Error() string { return string(f) }

func failf(format string, a ...any) error { return fail(fmt.Sprintf(format, a...)) }

// limit is a structure beyond the limits.
type limit string

func (l limit) Error() string { return string(l) }

// dataset reads elements into o: to the end of the input (end < 0, depth 0),
// to the delimiter of an item (end < 0), or to the position end.
func (d *decoder) dataset(o *Object, end int64, depth int) (err error) {
	defer func() { o.elements = tidy(o.elements) }()
	for end < 0 || d.pos < end {
		if rest := d.peek(1); depth == 0 && len(rest) == 0 {
			_, err := d.head(1)
			if err == io.EOF {
				return nil
			}
			return err
		}
		t, v, length, err := d.prefix()
		if err != nil {
			return atEnd(err)
		}
		switch {
		case t == tagItemEnd && end < 0 && depth > 0:
			return nil
		case t == tagItemEnd || t == tagSequenceEnd:
			continue // a stray delimiter
		case t.Group() == groupDelimiters:
			return failf("%s where an attribute was expected", t)
		case t == 0 && depth == 0: // zeros after the data set
			return nil
		}
		if d.header && depth == 0 && t.Group() >= 0x7FE0 && t.Element() >= 0x08 && t.Element() <= 0x10 {
			o.elements = append(o.elements, element{tag: t, vr: v, content: &nested{out: true, left: known(length)}})
			return errEnough
		}
		if d.count++; d.count > maxElements {
			return limit(fmt.Sprintf("more than %d attributes and items", maxElements))
		}
		e, err := d.element(o, t, v, length, end, depth)
		if err != nil {
			return err
		}
		// Group lengths are retired, and wrong after any change; file meta
		// information has no place here.
		if t.Element() != 0 && t.Group() != 0x0002 {
			o.elements = append(o.elements, e)
		}
	}
	return nil
}

func known(length uint32) int64 {
	if length == undefined {
		return -1
	}
	return int64(length)
}

// atEnd turns an end of the input where more must come into a truncation.
func atEnd(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// tidy sorts elements by tag. Of two with one tag the first stays.
func tidy(list []element) []element {
	ascending := func(a, b element) int { return int(int64(a.tag) - int64(b.tag)) }
	if !slices.IsSortedFunc(list, ascending) {
		slices.SortStableFunc(list, ascending)
	}
	return slices.CompactFunc(list, func(a, b element) bool { return a.tag == b.tag })
}

// tagLength reads a tag and a 32-bit length, as items have in every encoding.
func (d *decoder) tagLength() (Tag, uint32, error) {
	b, err := d.head(8)
	if err != nil {
		return 0, 0, err
	}
	return d.tag(b), d.order.Uint32(b[4:]), nil
}

func (d *decoder) tag(b []byte) Tag {
	return Tag(d.order.Uint16(b))<<16 | Tag(d.order.Uint16(b[2:]))
}

// prefix reads the tag, the VR and the length of an element (PS3.5 7.1.2, 7.1.3).
func (d *decoder) prefix() (t Tag, v vr, length uint32, err error) {
	b, err := d.head(8)
	if err != nil {
		return 0, 0, 0, err
	}
	t, v, length = d.tag(b), vr(b[4])<<8|vr(b[5]), d.order.Uint32(b[4:])
	switch {
	case t.Group() == groupDelimiters:
		return t, 0, length, nil
	case !d.explicit || !v.letters(): // some writers fall back to implicit for a single element
		return t, t.vr(), length, nil
	case v.known() && !v.trait().long:
		return t, v, uint32(d.order.Uint16(b[6:])), nil
	}
	if b, err = d.head(4); err != nil {
		return 0, 0, 0, atEnd(err)
	}
	if !v.known() {
		v = vrUN
	}
	return t, v, d.order.Uint32(b), nil
}

// element reads the value of an element.
func (d *decoder) element(o *Object, t Tag, v vr, length uint32, end int64, depth int) (element, error) {
	e := element{tag: t, vr: v}
	switch {
	case end >= 0 && length != undefined && int64(length) > end-d.pos:
		return e, failf("%s goes beyond the item around it", t)
	case v == vrSQ, length == undefined && t.vr() == vrSQ:
		e.vr = vrSQ
		return e, d.sequence(o, &e, length, v == vrUN, depth)
	case length == undefined && (v == vrOB || v == vrOW || t == PixelData):
		e.vr = vrOB // PS3.5 A.4
		return e, d.fragments(&e)
	case length == undefined && v == vrUN: // PS3.5 6.2.2 note 4: a sequence, encoded as implicit little endian
		e.vr = vrSQ
		return e, d.sequence(o, &e, length, true, depth)
	case length == undefined:
		return e, failf("%s %s of undefined length", t, v)
	}
	if d.header {
		d.kept += int64(length)
		if length > maxHeaderValue || d.kept > maxHeaderBytes {
			d.kept -= int64(length)
			e.content = &nested{out: true, left: int64(length)}
			return e, d.skip(int64(length))
		}
	}
	value, err := d.value(int64(length))
	if err != nil {
		return e, err
	}
	if width := o.word(t, v); width > 1 && d.order == binary.BigEndian {
		value = slices.Clone(value)
		swap(value, width)
	}
	e.value = value
	switch {
	case v == vrUN && (!t.Private() || t.privateCreator()):
		d.recognise(o, &e, depth)
	case v == vrUS && !d.explicit && ambiguous[t] && o.signed():
		e.vr = vrSS
	}
	return e, nil
}

// signed says whether the pixel values around are signed.
func (o *Object) signed() bool {
	for at := o; at != nil; at = at.parent {
		if v, given := at.Int(PixelRepresentation); given {
			return v == 1
		}
	}
	return false
}

// word is the number of bytes that byte order swaps. Pixel data of VR OW hold
// values of 32 and 64 bits too, which are swapped whole.
func (o *Object) word(t Tag, v vr) int {
	if t == PixelData && v == vrOW {
		if bits, _ := o.Int(BitsAllocated); bits == 32 || bits == 64 {
			return bits / 8
		}
	}
	return v.trait().width
}

// recognise gives an element of VR UN the VR that the dictionary knows: its
// value is encoded as implicit little endian (PS3.5 6.2.2).
func (d *decoder) recognise(o *Object, e *element, depth int) {
	v := e.tag.vr()
	if v != vrSQ {
		e.vr = v
		return
	}
	inner := &decoder{source: source{memory: e.value}, order: binary.LittleEndian, header: d.header, count: d.count}
	parsed := element{tag: e.tag, vr: vrSQ}
	if inner.sequence(o, &parsed, uint32(len(e.value)), false, depth) == nil {
		d.count = inner.count
		*e = parsed
	}
}

// sequence reads the items of a sequence. implicit says that they are encoded
// as implicit little endian, whatever the data set is.
func (d *decoder) sequence(o *Object, e *element, length uint32, implicit bool, depth int) error {
	if depth >= maxDepth {
		return limit(fmt.Sprintf("sequences nested deeper than %d", maxDepth))
	}
	if implicit {
		order, explicit := d.order, d.explicit
		d.order, d.explicit = binary.LittleEndian, false
		defer func() { d.order, d.explicit = order, explicit }()
	}
	e.content = &nested{}
	end := int64(-1)
	if length != undefined {
		end = d.pos + int64(length)
	}
	for end < 0 || d.pos < end {
		if left := end - d.pos; end >= 0 && left < 8 && len(d.peek(8)) == 0 {
			return nil // a length that is a little too large, at the end of the file
		}
		t, n, err := d.tagLength()
		switch {
		case err != nil:
			return atEnd(err)
		case t == tagSequenceEnd:
			return nil
		case t != tagItem:
			return failf("%s where an item of %s was expected", t, e.tag)
		}
		if d.count++; d.count > maxElements {
			return limit(fmt.Sprintf("more than %d attributes and items", maxElements))
		}
		item := &Object{name: o.name, syntax: o.syntax, swapped: o.swapped, parent: o}
		stop := int64(-1)
		if n != undefined {
			stop = d.pos + int64(n) // beyond the sequence, in some media directories
		}
		if err := d.dataset(item, stop, depth+1); err != nil {
			return err
		}
		e.content.items = append(e.content.items, item)
	}
	return nil
}

// fragments reads encapsulated pixel data (PS3.5 A.4): the basic offset table
// and the fragments. The end of the input may stand for the delimiter.
func (d *decoder) fragments(e *element) error {
	e.content = &nested{out: d.header}
	for {
		t, n, err := d.tagLength()
		switch {
		case err == io.EOF && len(e.content.fragments) > 0:
			return nil
		case err != nil:
			return atEnd(err)
		case t == tagSequenceEnd:
			return nil
		case t != tagItem || n == undefined:
			return failf("%s where a fragment of %s was expected", t, e.tag)
		}
		if d.count++; d.count > maxElements {
			return limit(fmt.Sprintf("more than %d attributes and items", maxElements))
		}
		if d.header {
			e.content.left += int64(n)
			if err := d.skip(int64(n)); err != nil {
				return err
			}
			continue
		}
		value, err := d.value(int64(n))
		if err != nil {
			return err
		}
		e.content.fragments = append(e.content.fragments, value)
	}
}
