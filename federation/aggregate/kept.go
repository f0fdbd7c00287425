package aggregate

import (
	"fmt"
	"math"
	"slices"

	"consilium/fault"
	"consilium/federation"
)

// kept is the rules that compare updates with each other: all of a round are kept until it ends. How many examples a
// site claims does not matter here; else one poisoned site could outweigh the others by claiming many.
type kept struct {
	base
	updates []one
}

type one struct {
	site  string
	delta []float32
}

// Begin implements Rule.
func (k *kept) Begin(global []float32) error {
	k.updates = nil
	return k.begin(global)
}

// Add implements Rule.
func (k *kept) Add(u federation.Update) error {
	if err := k.admit(u); err != nil {
		return err
	}
	k.updates = append(k.updates, one{u.Site, u.Delta})
	k.in[u.Site] = true
	return nil
}

// AddSum implements Rule.
func (k *kept) AddSum(sum []float64, sites []string) error {
	_, err := k.admitSum(sum, sites)
	return err
}

// Finish implements Rule.
func (k *kept) Finish() ([]float32, Note, error) {
	if err := k.quorum(); err != nil {
		return nil, Note{}, err
	}
	// In one order, whatever the order of arrival: the result is the same to the last bit.
	slices.SortFunc(k.updates, func(a, b one) int {
		if a.site < b.site {
			return -1
		}
		return 1
	})
	rows := make([][]float32, len(k.updates))
	for i, u := range k.updates {
		rows[i] = u.delta
	}
	var out []float32
	var note Note
	var err error
	switch k.plan.Algorithm {
	case federation.Median:
		out = k.columns(rows, (len(rows)-1)/2)
	case federation.Trimmed:
		cut := evil(k.plan, len(rows))
		out = k.columns(rows, cut)
		note.Reason = fmt.Sprintf("of %d values of each parameter %d were cut at either end", len(rows), cut)
	case federation.NormClip:
		out, note.Reason = k.clipped(rows)
	default:
		out, note, err = k.chosen(rows)
	}
	if err != nil {
		return nil, Note{}, err
	}
	all := k.close()
	if note.Used == nil {
		note.Used = all
	}
	k.updates = nil
	return out, note, nil
}

// evil is how many of n sites may be poisoned.
func evil(plan federation.Plan, n int) int { return int(plan.Evil*float64(n) + 1e-9) }

// Snapshot implements Rule.
func (k *kept) Snapshot() ([]byte, error) { return k.snapshot(nil), nil }

// Restore implements Rule.
func (k *kept) Restore(b []byte) error {
	_, _, err := k.restore(b, 0, 0)
	if err == nil {
		k.drop()
		k.updates = nil
	}
	return err
}

// clipped is the mean of updates, none longer than the median length. Of an even number the lower median counts: it is
// an honest site's length, or below one, as long as fewer than half are poisoned.
func (k *kept) clipped(rows [][]float32) ([]float32, string) {
	norms := make([]float64, len(rows))
	for i, row := range rows {
		norms[i] = norm(row)
	}
	sorted := slices.Clone(norms)
	slices.Sort(sorted)
	bound := sorted[(len(sorted)-1)/2]
	scale := make([]float64, len(rows))
	cut := 0
	for i, n := range norms {
		scale[i] = 1
		if n > bound {
			scale[i] = bound / n
			cut++
		}
	}
	return k.averaged(rows, scale), fmt.Sprintf("%d of %d updates were cut to a norm of %.4g", cut, len(rows), bound)
}

// averaged is the global weights and the mean of some updates.
func (k *kept) averaged(rows [][]float32, scale []float64) []float32 {
	var s sum
	s.reset(k.size)
	for i, row := range rows {
		s.add(scale[i], row)
	}
	return s.applied(k.global, k.plan.ServerRate/float64(len(rows)))
}

func norm(v []float32) float64 {
	t := 0.0
	for _, x := range v {
		t += float64(float64(x) * float64(x))
	}
	return math.Sqrt(t)
}

func isKrum(algorithm string) bool {
	return algorithm == federation.Krum || algorithm == federation.MultiKrum
}

// chosen is Krum: the update, or the n-f-2 updates for Multi-Krum, whose n-f-2 nearest neighbours are nearest.
// So many are proven to be safe.
func (k *kept) chosen(rows [][]float32) ([]float32, Note, error) {
	n, f := len(rows), evil(k.plan, len(rows))
	near := n - f - 2
	if n < 2*f+3 {
		return nil, Note{}, fault.New(fault.QuorumMissed, fmt.Sprintf("%d updates are in; to see through %d poisoned ones %s needs %d",
			n, f, k.plan.Algorithm, 2*f+3), "wait for more sites, lower evil, or choose median")
	}
	far := distances(rows)
	score := make([]float64, n)
	order := make([]int, n)
	for i := range far {
		others := slices.Delete(slices.Clone(far[i]), i, i+1)
		slices.Sort(others)
		for _, d := range others[:near] {
			score[i] += d
		}
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case score[a] < score[b]:
			return -1
		case score[a] > score[b]:
			return 1
		}
		return 0
	})
	keep := 1
	if k.plan.Algorithm == federation.MultiKrum {
		keep = near
	}
	var note Note
	take := make([][]float32, 0, keep)
	scale := make([]float64, keep)
	slices.Sort(order[:keep])
	for i, who := range order {
		if i < keep {
			take, scale[i] = append(take, rows[who]), 1
			note.Used = append(note.Used, k.updates[who].site)
		} else {
			note.Left = append(note.Left, k.updates[who].site)
		}
	}
	slices.Sort(note.Left)
	note.Reason = fmt.Sprintf("%s keeps the %d of %d updates that lie closest to the others", k.plan.Algorithm, keep, n)
	return k.averaged(take, scale), note, nil
}
