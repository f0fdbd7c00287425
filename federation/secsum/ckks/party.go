package ckks

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"fmt"
	"math"
	"slices"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"

	"consilium/fault"
	"consilium/federation/secsum"
	"consilium/federation/secsum/internal/run"
)

const keyBytes = 32

// party is a site.
type party struct {
	*frame
	self     int
	identity ed25519.PrivateKey
	values   []float64 // in units of the bound
	cut      int

	step   byte
	broken error
	opened bool

	box   *ecdh.PrivateKey
	key   *rlwe.SecretKey
	peers []*ecdh.PublicKey

	shared, came, decrypt run.Set
	shares                []ring.Poly // by dealer: this site's share of its key
	heard, drawn          run.Hash    // drawn: the transcript that the common polynomials are drawn from
}

// NewParty makes a site's side of a run, with fresh keys. Errors: USAGE, INPUT_NOT_FINITE.
func NewParty(c secsum.Config, self string, identity ed25519.PrivateKey, value []float32) (secsum.Party, error) {
	f, err := newFrame(c)
	if err != nil {
		return nil, err
	}
	p := &party{frame: f, self: f.Index(self), identity: identity, step: stepKeys}
	switch {
	case p.self < 0:
		return nil, fault.New(fault.Usage, self+" is not in the roster of the secure sum", "begin the round with a roster that names it")
	case len(identity) != ed25519.PrivateKeySize || !f.Keys[p.self].Equal(identity.Public()):
		return nil, fault.New(fault.Usage, "the identity key is not the one that the roster has for "+self, "join again, or correct the roster")
	case len(value) != c.Length:
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d values where the sum has %d", len(value), c.Length), "use the same plan at hub and sites")
	}
	p.values = make([]float64, f.blocks*slots)
	for i, v := range value {
		x := float64(v)
		switch {
		case math.IsNaN(x) || math.IsInf(x, 0):
			return nil, fault.New(fault.InputNotFinite, fmt.Sprintf("value %d of the vector to be summed is NaN or infinite", i),
				"lower the plan's rate, or look at the site's data")
		case math.Abs(x) > c.Bound:
			x = math.Copysign(c.Bound, x)
			p.cut++
		}
		p.values[i] = x / c.Bound
	}
	if p.box, err = run.NewKey(); err != nil {
		return nil, err
	}
	p.key = rlwe.NewKeyGenerator(f.params).GenSecretKeyNew()
	return p, nil
}

// Cut says how many values were beyond the bound.
func (p *party) Cut() int { return p.cut }

// Opened says whether the site gave its part of the decryption.
func (p *party) Opened() bool { return p.opened }

// Survivors names the sites under whose list this site has put its name.
func (p *party) Survivors() []string { return p.Names(p.came) }

// Answer implements secsum.Party.
func (p *party) Answer(fromHub []byte) ([]byte, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	step := p.step
	var body []byte
	var err error
	if step > stepKeys {
		body, err = p.Open(fromHub, step-1, run.Hub, -1)
	} else if len(fromHub) > 0 {
		err = p.refuse("spoke before the sum began")
	}
	if fault.CodeOf(err) == fault.UpdateStale {
		return nil, err // a second delivery: nothing was read, nothing is said
	}
	p.step++
	var out []byte
	if err == nil {
		switch step {
		case stepKeys:
			out = append(p.Head(stepKeys, p.self, keyBytes), p.box.PublicKey().Bytes()...)
		case stepShares:
			out, err = p.deal(body)
		case stepEncrypted:
			out, err = p.encrypt(body)
		case stepConfirm:
			out, err = p.confirm(body)
		case stepDecrypt:
			out, err = p.decryptSum(body)
		}
	}
	switch {
	case err != nil:
		p.forget(fault.Wrap(err, fault.SumBroken, "the secure sum was left", "begin the round anew; if it happens again, look at the hub"))
		return nil, p.broken
	case step == stepDecrypt:
		p.forget(fault.New(fault.SumBroken, "this run of the secure sum is over", "begin the round anew"))
	}
	return run.Seal(out, p.identity), nil
}

