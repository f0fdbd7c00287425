package secsum

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"consilium/fault"
)

// rig is a roster with identities and values, all from one seed; the runs' own keys are random.
type rig struct {
	config Config
	keys   map[string]ed25519.PrivateKey
	values map[string][]float32
}

func newRig(sites, threshold, length int, seed uint64) *rig {
	r := &rig{keys: map[string]ed25519.PrivateKey{}, values: map[string][]float32{}}
	r.config = Config{Job: "job", Round: 3, Attempt: 1, Threshold: threshold, Length: length, Bound: 1, Keys: map[string]ed25519.PublicKey{}}
	random := rand.New(rand.NewPCG(seed, 5))
	for i := range sites {
		site := fmt.Sprintf("site-%03d", i)
		secret := sha256.Sum256([]byte(site))
		r.keys[site] = ed25519.NewKeyFromSeed(secret[:])
		r.config.Sites = append(r.config.Sites, site)
		r.config.Keys[site] = r.keys[site].Public().(ed25519.PublicKey)
		v := make([]float32, length)
		for k := range v {
			v[k] = float32(random.NormFloat64()) / 4 // now and then beyond the bound
		}
		r.values[site] = v
	}
	return r
}

// tap sits on the link. Both may be nil; nil bytes mean that the message is lost.
type tap struct {
	toHub  func(step int, site string, message []byte) []byte
	toSite func(step int, site string, message []byte) []byte
}

func (r *rig) party(t testing.TB, site string) Party {
	t.Helper()
	p, err := NewParty(r.config, site, r.keys[site], r.values[site])
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (r *rig) start(t testing.TB) (map[string]Party, Gatherer) {
	t.Helper()
	parties := map[string]Party{}
	for _, site := range r.config.Sites {
		parties[site] = r.party(t, site)
	}
	g, err := NewGatherer(r.config)
	if err != nil {
		t.Fatal(err)
	}
	return parties, g
}

// play runs a sum to its end over a link, and gives what the hub says.
func (r *rig) play(t testing.TB, link tap) (sum []float64, sites []string, err error) {
	t.Helper()
	parties, g := r.start(t)
	mail := map[string][]byte{}
	for _, site := range r.config.Sites {
		mail[site] = nil
	}
	for step := range g.Steps() {
		for _, site := range r.config.Sites {
			message, asked := mail[site]
			if !asked {
				continue
			}
			if step > 0 && link.toSite != nil {
				if message = link.toSite(step-1, site, message); message == nil {
					continue
				}
			}
			answer, err := parties[site].Answer(message)
			if err != nil {
				wantCode(t, err, fault.SumBroken, fault.UpdateStale)
				continue
			}
			if link.toHub != nil {
				if answer = link.toHub(step, site, answer); answer == nil {
					continue
				}
			}
			if err := g.Add(site, answer); err != nil {
				wantCode(t, err, fault.UpdateRefused, fault.UpdateStale)
			}
		}
		if mail, err = g.Close(); err != nil {
			wantCode(t, err, fault.SumBroken)
			if _, _, again := g.Sum(); again == nil {
				t.Fatal("a broken run gives a sum")
			}
			return nil, nil, err
		}
	}
	if mail != nil {
		t.Fatal("the last step sends something")
	}
	return g.Sum()
}

// plain is the sum in fixed point without any protocol.
func (r *rig) plain(t testing.TB, sites []string) []float64 {
	t.Helper()
	fixed, err := NewFixed(r.config.Bound, len(r.config.Sites))
	if err != nil {
		t.Fatal(err)
	}
	total := make([]int32, r.config.Length)
	for _, site := range sites {
		q, _, err := fixed.Quantise(r.values[site])
		if err != nil {
			t.Fatal(err)
		}
		for k := range q {
			total[k] += q[k]
		}
	}
	out := make([]float64, len(total))
	for k := range total {
		out[k] = fixed.Value(total[k])
	}
	return out
}

// exact fails unless the sum is the plain one of the sites it names.
func (r *rig) exact(t testing.TB, sum []float64, sites []string) {
	t.Helper()
	if len(sites) < r.config.Threshold {
		t.Fatalf("a sum of %d sites was opened, %d are the fewest", len(sites), r.config.Threshold)
	}
	if !slices.Equal(sum, r.plain(t, sites)) {
		t.Fatalf("the sum of %v is not the plain sum", sites)
	}
}

func wantCode(t testing.TB, err error, codes ...fault.Code) {
	t.Helper()
	if !slices.Contains(codes, fault.CodeOf(err)) {
		t.Fatalf("got %v, want a code of %v", err, codes)
	}
}
