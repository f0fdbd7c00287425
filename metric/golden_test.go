package metric

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// golden is what scikit-learn says (testdata/make_golden.py).
type golden struct {
	Name      string
	Threshold float64
	Probs     [][]float64
	Labels    []int
	Counts    []float64
	Plain     map[string]float64
	Drawn     map[string]float64
	Confusion [][]int
	Classes   []map[string]float64
	ROCArea   float64   `json:"roc_area"`
	ROCAt     []float64 `json:"roc_at"`
	PR        [][3]float64
}

const tolerance = 1e-9

func readGolden(t testing.TB) []golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.12g, scikit-learn says %.12g", what, got, want)
	}
}

func TestMetricsAgreeWithScikitLearn(t *testing.T) {
	for _, g := range readGolden(t) {
		t.Run(g.Name, func(t *testing.T) {
			s := newSample(g.Probs, g.Labels, g.Threshold, 15)
			list := overallOnly(measures(s, true))
			got := make([]float64, len(list))
			for name, c := range map[string]struct {
				counts []float64
				want   map[string]float64
			}{"plain": {once(len(g.Labels)), g.Plain}, "drawn": {g.Counts, g.Drawn}} {
				values(list, s, s.newTally(), c.counts, got)
				if len(list) != len(c.want) {
					t.Errorf("%d metrics measured, %d in the golden file", len(list), len(c.want))
				}
				for i, m := range list {
					near(t, name+" "+m.id, got[i], c.want[m.id])
				}
			}
		})
	}
}

func TestReportAgreesWithScikitLearn(t *testing.T) {
	for _, g := range readGolden(t) {
		t.Run(g.Name, func(t *testing.T) {
			r, err := Evaluate(g.Probs, g.Labels, Options{Threshold: g.Threshold, Ordinal: true, Draws: -1})
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Values {
				near(t, v.ID, *v.Value, g.Plain[v.ID])
			}
			for i, row := range g.Confusion {
				for j, n := range row {
					if r.Confusion[i][j] != n {
						t.Errorf("confusion[%d][%d] = %d, want %d", i, j, r.Confusion[i][j], n)
					}
				}
			}
			for class, want := range g.Classes {
				for _, v := range r.Classes[class].Values {
					near(t, r.Classes[class].Label+" "+v.ID, *v.Value, want[v.ID])
				}
			}
		})
	}
}

func TestCurvesAgreeWithScikitLearn(t *testing.T) {
	for _, g := range readGolden(t) {
		if len(g.Probs[0]) != 2 {
			continue
		}
		t.Run(g.Name, func(t *testing.T) {
			scores := column(g.Probs, 1)
			roc, err := ROC(scores, g.Labels)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "area under the drawn curve", area(roc), g.ROCArea)
			r, ones, _ := binaryRanking(scores, g.Labels)
			at := make([]float64, bandSteps)
			r.rocAt(ones, at)
			for i, want := range g.ROCAt {
				near(t, "sensitivity at a false positive rate", at[i], want)
			}
			pr, err := PrecisionRecall(scores, g.Labels)
			if err != nil {
				t.Fatal(err)
			}
			// scikit-learn lists the same points from the lowest threshold up.
			if len(pr) != len(g.PR) {
				t.Fatalf("%d points, want %d", len(pr), len(g.PR))
			}
			for i, p := range pr {
				want := g.PR[len(g.PR)-1-i]
				near(t, "recall", p.X, want[0])
				near(t, "precision", p.Y, want[1])
				near(t, "threshold", *p.Threshold, want[2])
			}
		})
	}
}

func column(probs [][]float64, class int) []float64 {
	out := make([]float64, len(probs))
	for i, row := range probs {
		out[i] = row[class]
	}
	return out
}

func area(points []Point) float64 {
	sum := 0.0
	for i := 1; i < len(points); i++ {
		sum += (points[i].X - points[i-1].X) * (points[i].Y + points[i-1].Y) / 2
	}
	return sum
}
