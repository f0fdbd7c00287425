package harmonise

import (
	"fmt"
	"math"

	"consilium/fault"
)

const (
	// leastVariance is where a feature counts as constant: it is shifted and not stretched. A hundredth of the unit that
	// features are read in is below what a device resolves, and near the rounding of a secure sum.
	leastVariance = 1e-4
	// mostStretch bounds how far a site's spread may lie from that of all, as a factor of the standard deviation.
	mostStretch = 10
	// The estimates of shift and scale feed each other until they stay.
	settled  = 1e-12
	mostTurn = 1000
)

// Fit derives a site's adjustment from the sum of all Shares and the site's own moments. Most is what the shares were
// made with, sites how many are in the sum. With one site there is nothing to align: both kinds standardise.
// Errors: USAGE, UPDATE_REFUSED (the sum), DATA_UNFIT (the moments).
func Fit(kind string, sum []float64, most int, sites int, own Moments) (Adjustment, error) {
	if most < 1 || sites < 1 {
		return Adjustment{}, fault.New(fault.Usage, fmt.Sprintf("an adjustment from %d sites of at most %d examples", sites, most), "use the numbers of the plan")
	}
	if err := own.check(); err != nil {
		return Adjustment{}, err
	}
	p, err := open(sum, sites)
	if err != nil {
		return Adjustment{}, err
	}
	if len(p.mean) != len(own.Sum) {
		return Adjustment{}, fault.New(fault.UpdateRefused, fmt.Sprintf("the sum has %d features, this site %d", len(p.mean), len(own.Sum)), "use data of the same shape at every site")
	}
	var a Adjustment
	switch {
	case kind == Standardise || kind == Combat && sites == 1:
		a.Shift = p.mean
		for _, v := range p.total {
			a.Scale = append(a.Scale, spread(v))
		}
	case kind == Combat:
		a = combat(p, own)
	default:
		return Adjustment{}, fault.New(fault.Usage, fmt.Sprintf("no harmonisation is called %q", kind), "use standardise or combat")
	}
	return a, a.Check()
}

// spread is the divisor that a variance asks for.
func spread(variance float64) float64 {
	if variance < leastVariance {
		return 1
	}
	return math.Sqrt(variance)
}

// effect is what a site does to one feature, after all sites' mean and spread within sites were taken out.
type effect struct{ shift, variance float64 }

// combat takes the site's shrunken effects out. A feature that varies at no site has no scale to measure a shift in: the
// site's own mean is taken from it.
func combat(p pooled, own Moments) Adjustment {
	n := len(p.mean)
	a := Adjustment{Shift: make([]float64, n), Scale: make([]float64, n)}
	var live []int
	var raw []effect
	for j := range n {
		mean := own.Sum[j] / own.N
		if p.within[j] < leastVariance {
			a.Shift[j], a.Scale[j] = mean, 1
			continue
		}
		e := effect{shift: (mean - p.mean[j]) / math.Sqrt(p.within[j]), variance: 1}
		if own.N > 1 {
			e.variance = own.Square[j] / (own.N - 1) / p.within[j]
		}
		live, raw = append(live, j), append(raw, e)
	}
	for k, e := range shrink(raw, own.N) {
		j, deviation := live[k], math.Sqrt(p.within[live[k]])
		a.Shift[j] = p.mean[j] + deviation*e.shift
		a.Scale[j] = deviation * min(mostStretch, max(1.0/mostStretch, math.Sqrt(e.variance)))
	}
	return a
}

// prior holds the hyperparameters: over the site's features, shifts are taken for normal about mean with variance
// about, variances for inverse gamma with shape and rate. They are fitted by their moments (Johnson et al., 3.1).
type prior struct {
	mean, about float64
	shape, rate float64
	level       float64 // the mean variance, where all are alike and no gamma distribution fits
}

func newPrior(raw []effect) prior {
	var p prior
	n := float64(len(raw))
	for _, e := range raw {
		p.mean += e.shift / n
		p.level += e.variance / n
	}
	var about float64
	for _, e := range raw {
		p.about += (e.shift - p.mean) * (e.shift - p.mean) / (n - 1)
		about += (e.variance - p.level) * (e.variance - p.level) / (n - 1)
	}
	if about > 1e-12*p.level*p.level {
		p.shape = 2 + p.level*p.level/about
		p.rate = p.level + p.level*p.level*p.level/about
	}
	return p
}

// shrink gives the posterior means of the effects on n examples. One feature alone has no others to learn from: it keeps
// its own.
func shrink(raw []effect, n float64) []effect {
	out := make([]effect, len(raw))
	copy(out, raw)
	var p prior
	if len(raw) > 1 {
		p = newPrior(raw)
	}
	for k, e := range raw {
		switch {
		case len(raw) > 1 && n > 1 && p.shape > 0:
			out[k] = posterior(e, p, n)
		case len(raw) > 1 && p.level > 0:
			out[k] = effect{p.shift(e, p.level, n), p.level}
		}
		if !(out[k].variance > 0) {
			out[k].variance = 1 // the feature is constant here, and nothing says how it would spread
		}
	}
	return out
}

// shift weighs a feature's own shift against the site's mean shift.
func (p prior) shift(e effect, variance, n float64) float64 {
	return (n*p.about*e.shift + variance*p.mean) / (n*p.about + variance)
}

func posterior(e effect, p prior, n float64) effect {
	out := e
	for range mostTurn {
		shift := p.shift(e, max(out.variance, math.SmallestNonzeroFloat64), n)
		off := e.shift - shift
		variance := (p.rate + ((n-1)*e.variance+n*off*off)/2) / (p.shape + n/2 - 1)
		done := math.Abs(shift-out.shift) <= settled*(1+math.Abs(shift)) && math.Abs(variance-out.variance) <= settled*variance
		out = effect{shift, variance}
		if done {
			break
		}
	}
	return out
}
