package secsum

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
)

// party is a site. Its secrets live as long as the run.
type party struct {
	run      *run.Run
	self     int
	identity ed25519.PrivateKey
	values   []int32
	cut      int

	step   byte  // the next to be answered
	broken error // why it answers no more
	opened bool

	box, mask *ecdh.PrivateKey
	seed      []byte
	published []byte // own body of the first step
	peers     []peer

	shared, masked run.Set  // whose shares came, whose vectors came
	pieces         [][]byte // by site: its seed's piece and its mask key's, nil where none could be read
	heard          run.Hash
}

// NewParty makes a site's side of a run, with fresh keys. Errors: USAGE, INPUT_NOT_FINITE.
func NewParty(c Config, self string, identity ed25519.PrivateKey, value []float32) (Party, error) {
	r, err := c.frame()
	if err != nil {
		return nil, err
	}
	p := &party{run: r, self: r.Index(self), identity: identity, step: stepKeys}
	switch {
	case p.self < 0:
		return nil, fault.New(fault.Usage, self+" is not in the roster of the secure sum", "begin the round with a roster that names it")
	case len(identity) != ed25519.PrivateKeySize || !r.Keys[p.self].Equal(identity.Public()):
		return nil, fault.New(fault.Usage, "the identity key is not the one that the roster has for "+self, "join again, or correct the roster")
	case len(value) != c.Length:
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d values where the sum has %d", len(value), c.Length), "use the same plan at hub and sites")
	}
	fixed, err := NewFixed(c.Bound, len(r.Sites))
	if err != nil {
		return nil, err
	}
	if p.values, p.cut, err = fixed.Quantise(value); err != nil {
		return nil, err
	}
	if p.box, err = run.NewKey(); err != nil {
		return nil, err
	}
	if p.mask, err = run.NewKey(); err != nil {
		return nil, err
	}
	p.seed = make([]byte, secretBytes)
	if _, err := rand.Read(p.seed); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no random numbers", "look at the system's random numbers")
	}
	return p, nil
}

// Cut says how many values were beyond the bound.
func (p *party) Cut() int { return p.cut }

// Opened says whether the last step was answered.
func (p *party) Opened() bool { return p.opened }

// Survivors names the sites under whose list this site has put its name.
func (p *party) Survivors() []string { return p.run.Names(p.masked) }

// Answer implements Party. The step is counted before anything is made of the message, so none is answered twice.
func (p *party) Answer(fromHub []byte) ([]byte, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	step := p.step
	var body []byte // of the hub's answer to the step before
	var err error
	if step > stepKeys {
		body, err = p.run.Open(fromHub, step-1, run.Hub, -1)
	} else if len(fromHub) > 0 {
		err = fault.New(fault.SumBroken, "the hub spoke before the sum began", "begin the round anew")
	}
	if fault.CodeOf(err) == fault.UpdateStale {
		return nil, err // a second delivery: nothing was read, nothing is said
	}
	p.step++
	var out []byte
	if err == nil {
		switch step {
		case stepKeys:
			out, err = p.keys()
		case stepShares:
			out, err = p.shares(body)
		case stepMasked:
			out, err = p.maskedVector(body)
		case stepConfirm:
			out, err = p.confirm(body)
		case stepUnmask:
			out, err = p.unmask(body)
		}
	}
	switch {
	case err != nil:
		p.forget(fault.Wrap(err, fault.SumBroken, "the secure sum was left", "begin the round anew; if it happens again, look at the hub"))
		return nil, p.broken
	case step == stepUnmask:
		p.forget(fault.New(fault.SumBroken, "this run of the secure sum is over", "begin the round anew"))
	}
	return run.Seal(out, p.identity), nil
}

// forget ends the run at this site.
func (p *party) forget(why error) {
	p.broken = why
	clear(p.values)
	clear(p.seed)
	for _, piece := range p.pieces {
		clear(piece)
	}
	p.values, p.seed, p.pieces, p.box, p.mask = nil, nil, nil, nil, nil
}

func (p *party) keys() ([]byte, error) {
	p.published = slices.Concat(p.box.PublicKey().Bytes(), p.mask.PublicKey().Bytes(), seedHash(p.run, p.self, p.seed))
	return append(p.run.Head(stepKeys, p.self, keysBytes), p.published...), nil
}

// shares reads everybody's keys and seals a piece for each site.
func (p *party) shares(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, nil)
	if err != nil {
		return nil, err
	}
	const each = keysBytes + run.SignatureBytes
	if len(body) != in.Count()*each {
		return nil, p.refuse("sent a list of keys of the wrong length")
	}
	p.peers = make([]peer, len(p.run.Sites))
	var said [][]byte
	for _, site := range in.Members() {
		keys, signature := body[:keysBytes], body[keysBytes:each]
		body = body[each:]
		said = append(said, keys)
		if !p.run.Signed(site, append(p.run.Head(stepKeys, site, keysBytes), keys...), signature) {
			return nil, p.refuse("sent keys that " + p.run.Sites[site] + " did not sign")
		}
		if site == p.self && !bytes.Equal(keys, p.published) {
			return nil, p.refuse("put other keys in this site's place")
		}
		if p.peers[site], err = parsePeer(slices.Clone(keys), run.ParseKey); err != nil {
			return nil, err
		}
	}
	p.shared, p.heard = in, heardKeys(p.run, in, said)
	return p.deal(in)
}

