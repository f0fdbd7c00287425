package metric

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// drawScores makes scores with many ties and labels of both classes.
func drawScores(t *rapid.T) ([]float64, []int) {
	n := rapid.IntRange(2, 60).Draw(t, "n")
	scores := make([]float64, n)
	labels := make([]int, n)
	for i := range scores {
		scores[i] = float64(rapid.IntRange(-12, 12).Draw(t, "score")) / 4
		labels[i] = rapid.IntRange(0, 1).Draw(t, "label")
	}
	labels[0], labels[1] = 0, 1
	return scores, labels
}

func drawProbabilities(t *rapid.T) ([][]float64, []int) {
	n, k := rapid.IntRange(1, 40).Draw(t, "n"), rapid.IntRange(2, 5).Draw(t, "k")
	probs, labels := make([][]float64, n), make([]int, n)
	for i := range probs {
		probs[i] = make([]float64, k)
		sum := 0.0
		for j := range probs[i] {
			probs[i][j] = float64(rapid.IntRange(0, 6).Draw(t, "weight")) + 1e-9
			sum += probs[i][j]
		}
		for j := range probs[i] {
			probs[i][j] /= sum
		}
		labels[i] = rapid.IntRange(0, k-1).Draw(t, "label")
	}
	return probs, labels
}

// pairs is the definition of the AUC: every positive against every negative.
func pairs(scores []float64, labels []int) float64 {
	wins, all := 0.0, 0.0
	for i, a := range scores {
		for j, b := range scores {
			if labels[i] != 1 || labels[j] != 0 {
				continue
			}
			all++
			switch {
			case a > b:
				wins++
			case a == b:
				wins += 0.5
			}
		}
	}
	return wins / all
}

func mustAUC(t *rapid.T, scores []float64, labels []int) float64 {
	v, err := AUC(scores, labels)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestAUCProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores, labels := drawScores(t)
		auc := mustAUC(t, scores, labels)
		if want := pairs(scores, labels); math.Abs(auc-want) > tolerance {
			t.Fatalf("AUC %g, by counting pairs %g", auc, want)
		}
		stretched, flipped := make([]float64, len(scores)), make([]float64, len(scores))
		swapped := make([]int, len(labels))
		for i, s := range scores {
			stretched[i] = 3*math.Exp(s/2) - 7
			flipped[i] = -s
			swapped[i] = 1 - labels[i]
		}
		if got := mustAUC(t, stretched, labels); got != auc {
			t.Fatalf("a monotone transform changed the AUC from %g to %g", auc, got)
		}
		if got := mustAUC(t, flipped, labels); math.Abs(got+auc-1) > tolerance {
			t.Fatalf("AUC(s)+AUC(-s) = %g", got+auc)
		}
		if got := mustAUC(t, scores, swapped); math.Abs(got+auc-1) > tolerance {
			t.Fatalf("swapping the classes: %g + %g is not 1", got, auc)
		}
	})
}

func TestCurveProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores, labels := drawScores(t)
		roc, err := ROC(scores, labels)
		if err != nil {
			t.Fatal(err)
		}
		for i := 1; i < len(roc); i++ {
			if roc[i].X < roc[i-1].X || roc[i].Y < roc[i-1].Y {
				t.Fatalf("the ROC curve falls back at point %d", i)
			}
		}
		first, last := roc[0], roc[len(roc)-1]
		if first.X != 0 || first.Y != 0 || last.X != 1 || last.Y != 1 {
			t.Fatalf("the ROC curve runs from %v to %v", first, last)
		}
		if auc := mustAUC(t, scores, labels); math.Abs(area(roc)-auc) > tolerance {
			t.Fatalf("area %g, AUC %g", area(roc), auc)
		}
		limit := rapid.IntRange(2, 10).Draw(t, "limit")
		thin := Thin(roc, limit)
		if len(thin) > max(limit, 2) || thin[0] != first || thin[len(thin)-1] != last {
			t.Fatalf("thinning %d points to %d gave %d", len(roc), limit, len(thin))
		}
	})
}

// A draw of counts must measure exactly what the repeated examples measure.
func TestCountsMeanRepetition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		probs, labels := drawProbabilities(t)
		counts := make([]float64, len(labels))
		var repeated [][]float64
		var truth []int
		for i := range counts {
			times := rapid.IntRange(0, 3).Draw(t, "times")
			counts[i] = float64(times)
			for range times {
				repeated, truth = append(repeated, probs[i]), append(truth, labels[i])
			}
		}
		if len(truth) == 0 {
			return
		}
		a, b := newSample(probs, labels, 0.5, 15), newSample(repeated, truth, 0.5, 15)
		la, lb := measures(a, true), measures(b, true)
		va, vb := make([]float64, len(la)), make([]float64, len(lb))
		values(la, a, a.newTally(), counts, va)
		values(lb, b, b.newTally(), once(len(truth)), vb)
		for i := range va {
			if math.IsNaN(va[i]) != math.IsNaN(vb[i]) || math.Abs(va[i]-vb[i]) > tolerance {
				t.Fatalf("%s: %g by counts, %g by repetition", la[i].id, va[i], vb[i])
			}
		}
	})
}

func TestBounds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		probs, labels := drawProbabilities(t)
		r, err := Evaluate(probs, labels, Options{Draws: 20, Ordinal: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range r.Values {
			low, high := 0.0, 1.0
			switch v.ID {
			case IDBrier:
				if len(probs[0]) > 2 {
					high = 2
				}
			case IDLogLoss:
				high = -math.Log(smallest)
			case IDKappa:
				low = -1
			}
			for _, x := range []*float64{v.Value, v.Low, v.High, v.Baseline} {
				if x != nil && !(*x >= low-tolerance && *x <= high+tolerance) {
					t.Fatalf("%s = %g is outside %g..%g", v.ID, *x, low, high)
				}
			}
			if v.Low != nil && *v.Low > *v.High {
				t.Fatalf("%s: interval %g..%g", v.ID, *v.Low, *v.High)
			}
		}
	})
}

// A model that knows only the class shares has no calibration error, an AUC of
// one half and the entropy as its log loss.
func TestBaselineIsTrivial(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		probs, labels := drawProbabilities(t)
		r, err := Evaluate(probs, labels, Options{Draws: -1})
		if err != nil {
			t.Fatal(err)
		}
		entropy, most := 0.0, 0.0
		for _, p := range shares(labels, len(probs[0])) {
			if p > 0 {
				entropy -= p * math.Log(min(p, 1-smallest))
			}
			most = max(most, p)
		}
		for id, want := range map[string]float64{IDAUC: 0.5, IDLogLoss: entropy, IDAccuracy: most, IDECE: 0, IDECEClasswise: 0} {
			v, _ := r.Lookup(id)
			if v.Baseline != nil && math.Abs(*v.Baseline-want) > 1e-7 {
				t.Fatalf("baseline %s = %g, want %g", id, *v.Baseline, want)
			}
		}
	})
}
