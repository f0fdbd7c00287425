// Package runtest plays secure sums in tests: a roster with identities, and the mail between the hub and its sites.
package runtest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
)

// Terms makes a roster of so many sites. Their identities are the same in every test.
func Terms(sites, threshold, length int) (run.Terms, map[string]ed25519.PrivateKey) {
	t := run.Terms{Job: "job", Round: 3, Attempt: 1, Threshold: threshold, Length: length, Bound: 1, Keys: map[string]ed25519.PublicKey{}}
	keys := map[string]ed25519.PrivateKey{}
	for i := range sites {
		site := fmt.Sprintf("site-%03d", i)
		secret := sha256.Sum256([]byte(site))
		keys[site] = ed25519.NewKeyFromSeed(secret[:])
		t.Sites = append(t.Sites, site)
		t.Keys[site] = keys[site].Public().(ed25519.PublicKey)
	}
	return t, keys
}

// Party is secsum.Party.
type Party interface {
	Answer(fromHub []byte) ([]byte, error)
}

// Gatherer is what Play needs of secsum.Gatherer.
type Gatherer interface {
	Steps() []string
	Add(site string, message []byte) error
	Close() (map[string][]byte, error)
	Sum() ([]float64, []string, error)
}

// Tap sits on one way of the link. It may change a message; nil bytes mean that it is lost. A nil Tap does nothing.
type Tap func(step int, site string, message []byte) []byte

// Play runs a sum to its end over a link and gives what the hub says. It fails the test where a code comes that the
// interfaces do not promise.
func Play[P Party](t testing.TB, roster []string, parties map[string]P, g Gatherer, toHub, toSite Tap) ([]float64, []string, error) {
	t.Helper()
	mail := map[string][]byte{}
	for _, site := range roster {
		mail[site] = nil
	}
	for step := range g.Steps() {
		for _, site := range roster {
			message, asked := mail[site]
			if !asked {
				continue
			}
			if step > 0 && toSite != nil {
				if message = toSite(step-1, site, message); message == nil {
					continue
				}
			}
			answer, err := parties[site].Answer(message)
			if err != nil {
				WantCode(t, err, fault.SumBroken, fault.UpdateStale)
				continue
			}
			if toHub != nil {
				if answer = toHub(step, site, answer); answer == nil {
					continue
				}
			}
			if err := g.Add(site, answer); err != nil {
				WantCode(t, err, fault.UpdateRefused, fault.UpdateStale)
			}
		}
		var err error
		if mail, err = g.Close(); err != nil {
			WantCode(t, err, fault.SumBroken)
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

// WantCode fails unless an error has one of the codes.
func WantCode(t testing.TB, err error, codes ...fault.Code) {
	t.Helper()
	if !slices.Contains(codes, fault.CodeOf(err)) {
		t.Fatalf("got %v, want a code of %v", err, codes)
	}
}
