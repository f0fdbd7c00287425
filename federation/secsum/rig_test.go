package secsum

import (
	"crypto/ed25519"
	"math/rand/v2"
	"slices"
	"testing"

	"consilium/federation/secsum/internal/runtest"
)

// rig is a roster with identities and values, all from one seed; the runs' own keys are random.
type rig struct {
	config Config
	keys   map[string]ed25519.PrivateKey
	values map[string][]float32
}

func newRig(sites, threshold, length int, seed uint64) *rig {
	terms, keys := runtest.Terms(sites, threshold, length)
	r := &rig{config: Config(terms), keys: keys, values: map[string][]float32{}}
	random := rand.New(rand.NewPCG(seed, 5))
	for _, site := range terms.Sites {
		v := make([]float32, length)
		for k := range v {
			v[k] = float32(random.NormFloat64()) / 4 // now and then beyond the bound
		}
		r.values[site] = v
	}
	return r
}

// tap sits on the link. Both may be nil.
type tap struct{ toHub, toSite runtest.Tap }

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
	return runtest.Play(t, r.config.Sites, parties, g, link.toHub, link.toSite)
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

var wantCode = runtest.WantCode
