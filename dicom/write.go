package dicom

import (
	"bufio"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"

	"consilium/fault"
)

// Write writes the object as a Part 10 file: preamble, file meta information
// of our own, data set in the object's transfer syntax. Sequences have
// undefined length, so that nothing is held twice in memory.
//
// Errors: USAGE for an object without SOP class or instance UID, with pixel
// data that do not fit the transfer syntax, or parsed as a header; IO.
func (o *Object) Write(w io.Writer) error {
	meta, err := o.metaForWriting()
	if err != nil {
		return err
	}
	b := bufio.NewWriterSize(w, 64<<10)
	b.Write(make([]byte, 128))
	b.WriteString("DICM")
	e := encoder{w: b, order: binary.LittleEndian, explicit: true}
	for _, m := range meta {
		e.element(o, &m)
	}
	if err := o.WriteDataSet(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return fault.Wrap(err, fault.IO, "cannot write "+o.name, "check the folder and its free space")
	}
	return nil
}

// WriteDataSet writes the data set alone in the object's transfer syntax, as
// DIMSE sends it.
func (o *Object) WriteDataSet(w io.Writer) error {
	if err := o.writable(); err != nil {
		return err
	}
	out := w
	var squeezed *flate.Writer
	if o.syntax == Deflated {
		squeezed, _ = flate.NewWriter(w, flate.DefaultCompression)
		out = squeezed
	}
	b, buffered := out.(*bufio.Writer)
	if !buffered {
		b = bufio.NewWriterSize(out, 64<<10)
	}
	e := encoder{w: b}
	e.order, e.explicit = encodingOf(o.syntax)
	for i := range o.elements {
		e.element(o, &o.elements[i])
	}
	err := e.err
	if !buffered && err == nil {
		err = b.Flush()
	}
	if squeezed != nil && err == nil {
		err = squeezed.Close()
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot write "+o.name, "check the folder and its free space")
	}
	return nil
}

// writable refuses what cannot be a data set.
func (o *Object) writable() error {
	if e := o.find(PixelData); e != nil {
		if fragments := e.content != nil && e.content.fragments != nil; fragments != Encapsulated(o.syntax) && !(e.content != nil && e.content.out) {
			return fault.New(fault.Usage, o.name+": pixel data that do not fit the transfer syntax "+UIDName(o.syntax), "decode or encode the frames first")
		}
	}
	return o.Walk(func(_ []Tag, at *Object, t Tag) error {
		if e := at.find(t); e.content != nil && e.content.out {
			return fault.New(fault.Usage, fmt.Sprintf("%s was parsed without the value of %s", o.name, t), "parse the whole object")
		}
		return nil
	})
}

// kept of the file meta information that an object was read with: where it came from.
var keptMeta = []Tag{0x00020016, 0x00020017, 0x00020018}

// metaForWriting makes the file meta information (PS3.10 7.1).
func (o *Object) metaForWriting() ([]element, error) {
	id := o.IDs()
	if id.SOP == "" || id.Class == "" {
		return nil, fault.New(fault.Usage, o.name+" has no SOP class or instance UID", "set SOPClassUID and SOPInstanceUID")
	}
	text := func(t Tag, v vr, s string) element {
		return element{tag: t, vr: v, value: padded([]byte(s), v.trait().pad)}
	}
	meta := []element{
		{tag: 0x00020001, vr: vrOB, value: []byte{0, 1}},
		text(MediaStorageSOPClassUID, vrUI, id.Class),
		text(MediaStorageSOPInstanceUID, vrUI, id.SOP),
		text(TransferSyntaxUID, vrUI, o.syntax),
		text(0x00020012, vrUI, ImplementationClassUID),
		text(0x00020013, vrSH, ImplementationVersionName),
	}
	for _, t := range keptMeta {
		if e := o.find(t); e != nil {
			meta = append(meta, *e)
		}
	}
	length := 0
	for i := range meta {
		length += 8 + len(meta[i].value)
		if meta[i].vr.trait().long {
			length += 4
		}
	}
	group := element{tag: 0x00020000, vr: vrUL, value: binary.LittleEndian.AppendUint32(nil, uint32(length))}
	return slices.Insert(meta, 0, group), nil
}

// encoder writes elements; the first error stays.
type encoder struct {
	w        *bufio.Writer
	order    binary.ByteOrder
	explicit bool
	err      error
}

func (e *encoder) bytes(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *encoder) tag(t Tag) {
	var b [4]byte
	e.order.PutUint16(b[:], t.Group())
	e.order.PutUint16(b[2:], t.Element())
	e.bytes(b[:])
}

func (e *encoder) long(n uint32) {
	var b [4]byte
	e.order.PutUint32(b[:], n)
	e.bytes(b[:])
}

// prefix writes tag, VR and length. A value too long for its VR goes out as UN (PS3.5 6.2.2 note 6).
func (e *encoder) prefix(t Tag, v vr, length uint32) {
	e.tag(t)
	if !e.explicit {
		e.long(length)
		return
	}
	if !v.trait().long && length > math.MaxUint16 {
		v = vrUN
	}
	e.bytes([]byte{byte(v >> 8), byte(v)})
	if v.trait().long {
		e.bytes([]byte{0, 0})
		e.long(length)
		return
	}
	var b [2]byte
	e.order.PutUint16(b[:], uint16(length))
	e.bytes(b[:])
}

// element writes an element of o.
func (e *encoder) element(o *Object, m *element) {
	switch {
	case m.vr == vrSQ:
		e.prefix(m.tag, vrSQ, undefined)
		if m.content != nil {
			for _, item := range m.content.items {
				e.tag(tagItem)
				e.long(undefined)
				for i := range item.elements {
					e.element(item, &item.elements[i])
				}
				e.tag(tagItemEnd)
				e.long(0)
			}
		}
		e.tag(tagSequenceEnd)
		e.long(0)
	case m.content != nil && m.content.fragments != nil:
		e.prefix(m.tag, m.vr, undefined)
		for _, f := range m.content.fragments {
			f = padded(f, 0)
			e.tag(tagItem)
			e.long(uint32(len(f)))
			e.bytes(f)
		}
		e.tag(tagSequenceEnd)
		e.long(0)
	default:
		value := padded(m.value, m.vr.trait().pad)
		if width := o.word(m.tag, m.vr); width > 1 && e.order == binary.BigEndian {
			value = slices.Clone(value)
			swap(value, width)
		}
		e.prefix(m.tag, m.vr, uint32(len(value)))
		e.bytes(value)
	}
}
