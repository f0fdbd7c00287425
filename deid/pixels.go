package deid

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"consilium/dicom"
	"consilium/dicom/pixel"
	"consilium/fault"
)

const (
	recognizable      dicom.Tag = 0x00280302
	ultrasoundRegions dicom.Tag = 0x00186011
)

const classPrefix = "1.2.840.10008.5.1.4.1.1."

// refuse is the door: kinds of objects that cannot be made safe at all.
func refuse(o *dicom.Object) error {
	class := o.Text(dicom.SOPClassUID)
	kind, standard := strings.CutPrefix(class, classPrefix)
	switch {
	case class == "":
		return refused(o.Name()+" does not say what kind of object it is", "export it again")
	case !standard:
		return refused(fmt.Sprintf("%s is a %s, which holds more than one kind of thing or is no storage object", o.Name(), dicom.UIDName(class)), "hand in the objects themselves")
	case strings.HasPrefix(kind, "104."):
		return refused(o.Name()+" is an encapsulated document: its text and pictures cannot be cleaned", "leave it out, or redact the document before it is encapsulated")
	case kind == "9.4.1":
		return refused(o.Name()+" is recorded voice, which identifies who speaks", "leave it out")
	case kind == "66":
		return refused(o.Name()+" holds raw data in a vendor's own form, which cannot be looked into", "leave it out")
	case o.Text(recognizable) == "YES":
		return refused(o.Name()+" says that the patient can be recognized in its pixels", "de-face it with a tool made for it, and set RecognizableVisualFeatures to NO")
	}
	return nil
}

// likely says why text is likely burned into the pixels; "" when it is not.
func likely(o *dicom.Object) string {
	switch burned := o.Text(dicom.BurnedInAnnotation); {
	case burned == "YES":
		return "says that text is burned into its pixels"
	case burned == "NO":
		return ""
	}
	kind := strings.TrimPrefix(o.Text(dicom.SOPClassUID), classPrefix)
	for prefix, name := range map[string]string{"7": "a secondary capture", "3.1": "ultrasound", "6.1": "ultrasound", "12.1": "angiography", "12.2": "fluoroscopy", "77.1.1": "endoscopy", "77.1.4": "a photograph"} {
		if kind == prefix || strings.HasPrefix(kind, prefix+".") {
			return "is " + name + " and does not say that its pixels are free of text"
		}
	}
	if slices.Contains([]string{"US", "IVUS", "SC", "XA", "RF", "ES", "XC", "DOC", "OT", "HC"}, o.Text(dicom.Modality)) {
		return "is of modality " + o.Text(dicom.Modality) + " and does not say that its pixels are free of text"
	}
	for _, v := range o.Texts(dicom.ImageType) {
		if strings.Contains(v, "SCREEN") || strings.Contains(v, "DOSE") || strings.Contains(v, "REPORT") || strings.Contains(v, "CAPTURE") {
			return fmt.Sprintf("is an image of type %q and does not say that its pixels are free of text", v)
		}
	}
	if o.Has(dicom.ConversionType) {
		return "was digitized or captured and does not say that its pixels are free of text"
	}
	return ""
}

// areas gives what is to be blanked, and refuses where text is likely and
// nothing would be.
func (d *Deidentifier) areas(o *dicom.Object) ([]Area, error) {
	if o.NumberOfFrames() == 0 {
		return nil, nil
	}
	areas := slices.Clone(d.o.Blank)
	for _, r := range d.o.Rules {
		if r.fits(o) {
			areas = append(areas, r.Areas...)
		}
	}
	if d.o.Outside {
		areas = append(areas, outside(o)...)
	}
	if why := likely(o); why != "" && len(areas) == 0 {
		return nil, refused(o.Name()+" "+why, "look at it, and name the areas to blank with a rule or --blank X,Y,W,H; or set BurnedInAnnotation to NO when there is no text")
	}
	return areas, nil
}

// outside is what lies outside of the regions of an ultrasound image (PS3.3
// C.8.5.5): where its maker writes names and dates. Nothing without regions.
func outside(o *dicom.Object) []Area {
	rows, _ := o.Int(dicom.Rows)
	columns, _ := o.Int(dicom.Columns)
	x0, y0, x1, y1 := columns, rows, 0, 0
	for _, r := range o.Items(ultrasoundRegions) {
		left, ok1 := r.Int(0x00186018)
		top, ok2 := r.Int(0x0018601A)
		right, ok3 := r.Int(0x0018601C)
		bottom, ok4 := r.Int(0x0018601E)
		if ok1 && ok2 && ok3 && ok4 {
			x0, y0, x1, y1 = min(x0, left), min(y0, top), max(x1, right+1), max(y1, bottom+1)
		}
	}
	if x0 >= x1 || y0 >= y1 {
		return nil
	}
	return slices.DeleteFunc([]Area{{0, 0, columns, y0}, {0, y1, columns, rows - y1}, {0, y0, x0, y1 - y0}, {x1, y0, columns - x1, y1 - y0}},
		func(a Area) bool { return a.Width <= 0 || a.Height <= 0 })
}

