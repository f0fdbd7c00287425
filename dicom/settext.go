package dicom

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// encodeText writes values of a text VR, joined by backslashes.
func (o *Object) encodeText(t Tag, v vr, values []any) ([]byte, error) {
	trait := v.trait()
	texts := make([]string, len(values))
	for i, value := range values {
		s, err := textOf(t, v, value)
		if err != nil {
			return nil, err
		}
		if !utf8.ValidString(s) || strings.ContainsRune(s, 0) || strings.Contains(s, `\`) && !trait.single {
			return nil, badValue(t, v, "give text without backslashes, one value each")
		}
		texts[i] = s
	}
	if trait.single && len(texts) > 1 {
		return nil, badValue(t, v, "give one value")
	}
	joined := strings.Join(texts, `\`)
	if !ascii([]byte(joined)) {
		if !trait.encoded {
			return nil, badValue(t, v, "give ASCII")
		}
		if !o.isUTF8() {
			o.root().toUTF8()
		}
	}
	return padded([]byte(joined), trait.pad), nil
}

// Syntax of values whose VR restricts them (PS3.5 table 6.2-1).
var textSyntax = map[vr]*regexp.Regexp{
	vrCS: regexp.MustCompile(`^[A-Z0-9 _]{0,16}$`),
	vrDA: regexp.MustCompile(`^([0-9]{8}|[0-9]{0,8}-[0-9]{0,8})?$`),
	vrTM: regexp.MustCompile(`^[0-9. -]{0,28}$`),
	vrDT: regexp.MustCompile(`^[0-9+. -]{0,54}$`),
	vrAS: regexp.MustCompile(`^([0-9]{3}[DWMY])?$`),
	vrAE: regexp.MustCompile(`^[ -\[\]-~]{0,16}$`),
	vrDS: regexp.MustCompile(`^ *([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)? *$`),
	vrIS: regexp.MustCompile(`^ *([+-]?[0-9]{1,11})? *$`),
}

// textOf writes one value as the VR wants it.
func textOf(t Tag, v vr, value any) (string, error) {
	s := ""
	switch x := value.(type) {
	case string:
		s = x
	case fmt.Stringer:
		s = x.String()
	case float64, float32:
		f, _ := decimal(x)
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return "", badValue(t, v, "give a finite number")
		}
		s = decimalString(f)
		if v == vrIS {
			s = strconv.FormatFloat(f, 'f', 0, 64)
		}
	default:
		n, ok := whole(value)
		if !ok {
			return "", badValue(t, v, fmt.Sprintf("give text or a number, not a %T", value))
		}
		s = strconv.FormatInt(n, 10)
	}
	switch rule := textSyntax[v]; {
	case v == vrUI && s != "" && !ValidUID(s):
		return "", badValue(t, v, fmt.Sprintf("give a UID, not %.80q", s))
	case rule != nil && !rule.MatchString(s):
		return "", badValue(t, v, fmt.Sprintf("give what this VR allows, not %.80q", s))
	}
	return s, nil
}

// decimalString writes a number in the 16 characters of a DS, as precisely as they allow.
func decimalString(f float64) string {
	s := strconv.FormatFloat(f, 'g', -1, 64)
	for digits := 15; len(s) > 16; digits-- {
		s = strconv.FormatFloat(f, 'g', digits, 64)
	}
	return s
}

// isUTF8 says whether text of o is UTF-8.
func (o *Object) isUTF8() bool {
	set := o.charset()
	return len(set) > 0 && normalTerm(set[0]) == "192"
}

func sameCharset(a, b *Object) bool { return slices.Equal(a.charset(), b.charset()) || a.plainText() }

// plainText says whether all text of o, items included, is ASCII.
func (o *Object) plainText() bool {
	plain := true
	_ = o.Walk(func(_ []Tag, at *Object, t Tag) error {
		if e := at.find(t); e.vr.trait().encoded && !ascii(e.value) {
			plain = false
		}
		return nil
	})
	return plain
}

// toUTF8 rewrites all text of o, items included, as UTF-8 and says so.
func (o *Object) toUTF8() {
	if o.isUTF8() {
		return
	}
	o.recode(o.charset())
	o.put(element{tag: SpecificCharacterSet, vr: vrCS, value: []byte(utf8Term)})
}

func (o *Object) recode(around []string) {
	set := around
	if o.Has(SpecificCharacterSet) {
		set = o.charset()
		o.Delete(SpecificCharacterSet)
	}
	for i := range o.elements {
		e := &o.elements[i]
		if e.vr.trait().encoded && !ascii(e.value) {
			e.value = padded([]byte(decodeText(e.value, set, e.vr)), e.vr.trait().pad)
		}
		if e.content != nil {
			for _, item := range e.content.items {
				item.recode(set)
			}
		}
	}
}
