package dicom

import (
	"bytes"
	"encoding/json"
	"math"
	"os/exec"
	"path/filepath"
	"testing"

	"consilium/dataset/settest"
)

// TestValuesAgainstPydicom compares what is shown of every image of one frame
// with pydicom's modality LUT, VOI LUT, window and palette.
func TestValuesAgainstPydicom(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes every file")
	}
	python := pydicomOrSkip(t)
	paths, _ := filepath.Glob(filepath.Join(settest.Data(t, "dicom"), "*", "*.dcm"))
	out, err := exec.Command(python, append([]string{"testdata/pydicom_values.py"}, paths...)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	compared := map[string]int{}
	for line := range bytes.Lines(out) {
		var row struct {
			path, kind string
			values     []float64
		}
		var raw [3]json.RawMessage
		_ = json.Unmarshal(line, &raw)
		_ = json.Unmarshal(raw[0], &row.path)
		_ = json.Unmarshal(raw[1], &row.kind)
		_ = json.Unmarshal(raw[2], &row.values)
		name := filepath.Base(row.path)
		o, err := openObject(row.path)
		left := map[string]bool{
			"OBXXXX1A_expb.dcm": true, // pydicom reads big endian palettes as little endian
			"mlut_18.dcm":       true, // and leaves negative 12-bit values without their sign
		}
		if err != nil || row.values == nil || Encapsulated(o.TransferSyntax()) || left[name] {
			continue
		}
		img, err := o.Image()
		if err != nil {
			t.Errorf("%s: pydicom shows it, we say %v", name, err)
			continue
		}
		kind := row.kind
		switch _, given := o.Window(0); {
		case kind == "PALETTE COLOR" && o.Has(SegmentedRedPaletteColorLookupTableData):
			kind = "segmented palette"
		case kind == "PALETTE COLOR":
		case given:
			kind = "window"
		case o.Has(VOILUTSequence):
			kind = "VOI LUT"
		case o.Has(ModalityLUTSequence):
			kind = "modality LUT"
		default:
			kind = "rescale"
		}
		compared[kind]++
		// pydicom spreads a window over the range of the stored values; undo that.
		low, scale := 0.0, 1.0
		if kind == "window" {
			if low, scale = pydicomWindow(o, img.Low, img.High); scale == 0 {
				compared[kind]--
				continue
			}
		}
		for i, want := range row.values {
			got := float64(img.Pixels[97*i])
			if want = low + want*scale; math.Abs(got-want) > 1e-3*math.Max(1, (img.High-img.Low)/100) {
				t.Errorf("%s (%s): value %d is %v, pydicom %v", name, kind, 97*i, got, want)
				break
			}
		}
	}
	t.Log(compared)
}

// pydicomWindow gives the line from pydicom's windowed values to ours: its
// output range is that of the stored bits, rescaled.
func pydicomWindow(o *Object, low, high float64) (offset, scale float64) {
	if o.Has(ModalityLUTSequence) {
		return 0, 0
	}
	p := &pixels{}
	l, err := o.layout()
	if err != nil {
		return 0, 0
	}
	p.layout = *l
	m, err := o.modality(0, p.Signed)
	if err != nil {
		return 0, 0
	}
	from, to := m.span(p.limits())
	scale = (high - low) / (to - from)
	return low - from*scale, scale
}
