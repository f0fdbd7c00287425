package calibration

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/fault"
)

// simulate draws cases from known probabilities and hands out logits that are
// sharp times too confident.
func simulate(n, k int, sharp float64, seed uint64) (logits [][]float64, labels []int) {
	rng := rand.New(rand.NewPCG(seed, 2))
	logits, labels = make([][]float64, n), make([]int, n)
	for i := range logits {
		z := make([]float64, k)
		for j := range z {
			z[j] = 1.5 * rng.NormFloat64()
		}
		u := rng.Float64()
		for j, p := range softmax(z, 1) {
			labels[i] = j
			if u -= p; u < 0 {
				break
			}
		}
		for j := range z {
			z[j] *= sharp
		}
		logits[i] = z
	}
	return logits, labels
}

func TestFitFindsTheTemperatureThatWasThere(t *testing.T) {
	for _, k := range []int{2, 5} {
		logits, labels := simulate(4000, k, 3, 1)
		f, err := Fit(logits, labels, FitOptions{Methods: []string{None, Temperature}})
		if err != nil {
			t.Fatal(err)
		}
		if f.Map.Method != Temperature || math.Abs(f.Map.Temperature-3) > 0.25 {
			t.Errorf("%d classes: %s at %.3f, the logits were 3 times too sharp", k, f.Map.Method, f.Map.Temperature)
		}
		if f.Candidates[0].LogLoss <= f.Candidates[1].LogLoss {
			t.Errorf("log losses %+v", f.Candidates)
		}
	}
}

// A distortion that no temperature can mend must be mended by a monotone map.
func TestFitChoosesAMonotoneMapWhereTemperatureFails(t *testing.T) {
	logits, labels := simulate(3000, 2, 1, 4)
	for _, z := range logits {
		z[1] += 3 // everybody is called ill
	}
	f, err := Fit(logits, labels, FitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Map.Method != Isotonic && f.Map.Method != VennAbers {
		t.Errorf("chose %s of %+v", f.Map.Method, f.Candidates)
	}
	fresh, truth := simulate(3000, 2, 1, 5)
	for _, z := range fresh {
		z[1] += 3
	}
	before := logLoss(applyAll(t, Map{Method: None}, fresh), truth)
	after := logLoss(applyAll(t, f.Map, fresh), truth)
	if after > before-0.3 {
		t.Errorf("log loss on new cases %.3f before, %.3f after", before, after)
	}
}

func TestApplyGivesProbabilities(t *testing.T) {
	maps := map[int][]Map{}
	for _, k := range []int{2, 4} {
		logits, labels := simulate(300, k, 2, 7)
		for _, method := range []string{None, Temperature, Isotonic, VennAbers} {
			if k != 2 && method == VennAbers {
				continue
			}
			f, err := Fit(logits, labels, FitOptions{Methods: []string{method}})
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Map.Validate(k); err != nil {
				t.Fatalf("%s: what was fitted must be valid: %v", method, err)
			}
			maps[k] = append(maps[k], f.Map)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom([]int{2, 4}).Draw(t, "classes")
		logits := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), k, k).Draw(t, "logits")
		for _, m := range maps[k] {
			p, err := m.Apply(logits)
			if err != nil {
				t.Fatal(err)
			}
			checkIsDistribution(t, m.Method, p)
			low, high, ok := m.Interval(logits)
			if ok != (k == 2) {
				t.Fatalf("%s: interval %v for %d classes", m.Method, ok, k)
			}
			if ok && !(0 <= low && low <= p[1] && p[1] <= high && high <= 1) {
				t.Fatalf("%s: %g is not within %g..%g", m.Method, p[1], low, high)
			}
		}
	})
}

func checkIsDistribution(t rapid.TB, method string, p []float64) {
	sum := 0.0
	for _, v := range p {
		if !(v >= 0 && v <= 1) {
			t.Fatalf("%s gives %v", method, p)
		}
		sum += v
	}
	if math.Abs(sum-1) > 1e-9 {
		t.Fatalf("%s: sum %g", method, sum)
	}
}

// Every map of two classes keeps the order of the scores: it may tie, never swap.
func TestBinaryMapsAreMonotone(t *testing.T) {
	logits, labels := simulate(200, 2, 2, 3)
	for _, method := range []string{None, Temperature, Isotonic, VennAbers} {
		f, err := Fit(logits, labels, FitOptions{Methods: []string{method}})
		if err != nil {
			t.Fatal(err)
		}
		rapid.Check(t, func(t *rapid.T) {
			a := rapid.Float64Range(-20, 20).Draw(t, "a")
			b := rapid.Float64Range(a, 20).Draw(t, "b")
			pa, _ := f.Map.Apply([]float64{0, a})
			pb, _ := f.Map.Apply([]float64{0, b})
			if pa[1] > pb[1]+1e-12 {
				t.Fatalf("%s: %g at %g, %g at %g", method, pa[1], a, pb[1], b)
			}
		})
	}
}

