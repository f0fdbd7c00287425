package phenotype

import (
	"fmt"
	"regexp"
	"strconv"
)

// antenatal is HPO's onset before birth; gestational ages are all inside it.
const antenatal = "HP:0030674"

// duration is an ISO 8601 duration as ages are written: P4Y, P1Y5M, P3M10D, P2W.
var duration = regexp.MustCompile(`^P(?:(\d{1,3})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})W)?(?:(\d{1,5})D)?(?:T[0-9HMS.]*)?$`)

// onset is an HPO term or an ISO 8601 duration; of a range its beginning; "" when unknown.
func (t *timeElement) onset() string {
	switch {
	case t == nil:
		return ""
	case t.Class != nil:
		return t.Class.ID
	case t.Age != nil && duration.MatchString(t.Age.Duration):
		return t.Age.Duration
	case t.AgeRange != nil && t.AgeRange.Start != nil && duration.MatchString(t.AgeRange.Start.Duration):
		return t.AgeRange.Start.Duration
	case t.Gestational != nil:
		return antenatal
	}
	return ""
}

// ageString is an age as DICOM writes it (4Y is 004Y, 1Y5M is 017M), in
// completed units; "" when it is not known as a number.
func (t *timeElement) ageString() string {
	if t == nil || t.Age == nil {
		return ""
	}
	m := duration.FindStringSubmatch(t.Age.Duration)
	if m == nil {
		return ""
	}
	n := func(i int) int { v, _ := strconv.Atoi(m[i]); return v } // the pattern holds digits only
	years, months, weeks, days := n(1), n(2), n(3), n(4)
	total := 12*years + months
	switch {
	case m[0] == "P":
		return ""
	case total == 0 && weeks == 0:
		return dicomAge(days, "D")
	case total == 0:
		return dicomAge(weeks, "W")
	case total%12 == 0 || total > 999:
		return dicomAge(total/12, "Y")
	}
	return dicomAge(total, "M")
}

func dicomAge(n int, unit string) string {
	if n > 999 {
		return ""
	}
	return fmt.Sprintf("%03d%s", n, unit)
}

// isoAge turns a DICOM age string into a duration; nil when it is none.
func isoAge(s string) *timeElement {
	var n int
	var unit string
	if _, err := fmt.Sscanf(s, "%3d%1s", &n, &unit); err != nil || n < 0 {
		return nil
	}
	switch unit {
	case "M":
		if years := n / 12; years > 0 && n%12 > 0 {
			return &timeElement{Age: &age{fmt.Sprintf("P%dY%dM", years, n%12)}}
		}
	case "Y", "W", "D":
	default:
		return nil
	}
	return &timeElement{Age: &age{fmt.Sprintf("P%d%s", n, unit)}}
}
