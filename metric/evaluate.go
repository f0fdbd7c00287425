package metric

import (
	"fmt"
	"math"

	"consilium/fault"
)

// Options say how to evaluate. The zero value is a sound choice.
type Options struct {
	Labels     []string  // names of the classes in output order; none = "0", "1", ...
	Threshold  float64   // two classes: positive from here upwards; 0 = 0.5. Choose it on validation, never on test
	Ordinal    bool      // the classes have an order: adds quadratic weighted kappa
	Bins       int       // of the calibration errors; 0 = 15
	Prior      []float64 // class shares of the training split for the baseline; nil = those of these labels
	Draws      int       // bootstrap draws; 0 = 1000, negative = no intervals
	Level      float64   // of the intervals; 0 = 0.95
	Seed       uint64
	Stratified bool     // draw within each true class
	Groups     []string // draw whole groups: the patient of each example, when patients repeat
	Points     int      // at most so many points a curve; 0 = 200
}

// bandSteps is how finely the ROC band is kept: 1% of false positive rate.
// Beyond maxBands classes there is no band: memory grows with both.
const (
	bandSteps = 101
	maxBands  = 32
)

// Evaluate measures probabilities (a row an example, a column a class) against
// labels. What these data leave undefined is null with a note; bad input is a
// coded error: INPUT_EMPTY, INPUT_MALFORMED, INPUT_NOT_FINITE, INPUT_RANGE,
// INPUT_TOO_LARGE or USAGE.
func Evaluate(probs [][]float64, labels []int, o Options) (Report, error) {
	o, err := o.complete(probs, labels)
	if err != nil {
		return Report{}, err
	}
	s := newSample(probs, labels, o.Threshold, o.Bins)
	draw, how, err := o.resampler(labels, s.k)
	if err != nil {
		return Report{}, err
	}
	list := measures(s, o.Ordinal)
	t := s.newTally()
	ones := once(len(labels))
	point := make([]float64, len(list))
	values(list, s, t, ones, point)
	matrix := t.matrix.integers()

	spread := o.bootstrap(s, list, draw)
	base := baseline(o, s, list)
	r := Report{
		Examples: len(labels), Draws: o.Draws, Level: o.Level, Seed: o.Seed, Resampling: how,
		Confusion: matrix, Classes: o.classes(s, ones, spread),
		TopBins: s.top.diagram(s.top.equalWidth(ones, make([]gap, o.Bins))),
	}
	if o.Groups != nil {
		r.Groups = len(cellsBy(o.Groups))
	}
	if s.k == 2 {
		r.Threshold = o.Threshold
	}
	for i, m := range list {
		v := Value{ID: m.id, Name: m.name, Value: defined(point[i]), Baseline: defined(base[i]), Lower: m.lower}
		if o.Draws > 0 && v.Value != nil {
			if m.inflated {
				deflate(spread.values[i], point[i])
			}
			v.Low, v.High, v.Draws = percentiles(spread.values[i], o.Level)
		}
		if m.class == overall {
			r.Values = append(r.Values, v)
		} else {
			r.Classes[m.class].Values = append(r.Classes[m.class].Values, v)
		}
	}
	r.Notes = notes(r)
	return r, nil
}

// complete checks the input and fills in the defaults.
func (o Options) complete(probs [][]float64, labels []int) (Options, error) {
	if err := checkProbabilities(probs, labels); err != nil {
		return o, err
	}
	classes := len(probs[0])
	o.Threshold = orDefault(o.Threshold, 0.5)
	o.Bins = orDefault(o.Bins, 15)
	o.Draws = max(orDefault(o.Draws, 1000), 0)
	o.Level = orDefault(o.Level, 0.95)
	o.Points = orDefault(o.Points, 200)
	if o.Labels == nil {
		for class := range classes {
			o.Labels = append(o.Labels, fmt.Sprint(class))
		}
	}
	if o.Prior == nil {
		o.Prior = shares(labels, classes)
	}
	switch {
	case len(o.Labels) != classes:
		return o, usage(fmt.Sprintf("%d labels for %d classes", len(o.Labels), classes))
	case len(o.Prior) != classes || checkRow(0, o.Prior) != nil:
		return o, usage("the prior is not a probability for each class")
	case !(o.Level > 0 && o.Level < 1):
		return o, usage(fmt.Sprintf("an interval of level %g", o.Level))
	case !(o.Threshold > 0 && o.Threshold <= 1):
		return o, usage(fmt.Sprintf("a threshold of %g", o.Threshold))
	case o.Draws > MaxDraws:
		return o, usage(fmt.Sprintf("%d draws", o.Draws))
	case o.Bins < 1 || o.Bins > maxBins:
		return o, usage(fmt.Sprintf("%d bins", o.Bins))
	}
	return o, nil
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func usage(what string) error {
	return fault.New(fault.Usage, what, "correct the evaluation options")
}

func shares(labels []int, classes int) []float64 {
	prior := make([]float64, classes)
	for _, y := range labels {
		prior[y] += 1 / float64(len(labels))
	}
	return prior
}

// spread holds what the draws gave: metric by draw, and the ROC curves.
type spread struct {
	values [][]float64
	curves [][][]float64 // class, false positive step, draw
}

func (o Options) bootstrap(s *sample, list []measure, draw resampler) spread {
	out := spread{values: table(len(list), o.Draws)}
	if len(s.rankings) <= maxBands {
		for range s.rankings {
			out.curves = append(out.curves, table(bandSteps, o.Draws))
		}
	}
	rng := newRand(o.Seed)
	counts := make([]float64, len(s.labels))
	row, curve := make([]float64, len(list)), make([]float64, bandSteps)
	t := s.newTally()
	for d := range o.Draws {
		draw(rng, counts)
		values(list, s, t, counts, row)
		for i, v := range row {
			out.values[i][d] = v
		}
		for c, steps := range out.curves {
			ok := s.rankings[c].rocAt(counts, curve)
			for step, y := range curve {
				if !ok {
					y = math.NaN()
				}
				steps[step][d] = y
			}
		}
	}
	return out
}

func table(rows, columns int) [][]float64 {
	t := make([][]float64, rows)
	for i := range t {
		t[i] = make([]float64, columns)
	}
	return t
}

// baseline measures the model that knows the class shares and nothing else.
func baseline(o Options, s *sample, list []measure) []float64 {
	same := make([][]float64, len(s.labels))
	for i := range same {
		same[i] = o.Prior
	}
	trivial := newSample(same, s.labels, o.Threshold, o.Bins)
	out := make([]float64, len(list))
	values(list, trivial, trivial.newTally(), once(len(s.labels)), out)
	return out
}
