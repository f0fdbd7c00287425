package result

import (
	"image"
	"image/color"
	"testing"

	"consilium/dicom"
)

func gradient(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			m.SetNRGBA(x, y, color.NRGBA{uint8(x), uint8(y), 7, 255})
		}
	}
	return m
}

func TestSegmentationsAndCapturesAreValid(t *testing.T) {
	folder := t.TempDir()
	var paths []string
	defer func() { readable(t, paths...) }()
	for name, list := range sources(t) {
		t.Run(name, func(t *testing.T) {
			in := about(list)
			objects, err := SEG(in)
			if err != nil {
				t.Fatal(err)
			}
			if (len(objects) == 0) != isWaveform(list[0]) {
				t.Errorf("%d segmentations", len(objects))
			}
			capture, err := SecondaryCapture(in, Picture{Finding: "pneumonia 1", Method: "grad-cam", Outcome: "pneumonia", Caption: "where the model looked", Captions: true, Image: gradient(31, 17)})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range append(objects, capture) {
				path := save(t, folder, o)
				validate(t, path)
				paths = append(paths, path)
			}
		})
	}
}

func TestMasksOfAVolume(t *testing.T) {
	in := about(sources(t)["CT"])
	rows, columns := size(in.Sources[0])
	nodule, vessel := make([]bool, rows*columns), make([]bool, rows*columns)
	nodule[5], vessel[7] = true, true
	in.Findings[1].Masks = []Mask{
		{Label: "nodule", Kind: sct("27925004", "Nodule"), SOP: "1.2.3.4.3", Pixels: nodule},
		{Label: "nodule", Kind: sct("27925004", "Nodule"), SOP: "1.2.3.4.1", Pixels: nodule},
		{Label: "vessel", Kind: sct("59820001", "Blood Vessel"), SOP: "1.2.3.4.1", Pixels: vessel},
	}
	objects, err := SEG(in)
	if err != nil || len(objects) != 1 {
		t.Fatal(len(objects), err)
	}
	o := objects[0]
	path := save(t, t.TempDir(), o)
	validate(t, path)
	readable(t, path)
	if n := len(o.Items(dicom.SegmentSequence)); n != 3 {
		t.Errorf("%d segments, want the regions, the nodule and the vessel", n)
	}
	frames := o.Items(dicom.PerFrameFunctionalGroupsSequence)
	if len(frames) != 4 {
		t.Fatalf("%d frames", len(frames))
	}
	pixels := o.Bytes(dicom.PixelData)
	bit := func(frame, pixel int) bool {
		i := frame*rows*columns + pixel
		return pixels[i/8]>>(i%8)&1 == 1
	}
	if !bit(1, 5) || bit(1, 7) || !bit(3, 7) || bit(3, 5) || !bit(0, 20*columns+10) || bit(0, 0) {
		t.Error("the bits are not where the masks are")
	}
	if z := frames[1].Item(dicom.PlanePositionSequence).Texts(dicom.ImagePositionPatient); z[2] != "15" {
		t.Errorf("frame 2 lies at %v", z)
	}
	if sop := frames[1].Item(dicom.DerivationImageSequence).Item(dicom.SourceImageSequence).Text(dicom.ReferencedSOPInstanceUID); sop != "1.2.3.4.3" {
		t.Errorf("frame 2 was made from %s", sop)
	}
	in.Findings[1].Masks[0].Pixels = nodule[1:]
	if _, err := SEG(in); err == nil {
		t.Error("a mask of the wrong size was taken")
	}
}

func TestCaptureHoldsThePicture(t *testing.T) {
	in := about(sources(t)["CR"])
	o, err := SecondaryCapture(in, Picture{Finding: "pneumonia 1", Image: gradient(5, 3)})
	if err != nil {
		t.Fatal(err)
	}
	b := o.Bytes(dicom.PixelData)
	if b[3*(2*5+4)] != 4 || b[3*(2*5+4)+1] != 2 || len(b) != 46 {
		t.Errorf("pixels %v", b)
	}
	if o.Text(dicom.BurnedInAnnotation) != "NO" {
		t.Error("burned-in annotation without captions")
	}
	if _, err := SecondaryCapture(in, Picture{Finding: "nobody", Image: gradient(5, 3)}); err == nil {
		t.Error("a picture of no finding was taken")
	}
}
