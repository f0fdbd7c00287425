package stance

import (
	"context"
	"math/rand/v2"
	"slices"

	"consilium/metric"
)

// Interval is a figure with its 95% bootstrap interval.
type Interval struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Evaluation is what repeated cross-validation measured: nested, in that penalty, temperature and threshold
// of a fold's model are chosen without the fold. Figures are means over the seeds.
type Evaluation struct {
	Examples      int                `json:"examples"`
	Folds         int                `json:"folds"`
	Seeds         int                `json:"seeds"`
	Accuracy      Interval           `json:"accuracy"`    // the most probable label always taken
	MacroF1       Interval           `json:"macro_f1"`    //
	Majority      float64            `json:"majority"`    // accuracy of the most frequent label
	MajorityF1    float64            `json:"majority_f1"` //
	Gain          Interval           `json:"gain"`        // accuracy less the majority's, paired by example
	Answered      Interval           `json:"answered"`    // share of questions that were not "cannot tell"
	AccuracyThen  Interval           `json:"accuracy_when_answered"`
	MajorityThen  float64            `json:"majority_when_answered"` // accuracy of the most frequent label on the same questions
	Promised      float64            `json:"promised"`               // coverage of the conformal sets
	Covered       Interval           `json:"covered"`                // what they kept
	PerSeed       []float64          `json:"accuracy_per_seed"`
	Probabilities []metric.SeedValue `json:"all"` // every metric of package metric, over seeds
	Confusion     [][]int            `json:"confusion"`
}

// outcome is what the cross-validation of one seed said of each example.
type outcome struct {
	probabilities [][]float64
	right         []bool
	answered      []bool
	covered       []bool
}

const draws = 2000

// Evaluate cross-validates over folds, for seeds 1 to seeds. progress may be nil. INTERRUPTED when ctx ends.
func Evaluate(ctx context.Context, examples []Example, folds, seeds int, progress func(done, all int)) (Evaluation, error) {
	m, err := prepare(examples)
	if err != nil {
		return Evaluation{}, err
	}
	var runs []outcome
	for seed := range seeds {
		run, err := m.crossValidate(ctx, folds, uint64(seed)+1, func(fold int) {
			if progress != nil {
				progress(seed*folds+fold+1, seeds*folds)
			}
		})
		if err != nil {
			return Evaluation{}, err
		}
		runs = append(runs, run)
	}
	return m.summarise(runs, folds)
}

func (m matrix) crossValidate(ctx context.Context, folds int, seed uint64, progress func(fold int)) (outcome, error) {
	n := len(m.x)
	o := outcome{make([][]float64, n), make([]bool, n), make([]bool, n), make([]bool, n)}
	place := deal(m.labels, folds, seed)
	for f := range folds {
		seen, inside := m.split(place, f)
		c, err := train(ctx, seen, seed)
		if err != nil {
			return o, err
		}
		for _, i := range inside {
			p, err := c.model.Calibration.Apply(c.model.Logistic.logits(m.x[i]))
			if err != nil {
				return o, err
			}
			o.probabilities[i] = p
			o.right[i] = metric.Argmax(p) == m.labels[i]
			o.covered[i] = slices.Contains(c.model.Conformal.Set(p), m.labels[i])
			_, o.answered[i] = c.model.Conformal.Verdict(p)
		}
		progress(f)
	}
	return o, nil
}

func (m matrix) summarise(runs []outcome, folds int) (Evaluation, error) {
	e := Evaluation{Examples: len(m.x), Folds: folds, Seeds: len(runs), Promised: Promised}
	var probabilities [][][]float64
	for _, r := range runs {
		probabilities = append(probabilities, r.probabilities)
		e.PerSeed = append(e.PerSeed, share(r.right))
	}
	var err error
	if e.Probabilities, err = metric.AcrossSeeds(probabilities, m.labels, metric.Options{Labels: labels, Draws: draws}); err != nil {
		return e, err
	}
	for _, v := range e.Probabilities {
		if v.Mean == nil || v.BothLow == nil {
			continue
		}
		switch v.ID {
		case metric.IDAccuracy:
			e.Accuracy = Interval{*v.Mean, *v.BothLow, *v.BothHigh}
		case metric.IDMacroF1:
			e.MacroF1 = Interval{*v.Mean, *v.BothLow, *v.BothHigh}
		}
	}
	e.Confusion = make([][]int, len(labels))
	for i := range e.Confusion {
		e.Confusion[i] = make([]int, len(labels))
	}
	for _, r := range runs {
		for i, p := range r.probabilities {
			e.Confusion[m.labels[i]][metric.Argmax(p)]++
		}
	}
	m.sums(runs, &e)
	return e, nil
}

// sums fills the figures that are ratios of sums over examples, with one bootstrap over the examples for all.
func (m matrix) sums(runs []outcome, e *Evaluation) {
	majority := mostFrequent(m.labels)
	k := float64(len(runs))
	type row struct{ right, majority, answered, rightThen, majorityThen, covered float64 }
	rows := make([]row, len(m.x))
	for i := range rows {
		base := number(m.labels[i] == majority)
		rows[i].majority = base
		for _, r := range runs {
			a := number(r.answered[i])
			rows[i].right += number(r.right[i]) / k
			rows[i].answered += a / k
			rows[i].rightThen += a * number(r.right[i]) / k
			rows[i].majorityThen += a * base / k
			rows[i].covered += number(r.covered[i]) / k
		}
	}
	figure := func(pick []int) (out [4]float64) {
		var s row
		for _, i := range pick {
			r := rows[i]
			s.right, s.majority, s.answered = s.right+r.right, s.majority+r.majority, s.answered+r.answered
			s.rightThen, s.covered = s.rightThen+r.rightThen, s.covered+r.covered
		}
		n := float64(len(pick))
		return [4]float64{(s.right - s.majority) / n, s.answered / n, s.rightThen / max(s.answered, 1e-9), s.covered / n}
	}
	all := make([]int, len(rows))
	answered, majorityThen := 0.0, 0.0
	for i, r := range rows {
		all[i] = i
		e.Majority += r.majority / float64(len(rows))
		answered, majorityThen = answered+r.answered, majorityThen+r.majorityThen
	}
	e.MajorityThen = majorityThen / max(answered, 1e-9)
	e.MajorityF1 = 2 * e.Majority / (1 + e.Majority) / float64(len(labels))
	into := [4]*Interval{&e.Gain, &e.Answered, &e.AccuracyThen, &e.Covered}
	bootstrap(figure, all, into)
}

func bootstrap(figure func([]int) [4]float64, all []int, into [4]*Interval) {
	rng := rand.New(rand.NewPCG(1, 0x626f6f74))
	var drawn [4][]float64
	pick := make([]int, len(all))
	for range draws {
		for i := range pick {
			pick[i] = all[rng.IntN(len(all))]
		}
		for j, v := range figure(pick) {
			drawn[j] = append(drawn[j], v)
		}
	}
	for j, v := range figure(all) {
		slices.Sort(drawn[j])
		*into[j] = Interval{v, drawn[j][draws*25/1000], drawn[j][draws*975/1000]}
	}
}

func mostFrequent(truth []int) int {
	count := make([]int, len(labels))
	for _, y := range truth {
		count[y]++
	}
	return slices.Index(count, slices.Max(count))
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func share(values []bool) float64 {
	sum := 0.0
	for _, v := range values {
		sum += number(v)
	}
	return sum / float64(len(values))
}
