package secsum

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"slices"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
)

// party is what a site does in the steps of run.Party. Its secrets live as long as the run.
type party struct {
	*run.Party
	values []int32
	cut    int

	mask     *ecdh.PrivateKey
	seed     []byte
	peers    []*ecdh.PublicKey // by site: its mask key
	pieces   [][]byte          // by site: its seed's piece and its mask key's, nil where none could be read
	readable int
}

// NewParty makes a site's side of a run, with fresh keys. Errors: USAGE, INPUT_NOT_FINITE.
func NewParty(c Config, self string, identity ed25519.PrivateKey, value []float32) (Party, error) {
	p := &party{seed: make([]byte, secretBytes)}
	var err error
	if p.Party, err = run.NewParty(c.kind(), run.Terms(c), self, identity, len(value), p); err != nil {
		return nil, err
	}
	fixed, err := NewFixed(c.Bound, len(p.Sites))
	if err != nil {
		return nil, err
	}
	if p.values, p.cut, err = fixed.Quantise(value); err != nil {
		return nil, err
	}
	if p.mask, err = run.NewKey(); err != nil {
		return nil, err
	}
	if _, err := rand.Read(p.seed); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no random numbers", "look at the system's random numbers")
	}
	p.peers, p.pieces = make([]*ecdh.PublicKey, len(p.Sites)), make([][]byte, len(p.Sites))
	return p, nil
}

// Cut says how many values were beyond the bound.
func (p *party) Cut() int { return p.cut }

// Forget implements run.SiteSteps.
func (p *party) Forget() {
	clear(p.values)
	clear(p.seed)
	for _, piece := range p.pieces {
		clear(piece)
	}
	p.values, p.seed, p.pieces, p.mask = nil, nil, nil, nil
}

// Publish implements run.SiteSteps.
func (p *party) Publish() []byte {
	return slices.Concat(p.mask.PublicKey().Bytes(), seedHash(p.Run, p.Self, p.seed))
}

// Meet implements run.SiteSteps.
func (p *party) Meet(site int, published []byte) (err error) {
	p.peers[site], err = run.ParseKey(published[:run.KeyBytes])
	return err
}

// Deal splits seed and mask key.
func (p *party) Deal() (piece func(site int) []byte, err error) {
	seeds, err := split(p.seed, p.Threshold, len(p.Sites))
	if err != nil {
		return nil, err
	}
	keys, err := split(p.mask.Bytes(), p.Threshold, len(p.Sites))
	if err != nil {
		return nil, err
	}
	return func(site int) []byte { return slices.Concat(seeds[site], keys[site]) }, nil
}

// Take keeps a piece. One that cannot be read is left out: one bad site does not end the run here, and says nothing at
// the end.
func (p *party) Take(site int, piece []byte, unread error) error {
	if unread == nil {
		p.pieces[site] = piece
		p.readable++
	}
	return nil
}

// Hide masks the values towards those whose shares came.
func (p *party) Hide(message []byte) ([]byte, error) {
	if p.readable < p.Threshold {
		return nil, p.Refuse("sent shares of which too few can be opened")
	}
	own, err := selfStream(p.Run, p.Self, p.seed, false)
	if err != nil {
		return nil, err
	}
	streams := []stream{own}
	for _, site := range p.Shared.Members() {
		if site == p.Self {
			continue
		}
		s, err := pairStream(p.Run, p.mask, p.peers[site], p.Self, site, false)
		if err != nil {
			return nil, err
		}
		streams = append(streams, s)
	}
	words := make([]uint32, len(p.values))
	for i, v := range p.values {
		words[i] = uint32(v)
	}
	clear(p.values)
	p.values = nil
	mask(words, streams)
	for _, w := range words {
		message = binary.LittleEndian.AppendUint32(message, w)
	}
	return message, nil
}

// Reveal gives a mark and one piece of every site's two: of the seed where the vector came, of the mask key where it was
// lost. There is no other place where a piece leaves the site, and each site is asked for once.
func (p *party) Reveal(message []byte) ([]byte, error) {
	for _, site := range p.Shared.Members() {
		switch piece := p.pieces[site]; {
		case piece == nil:
			message = append(message, make([]byte, 1+secretBytes)...)
		case p.Came[site]:
			message = append(append(message, 1), piece[:secretBytes]...)
		default:
			message = append(append(message, 1), piece[secretBytes:]...)
		}
	}
	return message, nil
}
