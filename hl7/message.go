package hl7

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"consilium/fault"
)

// Limits of one message.
const (
	MaxMessage  = 4 << 20 // bytes
	MaxSegments = 10_000
	MaxFields   = 1_000 // of a segment
)

// Delimiters of a message; MSH-1 and MSH-2 declare them.
type Delimiters struct {
	Field, Component, Repetition, Escape, Subcomponent byte
}

// standard are the delimiters that everybody uses.
var standard = Delimiters{'|', '^', '~', '\\', '&'}

// Message is an HL7 v2 message. Its fields are as they were sent, escapes
// included; Value and Values read them.
type Message struct {
	Delimiters
	Segments []Segment
}

// Segment is a name and its fields: Fields[0] is the name, so that Fields[n]
// is what the standard numbers n. Of MSH, Fields[1] is the field separator.
type Segment struct{ Fields []string }

// Name of the segment, such as "PID".
func (s Segment) Name() string { return s.Fields[0] }

func malformed(what string) error {
	return fault.New(fault.InputMalformed, what, "look at the interface of the sender; the standard is HL7 v2")
}

// Parse reads a message: segments end with CR; LF and CR LF are taken, too, as
// many senders write them. The text must be UTF-8 (see Decode for others).
func Parse(raw []byte) (Message, error) {
	var m Message
	switch {
	case len(raw) > MaxMessage:
		return m, fault.New(fault.InputTooLarge, fmt.Sprintf("a message of %d bytes is beyond the limit of %d", len(raw), MaxMessage), "send less in one message")
	case len(raw) < 8 || string(raw[:3]) != "MSH":
		return m, malformed("a message begins with MSH and its delimiters")
	case !utf8.Valid(raw):
		return m, malformed("the message is not in the character set that it declares")
	}
	if err := m.delimiters(raw); err != nil {
		return m, err
	}
	text := strings.NewReplacer("\r\n", "\r", "\n", "\r").Replace(string(raw))
	for line := range strings.SplitSeq(text, "\r") {
		if line == "" {
			continue
		}
		if len(m.Segments) == MaxSegments {
			return m, fault.New(fault.InputTooLarge, fmt.Sprintf("a message with more than %d segments", MaxSegments), "send less in one message")
		}
		s, err := m.segment(line)
		if err != nil {
			return m, err
		}
		m.Segments = append(m.Segments, s)
	}
	return m, nil
}

// delimiters reads MSH-1 and MSH-2.
func (m *Message) delimiters(raw []byte) error {
	end := 3
	for end < len(raw) && end < 9 && raw[end] != '\r' && raw[end] != '\n' && (end == 3 || raw[end] != raw[3]) {
		end++
	}
	d := raw[3:end]
	if len(d) < 4 || len(d) > 6 { // without & in old messages; with # (truncation) since 2.7
		return malformed("MSH-2 does not declare the delimiters")
	}
	for i, c := range d {
		if c <= ' ' || c >= 0x7f || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || slices.Contains(d[:i], c) {
			return malformed("MSH-2 declares a delimiter that cannot be one")
		}
	}
	m.Delimiters = standard
	m.Field, m.Component, m.Repetition, m.Escape = d[0], d[1], d[2], d[3]
	if len(d) > 4 {
		m.Subcomponent = d[4]
	}
	return nil
}

func (m *Message) segment(line string) (Segment, error) {
	if strings.Count(line, string(m.Field)) > MaxFields {
		return Segment{}, fault.New(fault.InputTooLarge, fmt.Sprintf("a segment with more than %d fields", MaxFields), "look at the interface of the sender")
	}
	fields := strings.Split(line, string(m.Field))
	name := fields[0]
	if len(name) != 3 || strings.ContainsFunc(name, func(r rune) bool { return (r < 'A' || r > 'Z') && (r < '0' || r > '9') }) {
		return Segment{}, malformed(fmt.Sprintf("%.10q is no name of a segment", name))
	}
	if name == "MSH" {
		if len(m.Segments) > 0 {
			return Segment{}, malformed("a second MSH in one message")
		}
		fields = slices.Insert(fields, 1, string(m.Field))
	}
	return Segment{fields}, nil
}

// Bytes writes the message, each segment ended by CR.
func (m Message) Bytes() []byte {
	var b strings.Builder
	for _, s := range m.Segments {
		fields := s.Fields
		if s.Name() == "MSH" && len(fields) > 2 {
			fields = slices.Delete(slices.Clone(fields), 1, 2)
		}
		b.WriteString(strings.Join(fields, string(m.Field)))
		b.WriteByte('\r')
	}
	return []byte(b.String())
}

// Segment gives the first segment of a name.
func (m Message) Segment(name string) (Segment, bool) {
	for _, s := range m.Segments {
		if s.Name() == name {
			return s, true
		}
	}
	return Segment{}, false
}

// Raw gives a field as it was sent: "" when there is none.
func (s Segment) Raw(field int) string {
	if field < 0 || field >= len(s.Fields) {
		return ""
	}
	return s.Fields[field]
}

// Value gives a component (from 1) of the first repetition of a field, without
// escapes. The HL7 null ("", two quotes) is an empty value.
func (m Message) Value(s Segment, field, component int) string {
	values := m.Values(s, field, component)
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// Values gives a component of every repetition of a field.
func (m Message) Values(s Segment, field, component int) []string {
	raw := s.Raw(field)
	if raw == "" {
		return nil
	}
	var out []string
	for repetition := range strings.SplitSeq(raw, string(m.Repetition)) {
		parts := strings.Split(repetition, string(m.Component))
		value := ""
		if component >= 1 && component <= len(parts) {
			value, _, _ = strings.Cut(parts[component-1], string(m.Subcomponent))
		}
		if value == `""` {
			value = ""
		}
		out = append(out, m.Unescape(value))
	}
	return out
}

// Of is Value of the first segment of a name.
func (m Message) Of(name string, field, component int) string {
	s, ok := m.Segment(name)
	if !ok {
		return ""
	}
	return m.Value(s, field, component)
}

// Kind is MSH-9: message and event, such as "ADT" and "A01".
func (m Message) Kind() (message, event string) {
	return m.Of("MSH", 9, 1), m.Of("MSH", 9, 2)
}

// Control is MSH-10, by which the sender knows its message.
func (m Message) Control() string { return m.Of("MSH", 10, 1) }
