package dicom

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"consilium/clinical"
	"consilium/fault"
)

// SOP classes that are read or written here (PS3.4 B.5).
const (
	computedRadiography = "1.2.840.10008.5.1.4.1.1.1"
	secondaryCapture    = "1.2.840.10008.5.1.4.1.1.7"
	twelveLeadECG       = "1.2.840.10008.5.1.4.1.1.9.1.1"
	generalECG          = "1.2.840.10008.5.1.4.1.1.9.1.2"
	ambulatoryECG       = "1.2.840.10008.5.1.4.1.1.9.1.3"
	basicVoiceAudio     = "1.2.840.10008.5.1.4.1.1.9.4.1"
	generalAudio        = "1.2.840.10008.5.1.4.1.1.9.4.2"
)

// Origin is what an object that we make says about where it comes from.
type Origin struct {
	Patient            clinical.Patient
	PatientName        string // "Family^Given"
	PatientBirthDate   string // YYYYMMDD
	StudyUID           string // "" = derived from patient, accession and study description
	SeriesUID          string // "" = derived from the study, the series number and the modality
	SOPUID             string // "" = derived from the series, the number, the time and the content
	StudyDescription   string
	SeriesDescription  string
	Accession          string
	SeriesNumber       int // 0 = 1
	Number             int // within the series; 0 = 1
	Modality           string
	Made               time.Time // when it was recorded or taken; zero = now
	Synthetic          bool      // it was generated: series, comments and, without another, the patient's name say so
	ReferringPhysician string
}

// ageYears is an age given in years.
var ageYears = regexp.MustCompile(`^[0-9]{1,3}$`)

// object makes an object of a SOP class with the modules that all have:
// patient, study, series, equipment, SOP common (PS3.3 C.7, C.12). content is
// what the SOP instance UID derives from.
func (g Origin) object(class, modality string, content []byte) (*Object, error) {
	g.complete(modality, content)
	age := g.Patient.Age
	if ageYears.MatchString(age) {
		age = strings.Repeat("0", 3-len(age)) + age + "Y"
	}
	o := New(ExplicitLittle)
	o.name = "the " + UIDName(class)
	date, clock := g.Made.Format("20060102"), g.Made.Format("150405.000")
	err := o.setAll([]attribute{
		{SpecificCharacterSet, list(utf8Term)},
		{InstanceCreationDate, list(date)},
		{InstanceCreationTime, list(clock)},
		{SOPClassUID, list(class)},
		{SOPInstanceUID, list(g.SOPUID)},
		{StudyDate, list(date)},
		{ContentDate, list(date)},
		{StudyTime, list(clock)},
		{ContentTime, list(clock)},
		{AccessionNumber, given(clip(g.Accession, 16))},
		{Modality, list(g.Modality)},
		{Manufacturer, list("Consilium")},
		{ReferringPhysicianName, given(clip(g.ReferringPhysician, 64))},
		{StudyDescription, given(clip(g.StudyDescription, 64))},
		{SeriesDescription, given(clip(g.SeriesDescription, 64))},
		{ManufacturerModelName, list("Consilium")},
		{PatientName, given(clip(g.PatientName, 64))},
		{PatientID, given(clip(g.Patient.ID, 64))},
		{PatientBirthDate, given(g.PatientBirthDate)},
		{PatientSex, given(g.Patient.Sex)},
		{PatientAge, given(age)},
		{SoftwareVersions, list(ImplementationVersionName)},
		{StudyInstanceUID, list(g.StudyUID)},
		{SeriesInstanceUID, list(g.SeriesUID)},
		{StudyID, list("1")},
		{SeriesNumber, list(g.SeriesNumber)},
		{InstanceNumber, list(g.Number)},
	})
	for _, t := range []Tag{StudyDescription, SeriesDescription, PatientAge} { // of type 3: absent rather than empty
		if o.Text(t) == "" {
			o.Delete(t)
		}
	}
	return o, err
}

// complete fills what is empty.
func (g *Origin) complete(modality string, content []byte) {
	if g.Made.IsZero() {
		g.Made = time.Now()
	}
	g.Synthetic = g.Synthetic || g.Patient.Synthetic
	if g.Synthetic {
		g.PatientName = cmp.Or(g.PatientName, "SYNTHETIC^PATIENT")
		g.SeriesDescription = strings.TrimSpace("SYNTHETIC " + strings.TrimPrefix(g.SeriesDescription, "SYNTHETIC"))
	}
	g.Modality = cmp.Or(g.Modality, modality)
	g.SeriesNumber, g.Number = max(g.SeriesNumber, 1), max(g.Number, 1)
	g.StudyUID = cmp.Or(g.StudyUID, DerivedUID("study", g.Patient.ID, g.PatientName, g.Accession, g.StudyDescription))
	g.SeriesUID = cmp.Or(g.SeriesUID, DerivedUID("series", g.StudyUID, fmt.Sprint(g.SeriesNumber), g.Modality))
	g.SOPUID = cmp.Or(g.SOPUID, DerivedUID("instance", g.SeriesUID, fmt.Sprint(g.Number), g.Made.UTC().Format(time.RFC3339Nano), fmt.Sprintf("%x", sha256.Sum256(content))))
}

// clip takes what free text may not hold out and shortens it to n characters.
func clip(s string, n int) string {
	s = strings.Map(func(r rune) rune {
		if r == '\\' || r < 0x20 || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > n {
		s = string(runes[:n])
	}
	return strings.TrimSpace(s)
}

// write writes an object that was just made.
func write(w io.Writer, o *Object, err error) error {
	if err != nil {
		return err
	}
	return o.Write(w)
}

// codeItem makes an item of a code sequence, PS3.3 8.8.
func codeItem(scheme, value, meaning string) (*Object, error) {
	item := New(ExplicitLittle)
	return item, item.setAll([]attribute{{CodeValue, list(value)}, {CodingSchemeDesignator, list(scheme)}, {CodeMeaning, list(meaning)}})
}

// notFinite refuses samples that are not numbers.
func notFinite(channels []clinical.Channel) error {
	for _, c := range channels {
		for _, v := range c.Samples {
			if v-v != 0 {
				return fault.New(fault.InputNotFinite, "channel "+c.Name+" has samples that are not finite", "give finite values")
			}
		}
	}
	return nil
}
