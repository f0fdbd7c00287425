package deid

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"consilium/dataset/settest"
	"consilium/dicom"
	"consilium/fault"
)

// picture is an ultrasound image whose every byte is 200.
func picture(t *testing.T, samples, planar, frames int, photometric string) *dicom.Object {
	t.Helper()
	o := object(t, classPrefix+"6.1", "US", dicom.SOPInstanceUID, "1.2.3", dicom.Manufacturer, "Synthetic Devices", dicom.ManufacturerModelName, "Sono 1",
		dicom.Rows, 6, dicom.Columns, 8, dicom.SamplesPerPixel, samples, dicom.BitsAllocated, 8, dicom.BitsStored, 8, dicom.HighBit, 7,
		dicom.PixelRepresentation, 0, dicom.PhotometricInterpretation, photometric, dicom.NumberOfFrames, frames)
	if samples > 1 {
		must(t, o.Set(dicom.PlanarConfiguration, planar))
	}
	must(t, o.Set(dicom.PixelData, slices.Repeat([]byte{200}, 6*8*samples*frames)))
	return o
}

func TestBlanking(t *testing.T) {
	for _, c := range []struct {
		samples, planar, frames int
		photometric             string
		black                   []byte
	}{{1, 0, 1, "MONOCHROME2", []byte{0}}, {1, 0, 3, "MONOCHROME1", []byte{255}}, {3, 0, 2, "RGB", []byte{0, 0, 0}}, {3, 1, 2, "RGB", []byte{0, 0, 0}}, {3, 0, 1, "YBR_FULL", []byte{0, 128, 128}}} {
		o := picture(t, c.samples, c.planar, c.frames, c.photometric)
		clean, report, err := deidentifier(t, "clean-pixel-data", func(o *Options) { o.Blank = []Area{{6, 4, 10, 10}, {0, 0, 2, 1}} }).Object(o)
		must(t, err)
		if report.Blanked != 2 || clean.Text(dicom.BurnedInAnnotation) != "NO" {
			t.Error(report.Blanked, clean.Text(dicom.BurnedInAnnotation))
		}
		data := clean.Bytes(dicom.PixelData)
		for frame := range c.frames {
			for y := range 6 {
				for x := range 8 {
					inside := x >= 6 && y >= 4 || x < 2 && y < 1
					at := ((frame*6+y)*8 + x) * c.samples
					want := slices.Repeat([]byte{200}, c.samples)
					if inside {
						want = c.black
					}
					if got := data[at : at+c.samples]; !slices.Equal(got, want) {
						t.Fatalf("%s %d: pixel %d,%d of frame %d is %v, want %v", c.photometric, c.planar, x, y, frame, got, want)
					}
				}
			}
		}
	}
}

func TestRules(t *testing.T) {
	rules, err := ParseRules("# a comment\n\nSynthetic\tSono\tUS\t6\t8\t0,0,8,1 7,0,1,6\n")
	must(t, err)
	o := picture(t, 1, 0, 1, "MONOCHROME2")
	clean, _, err := deidentifier(t, "basic", func(o *Options) { o.Rules = rules }).Object(o)
	must(t, err)
	if b := clean.Bytes(dicom.PixelData); b[0] != 0 || b[15] != 0 || b[8] != 200 {
		t.Error(b)
	}
	must(t, o.Set(dicom.Columns, 8))
	rules[0].Rows = 7
	if _, _, err := deidentifier(t, "basic", func(o *Options) { o.Rules = rules }).Object(o); fault.CodeOf(err) != fault.DeidRefused {
		t.Error("a rule for another size was applied", err)
	}
	for _, bad := range []string{"one\ttwo", "*\t*\t*\t*\t*\t0,0,1,1", "a\t*\t*\tx\t*\t0,0,1,1", "a\t*\t*\t*\t*\t", "a\t*\t*\t*\t*\t0,0,0,1", "a\t*\t*\t*\t*\t0,0,1"} {
		if _, err := ParseRules(bad); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestOutsideOfUltrasoundRegions(t *testing.T) {
	o := picture(t, 1, 0, 1, "MONOCHROME2")
	region := dicom.New("")
	must(t, set(region, dicom.Tag(0x00186018), 2, dicom.Tag(0x0018601A), 1, dicom.Tag(0x0018601C), 5, dicom.Tag(0x0018601E), 4))
	must(t, o.SetItems(ultrasoundRegions, region))
	clean, _, err := deidentifier(t, "basic", func(o *Options) { o.Outside = true }).Object(o)
	must(t, err)
	for i, v := range clean.Bytes(dicom.PixelData) {
		x, y := i%8, i/8
		if inside := x >= 2 && x <= 5 && y >= 1 && y <= 4; (v == 200) != inside {
			t.Errorf("%d,%d is %d", x, y, v)
		}
	}
	o.Delete(ultrasoundRegions)
	if _, _, err := deidentifier(t, "basic", func(o *Options) { o.Outside = true }).Object(o); fault.CodeOf(err) != fault.DeidRefused {
		t.Error("an image without regions passed", err)
	}
}

// TestCompressedPixelsAreBlanked: compressed images come out uncompressed.
func TestCompressedPixelsAreBlanked(t *testing.T) {
	folder := settest.Data(t, "dicom")
	for _, name := range []string{"pydicom/MR_small_RLE.dcm", "pydicom/JPEG2000.dcm", "pydicom/SC_rgb_jpeg_dcmtk.dcm", "pydicom/MR_small_bigendian.dcm", "pydicom/SC_rgb_rle_2frame.dcm", "pydicom/MR_small_jpeg_ls_lossless.dcm"} {
		f, err := os.Open(filepath.Join(folder, name))
		if err != nil {
			t.Log(err)
			continue
		}
		o, err := dicom.ParseObject(f, name)
		f.Close()
		must(t, err)
		clean, _, err := deidentifier(t, "basic", func(o *Options) { o.Blank = []Area{{0, 0, 20, 10}} }).Object(o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		before, err := o.Image()
		must(t, err)
		after, err := clean.Image()
		must(t, err)
		step := before.Channels
		changed := 0
		for i := range before.Pixels {
			p := i / step % (before.Rows * before.Columns)
			x, y := p%before.Columns, p/before.Columns
			if (x >= 20 || y >= 10) && before.Pixels[i] != after.Pixels[i] {
				changed++
			}
			if x < 20 && y < 10 && after.Pixels[i] != after.Pixels[0] && step == 1 {
				t.Fatalf("%s: pixel %d,%d is not blank", name, x, y)
			}
		}
		if changed > 0 {
			t.Errorf("%s: %d values outside of the area changed", name, changed)
		}
	}
}
