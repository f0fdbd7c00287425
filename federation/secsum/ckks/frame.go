package ckks

import (
	"math/big"
	"sync"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/schemes/ckks"
	"github.com/tuneinsight/lattigo/v6/utils/sampling"

	"consilium/fault"
	"consilium/federation/secsum"
	"consilium/federation/secsum/internal/run"
)

// The scheme. The numbers are in the name of the kind below, so sites with others never meet.
const (
	logN      = 12
	logScale  = 96 // a value of the bound is 2^96: 255 of them are 2^104, and the modulus is 2^108
	smudge    = 1 << 50
	coeffWide = 7 // bytes of a number below a prime of 54 bits
	slots     = 1 << logN
	polyBytes = 2 * slots * coeffWide // of a written polynomial, which has two primes
)

// logNoise bounds all noise together: each of up to 255 decrypting sites adds some that is cut at six standard
// deviations, 255*6*2^50 < 2^61, and that of the ciphertexts is far below.
const logNoise = 61

// MaxError bounds what a sum may be off by, as a share of Config.Bound and whatever the number of sites: 2^-35.
const MaxError = 1.0 / (1 << (logScale - logNoise))

// frame is the scheme, and the size of what is summed.
type frame struct {
	params ckks.Parameters
	ring   *ring.Ring
	blocks int // ciphertexts of one vector
}

var scheme = sync.OnceValues(func() (ckks.Parameters, error) {
	return ckks.NewParametersFromLiteral(ckks.ParametersLiteral{LogN: logN, LogQ: []int{54, 54}, LogDefaultScale: logScale})
})

func newFrame(c secsum.Config) (*frame, error) {
	params, err := scheme()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the encryption could not be set up", "")
	}
	return &frame{params, params.RingQ(), (c.Length + slots - 1) / slots}, nil
}

// kind is this sum, as run.Party and run.Gatherer see it.
func (f *frame) kind() run.Kind {
	return run.Kind{Name: "ckks 12 54,54 96 50", Steps: [5]string{"keys", "shares", "encrypted", "confirm", "decrypt"},
		Keys: run.KeyBytes, Piece: polyBytes + run.BoxBytes, Vector: f.blocks * polyBytes, Opening: f.blocks * polyBytes, FewOpen: true}
}

// pack writes a polynomial. Lattigo leaves a number that is not below its prime now and then when it adds the noise, in
// about one polynomial of ten thousand; the other side would refuse it, and the whole sum would be lost.
func (f *frame) pack(out []byte, p ring.Poly) []byte {
	f.ring.Reduce(p, p)
	for _, limb := range p.Coeffs {
		for _, c := range limb {
			out = append(out, byte(c), byte(c>>8), byte(c>>16), byte(c>>24), byte(c>>32), byte(c>>40), byte(c>>48))
		}
	}
	return out
}

// unpack reads a polynomial and refuses numbers that are not below their prime: Lattigo would not check.
// Errors: UPDATE_REFUSED.
func (f *frame) unpack(b []byte) (ring.Poly, error) {
	bad := fault.New(fault.UpdateRefused, "a polynomial of the secure sum cannot be read", "use the same version of Consilium at hub and sites")
	if len(b) != polyBytes {
		return ring.Poly{}, bad
	}
	p := f.ring.NewPoly()
	for l, limb := range p.Coeffs {
		q := f.ring.SubRings[l].Modulus
		for i := range limb {
			c := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48
			if c >= q {
				return ring.Poly{}, bad
			}
			limb[i] = c
			b = b[coeffWide:]
		}
	}
	return p, nil
}

// common draws the random half of one block's ciphertexts from the transcript.
func (f *frame) common(heard run.Hash, block int) (*rlwe.Ciphertext, error) {
	seed := run.Chain("common", heard, []byte{byte(block), byte(block >> 8), byte(block >> 16)})
	random, err := sampling.NewKeyedPRNG(seed[:])
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a common polynomial could not be drawn", "")
	}
	ct := ckks.NewCiphertext(f.params, 1, f.params.MaxLevel())
	ring.NewUniformSampler(random, f.ring).Read(ct.Value[1])
	return ct, nil
}

// keySwitch makes the protocol that both encrypts (from no key to a site's own, noise of the scheme alone) and
// decrypts (from a site's part of the sum of keys to none, noise that hides it).
func (f *frame) keySwitch(noise float64) (multiparty.KeySwitchProtocol, error) {
	p, err := multiparty.NewKeySwitchProtocol(f.params, ring.DiscreteGaussian{Sigma: noise, Bound: 6 * noise})
	if err != nil {
		return p, fault.Wrap(err, fault.Internal, "the encryption could not be set up", "")
	}
	return p, nil
}

// point is where a site's shares lie; the secret lies at 0.
func point(site int) multiparty.ShamirPublicPoint { return multiparty.ShamirPublicPoint(site + 1) }

func points(in run.Set) (out []multiparty.ShamirPublicPoint) {
	for _, site := range in.Members() {
		out = append(out, point(site))
	}
	return out
}

// open reads the values of a decrypted block. Also the places that no value was put in are looked at: a sum that is
// not of these sites, or that was decrypted wrongly, is noise everywhere. Errors: SUM_BROKEN.
func (f *frame) open(block ring.Poly, sites int, bound float64, length int) ([]float64, error) {
	plain := f.ring.NewPoly()
	f.ring.INTT(block, plain)
	numbers := make([]*big.Int, slots)
	for i := range numbers {
		numbers[i] = new(big.Int)
	}
	f.ring.PolyToBigintCentered(plain, 1, numbers)
	unit := new(big.Float).SetMantExp(big.NewFloat(1), logScale)
	noise := new(big.Int).Lsh(big.NewInt(1), logNoise)
	most := new(big.Int).Lsh(big.NewInt(int64(sites)), logScale)
	most.Add(most, noise)
	out := make([]float64, length)
	for i, n := range numbers {
		if i >= length {
			most = noise
		}
		if n.CmpAbs(most) > 0 {
			return nil, fault.New(fault.SumBroken, "the secure sum is beyond what its sites can have: a share or a ciphertext is wrong",
				"begin the round anew; if it happens again, use the masks")
		}
		if i < length {
			v, _ := new(big.Float).Quo(new(big.Float).SetInt(n), unit).Float64()
			out[i] = v * bound
		}
	}
	return out, nil
}
