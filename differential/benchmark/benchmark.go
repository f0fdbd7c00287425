// Package benchmark measures ranking on solved cases. Every case is ranked with
// weights that were learned without its disease, and without any disease that
// shares a gene with it.
package benchmark

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
)

// Options of a run.
type Options struct {
	Folds    int // 5
	Seed     uint64
	Progress func(what string, done, of int)
}

// mostFolds bounds a cross-validation: each fold is a training.
const mostFolds = 50

// Groups names for each case the set of diseases and genes that it hangs together
// with: cases of one group are never on both sides of a split. Two diseases of one
// gene are one group, and so are two genes of one disease. Each case has a diagnosis.
func Groups(cases []clinical.Phenotype) []string {
	up := map[string]string{}
	var root func(string) string
	root = func(a string) string {
		if p, ok := up[a]; ok && p != a {
			up[a] = root(p)
			return up[a]
		}
		return a
	}
	for _, c := range cases {
		for _, g := range c.Genes {
			if a, b := root(c.Diagnoses[0].ID), root("gene "+g); a != b {
				up[max(a, b)] = min(a, b)
			}
		}
	}
	out := make([]string, len(cases))
	for i, c := range cases {
		out[i] = root(c.Diagnoses[0].ID)
	}
	return out
}

// examples looks at all cases. The second list holds those that a published paper of
// their own helped to describe, looked at without that paper, under their number.
func examples(ctx context.Context, m *differential.Model, cases []clinical.Phenotype, groups []string, o Options) ([]differential.Example, map[int]*differential.Example, time.Duration, error) {
	all := make([]differential.Example, len(cases))
	removed := map[int]*differential.Example{}
	var mu sync.Mutex
	var next, spent atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := int(next.Add(1)) - 1; i < len(cases) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				c := cases[i]
				began := time.Now()
				all[i] = m.Example(c, c.Diagnoses[0].ID, nil)
				spent.Add(int64(time.Since(began)))
				all[i].Group = groups[i]
				if papers := m.CasePapers(c.References); len(papers) > 0 {
					e := m.Example(c, c.Diagnoses[0].ID, papers)
					e.Group = groups[i]
					mu.Lock()
					removed[i] = &e
					mu.Unlock()
				}
				if o.Progress != nil && i%200 == 0 {
					o.Progress("cases", i, len(cases))
				}
			}
		}()
	}
	wg.Wait()
	return all, removed, time.Duration(spent.Load()), ctx.Err()
}

// solved keeps cases with one recorded diagnosis.
func solved(cases []clinical.Phenotype) ([]clinical.Phenotype, error) {
	var out []clinical.Phenotype
	for _, c := range cases {
		if len(c.Diagnoses) > 0 {
			out = append(out, c)
		}
	}
	if len(out) < 50 {
		return nil, fault.New(fault.DataUnfit, fmt.Sprintf("%d cases have a recorded diagnosis", len(out)), "give at least 50 solved cases, as phenopackets with interpretations")
	}
	return out, nil
}

// Learn fits weights to all solved cases: those that ship were made so.
func Learn(ctx context.Context, m *differential.Model, cases []clinical.Phenotype, o Options) (differential.Weights, int, error) {
	cases, err := solved(cases)
	if err != nil {
		return differential.Weights{}, 0, err
	}
	all, _, _, err := examples(ctx, m, cases, Groups(cases), o)
	if err != nil {
		return differential.Weights{}, 0, err
	}
	w, err := differential.Learn(ctx, all, differential.LearnOptions{Seed: o.Seed})
	return w, len(cases), err
}

// Run cross-validates: the weights of each fold come from the other folds.
func Run(ctx context.Context, m *differential.Model, cases []clinical.Phenotype, o Options) (Report, error) {
	if o.Folds == 0 {
		o.Folds = 5
	}
	if o.Folds < 2 || o.Folds > mostFolds {
		return Report{}, fault.New(fault.Usage, fmt.Sprintf("a cross-validation in %d folds", o.Folds), fmt.Sprintf("take 2 to %d folds", mostFolds))
	}
	cases, err := solved(cases)
	if err != nil {
		return Report{}, err
	}
	groups := Groups(cases)
	all, removed, spent, err := examples(ctx, m, cases, groups, o)
	if err != nil {
		return Report{}, err
	}
	t := trial{m: m, all: all, removed: removed, outcome: map[string][]differential.Outcome{}}
	for fold := range o.Folds {
		if o.Progress != nil {
			o.Progress("folds", fold, o.Folds)
		}
		var train []differential.Example
		for i := range all {
			if differential.Fold(groups[i], o.Folds) != fold {
				train = append(train, all[i])
			}
		}
		w, err := differential.Learn(ctx, train, differential.LearnOptions{Seed: o.Seed})
		if err != nil {
			return Report{}, err
		}
		rankers := map[string]*differential.Ranker{Plain: &w.Plain, Reranked: &w.Reranked, Published: &w.Published}
		for i := range all {
			if differential.Fold(groups[i], o.Folds) == fold {
				t.judge(i, rankers)
			}
		}
	}
	r := t.report(o)
	r.Synthetic = m.Base().Synthetic || slices.ContainsFunc(cases, func(c clinical.Phenotype) bool { return c.Synthetic })
	r.Milliseconds = float64(spent.Microseconds()) / 1000 / float64(len(cases))
	return r, nil
}
