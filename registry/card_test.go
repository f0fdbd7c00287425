package registry_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/fault"
	"consilium/internal/golden"
	"consilium/registry"
)

func TestMarkdown(t *testing.T) {
	for name, c := range map[string]registry.Card{"card_full": card(), "card_bare": bare()} {
		t.Run(name, func(t *testing.T) {
			golden.Check(t, "testdata/"+name+".md", c.Markdown())
		})
	}
}

// bare is a card with the least that is allowed, and hostile text.
func bare() registry.Card {
	return registry.Card{
		Format: 1, Name: "bare", Version: "1", Task: "<script>alert(1)</script>\n# Cured", Kind: clinical.KindImage,
		Labels:      []clinical.Concept{{Name: "a | b"}, {Name: "![x](http://x)"}},
		IntendedUse: "`rm`", Limits: []string{"one\ntwo"}, Licence: "MIT",
		Input: registry.Input{Shape: []int{1, 2, 2}, High: 1}, Calibration: calibration.Map{Method: "none"},
	}
}

func TestBareCardIsValidButHasGaps(t *testing.T) {
	if err := bare().Validate(); err != nil {
		t.Fatal(err)
	}
	if len(bare().Gaps()) < 5 {
		t.Error(bare().Gaps())
	}
	if gaps := card().Gaps(); len(gaps) > 0 {
		t.Error(gaps)
	}
	silent := card()
	silent.Task, silent.Data.Name = "spots", "Spots"
	if gaps := silent.Gaps(); !slices.ContainsFunc(gaps, func(g string) bool { return strings.Contains(g, "synthetic") }) {
		t.Error("nobody says that the data is synthetic", gaps)
	}
}

func TestCardRefusals(t *testing.T) {
	nan := math.NaN()
	for name, edit := range map[string]func(*registry.Card){
		"format 0":                 func(c *registry.Card) { c.Format = 0 },
		"upper-case name":          func(c *registry.Card) { c.Name = "Spots" },
		"no version":               func(c *registry.Card) { c.Version = "" },
		"a version with a slash":   func(c *registry.Card) { c.Version = "1/2" },
		"a label twice":            func(c *registry.Card) { c.Labels[1].Name = "no spot" },
		"one label":                func(c *registry.Card) { c.Labels = c.Labels[:1] },
		"two channels":             func(c *registry.Card) { c.Input.Shape = []int{2, 2, 2} },
		"a huge input":             func(c *registry.Card) { c.Input.Shape = []int{1, 1 << 25, 1 << 25} },
		"an empty input":           func(c *registry.Card) { c.Input.Shape = []int{1, 0, 2} },
		"mean without std":         func(c *registry.Card) { c.Input.Mean = []float32{0} },
		"std zero":                 func(c *registry.Card) { c.Input.Mean, c.Input.Std = []float32{0}, []float32{0} },
		"an empty range":           func(c *registry.Card) { c.Input.High = c.Input.Low },
		"a range of NaN":           func(c *registry.Card) { c.Input.MeanHigh = nan },
		"a figure of NaN":          func(c *registry.Card) { c.Figures[0].Value = nan },
		"a figure out of interval": func(c *registry.Card) { c.Figures[0].High = 0.85 },
		"a baseline of NaN":        func(c *registry.Card) { c.Figures[0].Baseline = &nan },
		"a split of -1":            func(c *registry.Card) { c.Data.Splits = map[string]int{"train": -1} },
		"temperature 0":            func(c *registry.Card) { c.Calibration.Temperature = 0 },
		"another calibration":      func(c *registry.Card) { c.Calibration.Method = "magic" },
		"coverage 2":               func(c *registry.Card) { c.Conformal.Coverage = 2 },
		"an endless text":          func(c *registry.Card) { c.Task = strings.Repeat("x", 5000) },
		"a right-to-left override": func(c *registry.Card) { c.Task = "\u202ebenign" },
		"an ECG without leads": func(c *registry.Card) {
			c.Kind, c.Input.Shape, c.Input.Rate, c.Input.Seconds = clinical.KindECG, []int{12, 5000}, 500, 10
		},
		"a sound without rate": func(c *registry.Card) { c.Kind, c.Input.Shape, c.Input.Mels = clinical.KindSound, []int{250, 64}, 64 },
	} {
		t.Run(name, func(t *testing.T) {
			c := card()
			edit(&c)
			wantCode(t, c.Validate(), fault.ModelMalformed)
		})
	}
}

func TestParseCard(t *testing.T) {
	for text, code := range map[string]fault.Code{
		`{"format": 2}`: fault.ModelUnsupported,
		`{"format": 1}`: fault.ModelMalformed,
		`[]`:            fault.ModelMalformed,
		``:              fault.ModelMalformed,
		`{} {}`:         fault.ModelMalformed,
	} {
		_, err := registry.ParseCard([]byte(text))
		if got := fault.CodeOf(err); got != code {
			t.Errorf("%s: %s, want %s", text, got, code)
		}
	}
}
