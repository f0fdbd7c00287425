package dicomweb

import (
	"context"
	"fmt"

	"consilium/dicom"
	"consilium/dicom/pixel"
	"consilium/fault"
)

// formatOf reads the image pixel module.
func formatOf(o *dicom.Object) pixel.Format {
	number := func(t dicom.Tag) int { n, _ := o.Int(t); return n }
	return pixel.Format{Rows: number(dicom.Rows), Columns: number(dicom.Columns), Samples: max(1, number(dicom.SamplesPerPixel)),
		BitsAllocated: number(dicom.BitsAllocated), BitsStored: number(dicom.BitsStored), Signed: number(dicom.PixelRepresentation) == 1,
		PlanarConfiguration: number(dicom.PlanarConfiguration), Photometric: o.Text(dicom.PhotometricInterpretation)}
}

// nativeFrame gives frame n, from 0, as uncompressed little endian samples, and
// the format that they are in.
func nativeFrame(ctx context.Context, o *dicom.Object, n int) ([]byte, pixel.Format, error) {
	f := formatOf(o)
	frame, err := o.Frame(n)
	if err != nil || !dicom.Encapsulated(o.TransferSyntax()) {
		return frame, f, err
	}
	decoded, err := pixel.Decode(ctx, o.TransferSyntax(), f, frame)
	return decoded.Data, decoded.Format, err
}

// explicit gives a copy of an object in Explicit VR Little Endian, its pixels
// uncompressed.
func explicit(ctx context.Context, o *dicom.Object) (*dicom.Object, error) {
	out := o.Clone()
	out.SetTransferSyntax(dicom.ExplicitLittle)
	if !dicom.Encapsulated(o.TransferSyntax()) || !o.Has(dicom.PixelData) {
		return out, nil
	}
	var pixels []byte
	var f pixel.Format
	frames := o.NumberOfFrames()
	for n := range frames {
		data, format, err := nativeFrame(ctx, o, n)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			if total := int64(len(data)) * int64(frames); total > maxDecoded {
				return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the object decodes to %d bytes; the limit is %d", total, maxDecoded), "ask for it as it is stored: transfer-syntax=*")
			}
			pixels, f = make([]byte, 0, len(data)*frames+1), format
		}
		if format != f {
			return nil, fault.New(fault.InputUnsupported, "the frames of the object decode to different formats", "ask for it as it is stored: transfer-syntax=*")
		}
		pixels = append(pixels, data...)
	}
	if len(pixels)%2 == 1 {
		pixels = append(pixels, 0)
	}
	return out, setPixels(out, pixels, f)
}

func setPixels(o *dicom.Object, pixels []byte, f pixel.Format) error {
	a := &attributes{Object: o}
	a.set(dicom.PhotometricInterpretation, f.Photometric)
	a.set(dicom.BitsAllocated, f.BitsAllocated)
	a.set(dicom.BitsStored, f.BitsStored)
	a.set(dicom.HighBit, f.BitsStored-1)
	if f.Samples > 1 {
		a.set(dicom.PlanarConfiguration, f.PlanarConfiguration)
	}
	for _, t := range []dicom.Tag{dicom.PixelData, dicom.ExtendedOffsetTable, dicom.ExtendedOffsetTableLengths} {
		o.Delete(t)
	}
	vr := "OB"
	if f.BitsAllocated > 8 {
		vr = "OW"
	}
	if a.err == nil {
		a.err = o.SetVR(dicom.PixelData, vr, pixels)
	}
	return a.err
}
