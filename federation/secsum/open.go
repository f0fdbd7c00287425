package secsum

import (
	"bytes"
	"crypto/ecdh"
	"fmt"

	"consilium/fault"
)

// Unveil takes the masks off the sum: the own mask of every site whose vector came, and what the masks between those and
// the lost ones left behind. Each secret is checked against what its site published, so a wrong piece never makes
// a wrong sum.
func (g *gatherer) Unveil() error {
	var streams []stream
	for _, site := range g.Shared.Members() {
		var more []stream
		var err error
		if g.Came[site] {
			more, err = g.seedOf(site)
		} else {
			more, err = g.pairsOf(site)
		}
		if err != nil {
			return err
		}
		streams = append(streams, more...)
	}
	mask(g.sum, streams)
	most := int64(g.fixed.Most) * int64(g.Came.Count())
	for _, w := range g.sum {
		if v := int64(int32(w)); v > most || v < -most {
			return fault.New(fault.SumBroken, "the secure sum is beyond what its sites can have: one of them masked its values wrongly",
				"begin the round anew; use the same version of Consilium at hub and sites")
		}
	}
	return nil
}

// seedOf gives the own mask of a site, to be taken off.
func (g *gatherer) seedOf(site int) ([]stream, error) {
	seed, err := g.recover(site, func(seed []byte) bool { return bytes.Equal(seedHash(g.Run, site, seed), g.peers[site].seed) })
	if err != nil {
		return nil, err
	}
	s, err := selfStream(g.Run, site, seed, true)
	return []stream{s}, err
}

// pairsOf gives what a lost site's masks left in the others' vectors, to be taken off.
func (g *gatherer) pairsOf(site int) ([]stream, error) {
	secret, err := g.recover(site, func(secret []byte) bool {
		key, err := ecdh.X25519().NewPrivateKey(secret)
		return err == nil && key.PublicKey().Equal(g.peers[site].mask)
	})
	if err != nil {
		return nil, err
	}
	key, err := ecdh.X25519().NewPrivateKey(secret)
	if err != nil {
		return nil, fault.Wrap(err, fault.SumBroken, "a mask key cannot be used", "begin the round anew")
	}
	var out []stream
	for _, other := range g.Came.Members() {
		s, err := pairStream(g.Run, key, g.peers[other].mask, other, site, true)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}

// recover joins a threshold of pieces and checks the outcome. When some are wrong and there are more than needed,
// it tries the next ones round the list, so a single liar is passed over wherever one piece can be spared.
func (g *gatherer) recover(site int, right func([]byte) bool) ([]byte, error) {
	place := g.Shared[:site].Count() * (1 + secretBytes)
	var holders []int
	var pieces [][]byte
	for _, holder := range g.In.Members() {
		if p := g.pieces[holder][place : place+1+secretBytes]; p[0] == 1 {
			holders, pieces = append(holders, holder), append(pieces, p[1:])
		}
	}
	t := g.Threshold
	if len(holders) < t {
		return nil, fault.New(fault.SumBroken, fmt.Sprintf("%d shares of %s came, %d are the fewest", len(holders), g.Sites[site], t),
			"begin the round anew; if it happens again, leave that site out")
	}
	tries := len(holders)
	if tries == t {
		tries = 1 // any turn takes the same pieces
	}
	holders, pieces = append(holders, holders...), append(pieces, pieces...)
	for first := range tries {
		if secret := join(holders[first:first+t], pieces[first:first+t]); right(secret) {
			return secret, nil
		}
	}
	return nil, fault.New(fault.SumBroken, "the shares of "+g.Sites[site]+" do not give back what it published: a share is wrong",
		"begin the round anew; if it happens again, leave that site out")
}
