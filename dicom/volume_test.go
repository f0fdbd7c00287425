package dicom

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"consilium/dataset/settest"
	"consilium/fault"
	"pgregory.net/rapid"
)

// slice makes a CT slice of 2 x 3 pixels, all of one value, at a position.
func slice(number int, position [3]float64, value int) *Object {
	o := New("")
	o.name = fmt.Sprint("slice ", number)
	raw := []byte{}
	for range 6 {
		raw = append(raw, byte(value), byte(value>>8))
	}
	if err := o.setAll([]attribute{
		{SOPClassUID, list("1.2.840.10008.5.1.4.1.1.2")}, {SOPInstanceUID, list(fmt.Sprint("1.2.", number))}, {SeriesInstanceUID, list("1.3")},
		{PatientID, list("P")}, {Modality, list("CT")}, {ImageType, list("ORIGINAL", "PRIMARY", "AXIAL")}, {InstanceNumber, list(number)},
		{ImagePositionPatient, list(position[0], position[1], position[2])}, {ImageOrientationPatient, list(1, 0, 0, 0, 1, 0)}, {PixelSpacing, list(0.5, 0.25)}, {SliceThickness, list(5)},
		{SamplesPerPixel, list(1)}, {PhotometricInterpretation, list("MONOCHROME2")}, {Rows, list(2)}, {Columns, list(3)},
		{BitsAllocated, list(16)}, {BitsStored, list(16)}, {HighBit, list(15)}, {PixelRepresentation, list(0)},
		{RescaleIntercept, list(-1024)}, {RescaleSlope, list(1)}, {WindowCenter, list(40)}, {WindowWidth, list(400)}, {PixelData, list(raw)},
	}); err != nil {
		panic(err)
	}
	return o
}

// stack makes n slices, 2 mm apart.
func stack(n int) []*Object {
	var out []*Object
	for i := range n {
		out = append(out, slice(i+1, [3]float64{10, 20, 30 + 2*float64(i)}, 1024+i))
	}
	return out
}

// TestVolumeOfAnyOrder: any order of the slices, with scouts and duplicates
// among them, gives the same volume.
func TestVolumeOfAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := stack(rapid.IntRange(2, 9).Draw(t, "slices"))
		n := len(objects)
		if rapid.Bool().Draw(t, "numbers run backwards") {
			for i, o := range objects {
				_ = o.Set(InstanceNumber, n-i)
			}
		}
		scout := slice(100, [3]float64{0, 0, 7}, 1)
		_ = scout.Set(ImageType, "ORIGINAL", "PRIMARY", "LOCALIZER")
		coronal := slice(101, [3]float64{0, 0, 7}, 1)
		_ = coronal.Set(ImageOrientationPatient, 1, 0, 0, 0, 0, -1)
		large := slice(102, [3]float64{0, 0, 7}, 1)
		_ = large.Set(Columns, 2)
		again := slice(103, [3]float64{10, 20, 30}, 9)
		objects = append(objects, scout, coronal, large, again, New(""))
		want, geometry, err := Volume(objects)
		if err != nil {
			t.Fatal(err)
		}
		if want.Frames != n || want.Low != -1024 || want.High != 64511 || len(geometry.Left) != 5 {
			t.Fatalf("%d frames in %v..%v, %+v", want.Frames, want.Low, want.High, geometry.Left)
		}
		for f := range n {
			if got := want.Pixels[6*f]; got != float32(f) {
				t.Fatalf("slice %d has value %v", f, got)
			}
		}
		if s, r, c := geometry.Spacing(); s != 2 || r != 0.5 || c != 0.25 || geometry.Origin != [3]float64{10, 20, 30} || geometry.Tilt != 0 {
			t.Fatalf("%+v", geometry)
		}
		shuffled := rapid.Permutation(objects).Draw(t, "order")
		got, other, err := Volume(shuffled)
		if err != nil {
			t.Fatal(err)
		}
		got.Source = want.Source
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(other, geometry) {
			t.Fatalf("another order gives another volume: %+v, %+v", other, geometry)
		}
	})
}