// forget ends the run at this site.
func (p *party) forget(why error) {
	p.broken = why
	clear(p.values)
	for _, s := range p.shares {
		s.Zero()
	}
	p.values, p.shares, p.box, p.key = nil, nil, nil, nil
}

// deal reads everybody's keys and seals a share of the site's own secret key for each site.
func (p *party) deal(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, nil)
	if err != nil {
		return nil, err
	}
	const each = keyBytes + run.SignatureBytes
	if len(body) != in.Count()*each {
		return nil, p.refuse("sent a list of keys of the wrong length")
	}
	p.peers = make([]*ecdh.PublicKey, len(p.Sites))
	var said [][]byte
	for _, site := range in.Members() {
		key, signature := body[:keyBytes], body[keyBytes:each]
		body = body[each:]
		said = append(said, key)
		if !p.Signed(site, append(p.Head(stepKeys, site, keyBytes), key...), signature) {
			return nil, p.refuse("sent keys that " + p.Sites[site] + " did not sign")
		}
		if site == p.self && !bytes.Equal(key, p.box.PublicKey().Bytes()) {
			return nil, p.refuse("put another key in this site's place")
		}
		if p.peers[site], err = run.ParseKey(key); err != nil {
			return nil, err
		}
	}
	p.shared, p.heard = in, heardKeys(p.Run, in, said)
	thresholdizer := multiparty.NewThresholdizer(p.params)
	secret, err := thresholdizer.GenShamirPolynomial(p.Threshold, p.key)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the secret key could not be shared", "")
	}
	p.shares = make([]ring.Poly, len(p.Sites))
	out := p.Head(stepShares, p.self, 32+in.Count()*(p.polyBytes()+run.BoxBytes))
	out = append(out, p.heard[:]...)
	for _, to := range in.Members() {
		share := thresholdizer.AllocateThresholdSecretShare()
		thresholdizer.GenShamirSecretShare(point(to), secret, &share)
		if to == p.self {
			p.shares[to] = share.Q
			continue
		}
		locked, err := p.Lock(p.box, p.peers[to], p.self, to, p.heard, p.pack(nil, share.Q))
		if err != nil {
			return nil, err
		}
		out = append(out, locked...)
	}
	return out, nil
}

// encrypt reads the shares that are for this site and encrypts its values. A site that cannot read a share leaves the
// run here: it could not decrypt for the one who dealt it.
func (p *party) encrypt(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, p.shared)
	if err != nil {
		return nil, err
	}
	each := p.polyBytes() + run.BoxBytes
	if len(body) != (in.Count()-1)*each {
		return nil, p.refuse("sent a list of shares of the wrong length")
	}
	for _, site := range in.Members() {
		if site == p.self {
			continue
		}
		plain, err := p.Unlock(p.box, p.peers[site], site, p.self, p.heard, body[:each])
		if err != nil {
			return nil, err
		}
		if p.shares[site], err = p.unpack(plain); err != nil {
			return nil, err
		}
		body = body[each:]
	}
	p.shared, p.heard = in, heardShares(p.heard, in)
	p.drawn = p.heard
	protocol, err := p.keySwitch(0)
	if err != nil {
		return nil, err
	}
	encoder := ckks.NewEncoder(p.params, 53)
	plain := ckks.NewPlaintext(p.params, p.params.MaxLevel())
	plain.IsBatched = false
	out := p.Head(stepEncrypted, p.self, 32+p.blocks*p.polyBytes())
	out = append(out, p.heard[:]...)
	for block := range p.blocks {
		if err := encoder.Encode(p.values[block*slots:(block+1)*slots], plain); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the values could not be encoded", "")
		}
		cipher, err := p.part(protocol, rlwe.NewSecretKey(p.params), p.key, block)
		if err != nil {
			return nil, err
		}
		p.ring.Add(cipher, plain.Value, cipher)
		out = p.pack(out, cipher)
	}
	clear(p.values)
	p.values, p.key = nil, nil
	return out, nil
}

