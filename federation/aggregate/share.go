package aggregate

import (
	"fmt"
	"math"

	"consilium/fault"
	"consilium/federation"
)

// layout says where things are in a share, and so in a sum of shares:
//
//	w * delta (qfedavg: w * F^q * delta) | scaffold: w * extra | w | qfedavg: h, two values | tail
//
// with w = min(samples, most_samples)/most_samples, or 1 where sites count alike. The tail is there when the plan's
// scores are "sum": the site's confusion counts / most_samples, row by row; n * loss / (most_samples * number of
// counts), two values; w * training loss, two values.
//
// All that is not delta or extra lies in 0..1. w and the counts are multiples of 2^-20, so that a sum in fixed point
// with 20 binary places keeps them exactly. Other figures are written as two values, see split.
type layout struct {
	size, extra, weight, h, tail int // offsets of the parts that follow delta; h == tail where there is none
}

func layoutOf(plan federation.Plan, size int) layout {
	l := layout{size: size, extra: size, weight: size}
	if plan.Algorithm == federation.Scaffold {
		l.weight += size
	}
	l.h = l.weight + 1
	l.tail = l.h
	if plan.Algorithm == federation.QFedAvg {
		l.tail += 2
	}
	return l
}

// fits says whether a sum of that length can be one, for some number of classes.
func (l layout) fits(plan federation.Plan, length int) bool {
	rest := length - l.tail
	if plan.Scores != "sum" {
		return rest == 0
	}
	classes := int(math.Sqrt(float64(max(rest-4, 0))))
	return classes > 0 && rest == classes*classes+4
}

func (l layout) head(sum []float64) sumHead {
	h := sumHead{delta: sum[:l.size], extra: sum[l.extra:l.weight], weight: sum[l.weight]}
	if l.tail > l.h {
		h.h = steps.join(sum[l.h], sum[l.h+1])
	}
	return h
}

// split writes a figure of 0..up as two values of 0..1 that each bear 20 binary places: the first is a whole number
// of 2^-20*up, the second is the rest, times down. It is linear: sums of both give the sum of figures.
type split struct{ up, down float64 }

var (
	losses = split{64, 1 << 10}
	steps  = split{1024, 1 << 8} // q-FedAvg's h
)

const unit = 1 << 20

func (s split) put(x float64) (float32, float32) {
	x = min(max(x, 0), s.up)
	coarse := math.Floor(x/s.up*unit) / unit
	return float32(coarse), float32(math.Round((x-coarse*s.up)*s.down*unit) / unit)
}

func (s split) join(coarse, fine float64) float64 { return coarse*s.up + fine/s.down }

// ShareLen is the length of a share of a model with so many parameters.
func ShareLen(plan federation.Plan, size, classes int) int {
	plan = plan.WithDefaults()
	n := layoutOf(plan, size).tail
	if plan.Scores == "sum" {
		n += classes*classes + 4
	}
	return n
}

// Share is what one site adds to a sum. Where the plan's scores are "sum" the update needs a score whose confusion has
// a row for each class; one full of zeros when the site has no examples for it.
// Errors: UPDATE_REFUSED, USAGE for a rule that needs each update.
func Share(plan federation.Plan, u federation.Update) ([]float32, error) {
	plan = plan.WithDefaults()
	if federation.NeedsEach(plan.Algorithm) {
		return nil, fault.New(fault.Usage, plan.Algorithm+" has to see single updates", "set the plan's sum to plain")
	}
	b := base{plan: plan, size: len(u.Delta)}
	if err := b.fits(u); err != nil {
		return nil, err
	}
	classes, err := classesOf(plan, u)
	if err != nil {
		return nil, err
	}
	l := layoutOf(plan, b.size)
	out := make([]float32, ShareLen(plan, b.size, classes))
	w := weight(plan, u)
	scale := w
	if l.tail > l.h {
		f, h := fairness(plan, u)
		scale *= f
		out[l.h], out[l.h+1] = steps.put(w * h)
	}
	for i, x := range u.Delta {
		out[i] = float32(scale * float64(x))
	}
	for i, x := range u.Extra {
		out[l.extra+i] = float32(w * float64(x))
	}
	out[l.weight] = float32(w)
	if classes > 0 {
		tail(out[l.tail:], plan, u, w, classes)
	}
	return out, nil
}

