package deid

import (
	"strings"

	"consilium/dicom"
)

// dataset de-identifies one data set and those nested in it.
func (j *job) dataset(o *dicom.Object) {
	creators := privateCreators(o)
	for _, t := range o.Tags() {
		if err := j.attribute(o, t, creators); err != nil { // a value that breaks its VR: nothing of it may stay
			j.report.count(t, remove)
			o.Delete(t)
		}
	}
	dropEmptyBlocks(o)
}

// attribute applies one action.
func (j *job) attribute(o *dicom.Object, t dicom.Tag, creators map[dicom.Tag]string) error {
	vr := o.VR(t)
	a := j.decide(o, t, vr, creators)
	if a == empty && (t == dicom.PatientName || t == dicom.PatientID) {
		a = dummy // a pseudonym, so that the studies of one patient stay together
	}
	switch {
	case a == keep && vr == "SQ":
		j.items(o, t)
		return nil
	case a == keep:
		return j.known(o, t, vr)
	case a == clean:
		return j.clean(o, t, vr)
	}
	j.report.count(t, a)
	switch a {
	case remove:
		o.Delete(t)
		return nil
	case replace:
		return j.uids(o, t, vr)
	case empty:
		return j.empty(o, t, vr)
	}
	return j.dummy(o, t, vr)
}

// decide is what becomes of one attribute.
func (j *job) decide(o *dicom.Object, t dicom.Tag, vr string, creators map[dicom.Tag]string) action {
	switch group := t.Group(); {
	case t.Private():
		return j.private(o, t, creators)
	case group&0xff00 == 0x5000, group&0xff00 == 0x6000: // curves and overlays, whole: a bitmap cannot be cleaned of text
		return remove
	case t == 0x4FFE0001, t == 0x00041220: // MACs of what is changed; a directory
		return remove
	}
	if r, listed := ruled()[t]; listed {
		return r.decide(&j.o.Profile)
	}
	return j.unlisted(o, t, vr)
}

// unlisted is what becomes of an attribute that the table does not name: the
// standard calls it safe, but for kinds of values that never are.
func (j *job) unlisted(o *dicom.Object, t dicom.Tag, vr string) action {
	switch {
	case vr == "UN", t.Keyword() == "" && t.Element() != 0:
		return remove
	case vr == "PN":
		return empty
	case vr == "UI" && !j.o.Profile.UIDs && !vocabulary[t]:
		return replace
	case vr == "DA" || vr == "DT" || vr == "TM":
		switch {
		case j.o.Profile.FullDates:
			return keep
		case j.o.Profile.ModifiedDates:
			return clean
		}
		return dummy
	}
	return keep
}

// vocabulary are attributes whose UIDs name concepts, software or services, no
// objects. UIDs that DICOM itself defines are kept wherever they stand.
var vocabulary = map[dicom.Tag]bool{
	0x0008010C: true, 0x00080117: true, 0x00080118: true, // coding scheme, context, mapping resource
	0x00080016: true, 0x00081150: true, 0x0008001A: true, 0x0008001B: true, 0x00080062: true, // SOP classes
	0x04000010: true, 0x04000510: true, // transfer syntaxes of MAC and encrypted content
}

// standardUID says whether DICOM defines the UID.
func standardUID(uid string) bool { return strings.HasPrefix(uid, "1.2.840.10008.") }

// items de-identifies the items of a sequence that is kept.
func (j *job) items(o *dicom.Object, t dicom.Tag) {
	for _, item := range o.Items(t) {
		j.dataset(item)
	}
}

// uids replaces every UID; a sequence that refers to objects keeps its form.
func (j *job) uids(o *dicom.Object, t dicom.Tag, vr string) error {
	if vr == "SQ" {
		j.items(o, t)
		return nil
	}
	var out []any
	for _, uid := range o.Texts(t) {
		if !standardUID(uid) {
			uid = j.o.Key.UID(uid)
		}
		out = append(out, uid)
	}
	return o.SetVR(t, vr, out...)
}

// empty leaves the attribute without a value.
func (j *job) empty(o *dicom.Object, t dicom.Tag, vr string) error {
	if vr == "SQ" {
		return o.SetItems(t)
	}
	return o.SetVR(t, vr)
}

// known takes the patient's identifiers out of a text that is kept.
func (j *job) known(o *dicom.Object, t dicom.Tag, vr string) error {
	if vr == "AS" {
		return j.age(o, t)
	}
	if !scrubbed[vr] || untouched[t] {
		return nil
	}
	free := vr == "ST" || vr == "LT" || vr == "UT"
	return j.rewrite(o, t, vr, func(s string) string { return j.scrub.text(s, free) })
}

// oldest is the highest age that is told: of older people there are so few
// that the age tells who it is (HIPAA, 45 CFR 164.514(b)(2)(i)(C)).
const oldest = "090Y"

func (j *job) age(o *dicom.Object, t dicom.Tag) error {
	if s := o.Text(t); len(s) != 4 || s[3] != 'Y' || s <= oldest {
		return nil
	}
	j.report.count(t, clean)
	return o.Set(t, oldest)
}

// scrubbed are the VRs that may hold names and numbers in words.
var scrubbed = map[string]bool{"SH": true, "LO": true, "ST": true, "LT": true, "UT": true, "UC": true, "UR": true, "AE": true}

// untouched are codes and the like, which are no words.
var untouched = map[dicom.Tag]bool{
	dicom.CodeValue: true, dicom.CodingSchemeDesignator: true, dicom.LongCodeValue: true, 0x00080103: true, dicom.SoftwareVersions: true,
	dicom.Manufacturer: true, dicom.ManufacturerModelName: true,
}

// rewrite changes the values of a text.
func (j *job) rewrite(o *dicom.Object, t dicom.Tag, vr string, change func(string) string) error {
	was := o.Texts(t)
	var out []any
	changed := false
	for _, s := range was {
		n := change(s)
		changed = changed || n != s
		if width := widths[vr]; width > 0 {
			n = short(n, width)
		}
		out = append(out, n)
	}
	if !changed {
		return nil
	}
	j.report.count(t, clean)
	return o.SetVR(t, vr, out...)
}

// widths are the most characters of a value.
var widths = map[string]int{"SH": 16, "LO": 64, "AE": 16, "ST": 1024, "LT": 10240}

// clean takes identity out of one attribute and leaves its meaning.
func (j *job) clean(o *dicom.Object, t dicom.Tag, vr string) error {
	switch {
	case t == dicom.ContentSequence:
		j.report.count(t, clean)
		return j.content(o)
	case t == graphicAnnotations:
		j.report.count(t, clean)
		return j.graphics(o)
	case vr == "SQ":
		j.items(o, t)
		return nil
	case vr == "DA" || vr == "DT" || vr == "TM":
		j.report.count(t, clean)
		return j.moveDates(o, t, vr)
	case vr == "AE": // titles are names of machines
		j.report.count(t, clean)
		return o.SetVR(t, vr, j.o.Key.pseudonym("ae "+o.Text(t)))
	case scrubbed[vr]:
		return j.rewrite(o, t, vr, func(s string) string { return j.scrub.text(s, true) })
	}
	if t == dicom.TimezoneOffsetFromUTC || vr == "CS" {
		return nil // a zone, or a term of a list
	}
	o.Delete(t)
	j.report.count(t, remove)
	return nil
}
