package dicom

import (
	"cmp"
	"slices"
)

// Object is one data set: a SOP instance with its file meta information, or an
// item of a sequence. Values are held as they are encoded in little endian
// byte order and in the object's own character set; the getters decode them.
//
// An object is not safe for concurrent use while it is changed.
type Object struct {
	name     string // what the user calls it
	syntax   string // transfer syntax UID
	swapped  bool   // it was read from big endian
	meta     []element
	elements []element // ascending by tag
	parent   *Object   // of an item: where its character set comes from
}

// element is one attribute.
type element struct {
	tag     Tag
	vr      vr
	value   []byte  // even length, little endian; nil for sequences and encapsulated values
	content *nested // of a sequence, of encapsulated pixel data, and of a value left out
}

// nested is what an element has other than plain bytes.
type nested struct {
	items     []*Object
	fragments [][]byte // first the basic offset table (PS3.5 A.4)
	left      int64    // bytes that ParseHeader left out; -1 when the length is not known
	out       bool     // the value was left out
}

// New makes an empty object; transferSyntax "" is Explicit VR Little Endian.
func New(transferSyntax string) *Object {
	o := &Object{name: "the object"}
	o.SetTransferSyntax(transferSyntax)
	return o
}

// TransferSyntax is the UID that the object was read with, or will be written with.
func (o *Object) TransferSyntax() string { return o.syntax }

// SetTransferSyntax says how the object is to be written. It does not touch
// the pixel data: for a compressed syntax, set frames that fit it.
func (o *Object) SetTransferSyntax(uid string) {
	if uid == "" {
		uid = ExplicitLittle
	}
	o.syntax = uid
}

// Name is what error messages call the object: the file name it was read from.
func (o *Object) Name() string { return o.name }

// list is the part of the object that holds t.
func (o *Object) list(t Tag) *[]element {
	if t.Group() == 0x0002 {
		return &o.meta
	}
	return &o.elements
}

func search(list []element, t Tag) (int, bool) {
	return slices.BinarySearchFunc(list, t, func(e element, t Tag) int { return cmp.Compare(e.tag, t) })
}

// find gives the element; nil when it is absent.
func (o *Object) find(t Tag) *element {
	list := *o.list(t)
	if i, found := search(list, t); found {
		return &list[i]
	}
	return nil
}

// put adds or replaces an element.
func (o *Object) put(e element) {
	list := o.list(e.tag)
	i, found := search(*list, e.tag)
	if found {
		(*list)[i] = e
		return
	}
	*list = slices.Insert(*list, i, e)
}

// Has says whether the attribute is there, with a value or empty.
func (o *Object) Has(t Tag) bool { return o.find(t) != nil }

// VR is the value representation of the attribute; "" when it is absent.
func (o *Object) VR(t Tag) string {
	if e := o.find(t); e != nil {
		return e.vr.String()
	}
	return ""
}

// Delete removes an attribute; one that is absent is no error.
func (o *Object) Delete(t Tag) {
	list := o.list(t)
	if i, found := search(*list, t); found {
		*list = slices.Delete(*list, i, i+1)
	}
}

// Tags lists the attributes in ascending order, without those of the file meta information.
func (o *Object) Tags() []Tag {
	out := make([]Tag, len(o.elements))
	for i := range o.elements {
		out[i] = o.elements[i].tag
	}
	return out
}

// Items gives the items of a sequence; none when it is absent or no sequence.
func (o *Object) Items(t Tag) []*Object {
	if e := o.find(t); e != nil && e.content != nil {
		return e.content.items
	}
	return nil
}

// Item gives the first item of a sequence; an empty object when there is none,
// so that getters can be chained.
func (o *Object) Item(t Tag) *Object {
	if items := o.Items(t); len(items) > 0 {
		return items[0]
	}
	return &Object{name: o.name, syntax: o.syntax, parent: o}
}

// Walk calls visit for every attribute, those of nested items too, in
// ascending order. path holds the tags of the sequences around it, outermost
// first; at is the data set that holds t, in which visit may change or delete
// t. Walk ends with the first error. path is only valid during the call.
func (o *Object) Walk(visit func(path []Tag, at *Object, t Tag) error) error {
	return o.walk(nil, visit)
}

func (o *Object) walk(path []Tag, visit func(path []Tag, at *Object, t Tag) error) error {
	for _, t := range o.Tags() {
		if err := visit(path, o, t); err != nil {
			return err
		}
		for _, item := range o.Items(t) {
			if err := item.walk(append(path, t), visit); err != nil {
				return err
			}
		}
	}
	return nil
}

// Clone makes an independent copy. The bytes of values are shared: they are
// never changed in place.
func (o *Object) Clone() *Object {
	c := *o
	c.parent = nil
	c.meta = slices.Clone(o.meta)
	c.elements = slices.Clone(o.elements)
	for i := range c.elements {
		e := &c.elements[i]
		if e.content == nil {
			continue
		}
		n := *e.content
		n.items = make([]*Object, len(e.content.items))
		for k, item := range e.content.items {
			n.items[k] = item.Clone()
			n.items[k].parent = &c
		}
		e.content = &n
	}
	return &c
}

// IDs are the identifiers by which objects are filed.
type IDs struct {
	Study, Series, SOP string // instance UIDs
	Class              string // SOP class UID
	Patient            string // patient ID
	Accession          string
	TransferSyntax     string
}

// IDs gives the identifiers; what is absent is "". SOP and Class fall back to
// the file meta information.
func (o *Object) IDs() IDs {
	id := IDs{
		Study: o.Text(StudyInstanceUID), Series: o.Text(SeriesInstanceUID),
		SOP: o.Text(SOPInstanceUID), Class: o.Text(SOPClassUID),
		Patient: o.Text(PatientID), Accession: o.Text(AccessionNumber), TransferSyntax: o.syntax,
	}
	id.SOP = cmp.Or(id.SOP, o.Text(MediaStorageSOPInstanceUID))
	id.Class = cmp.Or(id.Class, o.Text(MediaStorageSOPClassUID))
	return id
}