// Of each Venn-Abers pair one member is calibrated: over many cases the share
// of ill lies between the means of p0 and p1.
func TestVennAbersIntervalHoldsTheTruth(t *testing.T) {
	logits, labels := simulate(400, 2, 4, 11)
	f, err := Fit(logits, labels, FitOptions{Methods: []string{None}})
	if err != nil {
		t.Fatal(err)
	}
	m := Map{Method: VennAbers, Scores: f.Map.Scores, Truth: f.Map.Truth}
	fresh, truth := simulate(20_000, 2, 4, 12)
	low, high, ill, wide := 0.0, 0.0, 0.0, 0.0
	for i, z := range fresh {
		p0, p1, _ := m.Interval(z)
		low, high, ill, wide = low+p0, high+p1, ill+float64(truth[i]), max(wide, p1-p0)
	}
	n := float64(len(fresh))
	if !(low/n-0.02 <= ill/n && ill/n <= high/n+0.02) {
		t.Errorf("share of ill %.3f outside %.3f..%.3f", ill/n, low/n, high/n)
	}
	if high/n-low/n > 0.1 || wide == 0 {
		t.Errorf("mean width %.3f, largest %.3f", (high-low)/n, wide)
	}
}

func TestJSONRoundTrip(t *testing.T) {
	logits, labels := simulate(300, 2, 2, 7)
	for _, method := range []string{None, Temperature, Isotonic, VennAbers} {
		f, err := Fit(logits, labels, FitOptions{Methods: []string{method}})
		if err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(f.Map)
		if err != nil {
			t.Fatal(err)
		}
		var back Map
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(f.Map, back); diff != "" {
			t.Errorf("%s: %s", method, diff)
		}
	}
}

func TestSameSeedSameMap(t *testing.T) {
	logits, labels := simulate(3000, 2, 2, 7)
	var maps [2]Fitted
	for i := range maps {
		var err error
		if maps[i], err = Fit(logits, labels, FitOptions{Seed: 5}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(maps[0], maps[1]); diff != "" {
		t.Error(diff)
	}
	if n := len(maps[0].Map.Scores); n != keptScores {
		t.Errorf("kept %d scores, the limit is %d", n, keptScores)
	}
}

// Isotonic regression bends to the noise it is fitted on; what Fit hands on
// must not have seen its own labels.
func TestHeldProbabilitiesDidNotSeeTheirLabels(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	var logits [][]float64
	var labels []int
	for range 200 {
		logits, labels = append(logits, []float64{0, rng.NormFloat64()}), append(labels, rng.IntN(2))
	}
	f, err := Fit(logits, labels, FitOptions{Methods: []string{Isotonic}})
	if err != nil {
		t.Fatal(err)
	}
	seen, held := logLoss(applyAll(t, f.Map, logits), labels), logLoss(f.Held, labels)
	if seen > math.Ln2 || held < math.Ln2 {
		t.Errorf("labels are coin throws: log loss %.3f seen and %.3f held, a coin has %.3f", seen, held, math.Ln2)
	}
}

func TestFoldsKeepGroupsTogetherAndClassesSpread(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(40, 120).Draw(t, "n")
		labels, groups := make([]int, n), make([]string, n)
		for i := range labels {
			labels[i] = rapid.IntRange(0, 1).Draw(t, "label")
			groups[i] = string(rune('a' + i/2))
		}
		folds, err := FitOptions{Groups: groups}.split(labels)
		if err != nil {
			t.Fatal(err)
		}
		count := make([]int, 5)
		for i, f := range folds {
			count[f]++
			if i > 0 && groups[i] == groups[i-1] && folds[i-1] != f {
				t.Fatalf("group %q is on both sides", groups[i])
			}
		}
		for f, c := range count {
			if c < n/5-3 || c > n/5+3 {
				t.Fatalf("fold %d has %d of %d", f, c, n)
			}
		}
	})
}

