package result

import (
	"fmt"
	"image"
	"strings"

	"consilium/dicom"
	"consilium/fault"
)

// Picture is a heat map as it is shown: the source with the evidence drawn over it.
type Picture struct {
	Finding  string // ID of the finding that it explains
	SOP      string // the source; "" = the first of the finding
	Frame    int    // of a multi-frame source, from 1
	Number   int    // among the pictures of the study, from 1
	Method   string // "grad-cam"
	Outcome  string // the label that it explains
	Caption  string
	Captions bool // text is drawn into the picture
	Image    image.Image
}

// MaxPicturePixels limits a picture.
const MaxPicturePixels = 32 << 20

// SecondaryCapture makes a Secondary Capture (PS3.3 A.8.1) of a heat map: RGB,
// 8 bits, with what it was derived from and how.
//
// Errors: those of SR, USAGE for a picture of no finding, INPUT_TOO_LARGE.
func SecondaryCapture(in Input, p Picture) (*dicom.Object, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	f := in.finding(p.Finding)
	if f == nil || p.Image == nil || p.Image.Bounds().Empty() {
		return nil, usage("an empty picture, or one of finding %q, which is not there", p.Finding)
	}
	source := in.source(orElse(p.SOP, f.Sources[0]))
	if source == nil {
		return nil, usage("a picture of %s, which is not among the sources", p.SOP)
	}
	b := p.Image.Bounds()
	if b.Dx() > 0xffff || b.Dy() > 0xffff || b.Dx()*b.Dy() > MaxPicturePixels {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("a picture of %d x %d pixels", b.Dx(), b.Dy()), "draw a smaller one")
	}
	d := in.begin(kindCapture, p.Finding, p.SOP, fmt.Sprint(p.Frame, p.Number), p.Method, p.Outcome)
	d.set(dicom.ConversionType, "WSD")
	d.set(dicom.SecondaryCaptureDeviceManufacturer, Manufacturer)
	d.set(dicom.SecondaryCaptureDeviceManufacturerModelName, ModelName)
	d.set(dicom.SecondaryCaptureDeviceSoftwareVersions, short(in.Device.version(), 64))
	d.set(dicom.ImageType, "DERIVED", "SECONDARY")
	d.set(dicom.InstanceNumber, max(p.Number, 1))
	d.set(dicom.PatientOrientation)
	place(d, source)
	d.set(dicom.DerivationDescription, short(p.derivation(*f), 1024))
	d.set(dicom.ImageComments, long(strings.TrimSpace(p.Caption+"\r\n"+in.notice())))
	derived(d, source, p.Frame)
	burned := "NO"
	if p.Captions || source.Text(dicom.BurnedInAnnotation) == "YES" {
		burned = "YES"
	}
	d.set(dicom.BurnedInAnnotation, burned)
	if source.Text(tagVisualFeatures) == "YES" {
		d.set(tagVisualFeatures, "YES")
	}
	lossy(d, source)
	d.colour(p.Image)
	return d.finish()
}

func (in Input) finding(id string) *Finding {
	for i := range in.Findings {
		if in.Findings[i].ID == id {
			return &in.Findings[i]
		}
	}
	return nil
}

// derivation says how the picture was made.
func (p Picture) derivation(f Finding) string {
	s := "Heat map"
	if p.Method != "" {
		s += " by " + p.Method
	}
	if p.Outcome != "" {
		s += fmt.Sprintf(" for %q", p.Outcome)
	}
	return fmt.Sprintf("%s, model %s %s: what the model's answer rests on, not the disease.", s, f.Model, orElse(f.Version, "of unknown version"))
}

// derived refers to the source: an image, or another kind of object.
func derived(d draft, source *dicom.Object, frame int) {
	sequence := dicom.SourceImageSequence
	if isWaveform(source) {
		sequence = tagSourceInstances
	}
	d.one(sequence, func(i draft) {
		refer(i, source, frame)
		if !isWaveform(source) {
			i.code(dicom.PurposeOfReferenceCodeSequence, sourceOfImage)
		}
	})
}

// colour writes the image pixel module (PS3.3 C.7.6.3) of an RGB image;
// transparent parts become black.
func (d draft) colour(m image.Image) {
	b := m.Bounds()
	data := make([]byte, 0, 3*b.Dx()*b.Dy()+1)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			r, g, blue, _ := m.At(x, y).RGBA() // premultiplied
			data = append(data, byte(r>>8), byte(g>>8), byte(blue>>8))
		}
	}
	d.set(dicom.SamplesPerPixel, 3)
	d.set(dicom.PhotometricInterpretation, "RGB")
	d.set(dicom.PlanarConfiguration, 0)
	d.set(dicom.Rows, b.Dy())
	d.set(dicom.Columns, b.Dx())
	d.set(dicom.BitsAllocated, 8)
	d.set(dicom.BitsStored, 8)
	d.set(dicom.HighBit, 7)
	d.set(dicom.PixelRepresentation, 0)
	d.set(dicom.PixelData, data)
}
