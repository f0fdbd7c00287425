package synthetic

import (
	"math"
	"path/filepath"
	"slices"
	"testing"

	"consilium/clinical"
	"consilium/dataset/settest"
	"consilium/dataset/wfdb"
	"consilium/fault"
	"consilium/signal"
)

// score counts detected beats within 100 ms of a true one.
func score(found, truth []int, rate float64) (sensitivity, precision float64) {
	hits, j := 0, 0
	for _, f := range found {
		for j < len(truth) && float64(truth[j]) < float64(f)-0.1*rate {
			j++
		}
		if j < len(truth) && float64(truth[j]) <= float64(f)+0.1*rate {
			hits++
			j++
		}
	}
	return float64(hits) / float64(len(truth)), float64(hits) / float64(max(len(found), 1))
}

func TestRPeaksOnRecord100(t *testing.T) {
	folder := settest.Data(t, "ecg_wfdb_samples")
	rec, err := wfdb.Read(folder + "/100.hea")
	if err != nil {
		t.Fatal(err)
	}
	var truth []int
	for _, a := range rec.Annotations {
		if slices.Contains([]string{"N", "A", "V"}, a.Symbol) {
			truth = append(truth, a.Sample)
		}
	}
	if len(truth) < 2200 {
		t.Fatalf("%d annotated beats", len(truth))
	}
	for _, c := range rec.Channels {
		se, ppv := score(signal.RPeaks(c.Samples, rec.Rate), truth, rec.Rate)
		t.Logf("lead %s: sensitivity %.4f, positive predictive value %.4f", c.Name, se, ppv)
		if se < 0.99 || ppv < 0.99 {
			t.Errorf("lead %s: sensitivity %.4f, positive predictive value %.4f", c.Name, se, ppv)
		}
	}
}

// TestRPeaksInFibrillation: 18 wearable records of CPSC 2021, lead II, with noise
// and paroxysms of atrial fibrillation.
func TestRPeaksInFibrillation(t *testing.T) {
	paths, err := filepath.Glob(settest.Data(t, "ecg_af_2lead") + "/*.hea")
	if err != nil || len(paths) == 0 {
		t.Fatal("no records", err)
	}
	se, ppv := 0.0, 0.0
	for _, path := range paths {
		rec, err := wfdb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		var truth []int
		for _, a := range rec.Annotations {
			if a.Symbol != "+" && a.Symbol != "~" && a.Symbol != "|" {
				truth = append(truth, a.Sample)
			}
		}
		a, b := score(signal.RPeaks(rec.Channels[1].Samples, rec.Rate), truth, rec.Rate)
		se, ppv = se+a/float64(len(paths)), ppv+b/float64(len(paths))
	}
	t.Logf("%d records: sensitivity %.4f, positive predictive value %.4f", len(paths), se, ppv)
	if se < 0.99 || ppv < 0.99 {
		t.Errorf("sensitivity %.4f, positive predictive value %.4f", se, ppv)
	}
}

// TestConditioningOfRealRecords: all 12-lead records become tensors; in two of
// them V2 came off, and that is said.
func TestConditioningOfRealRecords(t *testing.T) {
	paths, _ := filepath.Glob(settest.Data(t, "ecg_12lead") + "/*.hea")
	into := make([]float32, 12*ECGSpec.Samples())
	flat := 0
	for _, path := range paths {
		rec, err := wfdb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		switch err := signal.ECG(rec, ECGSpec, into); fault.CodeOf(err) {
		case "":
		case fault.InputFlat:
			flat++
			spec := ECGSpec
			spec.MaxFlat = len(signal.FlatLeads(rec, ECGSpec))
			if err := signal.ECG(rec, spec, into); err != nil {
				t.Error(err)
			}
		default:
			t.Error(err)
		}
		for i, v := range into {
			if v != v || v > signal.MaxMillivolt || v < -signal.MaxMillivolt {
				t.Fatalf("%s: value %d is %v", path, i, v)
			}
		}
	}
	if len(paths) == 40 && flat != 2 {
		t.Errorf("%d of 40 records with flat leads, want 2", flat)
	}
}

func TestRPeaksFindGeneratedBeats(t *testing.T) {
	for c := range conditions {
		se, ppv := 0.0, 0.0
		const n = 12
		for seed := range uint64(n) {
			rec, truth := ECG(seed, c)
			a, b := score(signal.RPeaks(rec.Channels[1].Samples, rec.Rate), truth.RPeaks, rec.Rate)
			se, ppv = se+a/n, ppv+b/n
		}
		t.Logf("%v: sensitivity %.3f, positive predictive value %.3f", c, se, ppv)
		if se < 0.95 || ppv < 0.93 {
			t.Errorf("%v: sensitivity %.3f, positive predictive value %.3f", c, se, ppv)
		}
	}
}

