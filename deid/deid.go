// Package deid takes the patient out of DICOM objects: the Basic Application
// Level Confidentiality Profile of PS3.15 Annex E with its options, from the
// full attribute table (table.tsv), in nested sequences too.
//
// What cannot be made safe is refused with DEID_REFUSED, never passed on: text
// burned into pixels without regions to blank, encapsulated documents, voice,
// raw vendor data, faces.
//
// One secret key makes the replacements: the same key gives the same new UID,
// pseudonym and shift of dates for the same original, in every file and every
// run; without the key nobody can compute them, with it they cannot be turned
// back, only guessed and compared.
package deid

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"consilium/dicom"
	"consilium/fault"
)

// Options say what a Deidentifier keeps and blanks.
type Options struct {
	Profile Profile
	Key     Key
	Blank   []Area   // blanked in every frame of every image, besides what Rules say
	Rules   []Rule   // areas to blank by kind of image
	Outside bool     // blank ultrasound images outside of their regions (0018,6011)
	Known   []string // further identifiers to take out of text: names, numbers
}

// Deidentifier applies one profile with one key. It is safe for concurrent use.
type Deidentifier struct {
	o Options
}

// New checks the options. Errors: USAGE.
func New(o Options) (*Deidentifier, error) {
	if o.Key == (Key{}) {
		return nil, fault.New(fault.Usage, "no key", "give the key of this project, or make one with NewKey")
	}
	if err := o.Profile.check(); err != nil {
		return nil, err
	}
	if _, err := table(); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the attribute table cannot be read", "please report it")
	}
	for _, a := range o.Blank {
		if err := a.check(); err != nil {
			return nil, err
		}
	}
	return &Deidentifier{o}, nil
}

// Fingerprint identifies key and options, without telling the key: two
// de-identifiers with the same one give the same output.
func (d *Deidentifier) Fingerprint() string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\n%s\n%v\n%v\n%v\n%q", d.o.Key.mac("fingerprint"), d.o.Profile, d.o.Blank, d.o.Rules, d.o.Outside, d.o.Known))
	return hex.EncodeToString(h[:8])
}

// job is the work on one object.
type job struct {
	*Deidentifier
	name   string // pseudonym of the patient
	shift  int    // days added to dates under modified dates
	scrub  scrubber
	report *Report
}

// Object gives the de-identified copy of a whole object, and what was done.
// The original is not changed.
//
// Errors: DEID_REFUSED when identity may remain; errors of decoding pixels
// that are to be blanked.
func (d *Deidentifier) Object(o *dicom.Object) (*dicom.Object, Report, error) {
	report := Report{}
	if err := refuse(o); err != nil {
		return nil, report, err
	}
	areas, err := d.areas(o)
	if err != nil {
		return nil, report, err
	}
	out := o.Clone()
	who := patientOf(o)
	j := &job{Deidentifier: d, name: d.o.Key.pseudonym(who), shift: d.o.Key.shift(who), report: &report,
		scrub: newScrubber(slices.Concat(identifiers(o, d.o.Profile), d.o.Known), !d.o.Profile.FullDates)}
	if err := j.pixels(out, areas); err != nil {
		return nil, report, err
	}
	j.dataset(out)
	for _, t := range []dicom.Tag{0x00020016, 0x00020017, 0x00020018, 0x00020026, 0x00020027, 0x00020028, 0x00020100, 0x00020102} {
		out.Delete(t) // who sent it, and private information of the file
	}
	if err := j.mark(out, len(areas) > 0); err != nil {
		return nil, report, err
	}
	return out, report, nil
}

// patientOf is what tells one patient from another within the objects of a project.
func patientOf(o *dicom.Object) string {
	if id := o.Text(dicom.PatientID); id != "" {
		return "id " + id
	}
	return "name " + o.Text(dicom.PatientName) + " " + o.Text(dicom.PatientBirthDate)
}

// mark says what was done in the object itself (PS3.3 C.7.1.1, C.12.1.1.10;
// codes of PS3.16 CID 7050).
func (j *job) mark(o *dicom.Object, blanked bool) error {
	var items []*dicom.Object
	seen := map[string]bool{}
	add := func(value, scheme, meaning string) error {
		if value == "" || seen[value+scheme] {
			return nil
		}
		seen[value+scheme] = true
		item := dicom.New("")
		items = append(items, item)
		return set(item, dicom.CodeValue, value, dicom.CodingSchemeDesignator, scheme, dicom.CodeMeaning, meaning)
	}
	for _, was := range o.Items(dicom.DeidentificationMethodCodeSequence) {
		if err := add(was.Text(dicom.CodeValue), was.Text(dicom.CodingSchemeDesignator), was.Text(dicom.CodeMeaning)); err != nil {
			return err
		}
	}
	for _, c := range j.o.Profile.codes(blanked) {
		if err := add(c[0], "DCM", c[1]); err != nil {
			return err
		}
	}
	temporal := "REMOVED"
	switch {
	case j.o.Profile.FullDates:
		temporal = "UNMODIFIED"
	case j.o.Profile.ModifiedDates:
		temporal = "MODIFIED"
	}
	err := set(o, dicom.PatientIdentityRemoved, "YES", dicom.LongitudinalTemporalInformationModified, temporal,
		dicom.DeidentificationMethod, []string{"Consilium, PS3.15 Annex E " + Edition, "Profile: " + short(j.o.Profile.String(), 55)})
	if err == nil && blanked {
		err = set(o, dicom.BurnedInAnnotation, "NO")
	}
	if err == nil {
		err = o.SetItems(dicom.DeidentificationMethodCodeSequence, items...)
	}
	return err
}

// set writes pairs of tag and value.
func set(o *dicom.Object, pairs ...any) error {
	for i := 0; i < len(pairs); i += 2 {
		if err := o.Set(pairs[i].(dicom.Tag), pairs[i+1]); err != nil {
			return err
		}
	}
	return nil
}

func refused(what, do string) error { return fault.New(fault.DeidRefused, what, do) }
