package calibration

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// golden is what SciPy and scikit-learn say (testdata/make_golden.py).
type golden struct {
	Temperatures []struct {
		Logits      [][]float64
		Labels      []int
		Temperature float64
		LogLoss     float64 `json:"log_loss"`
	}
	Isotonic struct{ X, Y, At, Value []float64 }
	Venn     struct {
		Scores []float64
		Truth  []int
		Pairs  [][3]float64
	}
	Bands []struct {
		N         int
		NTest     int `json:"n_test"`
		Coverage  float64
		Low, High float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %.12g, want %.12g", what, got, want)
	}
}

func TestTemperatureAgreesWithSciPy(t *testing.T) {
	for _, c := range readGolden(t).Temperatures {
		m := fitTemperature(c.Logits, c.Labels)
		near(t, "temperature", m.Temperature, c.Temperature, 1e-6*c.Temperature)
		near(t, "log loss", logLoss(applyAll(t, m, c.Logits), c.Labels), c.LogLoss, 1e-9)
	}
}

func TestIsotonicAgreesWithScikitLearn(t *testing.T) {
	g := readGolden(t).Isotonic
	var knots, values []float64
	for _, b := range poolAdjacent(g.X, g.Y) {
		knots, values = append(knots, b.low, b.high), append(values, b.value(), b.value())
	}
	for i, x := range g.At {
		near(t, "isotonic value", interpolate(knots, values, x), g.Value[i], 1e-9)
	}
}

func TestVennAbersAgreesWithItsDefinition(t *testing.T) {
	g := readGolden(t).Venn
	m := Map{Method: VennAbers, Scores: g.Scores, Truth: g.Truth}
	for _, p := range g.Pairs {
		low, high, ok := m.Interval([]float64{0, p[0]})
		if !ok {
			t.Fatal("no interval")
		}
		near(t, "p0", low, p[1], 1e-9)
		near(t, "p1", high, p[2], 1e-9)
	}
}

func TestCoverageBandAgreesWithSciPy(t *testing.T) {
	for _, b := range readGolden(t).Bands {
		low, high := CoverageBand(b.N, b.NTest, b.Coverage)
		near(t, "low", low, b.Low, 1e-12)
		near(t, "high", high, b.High, 1e-12)
	}
}

func applyAll(t testing.TB, m Map, logits [][]float64) [][]float64 {
	t.Helper()
	out := make([][]float64, len(logits))
	for i, z := range logits {
		p, err := m.Apply(z)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = p
	}
	return out
}