func TestEinthovenHolds(t *testing.T) {
	for c := range conditions {
		rec, _ := ECG(7, c)
		for i := range rec.Channels[0].Samples {
			v := func(k int) float64 { return float64(rec.Channels[k].Samples[i]) }
			if math.Abs(v(0)+v(2)-v(1)) > 1e-5 || math.Abs(v(3)+v(4)+v(5)) > 1e-5 {
				t.Fatalf("%v sample %d: I %v + III %v != II %v, or aVR + aVL + aVF != 0", c, i, v(0), v(2), v(1))
			}
		}
	}
}

// intervals gives mean RR and its coefficient of variation.
func intervals(peaks []int) (mean, cv float64) {
	sum, squares, n := 0.0, 0.0, float64(len(peaks)-1)
	for i := 1; i < len(peaks); i++ {
		rr := float64(peaks[i]-peaks[i-1]) / ECGRate
		sum += rr
		squares += rr * rr
	}
	mean = sum / n
	return mean, math.Sqrt(max(squares/n-mean*mean, 0)) / mean
}

func TestRhythms(t *testing.T) {
	regular, irregular := 0.0, 0.0
	for seed := range uint64(40) {
		_, slow := ECG(seed, SinusBradycardia)
		if mean, _ := intervals(slow.RPeaks); 60/mean > 61 {
			t.Errorf("bradycardia %d beats at %.0f a minute", seed, 60/mean)
		}
		_, normal := ECG(seed, Normal)
		mean, cv := intervals(normal.RPeaks)
		if 60/mean < 54 || 60/mean > 112 {
			t.Errorf("normal heart %d beats at %.0f a minute", seed, 60/mean)
		}
		_, af := ECG(seed, AtrialFibrillation)
		_, wild := intervals(af.RPeaks)
		regular, irregular = regular+cv/40, irregular+wild/40
	}
	if regular > 0.06 || irregular < 0.12 {
		t.Errorf("RR varies by %.3f in sinus rhythm and %.3f in fibrillation", regular, irregular)
	}
}

// average gives the mean of f over hearts without noise.
func average(c Condition, f func(clinical.Recording, ECGTruth) float64) float64 {
	sum := 0.0
	const n = 14
	for seed := range uint64(n) {
		rec, truth := CleanECG(seed, c)
		sum += f(rec, truth)
	}
	return sum / n
}

func lead(name string) int { return slices.Index(signal.Leads12, name) }

func TestSTLevels(t *testing.T) {
	st := func(name string) func(clinical.Recording, ECGTruth) float64 {
		return func(_ clinical.Recording, truth ECGTruth) float64 { return truth.ST[lead(name)] }
	}
	for _, c := range []struct {
		condition Condition
		lead      string
		lo, hi    float64 // mV, mean over patients
	}{
		{Normal, "II", -0.05, 0.08}, {Normal, "V2", -0.05, 0.12}, {Normal, "V5", -0.05, 0.08},
		{AnteriorInfarction, "V2", 0.15, 0.5}, {AnteriorInfarction, "V3", 0.15, 0.5}, {AnteriorInfarction, "V4", 0.05, 0.4},
		{AnteriorInfarction, "III", -0.3, -0.04}, {AnteriorInfarction, "aVF", -0.3, -0.03},
		{InferiorInfarction, "II", 0.08, 0.4}, {InferiorInfarction, "III", 0.12, 0.5}, {InferiorInfarction, "aVF", 0.1, 0.5},
		{InferiorInfarction, "aVL", -0.4, -0.06}, {InferiorInfarction, "I", -0.3, -0.02},
		{LeftBundleBranchBlock, "V2", 0.08, 0.5}, {LeftBundleBranchBlock, "V6", -0.4, -0.04},
	} {
		if got := average(c.condition, st(c.lead)); got < c.lo || got > c.hi {
			t.Errorf("%v: ST in %s is %.3f mV, want %v..%v", c.condition, c.lead, got, c.lo, c.hi)
		}
	}
}

// TestSTTruthIsInTheSamples compares the stated ST level with the trace.
func TestSTTruthIsInTheSamples(t *testing.T) {
	rec, truth := CleanECG(5, AnteriorInfarction)
	x := rec.Channels[lead("V2")].Samples
	sum := 0.0
	inner := truth.RPeaks[1 : len(truth.RPeaks)-1]
	for _, p := range inner {
		j := p + int(truth.QRS*ECGRate*0.57)
		sum += float64(x[j+30]-x[p-int(0.6*truth.QRS*ECGRate)]) / float64(len(inner))
	}
	if want := truth.ST[lead("V2")]; math.Abs(sum-want) > 0.3*math.Abs(want)+0.03 {
		t.Errorf("ST in V2 is %.3f mV in the trace, %.3f in the truth", sum, want)
	}
}

