package secsum

import (
	"encoding/binary"
	"slices"

	"consilium/federation/secsum/internal/run"
)

// gatherer is what the hub does in the steps of run.Gatherer. It holds one vector, the sum so far, however many sites
// there are.
type gatherer struct {
	*run.Gatherer
	fixed  Fixed
	peers  []peer
	sum    []uint32
	pieces [][]byte // by site: what it gave to open the sum
}

// NewGatherer makes the hub's side of a run. Errors: USAGE.
func NewGatherer(c Config) (Gatherer, error) {
	g := &gatherer{}
	var err error
	if g.Gatherer, err = run.NewGatherer(c.kind(), run.Terms(c), g); err != nil {
		return nil, err
	}
	n := len(g.Sites)
	if g.fixed, err = NewFixed(c.Bound, n); err != nil {
		return nil, err
	}
	g.peers, g.pieces = make([]peer, n), make([][]byte, n)
	return g, nil
}

// Meet implements run.HubSteps.
func (g *gatherer) Meet(site int, published []byte) (err error) {
	g.peers[site].seed = published[run.KeyBytes:]
	g.peers[site].mask, err = run.CheckKey(published[:run.KeyBytes])
	return err
}

// Gather implements run.HubSteps.
func (g *gatherer) Gather(_ int, vector []byte) error {
	if g.sum == nil {
		g.sum = make([]uint32, g.Length)
	}
	for k := range g.sum {
		g.sum[k] += binary.LittleEndian.Uint32(vector[4*k:])
	}
	return nil
}

// Part implements run.HubSteps.
func (g *gatherer) Part(site int, part []byte) error {
	g.pieces[site] = slices.Clone(part)
	return nil
}

// Drop implements run.HubSteps.
func (g *gatherer) Drop() {
	clear(g.sum)
	g.sum, g.pieces = nil, nil
}

// Values implements run.HubSteps.
func (g *gatherer) Values() []float64 {
	sum := make([]float64, len(g.sum))
	for k, w := range g.sum {
		sum[k] = g.fixed.Value(int32(w))
	}
	return sum
}
