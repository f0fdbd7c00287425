package metric

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"consilium/fault"
)

// SeedValue is one metric over training runs that differ only in their seed.
type SeedValue struct {
	ID     string     `json:"id"`
	Name   string     `json:"name"`
	Values []*float64 `json:"values"` // a run
	Mean   *float64   `json:"mean"`
	SD     *float64   `json:"sd"` // between runs
	// Interval of the mean over seeds, for these test examples: Student's t.
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
	// Interval for other seeds and other examples: the two-way bootstrap.
	BothLow  *float64 `json:"both_low"`
	BothHigh *float64 `json:"both_high"`
	Baseline *float64 `json:"baseline"`
	Lower    bool     `json:"lower_is_better,omitempty"`
}

// Mean gives the mean, the standard deviation and the t-interval at a level.
// One value has no deviation and no interval: those are nil.
func Mean(values []float64, level float64) (mean float64, sd, low, high *float64, err error) {
	if len(values) == 0 {
		return 0, nil, nil, nil, fault.New(fault.InputEmpty, "no values to average", "run at least one seed")
	}
	if !(level > 0 && level < 1) {
		return 0, nil, nil, nil, usage(fmt.Sprintf("an interval of level %g", level))
	}
	for i, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return 0, nil, nil, nil, notFinite(i)
		}
		mean += v / float64(len(values))
	}
	if len(values) == 1 {
		return mean, nil, nil, nil, nil
	}
	squares := 0.0
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	n := float64(len(values))
	deviation := math.Sqrt(squares / (n - 1))
	t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile((1 + level) / 2)
	half := t * deviation / math.Sqrt(n)
	return mean, &deviation, defined(mean - half), defined(mean + half), nil
}

// AcrossSeeds averages the overall metrics of several runs on the same test
// examples. The t-interval speaks of the seeds alone; the two-way bootstrap
// draws seeds and examples together (the same examples for every run in a
// draw, since the runs share them: Owen, Annals of Applied Statistics 1, 2007)
// and is the interval to quote. Errors are those of Evaluate.
func AcrossSeeds(runs [][][]float64, labels []int, o Options) ([]SeedValue, error) {
	if len(runs) == 0 {
		return nil, fault.New(fault.InputEmpty, "no runs to average", "run at least one seed")
	}
	for _, probs := range runs {
		if err := checkProbabilities(probs, labels); err != nil {
			return nil, err
		}
		if len(probs[0]) != len(runs[0][0]) {
			return nil, usage("the runs have different classes")
		}
	}
	o, err := o.complete(runs[0], labels)
	if err != nil {
		return nil, err
	}
	draw, _, err := o.resampler(labels, len(runs[0][0]))
	if err != nil {
		return nil, err
	}
	c := newCrossed(runs, labels, o)
	out := c.points(o)
	for i, draws := range c.draws(o, draw) {
		if out[i].Mean != nil && o.Draws > 0 {
			if c.lists[0][i].inflated {
				deflate(draws, *out[i].Mean)
			}
			out[i].BothLow, out[i].BothHigh, _ = percentiles(draws, o.Level)
		}
	}
	return out, nil
}

// crossed is runs by examples: every run saw every example.
type crossed struct {
	samples []*sample
	lists   [][]measure
	tallies []*tally
	n       int
}

func newCrossed(runs [][][]float64, labels []int, o Options) crossed {
	c := crossed{n: len(labels)}
	for _, probs := range runs {
		s := newSample(probs, labels, o.Threshold, o.Bins)
		c.samples = append(c.samples, s)
		c.lists = append(c.lists, overallOnly(measures(s, o.Ordinal)))
		c.tallies = append(c.tallies, s.newTally())
	}
	return c
}

// points gives the values, their mean and the t-interval.
func (c crossed) points(o Options) []SeedValue {
	out := make([]SeedValue, len(c.lists[0]))
	base := baseline(o, c.samples[0], c.lists[0])
	for i, m := range c.lists[0] {
		out[i] = SeedValue{ID: m.id, Name: m.name, Lower: m.lower, Baseline: defined(base[i])}
	}
	row := make([]float64, len(out))
	perMetric := table(len(out), len(c.samples))
	for run, s := range c.samples {
		values(c.lists[run], s, c.tallies[run], once(c.n), row)
		for i, v := range row {
			out[i].Values = append(out[i].Values, defined(v))
			perMetric[i][run] = v
		}
	}
	for i := range out {
		if mean, sd, low, high, err := Mean(perMetric[i], o.Level); err == nil {
			out[i].Mean, out[i].SD = &mean, sd
			out[i].Low, out[i].High = c.lists[0][i].cut(low), c.lists[0][i].cut(high)
		}
	}
	return out
}

// cut keeps the end of a t-interval, which knows no limits, within the range
// of the metric.
func (m measure) cut(v *float64) *float64 {
	if v == nil {
		return nil
	}
	least, most := 0.0, 1.0
	switch m.id {
	case IDKappa:
		least = -1
	case IDBrier:
		most = 2
	case IDLogLoss:
		most = math.Inf(1)
	}
	return defined(min(max(*v, least), most))
}

// draws gives the mean of drawn runs over drawn examples, metric by draw.
func (c crossed) draws(o Options, draw resampler) [][]float64 {
	out := table(len(c.lists[0]), o.Draws)
	rng, counts := newRand(o.Seed), make([]float64, c.n)
	times := make([]float64, len(c.samples))
	row := make([]float64, len(out))
	for d := range o.Draws {
		draw(rng, counts)
		drawExamples(rng, times)
		for run, s := range c.samples {
			if times[run] == 0 {
				continue
			}
			values(c.lists[run], s, c.tallies[run], counts, row)
			for i, v := range row {
				out[i][d] += times[run] * v / float64(len(c.samples))
			}
		}
	}
	return out
}
