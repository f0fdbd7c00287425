package simulate

import (
	"context"

	"consilium/dataset"
	"consilium/federation"
	"consilium/federation/local"
)

// judge measures what came out, on test examples that decided nothing.
func (w *work) judge(ctx context.Context, global []float32) error {
	if !w.many() && !w.cohort.Own {
		score, err := w.all.Score(ctx, global, dataset.Test)
		w.out.Score = &score
		return err
	}
	scores := make([]federation.Score, len(w.learners))
	kept := make([]bool, len(w.learners))
	err := w.each(func(i int) (err error) {
		scores[i], kept[i], err = w.settle(ctx, i, global)
		return err
	})
	if err != nil {
		return err
	}
	for i, s := range scores {
		if kept[i] {
			w.out.Kept++
		}
		w.add(i, s)
	}
	return nil
}

// many says whether there are as many models as sites.
func (w *work) many() bool {
	p := w.arm.Plan
	return w.arm.Keep || w.arm.Kind == Federated && (p.Algorithm == federation.Ditto || p.Algorithm == federation.FedBN || len(p.Personal) > 0)
}

// settle is the score of the model that a site uses in the end, and whether that is not the federated one.
func (w *work) settle(ctx context.Context, i int, global []float32) (federation.Score, bool, error) {
	l := w.learners[i]
	if !w.arm.Keep && w.arm.Plan.Algorithm != federation.Ditto {
		s, err := l.Score(ctx, global, dataset.Test) // with the site's own normalisation, where it has one
		return s, false, err
	}
	k, _, err := l.Settle(ctx, global, w.arm.Keep)
	if err != nil {
		return federation.Score{}, false, err
	}
	switch {
	case k.Keeps == local.KeepsOwn && k.Own != nil:
		return *k.Own, true, nil
	case (k.Keeps == local.KeepsPersonal || !w.arm.Keep) && k.Personal != nil:
		return *k.Personal, false, nil
	}
	return *k.Federated, false, nil
}

// add takes a site's figure.
func (w *work) add(i int, s federation.Score) {
	w.out.Sites = append(w.out.Sites, SiteRun{w.cohort.Names[i], s})
	if w.cohort.Own {
		w.out.Score = w.out.Score.Plus(&s)
	}
}

// Measures.
const (
	MacroF1  = "macro-F1"
	Accuracy = "accuracy"
)

// value is a measure of a run: of its one score, or the mean over its sites.
func (r Run) value(f func(federation.Score) (float64, bool)) (float64, bool) {
	if r.Score != nil {
		if v, ok := f(*r.Score); ok {
			return v, true
		}
	}
	sum, n := 0.0, 0.0
	for _, s := range r.Sites {
		if v, ok := f(s.Score); ok {
			sum, n = sum+v, n+1
		}
	}
	if n == 0 {
		return 0, false
	}
	return sum / n, true
}

func macroF1(s federation.Score) (float64, bool)  { return s.MacroF1(), s.N > 0 }
func accuracy(s federation.Score) (float64, bool) { return s.Accuracy(), s.N > 0 }

func auc(s federation.Score) (float64, bool) {
	if s.AUC == nil {
		return 0, false
	}
	return *s.AUC, true
}

// recall is the share of a class that is found.
func recall(class int) func(federation.Score) (float64, bool) {
	return func(s federation.Score) (float64, bool) {
		if class < 0 || class >= len(s.Confusion) {
			return 0, false
		}
		all := 0
		for _, v := range s.Confusion[class] {
			all += v
		}
		if all == 0 {
			return 0, false
		}
		return float64(s.Confusion[class][class]) / float64(all), true
	}
}

func measure(name string) func(federation.Score) (float64, bool) {
	if name == Accuracy {
		return accuracy
	}
	return macroF1
}

// worst is the site with the lowest value.
func (r Run) worst(f func(federation.Score) (float64, bool)) (float64, bool) {
	least, found := 0.0, false
	for _, s := range r.Sites {
		if v, ok := f(s.Score); ok && (!found || v < least) {
			least, found = v, true
		}
	}
	return least, found
}

// trivial is always the commonest class of the training examples.
func trivial(train []int, test []int) federation.Score {
	best := 0
	for c, n := range train {
		if n > train[best] {
			best = c
		}
	}
	s := federation.Score{Split: string(dataset.Test)}
	for c, n := range test {
		s.Confusion = append(s.Confusion, make([]int, len(test)))
		s.Confusion[c][best] = n
		s.N += n
	}
	return s
}
