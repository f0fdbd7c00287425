// Package run is what the secure sums share: the five steps and who may say what in them (Party, Gatherer), the roster
// and terms that every message is bound to, the signed envelope, sets of sites, and the sealed box in which one site
// sends another a piece through the hub. A kind of sum adds its cryptography as SiteSteps and HubSteps.
package run

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"consilium/fault"
)

// Limits of a run.
const (
	MaxSites  = 255       // shares are points of GF(2^8), and zero is the secret
	MaxLength = 1 << 27   // numbers of one site: 512 MiB masked
	MaxName   = 255       // bytes of a site's name or of a job's
	MaxBound  = 1 << 60   // largest bound of a value
	MinBound  = 1.0 / 1e9 // smallest
	hashBytes = sha256.Size
)

// Terms are what hub and sites agree on before a run begins. Its fields are those of secsum.Config.
type Terms struct {
	Job            string
	Round, Attempt int
	Sites          []string
	Threshold      int
	Length         int
	Bound          float64
	Keys           map[string]ed25519.PublicKey
}

// Hash is a SHA-256 sum.
type Hash = [hashBytes]byte

// Run is one attempt at one sum. It does not change.
type Run struct {
	Sites     []string // sorted: a site is known by its place here
	Keys      []ed25519.PublicKey
	Threshold int
	Length    int
	Bound     float64
	ID        Hash // over everything above, the job, the round, the attempt and the kind of sum
}

// New checks the terms. Errors: USAGE.
func New(kind string, t Terms) (*Run, error) {
	wrong := func(what, do string) (*Run, error) {
		return nil, fault.New(fault.Usage, "a secure sum cannot begin: "+what, do)
	}
	n := len(t.Sites)
	switch {
	case t.Job == "" || len(t.Job) > MaxName:
		return wrong("the job has no name, or a very long one", "name the job by its hash")
	case t.Round < 0 || t.Attempt < 0 || t.Round > math.MaxInt32 || t.Attempt > math.MaxInt32:
		return wrong("round or attempt is below zero or beyond 31 bits", "count rounds and attempts from 1")
	case n < 3 || n > MaxSites:
		return wrong(fmt.Sprintf("%d sites", n), fmt.Sprintf("use 3 to %d sites", MaxSites))
	case t.Threshold < 3 || t.Threshold <= n/2 || t.Threshold > n:
		return wrong(fmt.Sprintf("a threshold of %d for %d sites", t.Threshold, n),
			"use at least 3 and more than half of the sites; two thirds and one is best")
	case t.Length < 1 || t.Length > MaxLength:
		return wrong(fmt.Sprintf("%d numbers", t.Length), fmt.Sprintf("sum 1 to %d numbers", MaxLength))
	case !(t.Bound >= MinBound && t.Bound <= MaxBound):
		return wrong(fmt.Sprintf("a bound of %g", t.Bound), "set the largest magnitude of one site's values")
	}
	r := &Run{Sites: slices.Clone(t.Sites), Threshold: t.Threshold, Length: t.Length, Bound: t.Bound}
	slices.Sort(r.Sites)
	seen := map[string]bool{}
	for i, site := range r.Sites {
		key := t.Keys[site]
		switch {
		case site == "" || len(site) > MaxName || i > 0 && site == r.Sites[i-1]:
			return wrong("a site has no name, a very long one, or stands twice in the roster", "name each site once")
		case len(key) != ed25519.PublicKeySize:
			return wrong("the identity key of "+site+" is missing", "give the key that the site joined with")
		case seen[string(key)]:
			return wrong("two sites have the same identity key", "each site joins with its own key")
		}
		seen[string(key)] = true
		r.Keys = append(r.Keys, slices.Clone(key))
	}
	r.ID = r.digest(kind, t)
	return r, nil
}

func (r *Run) digest(kind string, t Terms) Hash {
	b := []byte("consilium secure sum v1 terms\n")
	for _, s := range []string{kind, t.Job} {
		b = append(append(b, byte(len(s))), s...)
	}
	for _, n := range []uint64{uint64(t.Round), uint64(t.Attempt), uint64(t.Threshold), uint64(t.Length),
		math.Float64bits(t.Bound), uint64(len(r.Sites))} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	for i, site := range r.Sites {
		b = append(append(append(b, byte(len(site))), site...), r.Keys[i]...)
	}
	return sha256.Sum256(b)
}

// Index gives a site's place in the roster, or -1.
func (r *Run) Index(site string) int {
	i, ok := slices.BinarySearch(r.Sites, site)
	if !ok {
		return -1
	}
	return i
}

// Chain extends a transcript: a hash over what was said before and what is said now.
func Chain(label string, before Hash, parts ...[]byte) Hash {
	h := sha256.New()
	h.Write(append([]byte("consilium secure sum v1 transcript\n"), byte(len(label))))
	h.Write([]byte(label))
	h.Write(before[:])
	for _, p := range parts {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(p))))
		h.Write(p)
	}
	return Hash(h.Sum(nil))
}
