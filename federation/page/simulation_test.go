package page

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/clinical"
	"consilium/figure/pagetest"
	"consilium/internal/golden"
)

// simulated is 23 sites, five seeds, five ways of learning.
func simulated() Simulation {
	r := random()
	s := Simulation{Title: "RetinaMNIST on 23 sites", Command: "consilium federate simulate --data retina --sites 23 --seeds 5", Synthetic: true,
		Data: "RetinaMNIST, 1,600 images, 5 grades; split over 23 sites by Dirichlet 0.3", Labels: []string{"0", "1", "2", "3", "4 (rare)"}, Notes: []string{"Five of 23 sites were killed."}}
	for range 23 {
		s.Partition = append(s.Partition, []int{r.IntN(60), r.IntN(30), r.IntN(25), r.IntN(15), r.IntN(3)})
	}
	for i, name := range []string{"local (mean of sites)", "pooled", "fedavg", "scaffold", "fedavg, epsilon 8"} {
		level := []float64{0.31, 0.52, 0.48, 0.5, 0.39}[i]
		a := Arm{Name: name, Bytes: int64(i) * 460_000_000, Seconds: 12.5 + float64(i)}
		var macro, acc, auc []float64
		for range 5 {
			v := level + 0.03*(r.Float64()-0.5)
			macro, acc, auc = append(macro, v), append(acc, v+0.1), append(auc, v+0.2)
			var run []float64
			for round := range 30 {
				run = append(run, v*(1-math.Exp(-float64(round+1)/7))+0.01*(r.Float64()-0.5))
			}
			if i > 1 {
				a.Curve = append(a.Curve, run)
			}
		}
		a.MacroF1, a.Accuracy, a.AUC = Over(macro...), Over(acc...), Over(auc...)
		if i == 0 || i == 2 {
			for site := range 23 {
				v := level + 0.2*(r.Float64()-0.5)
				a.PerSite = append(a.PerSite, SiteScore{Site: fmt.Sprintf("site %d", site+1), N: 20 + site, MacroF1: Over(v, v+0.02, v-0.03, v+0.01, v)})
			}
		}
		s.Arms = append(s.Arms, a)
	}
	return s
}

func TestSimulation(t *testing.T) {
	s := simulated()
	var page, text bytes.Buffer
	if err := s.HTML(&page); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("CONSILIUM_PAGES"); dir != "" {
		if err := os.WriteFile(filepath.Join(dir, "simulation.html"), page.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := pagetest.Check(t, page.String())
	for _, id := range []string{"arms", "curves", "partition", "sites"} {
		if !seen[id] {
			t.Errorf("no figure %s", id)
		}
	}
	for _, want := range []string{clinical.Disclaimer, clinical.SyntheticNotice, "always the commonest class", "Five of 23 sites were killed.", "--sites 23"} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("no %q", want)
		}
	}
	if err := s.Text(&text); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/simulation.txt", text.String())
	if s.Arms[0].Name != simulated().Arms[0].Name {
		t.Error("the caller's simulation was changed")
	}
}

func TestSimulationJSON(t *testing.T) {
	text, err := json.Marshal(simulated())
	if err != nil {
		t.Fatal(err)
	}
	var back Simulation
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(simulated(), back); diff != "" {
		t.Error(diff)
	}
}

// The trivial answer by hand: 6 of 10 examples are of the commonest of two classes.
func TestTrivialAnswer(t *testing.T) {
	s := Simulation{Labels: []string{"a", "b", "never"}, Partition: [][]int{{4, 1, 0}, {2, 3, 0}}}
	b, ok := s.baseline()
	if !ok || b.Accuracy != 0.6 || math.Abs(b.MacroF1-0.375) > 1e-12 || b.AUC != 0.5 {
		t.Errorf("%+v", b)
	}
	s.Baseline = &Baseline{MacroF1: 0.2}
	if b, _ := s.baseline(); b.MacroF1 != 0.2 {
		t.Error("the given one is not taken")
	}
}

func TestSimulationOfNothing(t *testing.T) {
	hostile := Simulation{Title: "<script>\x1b", Arms: []Arm{{Name: "</svg>", MacroF1: Estimate{Mean: math.NaN(), Each: []float64{1}}, Curve: [][]float64{{math.NaN(), 1}, nil}, PerSite: []SiteScore{{}}}}, Partition: [][]int{{-1, 2, 3}, nil}}
	for _, s := range []Simulation{{}, hostile} {
		var page, text bytes.Buffer
		if err := s.HTML(&page); err != nil {
			t.Fatal(err)
		}
		if err := s.Text(&text); err != nil {
			t.Fatal(err)
		}
		pagetest.Check(t, page.String())
		if strings.Contains(page.String(), "<script>") || strings.Contains(text.String(), "\x1b") {
			t.Error("hostile text passes")
		}
	}
}