// part is common * (from - to) + noise.
func (p *party) part(protocol multiparty.KeySwitchProtocol, from, to *rlwe.SecretKey, block int) (ring.Poly, error) {
	common, err := p.common(p.drawn, block)
	if err != nil {
		return ring.Poly{}, err
	}
	share := protocol.AllocateShare(p.params.MaxLevel())
	protocol.GenShare(from, to, common, &share)
	return share.Value, nil
}

// confirm signs whose ciphertexts are said to have come and who decrypts.
func (p *party) confirm(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, p.shared)
	if err != nil {
		return nil, err
	}
	who, body, err := p.CutSet(body)
	if err != nil {
		return nil, err
	}
	if len(body) != 0 || who.Count() != p.Threshold || !who.Within(in) {
		return nil, p.refuse("named a decrypting set that is not one")
	}
	p.came, p.decrypt, p.heard = in, who, heardEncrypted(p.heard, in, who)
	return append(p.Head(stepConfirm, p.self, 32), p.heard[:]...), nil
}

// decryptSum checks that a threshold of sites signed the very same sets, and gives this site's part. It is given
// once, for the polynomials that the site draws itself and for the keys of the sites in the set alone.
func (p *party) decryptSum(body []byte) ([]byte, error) {
	in, body, err := p.CutSet(body)
	if err != nil {
		return nil, err
	}
	if len(body) != in.Count()*run.SignatureBytes || !in.Within(p.came) || in.Count() < p.Threshold || !p.decrypt[p.self] {
		return nil, p.refuse("has too few signatures under the sets, or asks a site that does not decrypt")
	}
	for _, site := range in.Members() {
		said := append(p.Head(stepConfirm, site, 32), p.heard[:]...)
		if !p.Signed(site, said, body[:run.SignatureBytes]) {
			return nil, p.refuse("told " + p.Sites[site] + " of other sets than this site")
		}
		body = body[run.SignatureBytes:]
	}
	sum := multiparty.NewThresholdizer(p.params).AllocateThresholdSecretShare()
	for _, site := range p.came.Members() {
		p.ring.Add(sum.Q, p.shares[site], sum.Q)
	}
	active, key := points(p.decrypt), rlwe.NewSecretKey(p.params)
	combiner := multiparty.NewCombiner(p.params, point(p.self), active, p.Threshold)
	if err := combiner.GenAdditiveShare(active, point(p.self), sum, key); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the shares could not be combined", "")
	}
	protocol, err := p.keySwitch(smudge)
	if err != nil {
		return nil, err
	}
	p.opened = true
	out := p.Head(stepDecrypt, p.self, 32+p.blocks*p.polyBytes())
	out = append(out, p.heard[:]...)
	for block := range p.blocks {
		part, err := p.part(protocol, key, rlwe.NewSecretKey(p.params), block)
		if err != nil {
			return nil, err
		}
		out = p.pack(out, part)
	}
	return out, nil
}

// roster reads a set of sites that must hold this one, a threshold of them, and nobody who was not in before.
func (p *party) roster(body []byte, before run.Set) (run.Set, []byte, error) {
	in, rest, err := p.CutSet(body)
	switch {
	case err != nil:
		return nil, nil, err
	case !in[p.self]:
		return nil, nil, p.refuse("left this site out and asked it all the same")
	case in.Count() < p.Threshold:
		return nil, nil, p.refuse(fmt.Sprintf("goes on with %d sites where %d are the fewest", in.Count(), p.Threshold))
	case before != nil && !in.Within(before):
		return nil, nil, p.refuse("named a site that was out")
	}
	return slices.Clone(in), rest, nil
}

func (p *party) refuse(what string) error {
	return fault.New(fault.SumBroken, "the hub "+what, "begin the round anew; if it happens again, look at the hub")
}
