package ckks

import (
	"crypto/ed25519"
	"fmt"
	"math"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"

	"consilium/fault"
	"consilium/federation/secsum"
	"consilium/federation/secsum/internal/run"
)

// party is what a site does in the steps of run.Party.
type party struct {
	*run.Party
	*frame
	values []float64 // in units of the bound
	cut    int

	key    *rlwe.SecretKey
	shares []ring.Poly // by dealer: this site's share of its key
	drawn  run.Hash    // the transcript that the common polynomials are drawn from
}

// NewParty makes a site's side of a run, with fresh keys. Errors: USAGE, INPUT_NOT_FINITE.
func NewParty(c secsum.Config, self string, identity ed25519.PrivateKey, value []float32) (secsum.Party, error) {
	f, err := newFrame(c)
	if err != nil {
		return nil, err
	}
	p := &party{frame: f}
	if p.Party, err = run.NewParty(f.kind(), run.Terms(c), self, identity, len(value), p); err != nil {
		return nil, err
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
	p.key = rlwe.NewKeyGenerator(f.params).GenSecretKeyNew()
	p.shares = make([]ring.Poly, len(p.Sites))
	return p, nil
}

// Cut says how many values were beyond the bound.
func (p *party) Cut() int { return p.cut }

// Forget implements run.SiteSteps.
func (p *party) Forget() {
	clear(p.values)
	for _, s := range p.shares {
		s.Zero()
	}
	p.values, p.shares, p.key = nil, nil, nil
}

// Publish implements run.SiteSteps: no other key is needed.
func (p *party) Publish() []byte { return nil }

// Meet implements run.SiteSteps.
func (p *party) Meet(int, []byte) error { return nil }

// Deal shares the site's own secret key.
func (p *party) Deal() (piece func(site int) []byte, err error) {
	thresholdizer := multiparty.NewThresholdizer(p.params)
	secret, err := thresholdizer.GenShamirPolynomial(p.Threshold, p.key)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the secret key could not be shared", "")
	}
	return func(site int) []byte {
		share := thresholdizer.AllocateThresholdSecretShare()
		thresholdizer.GenShamirSecretShare(point(site), secret, &share)
		return p.pack(nil, share.Q)
	}, nil
}

// Take keeps a share. A site that cannot read one leaves the run here: it could not decrypt for the one who dealt it.
func (p *party) Take(site int, piece []byte, unread error) (err error) {
	if unread != nil {
		return unread
	}
	p.shares[site], err = p.unpack(piece)
	return err
}

// Hide encrypts the values.
func (p *party) Hide(message []byte) ([]byte, error) {
	p.drawn = p.Heard
	protocol, err := p.keySwitch(0)
	if err != nil {
		return nil, err
	}
	encoder := ckks.NewEncoder(p.params, 53)
	plain := ckks.NewPlaintext(p.params, p.params.MaxLevel())
	plain.IsBatched = false
	for block := range p.blocks {
		if err := encoder.Encode(p.values[block*slots:(block+1)*slots], plain); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the values could not be encoded", "")
		}
		cipher, err := p.part(protocol, rlwe.NewSecretKey(p.params), p.key, block)
		if err != nil {
			return nil, err
		}
		p.ring.Add(cipher, plain.Value, cipher)
		message = p.pack(message, cipher)
	}
	clear(p.values)
	p.values, p.key = nil, nil
	return message, nil
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

// Reveal gives this site's part of the decryption. It is given once, for the polynomials that the site draws itself and
// for the keys of the sites in the set alone.
func (p *party) Reveal(message []byte) ([]byte, error) {
	sum := multiparty.NewThresholdizer(p.params).AllocateThresholdSecretShare()
	for _, site := range p.Came.Members() {
		p.ring.Add(sum.Q, p.shares[site], sum.Q)
	}
	active, key := points(p.Openers), rlwe.NewSecretKey(p.params)
	combiner := multiparty.NewCombiner(p.params, point(p.Self), active, p.Threshold)
	if err := combiner.GenAdditiveShare(active, point(p.Self), sum, key); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the shares could not be combined", "")
	}
	protocol, err := p.keySwitch(smudge)
	if err != nil {
		return nil, err
	}
	for block := range p.blocks {
		part, err := p.part(protocol, key, rlwe.NewSecretKey(p.params), block)
		if err != nil {
			return nil, err
		}
		message = p.pack(message, part)
	}
	return message, nil
}
