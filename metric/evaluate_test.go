package metric

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"consilium/fault"
)

// simulate makes predictions of a fair two-class model of known AUC: scores
// are normal, one unit of distance d apart.
func simulate(n int, d float64, seed uint64) ([][]float64, []int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	probs, labels := make([][]float64, n), make([]int, n)
	for i := range probs {
		labels[i] = rng.IntN(2)
		x := rng.NormFloat64() + d*float64(labels[i])
		p := 1 / (1 + math.Exp(-d*(x-d/2)))
		probs[i] = []float64{1 - p, p}
	}
	return probs, labels
}

func TestBadInputIsCoded(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	good := [][]float64{{0.2, 0.8}, {0.6, 0.4}}
	for _, c := range []struct {
		name   string
		probs  [][]float64
		labels []int
		o      Options
		want   fault.Code
	}{
		{"nothing", nil, nil, Options{}, fault.InputEmpty},
		{"fewer labels", good, []int{1}, Options{}, fault.InputMalformed},
		{"ragged", [][]float64{{0.2, 0.8}, {1}}, []int{0, 1}, Options{}, fault.InputMalformed},
		{"one class", [][]float64{{1}}, []int{0}, Options{}, fault.InputMalformed},
		{"no class", [][]float64{{}}, []int{0}, Options{}, fault.InputMalformed},
		{"NaN", [][]float64{{nan, 1}}, []int{0}, Options{}, fault.InputNotFinite},
		{"infinite", [][]float64{{0, inf}}, []int{0}, Options{}, fault.InputNotFinite},
		{"logits", [][]float64{{-1, 2}}, []int{0}, Options{}, fault.InputRange},
		{"sum", [][]float64{{0.2, 0.2}}, []int{0}, Options{}, fault.InputRange},
		{"label", good, []int{0, 2}, Options{}, fault.InputRange},
		{"negative label", good, []int{0, -1}, Options{}, fault.InputRange},
		{"names", good, []int{0, 1}, Options{Labels: []string{"a"}}, fault.Usage},
		{"prior", good, []int{0, 1}, Options{Prior: []float64{nan, 1}}, fault.Usage},
		{"level", good, []int{0, 1}, Options{Level: 1.2}, fault.Usage},
		{"NaN threshold", good, []int{0, 1}, Options{Threshold: nan}, fault.Usage},
		{"draws", good, []int{0, 1}, Options{Draws: MaxDraws + 1}, fault.Usage},
		{"bins", good, []int{0, 1}, Options{Bins: -3}, fault.Usage},
		{"groups", good, []int{0, 1}, Options{Groups: []string{"a"}}, fault.InputMalformed},
		{"groups and strata", good, []int{0, 1}, Options{Groups: []string{"a", "b"}, Stratified: true}, fault.Usage},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Evaluate(c.probs, c.labels, c.o); fault.CodeOf(err) != c.want {
				t.Errorf("Evaluate: %v, want %s", err, c.want)
			}
			if _, err := AcrossSeeds([][][]float64{c.probs}, c.labels, c.o); fault.CodeOf(err) != c.want {
				t.Errorf("AcrossSeeds: %v, want %s", err, c.want)
			}
			if _, err := Compare(c.probs, c.probs, c.labels, c.o); fault.CodeOf(err) != c.want {
				t.Errorf("Compare: %v, want %s", err, c.want)
			}
		})
	}
}

func TestUndefinedIsAnErrorNeverNaN(t *testing.T) {
	scores, sick, well := []float64{0.1, 0.9}, []int{1, 1}, []int{0, 0}
	for name, f := range map[string]func() error{
		"auc":         func() error { _, err := AUC(scores, sick); return err },
		"precision":   func() error { _, err := AveragePrecision(scores, well); return err },
		"roc":         func() error { _, err := ROC(scores, well); return err },
		"pr":          func() error { _, err := PrecisionRecall(scores, well); return err },
		"kappa":       func() error { _, err := QuadraticKappa(sick, sick, 2); return err },
		"youden":      func() error { _, err := YoudenThreshold(scores, sick); return err },
		"sensitivity": func() error { _, err := SensitivityThreshold(scores, well, 0.9); return err },
	} {
		if code := fault.CodeOf(f()); code != fault.DataUnfit {
			t.Errorf("%s of one class: %q, want %s", name, code, fault.DataUnfit)
		}
	}
	if _, err := AUC([]float64{math.NaN(), 1}, []int{0, 1}); fault.CodeOf(err) != fault.InputNotFinite {
		t.Errorf("AUC of NaN: %v", err)
	}
	if _, err := ConfusionMatrix([]int{0}, []int{0}, 1<<40); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("a huge confusion matrix: %v", err)
	}
	if _, _, err := Reliability([]float64{1.0005}, []int{1}, 15); fault.CodeOf(err) != fault.InputRange {
		t.Errorf("reliability of 1.0005: %v", err)
	}
}