func TestBadInputIsCoded(t *testing.T) {
	logits, labels := simulate(30, 2, 1, 1)
	same := make([]int, len(labels))
	ragged := append([][]float64{{1, 2, 3}}, logits[1:]...)
	nan := append([][]float64{{math.NaN(), 2}}, logits[1:]...)
	wrong := append([]int{2}, labels[1:]...)
	for name, c := range map[string]struct {
		z    [][]float64
		y    []int
		o    FitOptions
		want fault.Code
	}{
		"nothing":   {nil, nil, FitOptions{}, fault.DataUnfit},
		"few":       {logits[:5], labels[:5], FitOptions{}, fault.DataUnfit},
		"one class": {logits, same, FitOptions{}, fault.DataUnfit},
		"lengths":   {logits, labels[1:], FitOptions{}, fault.InputMalformed},
		"ragged":    {ragged, labels, FitOptions{}, fault.InputMalformed},
		"NaN":       {nan, labels, FitOptions{}, fault.InputNotFinite},
		"label":     {logits, wrong, FitOptions{}, fault.InputRange},
		"method":    {logits, labels, FitOptions{Methods: []string{"magic"}}, fault.Usage},
		"folds":     {logits, labels, FitOptions{Folds: 1}, fault.Usage},
		"too many":  {logits, labels, FitOptions{Folds: 31}, fault.DataUnfit},
		"groups":    {logits, labels, FitOptions{Groups: []string{"a"}}, fault.InputMalformed},
	} {
		if _, err := Fit(c.z, c.y, c.o); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for name, m := range map[string]Map{
		"method":      {Method: "magic"},
		"temperature": {Method: Temperature},
		"negative":    {Method: Temperature, Temperature: -1},
		"no knots":    {Method: Isotonic},
		"falling":     {Method: Isotonic, Knots: [][]float64{{0.5, 0.4}}, Values: [][]float64{{0, 1}}},
		"outside":     {Method: Isotonic, Knots: [][]float64{{0, 1}}, Values: [][]float64{{0, 2}}},
		"no scores":   {Method: VennAbers},
		"unsorted":    {Method: VennAbers, Scores: []float64{2, 1}, Truth: []int{0, 1}},
		"bad truth":   {Method: VennAbers, Scores: []float64{1, 2}, Truth: []int{0, 7}},
	} {
		if err := m.Validate(2); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("Validate %s: %v", name, err)
		}
		if _, err := m.Apply([]float64{0, 1}); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("Apply %s: %v", name, err)
		}
	}
	if _, err := (Map{}).Apply([]float64{math.Inf(1), 0}); fault.CodeOf(err) != fault.InputNotFinite {
		t.Errorf("infinite logit: %v", err)
	}
	if _, err := (Map{}).Apply(nil); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("no logits: %v", err)
	}
}

func TestTemperatureAtItsLimits(t *testing.T) {
	perfect, backwards, silent := [][]float64{}, [][]float64{}, [][]float64{}
	var labels []int
	for i := range 20 {
		y := float64(i % 2)
		perfect = append(perfect, []float64{1 - y, y})
		backwards = append(backwards, []float64{y, 1 - y})
		silent = append(silent, []float64{2, 2})
		labels = append(labels, i%2)
	}
	for want, z := range map[float64][][]float64{MinTemperature: perfect, MaxTemperature: backwards, 1: silent} {
		if m := fitTemperature(z, labels); m.Temperature != want {
			t.Errorf("temperature %g, want %g", m.Temperature, want)
		}
	}
}

// FuzzMap feeds calibration maps as they may come in a foreign card.
func FuzzMap(f *testing.F) {
	f.Add([]byte(`{"method":"temperature","temperature":1.5}`), 0.3, -2.0)
	f.Add([]byte(`{"method":"isotonic","knots":[[0,0.5,0.5,1]],"values":[[0,0.2,0.8,1]]}`), 1.0, 1.0)
	f.Add([]byte(`{"method":"isotonic","knots":[[0],[1]],"values":[[0],[0]]}`), 0.0, 5.0)
	f.Add([]byte(`{"method":"venn-abers","scores":[-1,0,0,2],"truth":[0,1,0,1]}`), 0.0, 0.0)
	f.Add([]byte(`{"method":"temperature","temperature":1e-320,"scores":[1],"truth":[1]}`), 1e308, -1e308)
	f.Fuzz(func(t *testing.T, data []byte, a, b float64) {
		var m Map
		if json.Unmarshal(data, &m) != nil {
			return
		}
		valid := m.Validate(2) == nil
		p, err := m.Apply([]float64{a, b})
		if err != nil {
			if code := fault.CodeOf(err); code == fault.Internal || (valid && code == fault.ModelMalformed) {
				t.Fatalf("%v from a map that validates", err)
			}
			return
		}
		if math.IsNaN(p[0]) || math.Abs(p[0]+p[1]-1) > 1e-9 || p[0] < 0 || p[1] < 0 {
			t.Fatalf("not probabilities: %v", p)
		}
		if low, high, ok := m.Interval([]float64{a, b}); ok && !(0 <= low && low <= p[1] && p[1] <= high && high <= 1) {
			t.Fatalf("%g is not in %g..%g", p[1], low, high)
		}
	})
}

func BenchmarkInterval(b *testing.B) {
	logits, labels := simulate(524, 2, 2, 7)
	f, err := Fit(logits, labels, FitOptions{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f.Map.Interval(logits[1])
	}
}
