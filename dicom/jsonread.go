package dicom

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"consilium/fault"
)

// ParseJSON reads one object in the DICOM JSON model (PS3.18 annex F), of at
// most MaxBytes. Text becomes UTF-8. bulk fetches what a BulkDataURI names;
// with a nil bulk such a value is left out, as ParseHeader leaves values out.
// A value that is a well-formed stream of items becomes encapsulated pixel
// data. The transfer syntax is that of AvailableTransferSyntaxUID, else
// Explicit VR Little Endian; set another where it is known.
func ParseJSON(b []byte, bulk func(uri string) ([]byte, error)) (*Object, error) {
	if len(b) > MaxBytes {
		return nil, tooLarge("the DICOM JSON", "%d bytes, the limit is %d", len(b), MaxBytes)
	}
	r := &jsonReader{bulk: bulk}
	o := New("")
	o.name = "the DICOM JSON"
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := r.object(d, o, 0); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, malformed(o.name, "more than one object")
	}
	if s := o.Text(AvailableTransferSyntaxUID); ValidUID(s) {
		o.syntax = s
	}
	if r.charset || !o.plainText() {
		o.put(element{tag: SpecificCharacterSet, vr: vrCS, value: []byte(utf8Term)})
	}
	return o, nil
}

type jsonReader struct {
	bulk    func(uri string) ([]byte, error)
	count   int
	charset bool // the object names a character set
}

// attributeJSON is the object under a tag.
type attributeJSON struct {
	VR          string            `json:"vr"`
	Value       []json.RawMessage `json:"Value"`
	BulkDataURI string            `json:"BulkDataURI"`
	Inline      *string           `json:"InlineBinary"`
}

func (r *jsonReader) bad(format string, a ...any) error {
	return malformed("the DICOM JSON", fmt.Sprintf(format, a...))
}

// object reads the members of an object, one tag at a time.
func (r *jsonReader) object(d *json.Decoder, o *Object, depth int) error {
	if depth > maxDepth {
		return tooLarge("the DICOM JSON", "sequences nested deeper than %d", maxDepth)
	}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return r.bad("an object was expected")
	}
	for d.More() {
		key, err := d.Token()
		name, _ := key.(string)
		t, bad := ParseTag(name)
		if err != nil || bad != nil || len(name) != 8 {
			return r.bad("%.40q is no tag", name)
		}
		if r.count++; r.count > maxElements {
			return tooLarge("the DICOM JSON", "more than %d attributes and items", maxElements)
		}
		var a attributeJSON
		if err := d.Decode(&a); err != nil {
			return r.bad("%s: %v", t, err)
		}
		e, err := r.element(o, t, a, depth)
		if err != nil {
			return err
		}
		r.charset = r.charset || t == SpecificCharacterSet
		if t.Element() != 0 && t != SpecificCharacterSet {
			*o.list(t) = append(*o.list(t), e)
		}
	}
	if _, err := d.Token(); err != nil {
		return r.bad("it ends too early")
	}
	o.elements, o.meta = tidy(o.elements), tidy(o.meta)
	return nil
}

// element reads one attribute.
func (r *jsonReader) element(o *Object, t Tag, a attributeJSON, depth int) (element, error) {
	v := toVR(cmp.Or(a.VR, t.VR()))
	e := element{tag: t, vr: v}
	var err error
	switch {
	case !v.known():
		return e, r.bad("%s has VR %.8q", t, a.VR)
	case a.Inline != nil || a.BulkDataURI != "":
		return e, r.binary(&e, a)
	case v == vrSQ:
		e.content = &nested{}
		for _, raw := range a.Value {
			item := &Object{name: o.name, syntax: o.syntax, parent: o}
			d := json.NewDecoder(bytes.NewReader(raw))
			d.UseNumber()
			if r.count++; string(raw) == "null" { // an empty item may be written so
				e.content.items = append(e.content.items, item)
				continue
			}
			if err := r.object(d, item, depth+1); err != nil {
				return e, err
			}
			e.content.items = append(e.content.items, item)
		}
	case len(a.Value) == 0:
	case v.trait().form == formText:
		e.value, err = r.text(t, v, a.Value)
	case v.trait().form == formBytes:
		return e, r.bad("%s %s has a Value instead of InlineBinary", t, v)
	default:
		e.value, err = r.numbers(t, v, a.Value)
	}
	return e, err
}

