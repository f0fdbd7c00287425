package simulate

import (
	"context"
	"fmt"
	"path/filepath"

	"consilium/dataset"
	"consilium/dataset/partition"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/local"
)

// maxRun bounds the file of a run.
const maxRun = 64 << 20

// Go runs every arm with every seed, and sums up. When ctx ends, what is finished is summed up, and the error says
// INTERRUPTED; with Out, the same experiment goes on from there. Errors: USAGE, INTERRUPTED, those of data and engine.
func Go(ctx context.Context, e Experiment) (Result, error) {
	if err := e.complete(); err != nil {
		return Result{}, err
	}
	networks := &local.Networks{}
	defer networks.Close()
	t := &tally{e: &e, byArm: map[string][]Run{}}
	for seed := e.First; seed < e.First+uint64(e.Seeds); seed++ {
		cohort, err := e.World(seed)
		if err != nil {
			return Result{}, err
		}
		if err := t.look(cohort); err != nil {
			return Result{}, err
		}
		for _, a := range e.Arms {
			r, err := e.take(ctx, a, seed, cohort, networks)
			if err != nil && ctx.Err() != nil {
				return t.result(), fault.Wrap(ctx.Err(), fault.Interrupted, "stopped before the end; the table shows what is finished", e.goOn())
			}
			if err != nil {
				return t.result(), err
			}
			t.byArm[a.Name] = append(t.byArm[a.Name], r)
		}
	}
	return t.result(), nil
}

func (e *Experiment) goOn() string {
	if e.Out == "" {
		return "give --out FOLDER next time: finished runs are kept there"
	}
	return "the same command goes on from there"
}

// take finds a finished run, or runs it and keeps it.
func (e *Experiment) take(ctx context.Context, a Arm, seed uint64, cohort *Cohort, networks *local.Networks) (Run, error) {
	key := e.key(a, seed)
	file := filepath.Join(e.Out, "runs", key+".json")
	if e.Out != "" {
		var r Run
		switch err := folder.ReadJSON(file, maxRun, &r); {
		case err == nil && r.Key == key:
			e.Progress(fmt.Sprintf("%s, seed %d: taken from %s", a.Name, seed, filepath.Base(e.Out)))
			return r, nil
		case err != nil && fault.CodeOf(err) != fault.NotFound && fault.CodeOf(err) != fault.StoreCorrupt:
			return Run{}, err
		}
	}
	if ctx.Err() != nil {
		return Run{}, ctx.Err()
	}
	r, err := e.run(ctx, a, seed, cohort, networks)
	if err != nil {
		return r, err
	}
	v, _ := r.value(measure(e.Measure))
	e.Progress(fmt.Sprintf("%s, seed %d: %s %.3f in %.1f s", a.Name, seed, e.Measure, v, r.Seconds))
	if e.Out != "" {
		err = folder.WriteJSON(file, r)
	}
	return r, err
}

// tally gathers what the summary needs.
type tally struct {
	e         *Experiment
	byArm     map[string][]Run
	baseline  []federation.Score
	partition [][]int // of the first seed
	names     []string
	info      dataset.Info
	own       bool
}

// look counts a seed's examples.
func (t *tally) look(c *Cohort) error {
	train, err := partition.Counts(c.All, dataset.Train)
	if err != nil {
		return err
	}
	test, err := partition.Counts(c.All, dataset.Test)
	if err != nil {
		return err
	}
	t.baseline = append(t.baseline, trivial(train, test))
	if t.partition != nil {
		return nil
	}
	t.names, t.info, t.own = c.Names, c.All.Info(), c.Own
	for _, s := range c.Sites {
		counts, err := partition.Counts(s, dataset.Train)
		if err != nil {
			return err
		}
		t.partition = append(t.partition, counts)
	}
	return nil
}
