package dicom

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"io"
	"math"

	"consilium/clinical"
	"consilium/fault"
)

// Capture says how a picture became digital.
type Capture struct {
	BurnedIn   bool   // text that names the patient may be in the pixels
	Conversion string // ConversionType, PS3.3 C.8.6.1: "WSD" (default) workstation, "DI" digital interface, "SD" scanned document, "SYN" synthetic ...
	Derivation string // what was done to the pixels; marks the image as derived
	Lossy      bool   // the pixels come out of a lossy compression, such as JPEG
}

// WriteSecondaryCapture writes a picture as Secondary Capture Image Storage:
// *image.Gray with 8 bits, *image.Gray16 with 16, everything else as RGB over black.
//
// Errors: USAGE for an empty picture or one with more than 65535 pixels a
// side, INPUT_TOO_LARGE, IO.
func WriteSecondaryCapture(w io.Writer, img image.Image, c Capture, g Origin) error {
	o, err := NewSecondaryCapture(img, c, g)
	return write(w, o, err)
}

// NewSecondaryCapture is WriteSecondaryCapture that gives the object.
func NewSecondaryCapture(img image.Image, c Capture, g Origin) (*Object, error) {
	size := img.Bounds().Size()
	switch {
	case size.X < 1 || size.Y < 1 || size.X > math.MaxUint16 || size.Y > math.MaxUint16:
		return nil, fault.New(fault.Usage, fmt.Sprintf("a picture of %d x %d pixels", size.X, size.Y), "give one of 1 to 65535 pixels a side")
	case size.X*size.Y > MaxPixels/3:
		return nil, tooLarge("the picture", "%d x %d pixels", size.X, size.Y)
	}
	samples, bits, photometric, data := flatten(img)
	o, err := g.object(secondaryCapture, "OT", data)
	if err != nil {
		return nil, err
	}
	kind, burned, lossy := "ORIGINAL", "NO", "00"
	conversion := cmp.Or(c.Conversion, "WSD")
	if c.Derivation != "" || o.Synthetic() {
		kind = "DERIVED"
	}
	if c.BurnedIn {
		burned = "YES"
	}
	if c.Lossy {
		lossy = "01"
	}
	all := []attribute{
		{ImageType, list(kind, "SECONDARY")},
		{ConversionType, list(conversion)},
		{Laterality, nil},
		{PatientOrientation, nil},
		{SamplesPerPixel, list(samples)},
		{PhotometricInterpretation, list(photometric)},
		{Rows, list(size.Y)},
		{Columns, list(size.X)},
		{BitsAllocated, list(bits)},
		{BitsStored, list(bits)},
		{HighBit, list(bits - 1)},
		{PixelRepresentation, list(0)},
		{BurnedInAnnotation, list(burned)},
		{LossyImageCompression, list(lossy)},
		{PixelData, list(data)},
	}
	if samples == 3 {
		all = append(all, attribute{PlanarConfiguration, list(0)})
	}
	switch {
	case o.Synthetic():
		all = append(all, attribute{ImageComments, list(clinical.SyntheticNotice)}, attribute{DerivationDescription, list(cmp.Or(c.Derivation, clinical.SyntheticNotice))})
	case c.Derivation != "":
		all = append(all, attribute{DerivationDescription, list(clip(c.Derivation, 1024))})
	}
	return o, o.setAll(all)
}

// flatten gives the pixels row by row.
func flatten(img image.Image) (samples, bits int, photometric string, data []byte) {
	b := img.Bounds()
	var out bytes.Buffer
	switch m := img.(type) {
	case *image.Gray:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			out.Write(m.Pix[m.PixOffset(b.Min.X, y):][:b.Dx()])
		}
		return 1, 8, "MONOCHROME2", out.Bytes()
	case *image.Gray16:
		for y := b.Min.Y; y < b.Max.Y; y++ {
			for x := b.Min.X; x < b.Max.X; x++ {
				data = binary.LittleEndian.AppendUint16(data, m.Gray16At(x, y).Y)
			}
		}
		return 1, 16, "MONOCHROME2", data
	}
	out.Grow(3 * b.Dx() * b.Dy())
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			c := color.RGBAModel.Convert(img.At(x, y)).(color.RGBA) // multiplied by alpha: over black
			out.Write([]byte{c.R, c.G, c.B})
		}
	}
	return 3, 8, "RGB", out.Bytes()
}
