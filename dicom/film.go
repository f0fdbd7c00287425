package dicom

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"

	"github.com/cocosip/go-dicom/pkg/dicom/dataset"
	"github.com/cocosip/go-dicom/pkg/dicom/element"
	"github.com/cocosip/go-dicom/pkg/dicom/tag"
	"github.com/cocosip/go-dicom/pkg/dicom/transfer"
	"github.com/cocosip/go-dicom/pkg/dicom/vr"
	"github.com/cocosip/go-dicom/pkg/dicom/writer"

	"consilium/clinical"
	"consilium/fault"
)

const computedRadiography = "1.2.840.10008.5.1.4.1.1.1" // SOP class, PS3.4 B.5

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
	ds, err := o.dataset()
	if err == nil {
		err = writer.Write(w, ds, writer.WithTransferSyntax(transfer.ExplicitVRLittleEndian))
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot write the film", "check the folder and its free space")
	}
	return nil
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

func (o FilmOptions) dataset() (*dataset.Dataset, error) {
	raw, m := o.stored(), o.Image
	allocated := 8
	pixelData := element.Element(element.NewOtherByte(tag.PixelData, raw))
	if o.Bits == 12 {
		allocated = 16
		pixelData = element.NewOtherWord(tag.PixelData, raw)
	}
	id := m.Patient.ID
	if id == "" {
		id = "SYNTHETIC"
	}
	content := fmt.Sprintf("%x %d %d %d", sha256.Sum256(raw), m.Rows, m.Columns, o.Bits)
	text := func(t *tag.Tag, v *vr.VR, value string) element.Element {
		if value == "" {
			return element.NewString(t, v, nil)
		}
		return element.NewString(t, v, []string{value})
	}
	short := func(t *tag.Tag, value int) element.Element {
		return element.NewUnsignedShort(t, []uint16{uint16(value)})
	}
	return dataset.NewWithElements([]element.Element{
		text(tag.SpecificCharacterSet, vr.CS, "ISO_IR 100"),
		element.NewString(tag.ImageType, vr.CS, []string{"DERIVED", "PRIMARY"}),
		text(tag.SOPClassUID, vr.UI, computedRadiography),
		text(tag.SOPInstanceUID, vr.UI, deriveUID("instance "+id+" "+content)),
		text(tag.StudyDate, vr.DA, ""),
		text(tag.StudyTime, vr.TM, ""),
		text(tag.AccessionNumber, vr.SH, ""),
		text(tag.Modality, vr.CS, "CR"),
		text(tag.Manufacturer, vr.LO, "Consilium, synthetic data generator"),
		text(tag.ReferringPhysicianName, vr.PN, ""),
		text(tag.StudyDescription, vr.LO, "SYNTHETIC film"),
		text(tag.DerivationDescription, vr.ST, clinical.SyntheticNotice),
		text(tag.PatientName, vr.PN, "SYNTHETIC^PATIENT"),
		text(tag.PatientID, vr.LO, id),
		text(tag.PatientBirthDate, vr.DA, ""),
		text(tag.PatientSex, vr.CS, m.Patient.Sex),
		text(tag.PatientAge, vr.AS, m.Patient.Age),
		text(tag.BodyPartExamined, vr.CS, m.BodyPart),
		text(tag.ViewPosition, vr.CS, o.View),
		text(tag.StudyInstanceUID, vr.UI, deriveUID("study "+id)),
		text(tag.SeriesInstanceUID, vr.UI, deriveUID("series "+id+" "+o.View)),
		text(tag.StudyID, vr.SH, "1"),
		text(tag.SeriesNumber, vr.IS, "1"),
		text(tag.InstanceNumber, vr.IS, "1"),
		element.NewString(tag.PatientOrientation, vr.CS, []string{"L", "F"}),
		text(tag.ImageComments, vr.LT, clinical.SyntheticNotice),
		short(tag.SamplesPerPixel, 1),
		text(tag.PhotometricInterpretation, vr.CS, "MONOCHROME2"),
		short(tag.Rows, m.Rows),
		short(tag.Columns, m.Columns),
		short(tag.BitsAllocated, allocated),
		short(tag.BitsStored, o.Bits),
		short(tag.HighBit, o.Bits-1),
		short(tag.PixelRepresentation, 0),
		text(tag.BurnedInAnnotation, vr.CS, "NO"),
		text(tag.LossyImageCompression, vr.CS, "00"),
		text(tag.WindowCenter, vr.DS, fmt.Sprint(int(1)<<(o.Bits-1))),
		text(tag.WindowWidth, vr.DS, fmt.Sprint(int(1)<<o.Bits)),
		pixelData,
	})
}

// deriveUID makes a UID from text: 2.25 and a UUID of version 8 (RFC 9562) as
// a decimal number.
func deriveUID(text string) string {
	sum := sha256.Sum256([]byte(text))
	sum[6] = sum[6]&0x0f | 0x80
	sum[8] = sum[8]&0x3f | 0x80
	return "2.25." + new(big.Int).SetBytes(sum[:16]).String()
}
