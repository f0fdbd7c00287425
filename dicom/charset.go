package dicom

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
)

const utf8Term = "ISO_IR 192"

// charset gives the defined terms of SpecificCharacterSet that hold for o: its
// own, or those of the data set around it (PS3.3 C.12.1.1.2).
func (o *Object) charset() []string {
	for at := o; at != nil; at = at.parent {
		if e := at.find(SpecificCharacterSet); e != nil {
			return strings.Split(decodeDefault(e.value), `\`)
		}
	}
	return nil
}

// codes is one coded character set of ISO 2022: how a run of bytes becomes text.
type codes struct {
	width  int  // bytes of a character
	high   bool // it is used with the high bit set (G1)
	decode func(b []byte) string
}

func through(e encoding.Encoding, before func(b []byte) []byte) func(b []byte) string {
	return func(b []byte) string {
		if before != nil {
			b = before(b)
		}
		s, err := e.NewDecoder().Bytes(b)
		if err != nil {
			return strings.Repeat("�", len(b))
		}
		return string(s)
	}
}

// setHigh moves a 7-bit double-byte set into the high half, where EUC has it.
func setHigh(b []byte) []byte {
	out := make([]byte, len(b))
	for i, c := range b {
		out[i] = c | 0x80
	}
	return out
}

// eucSupplement writes JIS X 0212 as EUC-JP has it: after a single shift.
func eucSupplement(b []byte) []byte {
	var out []byte
	for ; len(b) >= 2; b = b[2:] {
		out = append(out, 0x8f, b[0]|0x80, b[1]|0x80)
	}
	return out
}

// romaji is JIS X 0201 Latin: ASCII but for two characters. 5C stays a
// backslash, which delimits values, as everybody reads it.
func romaji(b []byte) string { return strings.ReplaceAll(string(b), "~", "‾") }

// sets holds the coded character sets by the escape sequence that designates
// them (PS3.3 tables C.12-3 and C.12-4).
var sets = map[string]codes{
	"(B":  {width: 1, decode: func(b []byte) string { return string(b) }},
	"(J":  {width: 1, decode: romaji},
	")I":  {width: 1, high: true, decode: through(japanese.ShiftJIS, nil)},
	"-A":  {width: 1, high: true, decode: through(charmap.ISO8859_1, nil)},
	"-B":  {width: 1, high: true, decode: through(charmap.ISO8859_2, nil)},
	"-C":  {width: 1, high: true, decode: through(charmap.ISO8859_3, nil)},
	"-D":  {width: 1, high: true, decode: through(charmap.ISO8859_4, nil)},
	"-L":  {width: 1, high: true, decode: through(charmap.ISO8859_5, nil)},
	"-G":  {width: 1, high: true, decode: through(charmap.ISO8859_6, nil)},
	"-F":  {width: 1, high: true, decode: through(charmap.ISO8859_7, nil)},
	"-H":  {width: 1, high: true, decode: through(charmap.ISO8859_8, nil)},
	"-M":  {width: 1, high: true, decode: through(charmap.ISO8859_9, nil)},
	"-T":  {width: 1, high: true, decode: through(charmap.Windows874, nil)},
	"-b":  {width: 1, high: true, decode: through(charmap.ISO8859_15, nil)},
	"$B":  {width: 2, decode: through(japanese.EUCJP, setHigh)},
	"$(D": {width: 2, decode: through(japanese.EUCJP, eucSupplement)},
	"$)C": {width: 2, high: true, decode: through(korean.EUCKR, nil)},
	"$)A": {width: 2, high: true, decode: through(simplifiedchinese.GBK, nil)},
}

// terms gives the escape sequences that a defined term starts with: G0 and G1.
var terms = map[string][2]string{
	"6":   {"(B", ""},
	"100": {"(B", "-A"},
	"101": {"(B", "-B"},
	"109": {"(B", "-C"},
	"110": {"(B", "-D"},
	"144": {"(B", "-L"},
	"127": {"(B", "-G"},
	"126": {"(B", "-F"},
	"138": {"(B", "-H"},
	"148": {"(B", "-M"},
	"166": {"(B", "-T"},
	"203": {"(B", "-b"},
	"13":  {"(J", ")I"},
	"87":  {"(B", ""},
	"159": {"(B", ""},
	"149": {"(B", "$)C"}, // many writers leave the escape sequence out
	"58":  {"(B", "$)A"},
}

// decodeText turns encoded text into UTF-8. Bytes that the character set does
// not define become U+FFFD, or ISO 8859-1 where no character set is given, as
// other readers do.
func decodeText(b []byte, charset []string, v vr) string {
	if ascii(b) {
		return string(b)
	}
	first := ""
	if len(charset) > 0 {
		first = normalTerm(charset[0])
	}
	switch first {
	case "192":
		return strings.ToValidUTF8(string(b), "�")
	case "GB18030":
		return through(simplifiedchinese.GB18030, nil)(b)
	case "GBK":
		return through(simplifiedchinese.GBK, nil)(b)
	}
	initial, known := terms[first]
	if !known {
		initial = terms["100"]
	}
	if initial[1] == "" { // without a second half of its own: what a later term brings, at last ISO 8859-1
		initial[1] = "-A"
		for _, term := range charset[min(1, len(charset)):] {
			if more := terms[normalTerm(term)]; more[1] != "" && !strings.HasPrefix(more[1], "-") {
				initial[1] = more[1]
				break
			}
		}
	}
	return decode2022(b, initial, v)
}

// normalTerm brings "ISO 2022 IR 87", "ISO_IR 87" and common misspellings into one form: "87".
func normalTerm(s string) string {
	s = strings.ToUpper(strings.NewReplacer("_", " ", "-", " ").Replace(trimText(s)))
	if s == "" {
		return "6"
	}
	if i := strings.LastIndex(s, "IR "); i >= 0 {
		return strings.TrimSpace(s[i+3:])
	}
	if i := strings.LastIndex(s, "IR"); i >= 0 {
		return strings.TrimSpace(s[i+2:])
	}
	return s
}

// decode2022 decodes text with code extensions (ISO/IEC 2022, PS3.5 6.1.2.5).
// Both halves return to their initial sets at every delimiter (6.1.2.5.3).
func decode2022(b []byte, initial [2]string, v vr) string {
	var out strings.Builder
	now := initial
	for len(b) > 0 {
		if b[0] == 0x1b {
			if n, half, name := designation(b[1:]); n > 0 {
				now[half] = name
				b = b[1+n:]
				continue
			}
		}
		half := 0
		if b[0] >= 0x80 {
			half = 1
		}
		set := sets[now[half]]
		if b[0] < 0x21 || half == 0 && set.width == 1 { // controls, space and single bytes, one at a time for the delimiters
			if delimiter(b[0], v) {
				now = initial
			}
			out.WriteString(sets[now0(now, b[0])].decode(b[:1]))
			b = b[1:]
			continue
		}
		n := runLength(b, half == 1, set.width)
		out.WriteString(set.decode(b[:n]))
		b = b[n:]
	}
	return out.String()
}

// now0 is the single-byte set that a low byte is read with.
func now0(now [2]string, c byte) string {
	if c < 0x21 || sets[now[0]].width != 1 {
		return "(B"
	}
	return now[0]
}

// runLength is how many of the first bytes belong to one half, in whole characters.
func runLength(b []byte, high bool, width int) int {
	n := 0
	for n < len(b) && (b[n] >= 0x80) == high && (high || b[n] >= 0x21) && b[n] != 0x1b {
		n++
	}
	return max(n-n%width, min(n, 1))
}

// designation recognises an escape sequence: its length without the escape,
// and which half it designates.
func designation(b []byte) (n, half int, name string) {
	for n = 2; n <= 3 && n <= len(b); n++ {
		name = string(b[:n])
		if set, known := sets[name]; known {
			if set.high {
				half = 1
			}
			return n, half, name
		}
	}
	return 0, 0, ""
}

// delimiter says whether c ends a value, a component or a line.
func delimiter(c byte, v vr) bool {
	switch c {
	case '\r', '\n', '\f', '\t':
		return true
	case '\\':
		return !v.trait().single
	case '^', '=':
		return v == vrPN
	}
	return false
}

// decodeDefault reads text to which no character set applies.
func decodeDefault(b []byte) string {
	if ascii(b) || utf8.Valid(b) {
		return string(b)
	}
	return through(charmap.ISO8859_1, nil)(b)
}

func ascii(b []byte) bool {
	for _, c := range b {
		if c >= 0x80 || c == 0x1b {
			return false
		}
	}
	return true
}
