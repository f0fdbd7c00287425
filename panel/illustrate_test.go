package panel_test

import (
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/explain"
	"consilium/fault"
	"consilium/intake"
	"consilium/panel"
	"consilium/panel/paneltest"
)

func TestEveryKindGetsAPicture(t *testing.T) {
	wide := colour(0.8)
	wide.Rows, wide.Columns = 28, 112
	items := map[string]intake.Item{
		explain.MethodOcclusion:  {Path: "a/film.png", Image: grey(0.8)},
		explain.MethodIntegrated: {Path: "b/photo.jpg", Image: wide},
		"ecg":                    {Path: "ecg.hea", Recording: ecg(1)},
		"sound":                  {Path: "cough.wav", Recording: sound()},
	}
	out := filepath.Join(t.TempDir(), "maps")
	p := newPanel(t, out, paneltest.All()...)
	for name, item := range items {
		findings, _, err := p.Examine(t.Context(), item)
		if err != nil || len(findings) != 1 || len(findings[0].Pictures) != 1 {
			t.Fatalf("%s: %+v %v", name, findings, err)
		}
		pic := findings[0].Pictures[0]
		if strings.Contains(name, "-") && pic.Method != name {
			t.Errorf("%s was explained by %s", name, pic.Method)
		}
		f, err := os.Open(pic.Path)
		if err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(f)
		f.Close()
		if err != nil || img.Bounds().Dx() < 300 {
			t.Errorf("%s: %v", pic.Path, err)
		}
		if filepath.Dir(pic.Path) != out || pic.Outcome != findings[0].Outcomes[0].Name {
			t.Errorf("picture %+v", pic)
		}
	}
}

func TestPicturesOfOneNameDoNotCollide(t *testing.T) {
	p := newPanel(t, t.TempDir(), paneltest.Film())
	seen := map[string]bool{}
	for _, path := range []string{"a/x.png", "b/x.png", "c/../x.jpg"} {
		findings, _, err := p.Examine(t.Context(), intake.Item{Path: path, Image: grey(0.9)})
		if err != nil {
			t.Fatal(err)
		}
		seen[findings[0].Pictures[0].Path] = true
	}
	if len(seen) != 3 {
		t.Errorf("pictures %v", seen)
	}
}

func TestMethods(t *testing.T) {
	item := intake.Item{Path: "x.png", Image: grey(0.9)}
	tests := []struct {
		o        panel.Options
		pictures int
		note     string
		refused  bool
	}{
		{panel.Options{Method: panel.MethodOff}, 0, "", false},
		{panel.Options{Method: explain.MethodGradCAM}, 0, "No heat map", false}, // the film model has no gradient
		{panel.Options{Method: explain.MethodOcclusion, Label: "NORMAL"}, 1, "", false},
		{panel.Options{Method: "tea-leaves"}, 0, "", true},
		{panel.Options{Label: "measles"}, 0, "", true},
	}
	for _, tt := range tests {
		tt.o.Out = t.TempDir()
		p, err := panel.New(paneltest.All(), tt.o)
		if tt.refused {
			if fault.CodeOf(err) != fault.Usage {
				t.Errorf("%+v: %v", tt.o, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		findings, _, err := p.Examine(t.Context(), item)
		p.Close()
		if err != nil || len(findings[0].Pictures) != tt.pictures || !strings.Contains(strings.Join(findings[0].Notes, " "), tt.note) {
			t.Errorf("%+v: %+v %v", tt.o, findings, err)
		}
		if tt.o.Label != "" && findings[0].Pictures[0].Outcome != "normal" && !strings.EqualFold(findings[0].Pictures[0].Outcome, tt.o.Label) {
			t.Errorf("explains %s", findings[0].Pictures[0].Outcome)
		}
	}
}

func TestUnwritableGallery(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, err := newPanel(t, file, paneltest.Film()).Examine(t.Context(), intake.Item{Image: grey(0.9)})
	if fault.CodeOf(err) != fault.IO {
		t.Errorf("got %v", err)
	}
	var none clinical.Finding
	if panel.UrgencyOf(none) != panel.Open {
		t.Error("a finding without a verdict is not open")
	}
}
