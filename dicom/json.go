package dicom

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"consilium/fault"
)

// JSON writes the data set in the DICOM JSON model (PS3.18 annex F), without
// the file meta information. SpecificCharacterSet says ISO_IR 192: JSON is UTF-8.
//
// bulk is asked for every binary value (VR OB, OW, OD, OF, OL, OV, UN) of more
// than 0 bytes: the URI it gives is written as BulkDataURI, "" means inline. A
// nil bulk puts everything inline. path names the value within the object:
// tags and item numbers from 0, "54000100/0/54001010". length is -1 for a
// value that ParseHeader left out without knowing its length.
// Encapsulated pixel data are written as their stream of items, as PS3.5 A.4
// encodes them, without the sequence delimiter.
func (o *Object) JSON(bulk func(path string, length int) (uri string)) ([]byte, error) {
	var b bytes.Buffer
	err := o.appendJSON(&b, "", bulk)
	return b.Bytes(), err
}

func (o *Object) appendJSON(b *bytes.Buffer, path string, bulk func(string, int) string) error {
	b.WriteByte('{')
	first := true
	for i := range o.elements {
		e := &o.elements[i]
		if e.tag == SpecificCharacterSet {
			if path != "" {
				continue // of an item: there is one character set in JSON
			}
			e = &element{tag: e.tag, vr: vrCS, value: []byte(utf8Term)}
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		fmt.Fprintf(b, `"%s":{"vr":"%s"`, e.tag, e.vr)
		if err := o.jsonValue(b, e, path+e.tag.String(), bulk); err != nil {
			return err
		}
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return nil
}

// jsonValue writes the member Value, BulkDataURI or InlineBinary; none for an empty value.
func (o *Object) jsonValue(b *bytes.Buffer, e *element, path string, bulk func(string, int) string) error {
	if e.vr == vrSQ {
		items := o.Items(e.tag)
		if len(items) == 0 {
			return nil
		}
		b.WriteString(`,"Value":[`)
		for i, item := range items {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := item.appendJSON(b, fmt.Sprintf("%s/%d/", path, i), bulk); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	if e.content != nil || e.vr.trait().form == formBytes {
		return o.jsonBinary(b, e, path, bulk)
	}
	if len(e.value) == 0 {
		return nil
	}
	var list []string
	switch {
	case e.vr == vrPN:
		for _, name := range o.textValues(e) {
			list = append(list, personJSON(name))
		}
	case e.vr.trait().form == formText:
		for _, s := range o.textValues(e) {
			list = append(list, textJSON(s, e.vr))
		}
	default:
		for v := range e.numbers() {
			list = append(list, numberJSON(v, e.vr))
		}
	}
	if len(list) > 0 {
		fmt.Fprintf(b, `,"Value":[%s]`, strings.Join(list, ","))
	}
	return nil
}

func (o *Object) jsonBinary(b *bytes.Buffer, e *element, path string, bulk func(string, int) string) error {
	length := len(e.value)
	if e.content != nil {
		if length = streamLength(e.content.fragments); e.content.out {
			length = int(e.content.left)
		}
	}
	if length == 0 {
		return nil
	}
	if bulk != nil {
		if uri := bulk(path, length); uri != "" {
			fmt.Fprintf(b, `,"BulkDataURI":%s`, quote(uri))
			return nil
		}
	}
	if e.content != nil && e.content.out {
		return fault.New(fault.Usage, fmt.Sprintf("%s was parsed without the value of %s", o.name, path), "parse the whole object, or give a URI for it")
	}
	value := padded(e.value, 0)
	if e.content != nil {
		value = itemStream(e.content.fragments)
	}
	b.WriteString(`,"InlineBinary":"`)
	w := base64.NewEncoder(base64.StdEncoding, b)
	_, _ = w.Write(value)
	_ = w.Close()
	b.WriteByte('"')
	return nil
}

func streamLength(fragments [][]byte) int {
	n := 0
	for _, f := range fragments {
		n += 8 + len(f) + len(f)%2
	}
	return n
}

// quote writes a JSON string; text that is not UTF-8 has U+FFFD for what is wrong.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(strings.ToValidUTF8(s, string(utf8.RuneError)))
	return strings.TrimSuffix(b.String(), "\n")
}

// textJSON writes one text value: null when it is empty, a number for IS and
// DS where it is one.
func textJSON(s string, v vr) string {
	if s == "" {
		return "null"
	}
	if v == vrIS || v == vrDS {
		if n := strings.TrimPrefix(strings.TrimSpace(s), "+"); json.Valid([]byte(n)) && n != "null" && n != "true" && n != "false" {
			return n
		}
		if f, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil && f-f == 0 {
			return strconv.FormatFloat(f, 'g', -1, 64)
		}
	}
	return quote(s)
}

// personJSON writes a person's name by its component groups (PS3.18 F.2.2).
func personJSON(name string) string {
	var members []string
	groups := strings.SplitN(name, "=", 3)
	for i, key := range []string{"Alphabetic", "Ideographic", "Phonetic"} {
		if i < len(groups) && groups[i] != "" {
			members = append(members, `"`+key+`":`+quote(groups[i]))
		}
	}
	if len(members) == 0 {
		return "null"
	}
	return "{" + strings.Join(members, ",") + "}"
}

// numberJSON writes a binary number; those that JSON has no number for as text.
func numberJSON(n number, v vr) string {
	s := n.text(v)
	if v == vrAT || n.float-n.float != 0 {
		switch s {
		case "+Inf":
			s = "inf"
		case "-Inf":
			s = "-inf"
		}
		return quote(s)
	}
	if v == vrFL {
		return strconv.FormatFloat(n.float, 'g', -1, 32)
	}
	return s
}
