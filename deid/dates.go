package deid

import (
	"strings"
	"time"

	"consilium/dicom"
)

// moveDates moves dates by the patient's shift; times of day stay, so that
// what was done within a day keeps its order and distance.
func (j *job) moveDates(o *dicom.Object, t dicom.Tag, vr string) error {
	if vr == "TM" {
		return nil
	}
	var out []any
	for _, s := range o.Texts(t) {
		out = append(out, moveDate(s, j.shift))
	}
	return o.SetVR(t, vr, out...)
}

// moveDate moves YYYYMMDD and what follows it. A date without a day, or what
// is no date, is dropped: it cannot be moved.
func moveDate(s string, days int) string {
	if len(s) == 10 && s[4] == '.' && s[7] == '.' { // ACR-NEMA
		s = strings.ReplaceAll(s, ".", "")
	}
	if len(s) < 8 {
		return ""
	}
	day, err := time.Parse("20060102", s[:8])
	if err != nil {
		return ""
	}
	moved := day.AddDate(0, 0, days)
	if moved.Year() < 0 || moved.Year() > 9999 {
		return ""
	}
	return moved.Format("20060102") + s[8:]
}
