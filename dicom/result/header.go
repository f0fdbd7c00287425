package result

import (
	"fmt"
	"regexp"
	"time"

	"consilium/clinical"
	"consilium/dicom"
)

// kind is what tells the series of one kind of object from another.
type kind struct {
	class, modality string
	series          int // number of the unverified series; the verified one follows
	title           string
}

var (
	kindSR      = kind{Comprehensive3DSR, "SR", 9900, "AI findings"}
	kindText    = kind{BasicTextSR, "SR", 9902, "AI report"}
	kindSEG     = kind{Segmentation, "SEG", 9910, "AI segmentation"}
	kindCapture = kind{SecondaryImage, "OT", 9920, "AI heat maps"}
)

// begin starts an object: patient and study as in the source (PS3.3 C.7.1,
// C.7.2), a series and an instance of its own, the equipment that made it.
func (in Input) begin(k kind, more ...string) draft {
	d := newDraft(dicom.New(""))
	source := in.Sources[0]
	d.set(dicom.SOPClassUID, k.class)
	d.set(dicom.SOPInstanceUID, in.instanceUID(k.class, more...))
	d.set(dicom.StudyInstanceUID, source.IDs().Study)
	copyPatient(d, source)
	d.set(dicom.Modality, k.modality)
	d.set(dicom.SeriesInstanceUID, in.seriesUID(k.modality+k.class))
	number := k.series
	if in.signed() {
		number++
	}
	d.set(dicom.SeriesNumber, number)
	d.set(dicom.SeriesDescription, short(k.title+", "+in.state(), 64))
	at := in.local(in.at())
	d.set(dicom.InstanceCreationDate, date(at))
	d.set(dicom.InstanceCreationTime, clock(at))
	d.set(dicom.ContentDate, date(at))
	d.set(dicom.ContentTime, clock(at))
	in.equipment(d)
	d.items(tagCodingSchemes, d.item(func(i draft) {
		i.set(dicom.CodingSchemeDesignator, PrivateScheme)
		i.set(tagCodingSchemeUID, schemeUID)
		i.set(tagCodingSchemeName, "Concepts of Consilium")
		i.set(tagCodingSchemeOrg, Manufacturer)
	}))
	return d
}

// at is when the object's content was complete.
func (in Input) at() time.Time {
	if in.signed() {
		return in.Signature.At
	}
	return in.Made
}

// local gives a time in the zone of the source, as all times of one object are
// in one zone (PS3.3 C.12.1.1.8); without one there, in the zone it came with.
func (in Input) local(t time.Time) time.Time {
	if zone, err := time.Parse("-0700", in.Sources[0].Text(dicom.TimezoneOffsetFromUTC)); err == nil {
		return t.In(zone.Location())
	}
	return t
}

// equipment says who made the object, and who made the images that it is about.
func (in Input) equipment(d draft) {
	d.set(dicom.Manufacturer, Manufacturer)
	d.set(dicom.ManufacturerModelName, ModelName)
	d.set(dicom.DeviceSerialNumber, short(in.Device.serial(), 64))
	d.set(dicom.SoftwareVersions, short(in.Device.version(), 64))
	d.setKnown(dicom.StationName, short(in.Device.Station, 16))
	d.one(dicom.ContributingEquipmentSequence, func(i draft) {
		i.code(dicom.PurposeOfReferenceCodeSequence, processing)
		i.set(dicom.Manufacturer, Manufacturer)
		i.set(dicom.ManufacturerModelName, ModelName)
		i.set(dicom.DeviceSerialNumber, short(in.Device.serial(), 64))
		i.set(dicom.SoftwareVersions, short(in.Device.version(), 64))
		i.setKnown(dicom.StationName, short(in.Device.Station, 16))
		i.set(dicom.ContributionDateTime, moment(in.local(in.Made)))
		i.set(dicom.ContributionDescription, long(in.notice()))
	})
}

// notice says what kind of result this is.
func (in Input) notice() string {
	s := Notice
	for _, f := range in.Findings {
		if f.Synthetic {
			return s + " " + clinical.SyntheticNotice
		}
	}
	return s
}

