package edge

import (
	"bytes"
	"image"
	"image/jpeg"
	"image/png"

	"consilium/deid"
	"consilium/dicom"
	"consilium/fault"
	"consilium/intake"
)

// Strip takes the patient out of a case before it leaves the house: a DICOM object goes through the basic profile of
// package deid, of a PNG or JPEG nothing but the pixels stays. Text that is burned into the pixels of a PNG or JPEG
// is NOT found. Everything else is refused: a voice is its owner's, and the texts of an ECG are free.
func Strip(key deid.Key) (Prepare, error) {
	clean, err := deid.New(deid.Options{Key: key})
	if err != nil {
		return nil, err
	}
	return func(c Case) (Case, error) {
		if len(c.Files) != 1 {
			return Case{}, fault.New(fault.DeidRefused, "a case of several files is not handed over", "the site's own answer stands")
		}
		f := c.Files[0]
		format, err := intake.Sniff(f.Body[:min(len(f.Body), 4096)], f.Name)
		if err != nil {
			return Case{}, err
		}
		var out bytes.Buffer
		name := "case.png"
		switch format {
		case intake.DICOM:
			name, err = "case.dcm", stripDICOM(clean, f.Body, &out)
		case intake.PNG, intake.JPEG:
			err = stripPicture(format, f.Body, &out)
		default:
			err = fault.New(fault.DeidRefused, "only DICOM, PNG and JPEG are handed over, and this is "+string(format), "the site's own answer stands")
		}
		if err != nil {
			return Case{}, err
		}
		return Case{ID: c.ID, Files: []File{{Name: name, Body: out.Bytes()}}}, nil
	}, nil
}

func stripDICOM(clean *deid.Deidentifier, body []byte, out *bytes.Buffer) error {
	o, err := dicom.ParseObject(bytes.NewReader(body), "case.dcm")
	if err != nil {
		return err
	}
	if o, _, err = clean.Object(o); err != nil {
		return err
	}
	return o.Write(out)
}

// stripPicture writes a new PNG of the pixels: no text, no EXIF, no thumbnail comes along.
func stripPicture(format intake.Format, body []byte, out *bytes.Buffer) error {
	config, decode := png.DecodeConfig, png.Decode
	if format == intake.JPEG {
		config, decode = jpeg.DecodeConfig, jpeg.Decode
	}
	size, err := config(bytes.NewReader(body))
	if err == nil && (size.Width < 1 || size.Height < 1 || size.Width > intake.MaxPixels/size.Height) {
		return fault.New(fault.InputTooLarge, "the picture has too many pixels", "export a smaller one")
	}
	var pixels image.Image
	if err == nil {
		pixels, err = decode(bytes.NewReader(body))
	}
	if err != nil {
		return fault.Wrap(err, fault.InputMalformed, "the picture cannot be read", "export it again")
	}
	if err := png.Encode(out, pixels); err != nil {
		return fault.Wrap(err, fault.Internal, "the picture cannot be written", "this is a defect; please report it")
	}
	return nil
}
