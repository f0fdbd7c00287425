package dicom

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"regexp"

	"consilium/clinical"
	"consilium/fault"
)

// FilmOptions describe a synthetic film.
type FilmOptions struct {
	Image clinical.Image // one frame, grey; must say that it is synthetic
	Bits  int            // stored bits: 8 or 12; 0 = 12
	View  string         // ViewPosition: "PA" (default), "AP", "LL" ...
}

// WriteFilm writes a synthetic film as a DICOM Computed Radiography image,
// MONOCHROME2, explicit little endian, Low..High spread over the stored bits.
// Patient name, image comments and derivation say that it is synthetic. All
// UIDs derive from the content (2.25, PS3.5 annex B): the same film gives the
// same bytes.
func WriteFilm(w io.Writer, o FilmOptions) error {
	if o.Bits == 0 {
		o.Bits = 12
	}
	if o.View == "" {
		o.View = "PA"
	}
	if err := o.check(); err != nil {
		return err
	}
	f, err := o.object()
	if err != nil {
		return err
	}
	return f.Write(w)
}

// Values that may go into attributes of VR CS, LO and AS.
var (
	codeSyntax = regexp.MustCompile(`^[A-Z0-9 _]{0,16}$`)
	idSyntax   = regexp.MustCompile(`^[A-Za-z0-9 ._-]{0,64}$`)
	ageSyntax  = regexp.MustCompile(`^([0-9]{3}[DWMY])?$`)
)

func (o FilmOptions) check() error {
	m := o.Image
	fields := codeSyntax.MatchString(o.View) && codeSyntax.MatchString(m.BodyPart) && codeSyntax.MatchString(m.Patient.Sex) &&
		idSyntax.MatchString(m.Patient.ID) && ageSyntax.MatchString(m.Patient.Age)
	switch {
	case !m.Synthetic:
		return fault.New(fault.Usage, "a film that does not say it is synthetic", "only synthetic films are written")
	case o.Bits != 8 && o.Bits != 12:
		return fault.New(fault.Usage, fmt.Sprintf("%d stored bits", o.Bits), "choose 8 or 12")
	case m.Frames > 1 || m.Channels != 1 || m.Rows < 1 || m.Columns < 1 || m.Rows > math.MaxUint16 || m.Columns > math.MaxUint16 || len(m.Pixels) != m.Rows*m.Columns:
		return fault.New(fault.Usage, fmt.Sprintf("a film of %d x %d x %d x %d with %d values", m.Frames, m.Rows, m.Columns, m.Channels, len(m.Pixels)), "give one grey frame")
	case !(m.High > m.Low):
		return fault.New(fault.Usage, fmt.Sprintf("a film with values in %v..%v", m.Low, m.High), "give the range of the values")
	case !fields:
		return fault.New(fault.Usage, "a film with attributes that DICOM cannot hold", "use short codes, an id of up to 64 letters and an age such as 045Y")
	}
	for _, v := range m.Pixels {
		if v != v {
			return fault.New(fault.InputNotFinite, "a film with NaN", "give finite values")
		}
	}
	return nil
}

// stored quantises the film.
func (o FilmOptions) stored() []byte {
	top := float64(int(1)<<o.Bits - 1)
	var out []byte
	for _, v := range o.Image.Pixels {
		x := (float64(v) - o.Image.Low) / (o.Image.High - o.Image.Low)
		s := uint16(math.RoundToEven(min(max(x, 0), 1) * top))
		if o.Bits == 8 {
			out = append(out, byte(s))
		} else {
			out = binary.LittleEndian.AppendUint16(out, s)
		}
	}
	if len(out)%2 == 1 {
		out = append(out, 0) // values have even length
	}
	return out
}

func (o FilmOptions) object() (*Object, error) {
	raw, m := o.stored(), o.Image
	allocated := 8
	if o.Bits == 12 {
		allocated = 16
	}
	id := cmp.Or(m.Patient.ID, "SYNTHETIC")
	content := fmt.Sprintf("%x %d %d %d", sha256.Sum256(raw), m.Rows, m.Columns, o.Bits)
	f := New(ExplicitLittle)
	err := f.setAll([]attribute{
		{ImageType, list("DERIVED", "PRIMARY")},
		{SOPClassUID, list(computedRadiography)},
		{SOPInstanceUID, list(DerivedUID("instance " + id + " " + content))},
		{StudyDate, nil},
		{StudyTime, nil},
		{AccessionNumber, nil},
		{Modality, list("CR")},
		{Manufacturer, list("Consilium, synthetic data generator")},
		{ReferringPhysicianName, nil},
		{StudyDescription, list("SYNTHETIC film")},
		{DerivationDescription, list(clinical.SyntheticNotice)},
		{PatientName, list("SYNTHETIC^PATIENT")},
		{PatientID, list(id)},
		{PatientBirthDate, nil},
		{PatientSex, given(m.Patient.Sex)},
		{PatientAge, given(m.Patient.Age)},
		{BodyPartExamined, given(m.BodyPart)},
		{ViewPosition, list(o.View)},
		{StudyInstanceUID, list(DerivedUID("study " + id))},
		{SeriesInstanceUID, list(DerivedUID("series " + id + " " + o.View))},
		{StudyID, list("1")},
		{SeriesNumber, list("1")},
		{InstanceNumber, list("1")},
		{PatientOrientation, list("L", "F")},
		{ImageComments, list(clinical.SyntheticNotice)},
		{SamplesPerPixel, list(1)},
		{PhotometricInterpretation, list("MONOCHROME2")},
		{Rows, list(m.Rows)},
		{Columns, list(m.Columns)},
		{BitsAllocated, list(allocated)},
		{BitsStored, list(o.Bits)},
		{HighBit, list(o.Bits - 1)},
		{PixelRepresentation, list(0)},
		{BurnedInAnnotation, list("NO")},
		{LossyImageCompression, list("00")},
		{WindowCenter, list(int(1) << (o.Bits - 1))},
		{WindowWidth, list(int(1) << o.Bits)},
		{PixelData, list(raw)},
	})
	return f, err
}
