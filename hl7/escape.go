package hl7

import (
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// Escapes of section 2.7: \F\ \S\ \T\ \R\ \E\ for the delimiters, \X0D\ for
// bytes, \.br\ for a line break. Others (highlighting, escapes of character
// sets) are left as they are.

// Escaped makes text fit for a field.
func (d Delimiters) Escaped(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		code := ""
		switch c := text[i]; c {
		case d.Field:
			code = "F"
		case d.Component:
			code = "S"
		case d.Subcomponent:
			code = "T"
		case d.Repetition:
			code = "R"
		case d.Escape:
			code = "E"
		case '\n':
			code = ".br"
		case '\r':
			if i+1 < len(text) && text[i+1] == '\n' {
				continue
			}
			code = ".br"
		default:
			if c < ' ' {
				code = "X" + strings.ToUpper(hex.EncodeToString([]byte{c}))
				break
			}
			b.WriteByte(c)
			continue
		}
		b.WriteByte(d.Escape)
		b.WriteString(code)
		b.WriteByte(d.Escape)
	}
	return b.String()
}

// Unescape gives the text of a field.
func (d Delimiters) Unescape(field string) string {
	if strings.IndexByte(field, d.Escape) < 0 {
		return field
	}
	var b strings.Builder
	for len(field) > 0 {
		start := strings.IndexByte(field, d.Escape)
		if start < 0 {
			break
		}
		length := strings.IndexByte(field[start+1:], d.Escape)
		if length < 0 {
			break
		}
		b.WriteString(field[:start])
		code := field[start+1 : start+1+length]
		text, known := d.meaning(code)
		if !known {
			text = field[start : start+length+2]
		}
		b.WriteString(text)
		field = field[start+length+2:]
	}
	b.WriteString(field)
	return b.String()
}

func (d Delimiters) meaning(code string) (string, bool) {
	switch code {
	case "F":
		return string(d.Field), true
	case "S":
		return string(d.Component), true
	case "T":
		return string(d.Subcomponent), true
	case "R":
		return string(d.Repetition), true
	case "E":
		return string(d.Escape), true
	case ".br":
		return "\n", true
	}
	if digits, ok := strings.CutPrefix(code, "X"); ok {
		raw, err := hex.DecodeString(digits)
		if err == nil && len(raw) > 0 && utf8.Valid(raw) {
			return string(raw), true
		}
	}
	return "", false
}
