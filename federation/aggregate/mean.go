package aggregate

import (
	"fmt"
	"math"

	"consilium/fault"
	"consilium/federation"
)

// mean is FedAvg and its kin: the weighted mean of the updates, times the server's rate.
type mean struct {
	base
	sum    sum
	weight float64 // of all who are in; exact, being a sum of multiples of 2^-20
}

// Begin implements Rule.
func (m *mean) Begin(global []float32) error {
	if err := m.begin(global); err != nil {
		return err
	}
	m.weight = 0
	return nil
}

// start clears the sum for the first update of a round; until then a hub has the memory for what it sends.
func (m *mean) start() {
	if len(m.in) == 0 {
		m.sum.reset(m.size)
	}
}

// Add implements Rule.
func (m *mean) Add(u federation.Update) error {
	if err := m.admit(u); err != nil {
		return err
	}
	w := weight(m.plan, u)
	m.take(u, m.scale(u), w)
	return nil
}

// take folds an update in that was admitted.
func (m *mean) take(u federation.Update, scale, w float64) {
	m.start()
	m.sum.add(scale*w, u.Delta)
	m.weight += w
	m.in[u.Site] = true
}

// scale is what FedBuff makes of a late update. It divides by the weights as if none were late, as the paper does:
// a step of late updates is a short one.
func (m *mean) scale(u federation.Update) float64 {
	if m.plan.Algorithm == federation.FedBuff {
		return 1 / math.Sqrt(1+float64(u.Stale))
	}
	return 1
}

// AddSum implements Rule.
func (m *mean) AddSum(sum []float64, sites []string) error {
	head, err := m.admitSum(sum, sites)
	if err != nil {
		return err
	}
	m.takeSum(head, sites)
	return nil
}

func (m *mean) takeSum(head sumHead, sites []string) {
	m.start()
	m.sum.addSum(head.delta)
	m.weight += head.weight
	for _, s := range sites {
		m.in[s] = true
	}
}

// Finish implements Rule.
func (m *mean) Finish() ([]float32, Note, error) {
	if err := m.quorum(); err != nil {
		return nil, Note{}, err
	}
	out := m.sum.applied(m.global, m.plan.ServerRate/m.weight)
	return out, Note{Used: m.close()}, nil
}

// Snapshot implements Rule. Nothing persists but what the hub has anyway.
func (m *mean) Snapshot() ([]byte, error) { return m.snapshot(nil), nil }

// Restore implements Rule.
func (m *mean) Restore(b []byte) error {
	_, _, err := m.restore(b, 0, 0)
	if err == nil {
		m.drop()
	}
	return err
}

// sumHead is the part of a sum of Shares that a rule works with.
type sumHead struct {
	delta, extra []float64
	weight, h    float64
}

// admitSum takes a sum apart and refuses one that cannot be used.
func (b *base) admitSum(sum []float64, sites []string) (sumHead, error) {
	if federation.NeedsEach(b.plan.Algorithm) {
		return sumHead{}, fault.New(fault.Usage, b.plan.Algorithm+" has to see single updates", "set the plan's sum to plain")
	}
	broken := func(what string) (sumHead, error) {
		return sumHead{}, fault.New(fault.SumBroken, "the sum of a round "+what, "the round is tried again")
	}
	seen := make(map[string]bool, len(sites))
	for _, s := range sites {
		if err := b.open(s); err != nil {
			return sumHead{}, err
		}
		if seen[s] {
			return broken("names " + s + " twice")
		}
		seen[s] = true
	}
	l := layoutOf(b.plan, b.size)
	if len(sites) < 1 || len(sites)+len(b.in) > federation.MaxSites || !l.fits(b.plan, len(sum)) {
		return broken(fmt.Sprintf("has %d values of %d sites", len(sum), len(sites)))
	}
	for _, x := range sum {
		if !(math.Abs(x) <= MostValue*federation.MaxSites) {
			return broken("holds NaN, infinity or a number beyond all measure")
		}
	}
	h := l.head(sum)
	if most := float64(len(sites)) * (1 + 1e-6); !(h.weight > 0) || h.weight > most {
		return broken("has a weight that these sites cannot have")
	}
	return h, nil
}
