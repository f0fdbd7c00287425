package panel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/color"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/dataset/audio"
	"consilium/dataset/wfdb"
	"consilium/fault"
	"consilium/intake"
	"consilium/panel"
	"consilium/panel/paneltest"
	"consilium/registry"
)

func newPanel(t testing.TB, out string, bundles ...*registry.Bundle) *panel.Panel {
	t.Helper()
	p, err := panel.New(bundles, panel.Options{Out: out})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// grey is a picture of that mean brightness, 0..1, with some texture.
func grey(level float64) *clinical.Image {
	img := &clinical.Image{Source: "grey", Format: "PNG", Frames: 1, Rows: 56, Columns: 56, Channels: 1, High: 255, Pixels: make([]float32, 56*56)}
	for i := range img.Pixels {
		img.Pixels[i] = float32(255*level) + float32(i%3) - 1
	}
	return img
}

func colour(level float64) *clinical.Image {
	img := grey(level)
	img.Channels = 3
	img.Pixels = slices.Concat(img.Pixels, img.Pixels, img.Pixels)
	return img
}

func ecg(height float64) *clinical.Recording {
	r := rand.New(rand.NewPCG(1, 2))
	rec := &clinical.Recording{Source: "ecg", Kind: clinical.KindECG, Rate: 100}
	for _, lead := range []string{"I", "II"} {
		s := make([]float32, 1000)
		for i := range s {
			s[i] = float32(height*math.Sin(float64(i)/3) + 0.01*r.NormFloat64())
		}
		rec.Channels = append(rec.Channels, clinical.Channel{Name: lead, Unit: "mV", Samples: s})
	}
	return rec
}

func sound() *clinical.Recording {
	s := make([]float32, 8000)
	for i := range s {
		s[i] = float32(0.3 * math.Sin(float64(i)/3) * math.Exp(-float64(i)/4000))
	}
	return &clinical.Recording{Source: "sound", Format: "WAV", Kind: clinical.KindSound, Rate: 8000, Channels: []clinical.Channel{{Name: "mono", Samples: s}}}
}

func TestModelsAreChosenByWhatTheInputIs(t *testing.T) {
	chest := func(modality, part string) *clinical.Image {
		img := grey(0.8)
		img.Modality, img.BodyPart = modality, part
		return img
	}
	fundus := colour(0.8)
	fundus.Modality = "OP"
	volume := grey(0.8)
	volume.Frames, volume.Pixels = 2, slices.Concat(volume.Pixels, volume.Pixels)
	tests := []struct {
		name  string
		item  intake.Item
		model string // "" for none
		note  string
	}{
		{"chest film", intake.Item{Image: chest("DX", "CHEST")}, "film", ""},
		{"film of an unnamed part", intake.Item{Image: chest("CR", "")}, "film", "does not name the body part"},
		{"hand", intake.Item{Image: chest("CR", "HAND")}, "", ""},
		{"computed tomography", intake.Item{Image: chest("CT", "CHEST")}, "", ""},
		{"plain grey picture", intake.Item{Image: grey(0.8)}, "film", "was assumed"},
		{"fundus", intake.Item{Image: fundus}, "photo", ""},
		{"plain colour picture", intake.Item{Image: colour(0.8)}, "photo", "was assumed"},
		{"volume", intake.Item{Image: volume}, "", ""},
		{"ecg", intake.Item{Recording: ecg(1)}, "ecg", ""},
		{"sound", intake.Item{Recording: sound()}, "sound", ""},
	}
	p := newPanel(t, "", paneltest.All()...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			findings, refusals, err := p.Examine(t.Context(), tt.item)
			if err != nil {
				t.Fatal(err)
			}
			if tt.model == "" {
				if len(findings) != 0 || len(refusals) != 1 || refusals[0].Code != string(fault.InputNoModel) {
					t.Fatalf("%v %v", findings, refusals)
				}
				return
			}
			if len(findings) != 1 || findings[0].Model != tt.model {
				t.Fatalf("%+v %+v", findings, refusals)
			}
			assumed := slices.ContainsFunc(findings[0].Notes, func(n string) bool { return strings.Contains(n, "assumed") })
			if tt.note == "" && assumed || !strings.Contains(strings.Join(findings[0].Notes, " "), tt.note) {
				t.Errorf("notes %q", findings[0].Notes)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	p := newPanel(t, "", paneltest.Film())
	tests := []struct {
		level   float64
		verdict string
		answer  string
	}{
		{0.9, clinical.VerdictFinding, "bright"},
		{0.1, clinical.VerdictFinding, "normal"},
		{0.5, clinical.VerdictCannotTell, "cannot tell: normal or bright"},
	}
	for _, tt := range tests {
		findings, _, err := p.Examine(t.Context(), intake.Item{Path: "x.png", Image: grey(tt.level)})
		if err != nil || len(findings) != 1 {
			t.Fatal(findings, err)
		}
		f := findings[0]
		if f.Verdict != tt.verdict || f.Answer != tt.answer || f.Coverage != 0.9 {
			t.Errorf("%v: %s, %s, %v", tt.level, f.Verdict, f.Answer, f.Coverage)
		}
		sum := 0.0
		for _, o := range f.Outcomes {
			sum += o.Probability
			if o.Low == nil || *o.Low > o.Probability || *o.High < o.Probability {
				t.Errorf("%v: interval of %+v", tt.level, o)
			}
		}
		if math.Abs(sum-1) > 1e-9 || f.Outcomes[0].Probability < f.Outcomes[1].Probability {
			t.Errorf("outcomes %+v", f.Outcomes)
		}
	}
}

// A model's range check, a missing lead: the input is refused, the work goes on.
func TestRefusalsOfOneInputAreNotFatal(t *testing.T) {
	narrow := paneltest.Film()
	narrow.Card.Input.MeanLow, narrow.Card.Input.MeanHigh = 0.3, 0.7
	p := newPanel(t, "", narrow, paneltest.ECG())
	oneLead := ecg(1)
	oneLead.Channels = oneLead.Channels[:1]
	for item, want := range map[*intake.Item]fault.Code{
		{Image: grey(0.95)}:    fault.InputRange,
		{Recording: oneLead}:   fault.InputLeads,
		{Recording: ecg(1000)}: fault.InputRange,
		{Recording: sound()}:   fault.InputNoModel,
	} {
		findings, refusals, err := p.Examine(t.Context(), *item)
		if err != nil || len(findings) != 0 || len(refusals) != 1 || refusals[0].Code != string(want) || refusals[0].Do == "" {
			t.Errorf("want %s, got %+v %+v %v", want, findings, refusals, err)
		}
	}
}

// casefiles writes one file of every kind, and some that are refused.
func casefiles(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	writePNG(t, filepath.Join(dir, "dark.png"), 20)
	writePNG(t, filepath.Join(dir, "bright.png"), 240)
	writePNG(t, filepath.Join(dir, "middle.png"), 127)
	if err := os.WriteFile(filepath.Join(dir, "cut.png"), []byte("\x89PNG\r\n\x1a\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := wfdb.Write(dir, "ecg", *ecg(1)); err != nil {
		t.Fatal(err)
	}
	if err := audio.WriteWAV(filepath.Join(dir, "cough.wav"), *sound()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func writePNG(t testing.TB, path string, level uint8) {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, 56, 56))
	for i := range img.Pix {
		img.Pix[i] = level + uint8(i%3)
	}
	img.SetGray(20, 20, color.Gray{Y: 255 - level})
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

type counter struct{ findings, refusals int }

func (c *counter) Finding(clinical.Finding) error { c.findings++; return nil }
func (c *counter) Refusal(clinical.Refusal) error { c.refusals++; return nil }

func TestAssess(t *testing.T) {
	dir, seen := casefiles(t), &counter{}
	p := newPanel(t, "", paneltest.All()...)
	a, err := p.Assess(t.Context(), []string{dir, filepath.Join(dir, "absent.dcm")}, seen)
	if err != nil {
		t.Fatal(err)
	}
	if len(a.Findings) != 5 || len(a.Refusals) != 2 || seen.findings != 5 || seen.refusals != 2 || a.Disclaimer != clinical.Disclaimer {
		t.Fatalf("%d findings, %d refusals, observer %+v", len(a.Findings), len(a.Refusals), seen)
	}
	urgency := make([]int, len(a.Findings))
	for i, f := range a.Findings {
		urgency[i] = -int(panel.UrgencyOf(f))
	}
	if !slices.IsSorted(urgency) || a.Findings[0].Answer != "bright" {
		t.Errorf("order %v, first %s", urgency, a.Findings[0].Answer)
	}
	again, err := newPanel(t, "", paneltest.All()...).Assess(t.Context(), []string{dir, filepath.Join(dir, "absent.dcm")}, nil)
	first, _ := json.Marshal(a)
	second, _ := json.Marshal(again)
	if err != nil || !bytes.Equal(first, second) {
		t.Error("the same files give another assessment", err)
	}
}

func TestAssessStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newPanel(t, "", paneltest.All()...).Assess(ctx, []string{casefiles(t)}, nil)
	if fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("got %v", err)
	}
}

// A backend that is not there ends the work with its own exit status; it is no
// fault of the input.
func TestBackendFaultIsFatal(t *testing.T) {
	p, err := panel.New(paneltest.All(), panel.Options{Out: ""})
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONSILIUM_BACKEND", "abacus")
	if _, err := p.Assess(t.Context(), []string{casefiles(t)}, nil); fault.CodeOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}

// One thousand pictures in one call must not hold on to more than their findings.
func TestMemoryStaysFlat(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 1,000 pictures")
	}
	dir := t.TempDir()
	var paths []string
	writePNG(t, filepath.Join(dir, "0.png"), 200)
	for i := range 1000 {
		path := filepath.Join(dir, string(rune('a'+i%26))+strings.Repeat("x", i/26)+".png")
		if err := os.Link(filepath.Join(dir, "0.png"), path); err != nil {
			t.Skip("no hard links here:", err)
		}
		paths = append(paths, path)
	}
	p := newPanel(t, "", paneltest.Film())
	heap := &watermark{}
	a, err := p.Assess(t.Context(), paths, heap)
	if err != nil || len(a.Findings) != 1000 {
		t.Fatalf("%d findings, %v", len(a.Findings), err)
	}
	const most = 4 << 10 // bytes a finding
	if grown := heap.last - heap.first; grown > 900*most {
		t.Errorf("the heap grew by %d KiB over 900 pictures", grown>>10)
	}
}

// watermark measures the live heap at the 100th and at the last picture.
type watermark struct {
	n           int
	first, last int64
}

func (w *watermark) Finding(clinical.Finding) error {
	switch w.n++; w.n {
	case 100:
		w.first = live()
	case 1000:
		w.last = live()
	}
	return nil
}

func (w *watermark) Refusal(clinical.Refusal) error { return nil }

func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func TestNewest(t *testing.T) {
	film, photo := paneltest.Film(), paneltest.Photo()
	entries := []registry.Entry{{Name: "film", Version: "2.0.0", Fault: "broken"}, {Name: "film", Version: "1.0.0", Bundle: film}, {Name: "film", Version: "0.9.0", Bundle: film}, {Name: "photo", Version: "1.0.0", Bundle: photo}}
	if got := panel.Newest(entries); len(got) != 2 || got[0] != film || got[1] != photo {
		t.Errorf("got %d bundles", len(got))
	}
}

// BenchmarkExamine is the cost of one more picture, without and with its heat map.
func BenchmarkExamine(b *testing.B) {
	for name, out := range map[string]string{"answer": "", "heat-map": b.TempDir()} {
		b.Run(name, func(b *testing.B) {
			p, item := newPanel(b, out, paneltest.Film()), intake.Item{Path: "x.png", Image: grey(0.8)}
			for b.Loop() {
				if _, _, err := p.Examine(b.Context(), item); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