func (r *jsonReader) binary(e *element, a attributeJSON) (err error) {
	if e.vr == vrSQ {
		return r.bad("%s is a sequence and has binary data", e.tag)
	}
	if a.Inline != nil {
		e.value, err = base64.StdEncoding.DecodeString(*a.Inline)
		if err != nil {
			return r.bad("%s: InlineBinary is not base64", e.tag)
		}
	} else if r.bulk == nil {
		e.content = &nested{out: true, left: -1}
		return nil
	} else if e.value, err = r.bulk(a.BulkDataURI); err != nil {
		return err
	}
	if e.vr == vrOB || e.vr == vrOW {
		if fragments := itemsOf(e.value); fragments != nil {
			e.vr, e.value, e.content = vrOB, nil, &nested{fragments: fragments}
			return nil
		}
	}
	e.value = padded(e.value, e.vr.trait().pad)
	return nil
}

// text reads the values of a text VR: strings, numbers, names, null for empty.
func (r *jsonReader) text(t Tag, v vr, values []json.RawMessage) ([]byte, error) {
	out := make([]string, len(values))
	for i, raw := range values {
		var person struct{ Alphabetic, Ideographic, Phonetic string }
		switch {
		case string(raw) == "null":
		case v == vrPN && raw[0] == '{':
			if err := json.Unmarshal(raw, &person); err != nil {
				return nil, r.bad("%s: %v", t, err)
			}
			out[i] = strings.TrimRight(person.Alphabetic+"="+person.Ideographic+"="+person.Phonetic, "=")
		case raw[0] == '"':
			if err := json.Unmarshal(raw, &out[i]); err != nil {
				return nil, r.bad("%s: %v", t, err)
			}
		case raw[0] == '-' || raw[0] >= '0' && raw[0] <= '9':
			out[i] = string(raw)
			if f, err := json.Number(raw).Float64(); v == vrDS && len(raw) > 16 && err == nil {
				out[i] = decimalString(f)
			}
		default:
			return nil, r.bad("%s %s has the value %.40s", t, v, raw)
		}
		if strings.Contains(out[i], `\`) && !v.trait().single {
			return nil, r.bad("%s has a backslash in a value", t)
		}
	}
	if v.trait().single && len(out) > 1 {
		return nil, r.bad("%s has %d values", t, len(out))
	}
	return padded([]byte(strings.Join(out, `\`)), v.trait().pad), nil
}

// numbers reads the values of a binary VR: numbers, or text such as "NaN" and tags.
func (r *jsonReader) numbers(t Tag, v vr, values []json.RawMessage) ([]byte, error) {
	list := make([]any, len(values))
	for i, raw := range values {
		s := string(raw)
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &s); err != nil {
				return nil, r.bad("%s: %v", t, err)
			}
		}
		list[i] = s
		if f, ok := decimal(s); ok && v != vrFL && v != vrFD && v != vrAT {
			if n, isWhole := whole(f); isWhole && f < 1<<53 && f > -1<<53 { // 1.0 is a whole number
				list[i] = n
			}
		}
	}
	b, err := encodeNumbers(t, v, list)
	if err != nil {
		return nil, r.bad("%s: %s", t, fault.Of(err).Do)
	}
	return b, nil
}

// itemStream writes fragments as items, PS3.5 A.4, without the delimiter.
func itemStream(fragments [][]byte) []byte {
	out := make([]byte, 0, streamLength(fragments))
	for _, f := range fragments {
		out = append(out, 0xfe, 0xff, 0x00, 0xe0)
		out = binary.LittleEndian.AppendUint32(out, uint32(len(f)+len(f)%2))
		out = append(out, f...)
		if len(f)%2 == 1 {
			out = append(out, 0)
		}
	}
	return out
}

// itemsOf reads a stream of items, with or without the delimiter; nil when b is none.
func itemsOf(b []byte) [][]byte {
	var out [][]byte
	for len(b) >= 8 {
		t, n := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		b = b[8:]
		if t == "\xfe\xff\xdd\xe0" && len(b) == 0 {
			return out
		}
		if t != "\xfe\xff\x00\xe0" || n > int64(len(b)) {
			return nil
		}
		out = append(out, b[:n:n])
		b = b[n:]
	}
	if len(b) > 0 {
		return nil
	}
	return out
}