// extremes gives the lowest and highest value within the QRS complexes of a lead.
func extremes(rec clinical.Recording, truth ECGTruth, name string) (lo, hi float64) {
	x := rec.Channels[lead(name)].Samples
	for _, p := range truth.RPeaks[1 : len(truth.RPeaks)-1] {
		for _, v := range x[p-30 : p+17] {
			lo, hi = min(lo, float64(v)), max(hi, float64(v))
		}
	}
	return lo, hi
}

func TestMorphology(t *testing.T) {
	ratio := func(name string) func(clinical.Recording, ECGTruth) float64 {
		return func(rec clinical.Recording, truth ECGTruth) float64 {
			lo, hi := extremes(rec, truth, name)
			return hi / (hi - lo)
		}
	}
	for _, c := range []struct {
		condition Condition
		lead      string
		lo, hi    float64 // R as a part of R + S
	}{
		{Normal, "V1", 0.05, 0.5}, {Normal, "V3", 0.3, 0.9}, {Normal, "V6", 0.75, 1}, {Normal, "aVR", 0, 0.3},
		{LeftBundleBranchBlock, "V1", 0, 0.2}, {LeftBundleBranchBlock, "V2", 0, 0.25}, {LeftBundleBranchBlock, "V6", 0.85, 1}, {LeftBundleBranchBlock, "I", 0.8, 1},
	} {
		if got := average(c.condition, ratio(c.lead)); got < c.lo || got > c.hi {
			t.Errorf("%v: R/(R+S) in %s is %.2f, want %v..%v", c.condition, c.lead, got, c.lo, c.hi)
		}
	}
	// Infarction takes the R wave from V2 and puts Q waves into III.
	if n, a := average(Normal, ratio("V2")), average(AnteriorInfarction, ratio("V2")); a > n-0.1 {
		t.Errorf("R in V2: normal %.2f, anterior infarction %.2f", n, a)
	}
	qrs := func(_ clinical.Recording, truth ECGTruth) float64 { return truth.QRS }
	if n, b := average(Normal, qrs), average(LeftBundleBranchBlock, qrs); n > 0.11 || b < 0.125 {
		t.Errorf("QRS lasts %.0f ms in normal hearts and %.0f ms in block", 1000*n, 1000*b)
	}
}

func TestPWaves(t *testing.T) {
	power := func(rec clinical.Recording, truth ECGTruth) float64 {
		x, best := rec.Channels[1].Samples, 0.0
		for _, p := range truth.RPeaks[1:] {
			if p > 130 {
				best += float64(x[p-65]-x[p-120]) / float64(len(truth.RPeaks)-1)
			}
		}
		return best
	}
	if n, af := average(Normal, power), average(AtrialFibrillation, power); n < 0.05 || math.Abs(af) > 0.04 {
		t.Errorf("P wave in II: normal %.3f mV, fibrillation %.3f mV", n, af)
	}
}

func TestECGIsMarkedAndRepeatable(t *testing.T) {
	a, ta := ECG(3, InferiorInfarction)
	b, _ := ECG(3, InferiorInfarction)
	other, _ := ECG(4, InferiorInfarction)
	if !a.Synthetic || !a.Patient.Synthetic || a.Comments[0] != clinical.SyntheticNotice {
		t.Error("not marked as synthetic")
	}
	for k := range a.Channels {
		if !slices.Equal(a.Channels[k].Samples, b.Channels[k].Samples) {
			t.Fatal("the same seed gives another recording")
		}
	}
	if slices.Equal(a.Channels[0].Samples, other.Channels[0].Samples) {
		t.Error("another seed gives the same recording")
	}
	for _, s := range ta.Segments {
		if s.From < 0 || s.To > ecgSamples || s.From >= s.To {
			t.Errorf("segment %v", s)
		}
	}
	if len(ta.Leads) == 0 || len(ta.Segments) < 5 {
		t.Errorf("truth without leads or segments: %+v", ta)
	}
}

func BenchmarkECG(b *testing.B) {
	b.ReportAllocs()
	for i := range b.N {
		ECG(uint64(i), Condition(i%int(conditions)))
	}
}

func BenchmarkECGSet(b *testing.B) {
	s := ECGSet(1000, 1)
	into := make([]float32, 12*5000)
	b.ReportAllocs()
	for i := range b.N {
		if _, err := s.Read("train", i%700, into); err != nil {
			b.Fatal(err)
		}
	}
}
