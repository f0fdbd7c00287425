package ckks

import (
	"slices"

	"github.com/tuneinsight/lattigo/v6/ring"

	"consilium/federation/secsum"
	"consilium/federation/secsum/internal/run"
)

// gatherer is what the hub does in the steps of run.Gatherer. It holds one ciphertext per block, whatever the number of
// sites.
type gatherer struct {
	*run.Gatherer
	*frame
	polys []ring.Poly
	sum   []float64
}

// NewGatherer makes the hub's side of a run. Errors: USAGE.
func NewGatherer(c secsum.Config) (secsum.Gatherer, error) {
	f, err := newFrame(c)
	if err != nil {
		return nil, err
	}
	g := &gatherer{frame: f}
	if g.Gatherer, err = run.NewGatherer(f.kind(), run.Terms(c), g); err != nil {
		return nil, err
	}
	return g, nil
}

// Meet implements run.HubSteps.
func (g *gatherer) Meet(int, []byte) error { return nil }

// Gather adds a site's ciphertexts to the sum. All is read before anything is added.
func (g *gatherer) Gather(_ int, vector []byte) error {
	polys := make([]ring.Poly, g.blocks)
	for k := range polys {
		var err error
		if polys[k], err = g.unpack(vector[k*polyBytes : (k+1)*polyBytes]); err != nil {
			return err
		}
	}
	if g.polys == nil {
		g.polys = polys
		return nil
	}
	for k, p := range polys {
		g.ring.Add(g.polys[k], p, g.polys[k])
	}
	return nil
}

// Part adds a site's part of the decryption, as it does the ciphertexts.
func (g *gatherer) Part(site int, part []byte) error { return g.Gather(site, part) }

// Drop implements run.HubSteps.
func (g *gatherer) Drop() { g.polys, g.sum = nil, nil }

// Unveil reads the values.
func (g *gatherer) Unveil() error {
	g.sum = make([]float64, 0, g.Length)
	for _, poly := range g.polys {
		values, err := g.open(poly, g.Came.Count(), g.Bound, min(slots, g.Length-len(g.sum)))
		if err != nil {
			return err
		}
		g.sum = append(g.sum, values...)
	}
	return nil
}

// Values implements run.HubSteps.
func (g *gatherer) Values() []float64 { return slices.Clone(g.sum) }