func TestOneClassReportHoldsNulls(t *testing.T) {
	r, err := Evaluate([][]float64{{0.2, 0.8}, {0.4, 0.6}}, []int{1, 1}, Options{Labels: []string{"normal", "pneumonia"}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), `"id":"auc","name":"ROC AUC","value":null,"low":null,"high":null`) {
		t.Errorf("no null AUC in %s", data)
	}
	if v, _ := r.Lookup(IDAccuracy); v.Value == nil || *v.Value != 1 {
		t.Errorf("accuracy is defined and 1, got %+v", v)
	}
	if len(r.Notes) == 0 || !strings.Contains(r.Notes[0], `no example of class "normal"`) {
		t.Errorf("notes %q do not say why", r.Notes)
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	probs, labels := simulate(200, 1, 7)
	encode := func(seed uint64) string {
		r, err := Evaluate(probs, labels, Options{Seed: seed, Draws: 100})
		if err != nil {
			t.Fatal(err)
		}
		r.Seed = 0
		data, _ := json.Marshal(r)
		return string(data)
	}
	if first, again := encode(1), encode(1); first != again {
		t.Error("the same seed gave two reports")
	}
	if encode(1) == encode(2) {
		t.Error("the seed changes nothing")
	}
}

// The interval must hold the true value about as often as it promises.
func TestBootstrapCoverage(t *testing.T) {
	const trials = 120
	const d = 1.2
	truth := 0.5 * math.Erfc(-d/2) // AUC of two normals d apart: Phi(d/sqrt 2)
	held := 0
	for trial := range trials {
		probs, labels := simulate(150, d, uint64(trial))
		r, err := Evaluate(probs, labels, Options{Draws: 200, Seed: uint64(trial)})
		if err != nil {
			t.Fatal(err)
		}
		v, _ := r.Lookup(IDAUC)
		if *v.Low <= truth && truth <= *v.High {
			held++
		}
	}
	if share := float64(held) / trials; share < 0.89 || share > 0.99 {
		t.Errorf("95%% intervals held the truth in %.1f%% of %d trials", 100*share, trials)
	}
}

// Percentiles of a calibration error would lie above the error of a model that
// is well calibrated; the interval must hold its own value.
func TestCalibrationErrorIntervalHoldsItsValue(t *testing.T) {
	for seed := range uint64(20) {
		probs, labels := simulate(300, 1.5, seed)
		r, err := Evaluate(probs, labels, Options{Draws: 200})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{IDECE, IDECEMass, IDECEClasswise} {
			v, _ := r.Lookup(id)
			if !(*v.Low >= 0 && *v.Low < *v.Value && *v.Value < *v.High) {
				t.Errorf("%s = %.3f, interval %.3f-%.3f", id, *v.Value, *v.Low, *v.High)
			}
		}
	}
}

// Ten copies of each patient are no more evidence than one: only the cluster
// bootstrap sees that.
func TestClusterBootstrapSeesRepeatedPatients(t *testing.T) {
	probs, labels := simulate(60, 1, 3)
	var many [][]float64
	var truth []int
	var patient []string
	for i := range probs {
		for range 10 {
			many, truth = append(many, probs[i]), append(truth, labels[i])
			patient = append(patient, string(rune('A'+i)))
		}
	}
	width := func(p [][]float64, y []int, o Options) float64 {
		r, err := Evaluate(p, y, o)
		if err != nil {
			t.Fatal(err)
		}
		v, _ := r.Lookup(IDAUC)
		return *v.High - *v.Low
	}
	honest := width(probs, labels, Options{})
	naive := width(many, truth, Options{})
	cluster := width(many, truth, Options{Groups: patient})
	if naive > honest/2 {
		t.Errorf("the naive interval should be about sqrt(10) too narrow: %.3f, honest %.3f", naive, honest)
	}
	if cluster < 0.85*honest || cluster > 1.15*honest {
		t.Errorf("cluster interval %.3f, one row a patient %.3f", cluster, honest)
	}
}

func TestStratifiedKeepsClassSizes(t *testing.T) {
	labels := []int{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}
	probs := make([][]float64, len(labels))
	for i := range probs {
		probs[i] = []float64{0.9 - 0.05*float64(i), 0.1 + 0.05*float64(i)}
	}
	plain, err := Evaluate(probs, labels, Options{})
	if err != nil {
		t.Fatal(err)
	}
	strat, err := Evaluate(probs, labels, Options{Stratified: true})
	if err != nil {
		t.Fatal(err)
	}
	a, _ := plain.Lookup(IDAUC)
	b, _ := strat.Lookup(IDAUC)
	if a.Draws == 1000 || b.Draws != 1000 {
		t.Errorf("AUC defined in %d plain and %d stratified draws", a.Draws, b.Draws)
	}
}

func TestCompare(t *testing.T) {
	good, labels := simulate(400, 2, 1)
	worse := make([][]float64, len(good))
	rng := rand.New(rand.NewPCG(5, 5))
	for i, row := range good {
		p := min(max(row[1]+0.6*rng.NormFloat64(), 0.01), 0.99)
		worse[i] = []float64{1 - p, p}
	}
	find := func(a, b [][]float64) Difference {
		all, err := Compare(a, b, labels, Options{Seed: 2})
		if err != nil {
			t.Fatal(err)
		}
		return all[0]
	}
	d := find(good, worse)
	if !(*d.Low > 0 && *d.P < 0.01 && *d.Delta > 0) {
		t.Errorf("a worse model is not told apart: %+v", d)
	}
	same := find(good, good)
	if *same.Delta != 0 || *same.P != 1 || *same.Low != 0 || *same.High != 0 {
		t.Errorf("a model differs from itself: %v %v", *same.Delta, *same.P)
	}
	if _, err := Compare(good, [][]float64{{1}}, labels, Options{}); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("other lengths: %v", err)
	}
}