func classesOf(plan federation.Plan, u federation.Update) (int, error) {
	if plan.Scores != "sum" {
		return 0, nil
	}
	if u.Score == nil || len(u.Score.Confusion) == 0 {
		return 0, fault.New(fault.UpdateRefused, "the update of "+u.Site+" has no score to be summed", "write a confusion of zeros where there are no examples")
	}
	c := u.Score.Confusion
	for _, row := range c {
		if len(row) != len(c) {
			return 0, fault.New(fault.UpdateRefused, "the confusion of "+u.Site+" is not square", "")
		}
		for _, n := range row {
			if n < 0 {
				return 0, fault.New(fault.UpdateRefused, "the confusion of "+u.Site+" counts below zero", "")
			}
		}
	}
	if !(u.Score.Loss >= 0) || !(u.Trained >= 0) {
		return 0, fault.New(fault.UpdateRefused, "the update of "+u.Site+" has a loss that is negative or not a number", "lower the plan's rate")
	}
	return len(c), nil
}

func tail(out []float32, plan federation.Plan, u federation.Update, w float64, classes int) {
	all := 0
	for i, row := range u.Score.Confusion {
		for j, n := range row {
			n = min(n, plan.MostSamples)
			all += n
			out[i*classes+j] = float32(n) / float32(plan.MostSamples)
		}
	}
	out = out[classes*classes:]
	out[0], out[1] = losses.put(float64(all) * u.Score.Loss / float64(plan.MostSamples*classes*classes))
	out[2], out[3] = losses.put(w * u.Trained)
}

// ScoreOf reads the union's score out of a sum of shares: counts are exact up to most_samples a site and cell. It is
// nil when no site had examples, or the plan does not sum scores. Errors: SUM_BROKEN.
func ScoreOf(plan federation.Plan, sum []float64, size, classes int) (*federation.Score, error) {
	plan = plan.WithDefaults()
	rest, err := tailOf(plan, sum, size, classes)
	if err != nil || rest == nil {
		return nil, err
	}
	s := federation.Score{Split: "validation", Confusion: make([][]int, classes)}
	for i := range s.Confusion {
		s.Confusion[i] = make([]int, classes)
		for j := range s.Confusion[i] {
			n := math.Round(rest[i*classes+j] * float64(plan.MostSamples))
			if !(n >= 0 && n <= float64(plan.MostSamples)*federation.MaxSites) {
				return nil, fault.New(fault.SumBroken, "the summed score holds counts that cannot be", "the round is tried again")
			}
			s.Confusion[i][j] = int(n)
			s.N += int(n)
		}
	}
	if s.N == 0 {
		return nil, nil
	}
	rest = rest[classes*classes:]
	s.Loss = losses.join(rest[0], rest[1]) * float64(plan.MostSamples*classes*classes) / float64(s.N)
	return &s, nil
}

// TrainedOf reads the mean training loss out of a sum of shares; nil when the plan does not sum scores.
// Errors: SUM_BROKEN.
func TrainedOf(plan federation.Plan, sum []float64, size, classes int) (*float64, error) {
	plan = plan.WithDefaults()
	rest, err := tailOf(plan, sum, size, classes)
	if err != nil || rest == nil {
		return nil, err
	}
	w := sum[layoutOf(plan, size).weight]
	if !(w > 0) {
		return nil, fault.New(fault.SumBroken, "the sum of a round has no weight", "the round is tried again")
	}
	rest = rest[classes*classes:]
	v := losses.join(rest[2], rest[3]) / w
	return &v, nil
}

func tailOf(plan federation.Plan, sum []float64, size, classes int) ([]float64, error) {
	if classes < 1 || classes > 1<<12 || len(sum) != ShareLen(plan, size, classes) {
		return nil, fault.New(fault.SumBroken, fmt.Sprintf("a sum of %d values is not one of %d parameters and %d classes", len(sum), size, classes), "the round is tried again")
	}
	if plan.Scores != "sum" {
		return nil, nil
	}
	rest := sum[layoutOf(plan, size).tail:]
	for _, x := range rest {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil, fault.New(fault.SumBroken, "the summed score holds NaN or infinity", "the round is tried again")
		}
	}
	return rest, nil
}