// pixels blanks areas, and clears the bits of native pixels outside of their
// values, where old overlays lie.
func (j *job) pixels(o *dicom.Object, areas []Area) error {
	if o.NumberOfFrames() == 0 || !o.Has(dicom.PixelData) {
		if len(areas) > 0 {
			return refused(o.Name()+" has pixels of a kind that cannot be blanked", "leave it out")
		}
		return nil
	}
	if len(areas) == 0 {
		return j.clearHighBits(o)
	}
	f, data, err := native(o)
	if err != nil {
		return err
	}
	frame := f.Rows * f.Columns * f.Samples * (f.BitsAllocated / 8)
	for at := 0; at+frame <= len(data); at += frame {
		for _, a := range areas {
			a.blank(f, data[at:at+frame])
		}
	}
	j.report.Blanked += len(areas)
	if err := store(o, f, data); err != nil {
		return fault.Wrap(err, fault.InputMalformed, o.Name()+" describes its pixels in values that are none", "export it again")
	}
	return j.clearHighBits(o)
}

// Limits on an image that is blanked: its pixels in bytes, and the time to decode them.
const (
	maxBlank   = 1 << 30
	decodeTime = 5 * time.Minute
)

// native decodes all frames: one after another, samples side by side.
func native(o *dicom.Object) (pixel.Format, []byte, error) {
	f := format(o)
	if f.BitsAllocated%8 != 0 || f.BitsAllocated == 0 {
		return f, nil, refused(fmt.Sprintf("%s: pixels of %d bits cannot be blanked", o.Name(), f.BitsAllocated), "leave it out")
	}
	n := o.NumberOfFrames()
	if int64(n)*int64(f.Rows)*int64(f.Columns)*int64(f.Samples)*int64(f.BitsAllocated/8) > maxBlank {
		return f, nil, fault.New(fault.InputTooLarge, o.Name()+" is too large to be blanked", "split it")
	}
	syntax := o.TransferSyntax()
	if syntax == pixel.ExplicitBig {
		syntax = pixel.ExplicitLittle // objects hold their values in little endian
	}
	ctx, cancel := context.WithTimeout(context.Background(), decodeTime)
	defer cancel()
	var data []byte
	var got pixel.Format
	for i := range n {
		raw, err := o.Frame(i)
		if err != nil {
			return f, nil, err
		}
		frame, err := pixel.Decode(ctx, syntax, f, raw)
		if err != nil {
			return f, nil, err
		}
		got = frame.Format
		data = append(data, frame.Data...)
	}
	return got, data, nil
}

// format is what the object says of its pixels.
func format(o *dicom.Object) pixel.Format {
	number := func(t dicom.Tag) int { n, _ := o.Int(t); return n }
	return pixel.Format{
		Rows: number(dicom.Rows), Columns: number(dicom.Columns), Samples: max(1, number(dicom.SamplesPerPixel)),
		BitsAllocated: number(dicom.BitsAllocated), BitsStored: number(dicom.BitsStored), Signed: number(dicom.PixelRepresentation) == 1,
		PlanarConfiguration: number(dicom.PlanarConfiguration), Photometric: o.Text(dicom.PhotometricInterpretation),
	}
}

// store puts decoded pixels back, uncompressed.
func store(o *dicom.Object, f pixel.Format, data []byte) error {
	o.SetTransferSyntax("")
	o.Delete(dicom.ExtendedOffsetTable)
	o.Delete(dicom.ExtendedOffsetTableLengths)
	err := set(o, dicom.BitsAllocated, f.BitsAllocated, dicom.PhotometricInterpretation, f.Photometric)
	if err == nil && f.Samples > 1 {
		err = o.Set(dicom.PlanarConfiguration, 0)
	}
	if err == nil {
		err = o.Set(dicom.PixelData, data)
	}
	return err
}

// clearHighBits clears the bits of each pixel above its value, or extends its sign.
func (j *job) clearHighBits(o *dicom.Object) error {
	f := format(o)
	high, _ := o.Int(dicom.HighBit)
	if dicom.Encapsulated(o.TransferSyntax()) || f.BitsStored >= f.BitsAllocated || f.BitsStored < 1 || high != f.BitsStored-1 || f.BitsAllocated != 16 && f.BitsAllocated != 8 {
		return nil
	}
	data := slices.Clone(o.Bytes(dicom.PixelData))
	step, changed := f.BitsAllocated/8, false
	for i := step - 1; i < len(data); i += step {
		v := uint16(data[i-step+1])
		if step == 2 {
			v |= uint16(data[i]) << 8
		}
		n := v & (1<<f.BitsStored - 1)
		if f.Signed && n>>(f.BitsStored-1) == 1 {
			n |= ^uint16(0) << f.BitsStored
		}
		if step == 1 {
			n &= 0xff
		}
		if n != v {
			changed = true
			data[i-step+1] = byte(n)
			if step == 2 {
				data[i] = byte(n >> 8)
			}
		}
	}
	if !changed {
		return nil
	}
	j.report.HighBits = true
	return o.Set(dicom.PixelData, data)
}