// deal splits seed and mask key.
func (p *party) deal(in run.Set) ([]byte, error) {
	n := len(p.run.Sites)
	seeds, err := split(p.seed, p.run.Threshold, n)
	if err != nil {
		return nil, err
	}
	keys, err := split(p.mask.Bytes(), p.run.Threshold, n)
	if err != nil {
		return nil, err
	}
	p.pieces = make([][]byte, n)
	p.pieces[p.self] = slices.Concat(seeds[p.self], keys[p.self])
	out := p.run.Head(stepShares, p.self, 32+in.Count()*pieceBytes)
	out = append(out, p.heard[:]...)
	for _, to := range in.Members() {
		if to == p.self {
			continue
		}
		locked, err := p.run.Lock(p.box, p.peers[to].box, p.self, to, p.heard, slices.Concat(seeds[to], keys[to]))
		if err != nil {
			return nil, err
		}
		out = append(out, locked...)
	}
	return out, nil
}

// maskedVector reads the pieces that others sealed for this site and masks the values towards those who did.
// A piece that cannot be read is left out: one bad site does not end the run here, and says nothing at the end.
func (p *party) maskedVector(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, p.shared)
	if err != nil {
		return nil, err
	}
	if len(body) != (in.Count()-1)*pieceBytes {
		return nil, p.refuse("sent a list of shares of the wrong length")
	}
	own, err := selfStream(p.run, p.self, p.seed, false)
	if err != nil {
		return nil, err
	}
	streams, readable := []stream{own}, 1
	for _, site := range in.Members() {
		if site == p.self {
			continue
		}
		plain, err := p.run.Unlock(p.box, p.peers[site].box, site, p.self, p.heard, body[:pieceBytes])
		if body = body[pieceBytes:]; err == nil {
			p.pieces[site] = plain
			readable++
		}
		s, err := pairStream(p.run, p.mask, p.peers[site].mask, p.self, site, false)
		if err != nil {
			return nil, err
		}
		streams = append(streams, s)
	}
	if readable < p.run.Threshold {
		return nil, p.refuse("sent shares of which too few can be opened")
	}
	p.shared, p.heard = in, heardShares(p.heard, in)
	words := make([]uint32, len(p.values))
	for i, v := range p.values {
		words[i] = uint32(v)
	}
	clear(p.values)
	p.values = nil
	mask(words, streams)
	out := p.run.Head(stepMasked, p.self, 32+4*len(words))
	out = append(out, p.heard[:]...)
	for _, w := range words {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	return out, nil
}

// confirm signs the set of sites whose vectors are said to have come.
func (p *party) confirm(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, p.shared)
	if err != nil {
		return nil, err
	}
	if len(body) != 0 {
		return nil, p.refuse("sent a list of survivors of the wrong length")
	}
	p.masked, p.heard = in, heardMasked(p.heard, in)
	return append(p.run.Head(stepConfirm, p.self, 32), p.heard[:]...), nil
}

// unmask checks that a threshold of sites signed the very same set, and gives one piece of every site's two.
func (p *party) unmask(body []byte) ([]byte, error) {
	in, body, err := p.run.CutSet(body)
	if err != nil {
		return nil, err
	}
	if len(body) != in.Count()*run.SignatureBytes || !in.Within(p.masked) || in.Count() < p.run.Threshold {
		return nil, p.refuse("has too few signatures under the list of survivors")
	}
	for _, site := range in.Members() {
		said := append(p.run.Head(stepConfirm, site, 32), p.heard[:]...)
		if !p.run.Signed(site, said, body[:run.SignatureBytes]) {
			return nil, p.refuse("told " + p.run.Sites[site] + " of other survivors than this site")
		}
		body = body[run.SignatureBytes:]
	}
	p.opened = true
	out := p.run.Head(stepUnmask, p.self, 32+len(p.run.Sites)*(1+secretBytes))
	out = append(out, p.heard[:]...)
	for _, site := range p.shared.Members() {
		out = append(out, p.reveal(site)...)
	}
	return out, nil
}

// reveal gives a mark and one piece: of the seed of a site whose vector came, of the mask key of one that was lost.
// There is no other place where a piece leaves the site, and each site is asked for once.
func (p *party) reveal(site int) []byte {
	piece := p.pieces[site]
	if piece == nil {
		return make([]byte, 1+secretBytes)
	}
	if p.masked[site] {
		return append([]byte{1}, piece[:secretBytes]...)
	}
	return append([]byte{1}, piece[secretBytes:]...)
}

// roster reads a set of sites that must hold this one, a threshold of them, and nobody who was not in before.
func (p *party) roster(body []byte, before run.Set) (run.Set, []byte, error) {
	in, rest, err := p.run.CutSet(body)
	switch {
	case err != nil:
		return nil, nil, err
	case !in[p.self]:
		return nil, nil, p.refuse("left this site out and asked it all the same")
	case in.Count() < p.run.Threshold:
		return nil, nil, p.refuse(fmt.Sprintf("goes on with %d sites where %d are the fewest", in.Count(), p.run.Threshold))
	case before != nil && !in.Within(before):
		return nil, nil, p.refuse("named a site that was out")
	}
	return in, rest, nil
}

func (p *party) refuse(what string) error {
	return fault.New(fault.SumBroken, "the hub "+what, "begin the round anew; if it happens again, look at the hub")
}