func TestVolumeRefusals(t *testing.T) {
	gap := slices.Delete(stack(6), 2, 3)
	uneven := stack(5)
	_ = uneven[4].Set(ImagePositionPatient, 10, 20, 37)
	bent := stack(5)
	_ = bent[2].Set(ImagePositionPatient, 60, 20, 34)
	others := stack(3)
	_ = others[1].Set(PatientID, "Q")
	colour := stack(2)
	_ = colour[1].Set(PhotometricInterpretation, "PALETTE COLOR")
	nowhere := slice(1, [3]float64{}, 1)
	nowhere.Delete(ImagePositionPatient)
	for name, c := range map[string]struct {
		objects []*Object
		code    fault.Code
		says    string
	}{
		"nothing":  {nil, fault.InputEmpty, "without objects"},
		"gap":      {gap, fault.InputTruncated, "1 slices are missing"},
		"uneven":   {uneven, fault.InputUnsupported, "uneven"},
		"bent":     {bent, fault.InputUnsupported, "straight line"},
		"patients": {others, fault.InputMalformed, "several patients"},
		"colour":   {colour, fault.InputUnsupported, "PALETTE"},
		"nowhere":  {[]*Object{nowhere}, fault.InputUnsupported, "no position"},
	} {
		if _, _, err := Volume(c.objects); fault.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestGantryTilt(t *testing.T) {
	objects := stack(5)
	for i, o := range objects {
		_ = o.Set(ImagePositionPatient, 10, 20+float64(i)*2*math.Tan(15*math.Pi/180), 30+2*float64(i))
	}
	_, g, err := Volume(objects)
	if err != nil {
		t.Fatal(err)
	}
	if s, _, _ := g.Spacing(); math.Abs(g.Tilt-15) > 0.01 || math.Abs(s-2) > 1e-6 || len(g.Notes) != 1 {
		t.Errorf("%+v", g)
	}
}

// TestEnhancedVolume: frames of one object, placed by functional groups, each
// with its own rescale.
func TestEnhancedVolume(t *testing.T) {
	o := slice(1, [3]float64{}, 0)
	o.Delete(ImagePositionPatient)
	o.Delete(ImageOrientationPatient)
	raw := []byte{}
	var groups []*Object
	for f := range 4 {
		for range 6 {
			raw = append(raw, byte(10*f), 0)
		}
		position, transformation, group := New(""), New(""), New("")
		_ = position.Set(ImagePositionPatient, 0, 0, -3*float64(f))
		_ = transformation.setAll([]attribute{{RescaleSlope, list(f + 1)}, {RescaleIntercept, list(0)}})
		_ = group.SetItems(PlanePositionSequence, position)
		_ = group.SetItems(PixelValueTransformationSequence, transformation)
		groups = append(groups, group)
	}
	orientation, measures, shared := New(""), New(""), New("")
	_ = orientation.Set(ImageOrientationPatient, 1, 0, 0, 0, 1, 0)
	_ = measures.Set(PixelSpacing, 1, 1)
	_ = shared.SetItems(PlaneOrientationSequence, orientation)
	_ = shared.SetItems(PixelMeasuresSequence, measures)
	_ = o.setAll([]attribute{{NumberOfFrames, list(4)}, {PixelData, list(raw)}})
	_ = o.SetItems(SharedFunctionalGroupsSequence, shared)
	_ = o.SetItems(PerFrameFunctionalGroupsSequence, groups...)
	img, g, err := Volume([]*Object{o})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{120, 60, 20, 0} { // from the lowest position up: the last frame first
		if img.Pixels[6*i] != want || g.Sources[i].Frame != 3-i {
			t.Errorf("slice %d: %v of frame %d, want %v", i, img.Pixels[6*i], g.Sources[i].Frame, want)
		}
	}
	if g.Slice != [3]float64{0, 0, 3} {
		t.Errorf("%v", g.Slice)
	}
}

// TestRealSeries reads the folders of pydicom's test directories as series.
func TestRealSeries(t *testing.T) {
	folder := filepath.Join(settest.Data(t, "dicom"), "pydicom", "dicomdirtests")
	bySeries := map[string][]*Object{}
	_ = filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if o, err := openObject(path); err == nil && o.pixelTag() != 0 {
			bySeries[o.IDs().Series] = append(bySeries[o.IDs().Series], o)
		}
		return nil
	})
	for series, objects := range bySeries {
		img, g, err := Volume(objects)
		if fault.CodeOf(err) == fault.Internal {
			t.Error(err)
		}
		t.Logf("%s: %d objects, %d slices, %v; %d left out, %q", series, len(objects), img.Frames, err, len(g.Left), g.Notes)
		for _, l := range g.Left {
			t.Log("   ", l.Why)
		}
	}
	if len(bySeries) < 10 {
		t.Errorf("%d series", len(bySeries))
	}
}