func TestMeanIsStudents(t *testing.T) {
	// scipy.stats.t.interval(0.95, 4, loc=mean, scale=sem) of these five.
	mean, sd, low, high, err := Mean([]float64{0.91, 0.93, 0.92, 0.95, 0.90}, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "mean", mean, 0.922)
	near(t, "sd", *sd, 0.019235384061671343)
	near(t, "low", *low, 0.8981161161190002)
	near(t, "high", *high, 0.9458838838809999)
	if _, sd, low, _, err := Mean([]float64{0.9}, 0.95); err != nil || sd != nil || low != nil {
		t.Error("one seed has no deviation and no interval")
	}
	if _, _, _, _, err := Mean(nil, 0.95); fault.CodeOf(err) != fault.InputEmpty {
		t.Errorf("no seeds: %v", err)
	}
}

func TestAcrossSeeds(t *testing.T) {
	var runs [][][]float64
	base, labels := simulate(300, 1.5, 9)
	for seed := range uint64(5) {
		rng := rand.New(rand.NewPCG(seed, 9))
		run := make([][]float64, len(base))
		for i, row := range base {
			p := min(max(row[1]+0.1*rng.NormFloat64(), 0.001), 0.999)
			run[i] = []float64{1 - p, p}
		}
		runs = append(runs, run)
	}
	all, err := AcrossSeeds(runs, labels, Options{Draws: 300})
	if err != nil {
		t.Fatal(err)
	}
	v := all[0]
	if len(v.Values) != 5 || !(*v.Low < *v.Mean && *v.Mean < *v.High) {
		t.Fatalf("%+v", v)
	}
	if *v.BothHigh-*v.BothLow < *v.High-*v.Low {
		t.Error("the two-way interval must not be narrower than that of the seeds alone: the test set is small")
	}
	if one, err := AcrossSeeds(runs[:1], labels, Options{Draws: 50}); err != nil || one[0].Low != nil || one[0].BothLow == nil {
		t.Errorf("one seed: %+v %v", one[0], err)
	}
}

// Student's t knows no limits; an AUC does.
func TestSeedIntervalStaysInRange(t *testing.T) {
	labels := []int{0, 1, 0, 1}
	perfect := [][]float64{{0.9, 0.1}, {0.2, 0.8}, {0.8, 0.2}, {0.3, 0.7}}
	poor := [][]float64{{0.9, 0.1}, {0.2, 0.8}, {0.2, 0.8}, {0.8, 0.2}}
	all, err := AcrossSeeds([][][]float64{perfect, poor}, labels, Options{Draws: 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		if v.Low != nil && (*v.Low < 0 || (v.ID != IDLogLoss && v.ID != IDBrier && *v.High > 1)) {
			t.Errorf("%s: %g-%g", v.ID, *v.Low, *v.High)
		}
	}
}

func TestThresholds(t *testing.T) {
	scores := []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8}
	labels := []int{0, 0, 0, 1, 0, 1, 1, 1}
	o, err := YoudenThreshold(scores, labels)
	if err != nil || o.Threshold != 0.6 || o.Sensitivity != 0.75 || o.Specificity != 1 {
		t.Errorf("Youden %+v %v", o, err)
	}
	o, err = SensitivityThreshold(scores, labels, 0.9)
	if err != nil || o.Threshold != 0.4 || o.Sensitivity != 1 || o.Specificity != 0.75 {
		t.Errorf("sensitivity %+v %v", o, err)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	probs, labels := simulate(10_000, 1.5, 1)
	for b.Loop() {
		if _, err := Evaluate(probs, labels, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
