package result

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"consilium/dicom"
)

// draft writes attributes into a data set and keeps the first error, so that
// the code that lists attributes stays a list.
type draft struct {
	*dicom.Object
	err *error
}

func newDraft(o *dicom.Object) draft { return draft{o, new(error)} }

// set writes an attribute; without values it is there and empty (type 2).
func (d draft) set(t dicom.Tag, values ...any) {
	if err := d.Set(t, values...); err != nil && *d.err == nil {
		*d.err = err
	}
}

// setKnown writes a text only when there is one (type 3).
func (d draft) setKnown(t dicom.Tag, value string) {
	if value != "" {
		d.set(t, value)
	}
}

// items writes a sequence; without items it is there and empty.
func (d draft) items(t dicom.Tag, items ...*dicom.Object) {
	if err := d.SetItems(t, items...); err != nil && *d.err == nil {
		*d.err = err
	}
}

// item makes an item of a sequence.
func (d draft) item(fill func(i draft)) *dicom.Object {
	i := draft{dicom.New(""), d.err}
	fill(i)
	return i.Object
}

// one writes a sequence of one item.
func (d draft) one(t dicom.Tag, fill func(i draft)) { d.items(t, d.item(fill)) }

// code writes a code sequence of one item.
func (d draft) code(t dicom.Tag, c Code) { d.items(t, c.item(d)) }

// short cuts a line of text to n characters and takes out what a single-line
// value may not hold: control characters and backslashes.
func short(s string, n int) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
	if utf8.RuneCountInString(s) > n {
		s = strings.TrimSpace(string([]rune(s)[:n-3])) + "..."
	}
	return s
}

// long makes a text that may have lines (VR LT, ST, UT).
func long(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// decimal writes a number in the 16 characters of VR DS, with six digits.
func decimal(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

// A day, a time of day and a moment, as DICOM writes them.
func date(t time.Time) string   { return t.Format("20060102") }
func clock(t time.Time) string  { return t.Format("150405.000000") }
func moment(t time.Time) string { return t.Format("20060102150405.000000-0700") }
