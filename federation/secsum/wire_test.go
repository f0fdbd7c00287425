package secsum

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"consilium/fault"
	"consilium/federation/secsum/internal/run"
)

// wire is all that a hub ever gets, by step and site.
type wire [5]map[string][]byte

// record plays a sum and keeps what crossed the link. Site 0 is lost before its vector, site 1 after it.
func record(t *testing.T, r *rig) (w wire, toSites [][]byte) {
	for step := range w {
		w[step] = map[string][]byte{}
	}
	sum, sites, err := r.play(t, tap{
		toHub: func(step int, site string, m []byte) []byte {
			if site == r.config.Sites[0] && step == 2 || site == r.config.Sites[1] && step == 3 {
				return nil
			}
			w[step][site] = slices.Clone(m)
			return m
		},
		toSite: func(_ int, _ string, m []byte) []byte {
			toSites = append(toSites, slices.Clone(m))
			return m
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.exact(t, sum, sites)
	return w, toSites
}

// chiSquare measures how far bytes are from uniform: about 255, give or take 23, when they are.
func chiSquare(b []byte) float64 {
	var bins [256]float64
	for _, x := range b {
		bins[x]++
	}
	expected, sum := float64(len(b))/256, 0.0
	for _, n := range bins {
		sum += (n - expected) * (n - expected) / expected
	}
	return sum
}

// TestMaskedLooksRandom: what the hub has of one site is noise to it, alone and when summed over too few sites.
func TestMaskedLooksRandom(t *testing.T) {
	const limit = 255 + 7*22.6 // beyond it once in some hundred million
	r := newRig(6, 4, 1<<16, 7)
	w, _ := record(t, r)
	fixed, _ := NewFixed(1, 6)
	vector := func(site string) []byte { m := w[2][site]; return m[38+32 : len(m)-run.SignatureBytes] }
	partial := make([]uint32, r.config.Length) // of all but one: what a subset of vectors gives without shares
	for i, site := range r.config.Sites[1:] {
		if x := chiSquare(vector(site)); x > limit {
			t.Errorf("%s: chi-square %.0f of its masked vector", site, x)
		}
		for k := range partial {
			if i < 4 {
				partial[k] += binary.LittleEndian.Uint32(vector(site)[4*k:])
			}
		}
		q, _, err := fixed.Quantise(r.values[site])
		if err != nil {
			t.Fatal(err)
		}
		var plain []byte
		for _, v := range q {
			plain = binary.LittleEndian.AppendUint32(plain, uint32(v))
		}
		if x := chiSquare(plain); x < 100*limit {
			t.Errorf("%s: the control does not fail: chi-square %.0f of the plain vector", site, x)
		}
	}
	var sum []byte
	for _, v := range partial {
		sum = binary.LittleEndian.AppendUint32(sum, v)
	}
	if x := chiSquare(sum); x > limit {
		t.Errorf("chi-square %.0f of the sum of four vectors", x)
	}
}

// finder knows pairs of neighbouring values of every site, as floats and as integers.
type finder map[[8]byte]string

func newFinder(t *testing.T, r *rig) finder {
	f := finder{}
	fixed, _ := NewFixed(r.config.Bound, len(r.config.Sites))
	for site, values := range r.values {
		q, _, err := fixed.Quantise(values)
		if err != nil {
			t.Fatal(err)
		}
		for k := range len(values) - 1 {
			for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
				var float, integer [8]byte
				order.PutUint32(float[:], math.Float32bits(values[k]))
				order.PutUint32(float[4:], math.Float32bits(values[k+1]))
				order.PutUint32(integer[:], uint32(q[k]))
				order.PutUint32(integer[4:], uint32(q[k+1]))
				f[float], f[integer] = site, site
			}
		}
	}
	return f
}

func (f finder) in(message []byte) string {
	for i := range max(0, len(message)-7) {
		if site, found := f[[8]byte(message[i:])]; found {
			return site
		}
	}
	return ""
}

// TestNoValueOnTheWire looks for two neighbouring values of any site, at any place of any message.
func TestNoValueOnTheWire(t *testing.T) {
	r := newRig(5, 3, 20_000, 9)
	f := newFinder(t, r)
	w, toSites := record(t, r)
	messages := toSites
	for _, step := range w {
		for _, m := range step {
			messages = append(messages, m)
		}
	}
	for _, m := range messages {
		if site := f.in(m); site != "" {
			t.Errorf("values of %s in a message", site)
		}
	}
	var control []byte
	for _, v := range r.values["site-002"] {
		control = binary.LittleEndian.AppendUint32(control, math.Float32bits(v))
	}
	if f.in(append([]byte{1, 2, 3}, control[:24]...)) != "site-002" {
		t.Fatal("the search finds nothing where something is")
	}
}

// TestOneKindOfShare: of every site only one secret can be put together from what all sites ever say, the seed where the
// vector came and the mask key where it did not. Of the other secret not one piece crosses the link.
func TestOneKindOfShare(t *testing.T) {
	r := newRig(6, 4, 8, 3)
	parties, g := r.start(t)
	mail, said := map[string][]byte{}, [][]byte{}
	held := map[string][][]byte{}
	for step := range 5 {
		for i, site := range r.config.Sites {
			if step >= 2 && i == 0 {
				continue
			}
			if step == 4 {
				for _, piece := range parties[site].(*party).pieces {
					held[site] = append(held[site], slices.Clone(piece))
				}
			}
			answer, err := parties[site].Answer(mail[site])
			if err != nil {
				t.Fatal(err)
			}
			if said = append(said, answer); g.Add(site, answer) != nil {
				t.Fatal("refused")
			}
		}
		mail, _ = g.Close()
		for _, m := range mail {
			said = append(said, m)
		}
	}
	onWire := func(piece []byte) bool {
		return slices.ContainsFunc(said, func(m []byte) bool { return bytes.Contains(m, piece) })
	}
	if len(held) != 5 {
		t.Fatalf("%d sites gave pieces", len(held))
	}
	for holder, pieces := range held {
		for i, piece := range pieces {
			seed, key := onWire(piece[:secretBytes]), onWire(piece[secretBytes:])
			if came := i > 0; seed != came || key == came {
				t.Errorf("%s said of site %d: seed %v, mask key %v", holder, i, seed, key)
			}
		}
		if p := parties[holder].(*party); p.pieces != nil || p.seed != nil || p.mask != nil || p.Box != nil {
			t.Error("secrets are kept after the run")
		}
	}
}

// TestOtherSurvivors plays a hub that has everything from a finished run and now wants the sum without one site.
func TestOtherSurvivors(t *testing.T) {
	r := newRig(6, 4, 16, 5)
	w, _ := record(t, r)
	again, err := NewGatherer(r.config)
	if err != nil {
		t.Fatal(err)
	}
	const left = "site-005"
	for step := range 3 {
		for site, m := range w[step] {
			if step == 2 && site == left {
				continue
			}
			if err := again.Add(site, m); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := again.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// What the sites signed was another set: nothing of it is taken.
	for site, m := range w[3] {
		if site != left {
			wantCode(t, again.Add(site, m), fault.UpdateRefused)
		}
	}
	_, err = again.Close()
	wantCode(t, err, fault.SumBroken)

	// And a hub that passes over its own checks: the pieces of the left one's mask key were never given.
	full, err := NewGatherer(r.config)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 5 {
		for site, m := range w[step] {
			if err := full.Add(site, m); err != nil {
				t.Fatal(err)
			}
		}
		if step == 4 {
			hub := full.(*gatherer)
			i := hub.Index(left)
			hub.Came[i] = false
			vector := w[2][left]
			for k := range hub.sum {
				hub.sum[k] -= binary.LittleEndian.Uint32(vector[38+32+4*k:])
			}
		}
		_, err = full.Close()
	}
	wantCode(t, err, fault.SumBroken)
}

// TestControlOfOtherSurvivors: the same replay with the sites that were really in does give the sum.
func TestControlOfOtherSurvivors(t *testing.T) {
	r := newRig(6, 4, 16, 5)
	w, _ := record(t, r)
	full, err := NewGatherer(r.config)
	if err != nil {
		t.Fatal(err)
	}
	for step := range 5 {
		for site, m := range w[step] {
			if err := full.Add(site, m); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := full.Close(); err != nil {
			t.Fatal(err)
		}
	}
	sum, sites, err := full.Sum()
	if err != nil {
		t.Fatal(err)
	}
	r.exact(t, sum, sites)
}
