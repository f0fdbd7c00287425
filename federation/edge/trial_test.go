package edge

import (
	"strings"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/engine"
	"consilium/panel/paneltest"
)

// grades are films of rising brightness: dark ones are class 0, bright ones class 1, and the model of paneltest tells
// them apart except in the middle.
type grades int

func (g grades) Info() dataset.Info {
	return dataset.Info{Name: "brightness", Kind: clinical.KindImage, Shape: []int{1, 28, 28}, Synthetic: true,
		Labels: []clinical.Concept{{Name: "normal"}, {Name: "bright"}}}
}
func (g grades) Len(s dataset.Split) int { return int(g) }
func (g grades) Close() error            { return nil }
func (g grades) Read(s dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(g, s, i, into); err != nil {
		return dataset.Sample{}, err
	}
	for k := range into {
		into[k] = float32(i+1)/float32(g+1) + 0.02*float32(k%2*2-1) // a constant picture would be refused
	}
	label := 0
	if 2*(i+1) > int(g)+1 {
		label = 1
	}
	return dataset.Sample{Label: label}, nil
}

func TestTrial(t *testing.T) {
	got, err := RunTrial(t.Context(), TrialOptions{Dir: t.TempDir(), Set: grades(30), Site: paneltest.Film(), Hub: paneltest.Film(),
		Engine: engine.Options{Backend: "go"}, Thresholds: []float64{0.5, 0.9, 0.999999}, Unsure: 0.9, Longest: 5, Way: time.Millisecond, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if got.SiteAlone.Part != 30 || got.Agreement.Part != 30 || got.Majority.Part != 15 {
		t.Errorf("site alone %+v, agreement %+v, majority %+v", got.SiteAlone, got.Agreement, got.Majority)
	}
	for i := 1; i < len(got.Curve); i++ {
		if got.Curve[i].Handed.Part <= got.Curve[i-1].Handed.Part {
			t.Errorf("at %g no more is handed over than at %g", got.Curve[i].Unsure, got.Curve[i-1].Unsure)
		}
	}
	if len(got.Live) != 3 {
		t.Fatalf("%d live runs", len(got.Live))
	}
	for _, l := range got.Live {
		if l.Lost != 0 || l.Repeated != 0 || l.Report.Answered != 30 || l.Report.Offload.Part == 0 || l.Accuracy.Part != 30 {
			t.Errorf("%s: %d lost, %d repeated, %d answered, %+v, %+v", l.Name, l.Lost, l.Repeated, l.Report.Answered, l.Report.Offload, l.Accuracy)
		}
	}
	var text strings.Builder
	got.WriteText(&text)
	for _, want := range []string{"brightness, split test: 30 films", clinical.SyntheticNotice, "the link is cut", "0 lost, 0 repeated"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the text lacks %q", want)
		}
	}
}
