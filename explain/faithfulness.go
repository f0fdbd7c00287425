package explain

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"consilium/clinical"
	"consilium/fault"
)

// Trial is one example with the class whose explanation is tested.
type Trial struct {
	Input []float32
	Class int
}

// FaithfulnessOptions tune the deletion and insertion game. The zero value is good.
type FaithfulnessOptions struct {
	Steps    int      // points of a curve besides the first; 0: 20
	Cell     []int    // what is deleted at a time, one size an axis; nil: half of the occlusion window
	Baseline Baseline // nil: Mean
	Draws    int      // bootstrap draws; 0: 1000
	Orders   int      // random orders an example; 0: 3
	Seed     uint64
	Progress Progress
}

// Faithfulness says whether taking away what a map calls important lowers the
// probability faster than taking away at random, and bringing it back raises it
// faster (deletion and insertion, Petsiuk et al., RISE, BMVC 2018).
type Faithfulness struct {
	Method          string   `json:"method"`
	Examples        int      `json:"examples"`
	Deletion        float64  `json:"deletion_auc"` // lower is better
	DeletionRandom  float64  `json:"deletion_auc_random"`
	DeletionGain    Interval `json:"deletion_gain"` // random minus method; above 0 is better than random
	Insertion       float64  `json:"insertion_auc"` // higher is better
	InsertionRandom float64  `json:"insertion_auc_random"`
	InsertionGain   Interval `json:"insertion_gain"` // method minus random
	// Classes has the gains for each class that was explained, when there are several: a method may be
	// good at a finding and worthless for its absence.
	Classes []ClassGain `json:"classes,omitempty"`
}

// ClassGain is the part of the gains that the trials of one class bring.
type ClassGain struct {
	Class         int      `json:"class"`
	Examples      int      `json:"examples"`
	DeletionGain  Interval `json:"deletion_gain"`
	InsertionGain Interval `json:"insertion_gain"`
}

// Interval is a mean with its 95% paired bootstrap interval over the examples.
type Interval struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// String is a gain with its verdict.
func (i Interval) String() string {
	verdict := "not distinguishable from random"
	if i.Low > 0 {
		verdict = "better than random"
	} else if i.High < 0 {
		verdict = "worse than random"
	}
	return fmt.Sprintf("gain %+.3f [%+.3f, %+.3f]: %s", i.Mean, i.Low, i.High, verdict)
}

// String is the report in two lines.
func (f Faithfulness) String() string {
	line := func(name string, value, random float64, gain Interval) string {
		return fmt.Sprintf("%s %s: AUC %.3f, random %.3f, %s", f.Method, name, value, random, gain)
	}
	return line("deletion", f.Deletion, f.DeletionRandom, f.DeletionGain) + "\n" +
		line("insertion", f.Insertion, f.InsertionRandom, f.InsertionGain) + fmt.Sprintf(" (%d examples)", f.Examples)
}

// MeasureFaithfulness plays the game on every trial. Whole cells are deleted, in
// the map's order and in random orders, so that both leave pictures of the same
// kind. Errors: USAGE without trials, and those of explainer and model.
func MeasureFaithfulness(ctx context.Context, p Predictor, kind clinical.Kind, e Explainer, trials []Trial, o FaithfulnessOptions) (Faithfulness, error) {
	if len(trials) == 0 {
		return Faithfulness{}, fault.New(fault.Usage, "no examples to measure faithfulness on", "give at least one")
	}
	o = o.filled()
	cell := o.Cell
	if cell == nil {
		for _, w := range defaultWindow(kind, p.Shape()) {
			cell = append(cell, max(1, w/2))
		}
	}
	g, err := newGrid(kind, p.Shape(), cell, cell)
	if err != nil {
		return Faithfulness{}, err
	}
	rng := rand.New(rand.NewPCG(o.Seed, 0x0fa1))
	f := Faithfulness{Method: e.Name(), Examples: len(trials)}
	var deletion, insertion []float64
	n := float64(len(trials))
	for i, t := range trials {
		m, err := e.Explain(ctx, t.Input, t.Class)
		if err != nil {
			return Faithfulness{}, err
		}
		game := &game{Predictor: p, grid: g, trial: t, cover: o.Baseline(kind, p.Shape(), t.Input), steps: o.Steps}
		del, ins, err := game.play(ctx, g.rank(m))
		if err != nil {
			return Faithfulness{}, err
		}
		var delRandom, insRandom float64
		for range o.Orders {
			d, in, err := game.play(ctx, rng.Perm(g.count))
			if err != nil {
				return Faithfulness{}, err
			}
			delRandom += d / float64(o.Orders)
			insRandom += in / float64(o.Orders)
		}
		deletion, insertion = append(deletion, delRandom-del), append(insertion, ins-insRandom)
		f.Deletion += del / n
		f.DeletionRandom += delRandom / n
		f.Insertion += ins / n
		f.InsertionRandom += insRandom / n
		o.Progress.report(i+1, len(trials))
	}
	f.DeletionGain, f.InsertionGain = bootstrap(deletion, o.Draws, rng), bootstrap(insertion, o.Draws, rng)
	f.Classes = byClass(trials, deletion, insertion, o.Draws, rng)
	return f, nil
}

