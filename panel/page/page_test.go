package page

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/fault"
	"consilium/internal/golden"
	"consilium/registry"
)

func pointer(v float64) *float64 { return &v }

// sample has one finding of every tone, hostile names and a refusal.
func sample(picture string) Data {
	return Data{
		Assessment: clinical.Assessment{
			Case: "synthetic-1", Disclaimer: clinical.Disclaimer, Synthetic: true,
			Findings: []clinical.Finding{
				{
					Input: "film.dcm", Kind: clinical.KindImage, Task: "pneumonia on a chest film", Model: "pneumonia", Version: "1.0.0",
					Verdict: clinical.VerdictFinding, Answer: "pneumonia", Coverage: 0.9, Synthetic: true,
					Outcomes: []clinical.Outcome{
						{Concept: clinical.Concept{Name: "pneumonia", Code: "J18.9", System: "ICD-10"}, Probability: 0.973, Low: pointer(0.91), High: pointer(0.99), InSet: true},
						{Concept: clinical.Concept{Name: "normal"}, Probability: 0.027, Low: pointer(0.01), High: pointer(0.09)},
					},
					Pictures: []clinical.Picture{{Method: "grad-cam", Outcome: "pneumonia", Path: picture, Caption: "What speaks for it."}},
					Notes:    []string{"The input is synthetic."},
				},
				{
					Input: "<script>alert(1)</script>\x1b[2J.png", Kind: clinical.KindImage, Task: "grade", Model: "retinopathy", Version: "1.0.0",
					Verdict: clinical.VerdictCannotTell, Answer: "cannot tell: mild, moderate or severe", Coverage: 0.9,
					Outcomes: []clinical.Outcome{
						{Concept: clinical.Concept{Name: "mild"}, Probability: 0.4, InSet: true}, {Concept: clinical.Concept{Name: "moderate"}, Probability: 0.3, InSet: true},
						{Concept: clinical.Concept{Name: "severe"}, Probability: 0.2, InSet: true}, {Concept: clinical.Concept{Name: "none"}, Probability: 0.1},
					},
				},
				{
					Input: "ecg.hea", Kind: clinical.KindECG, Task: "rhythm", Model: "ecg", Version: "1.0.0", Verdict: clinical.VerdictFinding, Answer: "normal rhythm",
					Outcomes: []clinical.Outcome{{Concept: clinical.Concept{Name: "normal rhythm"}, Probability: 0.999, InSet: true}, {Concept: clinical.Concept{Name: "other"}, Probability: 0.001}},
				},
			},
			Refusals: []clinical.Refusal{{Input: "x.png", Code: "INPUT_EMPTY", What: "\"x.png\" is empty", Do: "export it again"}},
		},
		Models: []registry.Card{{
			Name: "pneumonia", Version: "1.0.0", Task: "pneumonia on a chest film", Arch: "light", Parameters: 250000, IntendedUse: "Research.",
			Limits: []string{"Children only."}, Data: registry.Data{Name: "PneumoniaMNIST", Licence: "CC BY 4.0", Citation: "Yang et al. 2023."},
			Figures: []registry.Figure{{Metric: "auc", Split: "test", Value: 0.96, Low: 0.94, High: 0.97, Baseline: pointer(0.5), Note: "bootstrap"}},
		}},
		Drawn: []string{"chest film: pneumonia"}, Version: "0.1.0", Made: "1 January 2025, 12:00",
	}
}

func TestHTML(t *testing.T) {
	picture := filepath.Join("testdata", "dot.png")
	var b bytes.Buffer
	if err := HTML(&b, sample(picture)); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/page.golden.html", b.Bytes())
	html := b.String()
	for _, want := range []string{clinical.Disclaimer, clinical.SyntheticNotice, "data:image/png;base64,", "J18.9", "INPUT_EMPTY", "Cannot tell"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, bad := range []string{"<script", "http://", "https://", "src=\"/", "ZgotmplZ", "%!"} {
		if strings.Contains(html, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
}

func TestLostPictureIsNamed(t *testing.T) {
	var b bytes.Buffer
	if err := HTML(&b, sample(filepath.Join("testdata", "absent.png"))); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, "<img") || !strings.Contains(s, "is not embedded") {
		t.Error("the page does not say that the picture is missing")
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriteErrorsAreCoded(t *testing.T) {
	if err := HTML(full{}, sample("")); fault.CodeOf(err) != fault.IO {
		t.Errorf("got %v", err)
	}
	if err := NewText(full{}, false).Finding(sample("").Assessment.Findings[0]); err == nil {
		t.Error("a full disk was not noticed")
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	text, d := NewText(&b, false), sample("heat-maps/film.png")
	for _, f := range d.Assessment.Findings {
		if err := text.Finding(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range d.Assessment.Refusals {
		if err := text.Refusal(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := text.Summary(d.Assessment); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/text.golden", b.Bytes())
	if strings.Contains(b.String(), "\x1b") {
		t.Error("an escape sequence of a file name reaches the terminal")
	}
}

func TestPercent(t *testing.T) {
	for p, want := range map[float64]string{0: "0 %", 1: "100 %", 0.004: "< 1 %", 0.996: "> 99 %", 0.5: "50 %", 0.123: "12 %"} {
		if got := Percent(p); got != want {
			t.Errorf("Percent(%v) = %q, want %q", p, got, want)
		}
	}
}