// copied are the attributes of patient and study that results share with
// their source; those of type 2 are written empty when the source has none.
var copied = []struct {
	tag   dicom.Tag
	type2 bool
}{
	{dicom.StudyDate, true},
	{dicom.StudyTime, true},
	{dicom.AccessionNumber, true},
	{0x00080051, false}, // IssuerOfAccessionNumberSequence
	{dicom.ReferringPhysicianName, true},
	{dicom.TimezoneOffsetFromUTC, false},
	{dicom.StudyDescription, false},
	{dicom.ProcedureCodeSequence, false},
	{dicom.PatientName, true},
	{dicom.PatientID, true},
	{dicom.IssuerOfPatientID, false},
	{0x00100024, false}, // IssuerOfPatientIDQualifiersSequence
	{dicom.PatientBirthDate, true},
	{dicom.PatientBirthTime, false},
	{dicom.PatientSex, true},
	{dicom.PatientAge, false},
	{dicom.PatientSize, false},
	{dicom.PatientWeight, false},
	{dicom.PatientIdentityRemoved, false},
	{dicom.DeidentificationMethod, false},
	{dicom.DeidentificationMethodCodeSequence, false},
	{dicom.LongitudinalTemporalInformationModified, false},
	{dicom.StudyID, true},
}

func copyPatient(d draft, source *dicom.Object) {
	for _, c := range copied {
		switch items := source.Items(c.tag); {
		case len(items) > 0:
			out := make([]*dicom.Object, len(items))
			for i, item := range items {
				out[i] = d.item(func(into draft) { copyAll(into, item) })
			}
			d.items(c.tag, out...)
		default:
			values := proper(c.tag, source.Texts(c.tag))
			if len(values) > 0 || c.type2 {
				d.set(c.tag, values...)
			}
		}
	}
}

// copyAll copies the text attributes of an item and of the items in it.
func copyAll(d draft, from *dicom.Object) {
	for _, t := range from.Tags() {
		if items := from.Items(t); len(items) > 0 {
			out := make([]*dicom.Object, len(items))
			for i, item := range items {
				out[i] = d.item(func(into draft) { copyAll(into, item) })
			}
			d.items(t, out...)
			continue
		}
		if values := proper(t, from.Texts(t)); len(values) > 0 {
			d.set(t, values...)
		}
	}
}

// syntaxes are what values of a VR look like (PS3.5 6.2). A source that breaks
// them does not make its results invalid too.
var syntaxes = map[string]*regexp.Regexp{
	"DA": regexp.MustCompile(`^\d{4}(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])$`),
	"TM": regexp.MustCompile(`^([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?$`),
	"AS": regexp.MustCompile(`^\d{3}[DWMY]$`),
	"CS": regexp.MustCompile(`^[A-Z0-9 _]{1,16}$`),
	"UI": regexp.MustCompile(`^[0-9.]{1,64}$`),
	"DS": regexp.MustCompile(`^[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?$`),
}

// widths are the most characters of a text value.
var widths = map[string]int{"SH": 16, "LO": 64, "PN": 64, "ST": 1024, "LT": 10240}

// proper keeps the values that a valid object may hold.
func proper(t dicom.Tag, values []string) (out []any) {
	vr := t.VR()
	for _, v := range values {
		switch syntax := syntaxes[vr]; {
		case v == "", syntax != nil && !syntax.MatchString(v):
			continue
		case t == dicom.PatientSex && v != "M" && v != "F" && v != "O":
			continue
		case vr == "PN":
			v = properName(v)
		case widths[vr] > 0:
			v = short(v, widths[vr])
		}
		if v != "" {
			out = append(out, v)
		}
	}
	return out
}

// series describes one source series, in the order of its first instance.
type series struct {
	uid       string
	instances []*dicom.Object
}

func (in Input) series() (list []*series) {
	byUID := map[string]*series{}
	seen := map[string]bool{}
	for _, s := range in.Sources {
		id := s.IDs()
		if seen[id.SOP] {
			continue
		}
		seen[id.SOP] = true
		if byUID[id.Series] == nil {
			byUID[id.Series] = &series{uid: id.Series}
			list = append(list, byUID[id.Series])
		}
		byUID[id.Series].instances = append(byUID[id.Series].instances, s)
	}
	return list
}

// finish sets the file meta information's part and gives the object, or the
// first error of writing it.
func (d draft) finish() (*dicom.Object, error) {
	if *d.err != nil {
		return nil, fmt.Errorf("the result object cannot be made: %w", *d.err)
	}
	return d.Object, nil
}