// byClass splits the gains of the trials by the class that was explained; nil when it is always the same.
func byClass(trials []Trial, deletion, insertion []float64, draws int, rng *rand.Rand) []ClassGain {
	of := map[int][]int{}
	for i, t := range trials {
		of[t.Class] = append(of[t.Class], i)
	}
	if len(of) < 2 {
		return nil
	}
	var gains []ClassGain
	for _, class := range slices.Sorted(maps.Keys(of)) {
		var del, ins []float64
		for _, i := range of[class] {
			del, ins = append(del, deletion[i]), append(ins, insertion[i])
		}
		gains = append(gains, ClassGain{class, len(del), bootstrap(del, draws, rng), bootstrap(ins, draws, rng)})
	}
	return gains
}

func (o FaithfulnessOptions) filled() FaithfulnessOptions {
	if o.Steps <= 0 {
		o.Steps = 20
	}
	if o.Draws <= 0 {
		o.Draws = 1000
	}
	if o.Orders <= 0 {
		o.Orders = 3
	}
	if o.Baseline == nil {
		o.Baseline = Mean()
	}
	return o
}

// rank orders the cells by their mean value, most important first.
func (g *grid) rank(m Map) []int {
	score, order := make([]float64, g.count), make([]int, g.count)
	for i := range order {
		order[i] = i
		g.visit(i, func(at int) { score[i] += float64(m.Values[at]) })
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case score[a] > score[b]:
			return -1
		case score[a] < score[b]:
			return 1
		}
		return a - b
	})
	return order
}

// game deletes from and inserts into one example.
type game struct {
	Predictor
	grid  *grid
	trial Trial
	cover []float32
	steps int
}

// play gives the areas under the probability of the class while cells vanish in an order, and while they come back.
func (g *game) play(ctx context.Context, order []int) (deletion, insertion float64, err error) {
	points := g.steps + 1
	logits, err := g.Predict(ctx, 2*points, func(i int, into []float32) {
		from, to := g.trial.Input, g.cover
		if i >= points {
			from, to = to, from
		}
		copy(into, from)
		for _, cell := range order[:i%points*len(order)/g.steps] {
			g.grid.visit(cell, func(at int) { into[at] = to[at] })
		}
	})
	if err != nil {
		return 0, 0, err
	}
	k := g.Classes()
	area := func(first int) float64 {
		sum := 0.0
		for i := range points {
			p := probability(logits[(first+i)*k:(first+i+1)*k], g.trial.Class)
			if i == 0 || i == points-1 {
				p /= 2
			}
			sum += p
		}
		return sum / float64(g.steps)
	}
	return area(0), area(points), nil
}

// bootstrap resamples the examples' paired differences.
func bootstrap(differences []float64, draws int, rng *rand.Rand) Interval {
	mean := func(pick func(i int) float64) float64 {
		sum := 0.0
		for i := range differences {
			sum += pick(i)
		}
		return sum / float64(len(differences))
	}
	means := make([]float64, draws)
	for d := range means {
		means[d] = mean(func(int) float64 { return differences[rng.IntN(len(differences))] })
	}
	slices.Sort(means)
	at := func(q float64) float64 { return means[int(q*float64(draws-1)+0.5)] }
	return Interval{Mean: mean(func(i int) float64 { return differences[i] }), Low: at(0.025), High: at(0.975)}
}
