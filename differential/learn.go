package differential

import (
	"context"
	"math"
	"math/rand/v2"

	"consilium/clinical"
	"consilium/fault"
)

// Example is a solved case, looked at by a model.
type Example struct {
	Disease string // the recorded diagnosis
	Group   string // diseases that must not be on both sides of a split
	Listed  bool   // the diagnosis is among the known diseases

	q     *query
	ids   []int32
	rows  []row
	right int // in rows, -1 when it is not there
}

// Example looks at a solved case. Its group is to be set by the caller.
func (m *Model) Example(p clinical.Phenotype, disease string, without []string) Example {
	q := m.ask(p, without)
	e := Example{Disease: disease, right: -1, q: q, ids: m.screen(q)}
	e.Listed, e.rows = m.listed(disease, q), m.lookAt(q, e.ids)
	for i, d := range e.ids {
		if m.disease(d).ID == disease {
			e.right = i
		}
	}
	return e
}

// LearnOptions of a fit. The zero value of a field takes the default.
type LearnOptions struct {
	Epochs  int     // 6
	Rate    float64 // 0.03
	Ridge   float64 // 0.001
	Balance float64 // 0.5: a case counts (cases of its disease)^-Balance, so that one large cohort does not decide
	Folds   int     // 5, for the probabilities
	Seed    uint64

	published bool // exclusions may speak for a disease
}

func (o LearnOptions) filled() LearnOptions {
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&o.Rate, 0.03)
	def(&o.Ridge, 0.001)
	def(&o.Balance, 0.5)
	if o.Epochs == 0 {
		o.Epochs = 6
	}
	if o.Folds <= 0 {
		o.Folds = 5
	}
	return o
}

// exclusionWeight is what the log likelihood ratio of exclusions counts in the score. It is given:
// in published cases exclusions look like the disease (their authors listed what belongs to it),
// and a weight that is learned ends at 0. Two thirds of what plain ratios of findings count.
const exclusionWeight = 0.2

// plainFeatures are what ranking by likelihood ratios alone looks at.
var plainFeatures = []feature{ratioSum, absentRatio}

// Learn fits the rankers to solved cases.
func Learn(ctx context.Context, examples []Example, o LearnOptions) (Weights, error) {
	o = o.filled()
	var w Weights
	for _, job := range []struct {
		to        *Ranker
		on        []feature
		published bool
	}{{&w.Reranked, allFeatures(), false}, {&w.Plain, plainFeatures, false}, {&w.Published, allFeatures(), true}} {
		o.published = job.published
		r, err := learn(ctx, examples, job.on, o)
		if err != nil {
			return Weights{}, err
		}
		*job.to = *r
	}
	return w, nil
}

func allFeatures() []feature {
	all := make([]feature, features)
	for i := range all {
		all[i] = feature(i)
	}
	return all
}

// learn fits the weights on all examples, and what is outside the list on rankings of
// cases that the weights had not seen: on their own cases they look surer than they are.
func learn(ctx context.Context, examples []Example, on []feature, o LearnOptions) (*Ranker, error) {
	final, err := fit(ctx, examples, on, o)
	if err != nil {
		return nil, err
	}
	var x [][facts]float64
	var y []int
	for fold := range o.Folds {
		var train []Example
		for i := range examples {
			if Fold(examples[i].Group, o.Folds) != fold {
				train = append(train, examples[i])
			}
		}
		r, err := fit(ctx, train, on, o)
		if err != nil {
			return nil, err
		}
		for i := range examples {
			if e := &examples[i]; Fold(e.Group, o.Folds) == fold {
				x, y = append(x, describe(e.q, e.rows, softmax(r.scores(e.rows)))), append(y, e.class())
			}
		}
	}
	final.Outside = fitOutside(x, y)
	return final, nil
}

// class tells where the right disease is: elsewhere, unlisted, or (outsides) on the list.
func (e *Example) class() int {
	switch {
	case !e.Listed:
		return unlisted
	case e.right < 0:
		return elsewhere
	}
	return outsides
}

// Fold assigns a group to one of n folds, always the same.
func Fold(group string, n int) int {
	h := uint32(2166136261)
	for i := range len(group) {
		h = (h ^ uint32(group[i])) * 16777619
	}
	h ^= h >> 15
	h *= 0x85ebca6b
	h ^= h >> 13
	return int(h % uint32(n))
}

// balance gives each example its weight.
func balance(examples []Example, power float64) []float64 {
	count := map[string]float64{}
	for i := range examples {
		count[examples[i].Disease]++
	}
	out := make([]float64, len(examples))
	for i := range examples {
		out[i] = math.Pow(count[examples[i].Disease], -power)
	}
	return out
}

// fit finds the weights under which the right disease of each list is likeliest:
// softmax cross-entropy (Cao et al., ICML 2007), by Adam, with a ridge.
func fit(ctx context.Context, examples []Example, on []feature, o LearnOptions) (*Ranker, error) {
	weight := balance(examples, o.Balance)
	var use []int
	for i := range examples {
		if examples[i].right >= 0 {
			use = append(use, i)
		}
	}
	if len(use) < 20 {
		return nil, fault.New(fault.DataUnfit, "fewer than 20 cases have their disease among the candidates", "learn from more solved cases")
	}
	r := standardise(examples, on)
	f := &descent{r: r, step: make([]float64, len(on)), first: make([]float64, len(on)), second: make([]float64, len(on)), o: o}
	f.total = o.Epochs * ((len(use) + batch - 1) / batch)
	rng := rand.New(rand.NewPCG(o.Seed, 0x6c697374))
	for range o.Epochs {
		rng.Shuffle(len(use), func(a, b int) { use[a], use[b] = use[b], use[a] })
		for at := 0; at < len(use); at += batch {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			f.batch(examples, weight, use[at:min(at+batch, len(use))])
		}
	}
	return r, nil
}

// standardise starts a ranker with the mean and scale of each feature.
func standardise(examples []Example, on []feature) *Ranker {
	n := len(on)
	r := &Ranker{Mean: make([]float64, n), Scale: make([]float64, n), Weight: make([]float64, n), at: on, group: make([]part, n), Outside: make([][]float64, outsides)}
	for k := range r.Outside {
		r.Outside[k] = make([]float64, facts+1)
	}
	for i, f := range on {
		var sum, squares, count float64
		for e := range examples {
			for k := range examples[e].rows {
				v := examples[e].rows[k][f]
				sum, squares, count = sum+v, squares+v*v, count+1
			}
		}
		mean := sum / math.Max(count, 1)
		r.Features, r.group[i] = append(r.Features, names[f]), partOf(f)
		r.Scale[i] = math.Sqrt(math.Max(squares/math.Max(count, 1)-mean*mean, 1e-8))
		if f == absentRatio {
			r.Weight[i] = exclusionWeight * r.Scale[i]
		}
		// Of an exclusion or an onset that nobody told, an explanation says 0.
		if g := partOf(f); g != partAbsent && g != partLife {
			r.Mean[i] = mean
		}
	}
	return r
}
