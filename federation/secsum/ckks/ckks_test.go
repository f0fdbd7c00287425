package ckks

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation/secsum"
	"consilium/federation/secsum/internal/run"
	"consilium/federation/secsum/internal/runtest"
)

const headBytes = 38 // magic, step, sender, run

type rig struct {
	config secsum.Config
	keys   map[string]ed25519.PrivateKey
	values map[string][]float32
}

func newRig(sites, threshold, length int, seed uint64) *rig {
	terms, keys := runtest.Terms(sites, threshold, length)
	r := &rig{config: secsum.Config(terms), keys: keys, values: map[string][]float32{}}
	random := rand.New(rand.NewPCG(seed, 5))
	for _, site := range terms.Sites {
		v := make([]float32, length)
		for k := range v {
			v[k] = float32(random.Float64()*2 - 1)
		}
		r.values[site] = v
	}
	return r
}

// tap sits on the link; nil bytes mean that the message is lost.
type tap func(toHub bool, step int, site string, message []byte) []byte

func through(_ bool, _ int, _ string, m []byte) []byte { return m }

func (r *rig) start(t testing.TB) (map[string]secsum.Party, secsum.Gatherer) {
	t.Helper()
	parties := map[string]secsum.Party{}
	for _, site := range r.config.Sites {
		p, err := NewParty(r.config, site, r.keys[site], r.values[site])
		if err != nil {
			t.Fatal(err)
		}
		parties[site] = p
	}
	g, err := NewGatherer(r.config)
	if err != nil {
		t.Fatal(err)
	}
	return parties, g
}

func (r *rig) play(t testing.TB, link tap) ([]float64, []string, error) {
	t.Helper()
	parties, g := r.start(t)
	way := func(toHub bool) runtest.Tap {
		return func(step int, site string, m []byte) []byte { return link(toHub, step, site, m) }
	}
	return runtest.Play(t, r.config.Sites, parties, g, way(true), way(false))
}

// near fails unless the sum is the plain one of its sites, but for the error that is promised. It gives the error.
func (r *rig) near(t testing.TB, sum []float64, sites []string) float64 {
	t.Helper()
	worst := 0.0
	for k := range sum {
		plain := 0.0
		for _, site := range sites {
			plain += min(max(float64(r.values[site][k]), -r.config.Bound), r.config.Bound)
		}
		worst = max(worst, math.Abs(plain-sum[k]))
	}
	if limit := r.config.Bound * (MaxError + float64(len(sites))*0x1p-50); worst > limit || len(sum) != r.config.Length {
		t.Fatalf("off by %g, %g are promised", worst, limit)
	}
	return worst
}

var wantCode = runtest.WantCode

// TestSum covers one and several ciphertexts, a bound that is not 1, values beyond it, and the promise of 1e-4.
func TestSum(t *testing.T) {
	for _, c := range []struct {
		sites, threshold, length int
		bound                    float64
	}{{3, 3, 1, 1}, {5, 3, slots, 1}, {5, 4, slots + 1, 0.3}, {7, 5, 100, 1000}} {
		r := newRig(c.sites, c.threshold, c.length, 1)
		r.config.Bound = c.bound
		sum, sites, err := r.play(t, through)
		if err != nil || len(sites) != c.sites {
			t.Fatal(sites, err)
		}
		if worst := r.near(t, sum, sites); worst > 1e-4*c.bound {
			t.Fatalf("off by %g", worst)
		} else {
			t.Logf("%+v: off by %.2g", c, worst)
		}
	}
}

// TestNoiseIsThere: the sum is not what it would be without the noise that hides the sites' parts.
func TestNoiseIsThere(t *testing.T) {
	r := newRig(3, 3, slots, 1)
	r.values["site-000"] = make([]float32, slots)
	r.values["site-001"], r.values["site-002"] = r.values["site-000"], r.values["site-000"]
	sum, _, err := r.play(t, through)
	if err != nil {
		t.Fatal(err)
	}
	square := 0.0
	for _, x := range sum {
		square += x * x
	}
	want := math.Sqrt(3) * smudge / 0x1p96 // of three sites
	if deviation := math.Sqrt(square / slots); deviation < 0.9*want || deviation > 1.1*want {
		t.Fatalf("the noise has a standard deviation of %g, want %g", deviation, want)
	}
}

// TestLost loses sites: before the vectors came any that can be spared, afterwards none of those that decrypt.
func TestLost(t *testing.T) {
	sums := 0
	for seed := range uint64(16) {
		random := rand.New(rand.NewPCG(seed, 7))
		r := newRig(5, 3, 20, seed)
		last := map[string]int{} // steps that a site answers
		var came []string
		broken, confirmed := false, 0
		for _, site := range r.config.Sites {
			if last[site] = 5; random.IntN(3) == 0 {
				last[site] = random.IntN(5)
			}
			if last[site] < 3 {
				continue
			}
			came = append(came, site)
			broken = broken || len(came) <= 3 && last[site] < 5 // it is to decrypt
			if last[site] >= 4 {
				confirmed++
			}
		}
		sum, sites, err := r.play(t, func(toHub bool, step int, site string, m []byte) []byte {
			if toHub && step >= last[site] {
				return nil
			}
			return m
		})
		if broken || confirmed < 3 {
			wantCode(t, err, fault.SumBroken)
			continue
		}
		if err != nil || !slices.Equal(sites, came) {
			t.Fatal(seed, sites, came, err)
		}
		sums++
		r.near(t, sum, sites)
	}
	if sums < 2 || sums > 14 {
		t.Errorf("%d of 16 runs gave a sum: the test shows little", sums)
	}
}

// TestSpoiled spoils one message at every step and in both directions: never a panic, never a wrong sum.
func TestSpoiled(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	sums := 0
	for trial := range 40 {
		r := newRig(4, 3, 9, 2)
		wayIn, atStep, how := trial%2 == 0, trial/2%5, trial/10
		atSite := r.config.Sites[random.IntN(4)]
		sum, sites, err := r.play(t, func(toHub bool, step int, site string, m []byte) []byte {
			if toHub != wayIn || step != atStep || site != atSite {
				return m
			}
			m = slices.Clone(m)
			switch how {
			case 0:
				bit := random.IntN(8 * len(m))
				m[bit/8] ^= 1 << (bit % 8)
			case 1:
				m = m[:random.IntN(len(m))]
			case 2:
				m = append(m, 7)
			case 3:
				for i := range m {
					m[i] = byte(random.Uint32())
				}
			}
			return m
		})
		if err != nil {
			wantCode(t, err, fault.SumBroken)
			continue
		}
		sums++
		r.near(t, sum, sites)
	}
	if sums == 0 || sums == 40 {
		t.Error("all runs end alike: the test shows little")
	}
}

// TestSignedNonsense: well-formed messages with a good signature and wrong content end the run, or the site.
func TestSignedNonsense(t *testing.T) {
	for step := 1; step < 5; step++ {
		r := newRig(4, 3, 9, 2)
		sum, sites, err := r.play(t, func(toHub bool, at int, site string, m []byte) []byte {
			if !toHub || at != step || site != "site-001" {
				return m
			}
			m = slices.Clone(m[:len(m)-run.SignatureBytes])
			body := m[headBytes:]
			for i := len(body) / 2; i < len(body); i++ {
				body[i] ^= byte(i) & 0x0f
			}
			return run.Seal(m, r.keys[site])
		})
		if err == nil {
			r.near(t, sum, sites)
			t.Errorf("step %d: a sum of %v came of it", step, sites)
			continue
		}
		wantCode(t, err, fault.SumBroken)
	}
}

// TestWrongShare has a site deal shares of another key than it encrypts with.
func TestWrongShare(t *testing.T) {
	r := newRig(4, 3, 9, 2)
	parties, g := r.start(t)
	other, err := NewParty(r.config, "site-001", r.keys["site-001"], r.values["site-001"])
	if err != nil {
		t.Fatal(err)
	}
	mail := map[string][]byte{}
	for step := range 5 {
		for _, site := range r.config.Sites {
			if step == 4 && mail[site] == nil {
				continue
			}
			if p := parties[site].(*party); step == 2 && site == "site-001" {
				p.key = other.(*party).key
			}
			answer, err := parties[site].Answer(mail[site])
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Add(site, answer); err != nil {
				t.Fatal(err)
			}
		}
		if mail, err = g.Close(); err != nil && step < 4 {
			t.Fatal(err)
		}
	}
	wantCode(t, err, fault.SumBroken)
	_, _, err = g.Sum()
	wantCode(t, err, fault.SumBroken)
}

// TestHubLies has the hub name other sets to some sites: none of them decrypts, then or later.
func TestHubLies(t *testing.T) {
	for name, c := range map[string]func(body []byte){
		"others came":    func(body []byte) { body[0] = 0b01111 },
		"others decrypt": func(body []byte) { body[1] = 0b01011 },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(5, 3, 9, 2)
			_, _, err := r.play(t, func(toHub bool, step int, site string, m []byte) []byte {
				if !toHub && step == 2 && (site == "site-001" || site == "site-000") {
					m = slices.Clone(m)
					c(m[headBytes:])
				}
				return m
			})
			wantCode(t, err, fault.SumBroken)
		})
	}
	// A site that signed one set is offered signatures under another.
	r := newRig(3, 3, 9, 2)
	parties, g := r.start(t)
	mail := map[string][]byte{}
	var err error
	for range 4 {
		for _, site := range r.config.Sites {
			answer, err := parties[site].Answer(mail[site])
			if err != nil || g.Add(site, answer) != nil {
				t.Fatal(err)
			}
		}
		if mail, err = g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	m := slices.Clone(mail["site-000"])
	m[len(m)-1] ^= 1
	_, err = parties["site-000"].Answer(m)
	wantCode(t, err, fault.SumBroken)
	_, err = parties["site-000"].Answer(mail["site-000"]) // one try is all there is
	wantCode(t, err, fault.SumBroken)
	if _, err = parties["site-001"].Answer(mail["site-001"]); err != nil || !secsum.Opened(parties["site-001"]) {
		t.Fatal(err)
	}
	_, err = parties["site-001"].Answer(mail["site-001"]) // and never a second part
	wantCode(t, err, fault.SumBroken)
}

// TestCiphertextLooksRandom: what the hub has of one site is noise to it.
func TestCiphertextLooksRandom(t *testing.T) {
	r := newRig(4, 3, slots, 2)
	r.values["site-002"] = make([]float32, slots) // nothing but zeros
	var cipher []byte
	if _, _, err := r.play(t, func(toHub bool, step int, site string, m []byte) []byte {
		if toHub && step == 2 && site == "site-002" {
			cipher = slices.Clone(m)
		}
		return m
	}); err != nil {
		t.Fatal(err)
	}
	square := func(step int) float64 { // of the low six bytes of every number: the top one is below 2^6
		var bins [256]float64
		body := cipher[headBytes+32 : len(cipher)-run.SignatureBytes]
		n := 0.0
		for i := 0; i+coeffWide <= len(body); i += coeffWide {
			for _, b := range body[i : i+6] {
				bins[b&byte(step)]++
				n++
			}
		}
		sum := 0.0
		for _, x := range bins {
			sum += (x - n/256) * (x - n/256) / (n / 256)
		}
		return sum
	}
	if x := square(0xff); x > 255+7*22.6 {
		t.Errorf("chi-square %.0f", x)
	}
	if x := square(0xfe); x < 10_000 {
		t.Errorf("the control does not fail: chi-square %.0f", x)
	}
}

func TestRefuses(t *testing.T) {
	r := newRig(3, 3, 4, 1)
	_, err := NewParty(r.config, "stranger", r.keys["site-000"], r.values["site-000"])
	wantCode(t, err, fault.Usage)
	_, err = NewParty(r.config, "site-000", r.keys["site-001"], r.values["site-000"])
	wantCode(t, err, fault.Usage)
	_, err = NewParty(r.config, "site-000", r.keys["site-000"], nil)
	wantCode(t, err, fault.Usage)
	_, err = NewParty(r.config, "site-000", r.keys["site-000"], []float32{1, 2, float32(math.NaN()), 4})
	wantCode(t, err, fault.InputNotFinite)
	p, err := NewParty(r.config, "site-000", r.keys["site-000"], []float32{1, 2, -3, 0})
	if err != nil || secsum.Cut(p) != 2 || secsum.Opened(p) {
		t.Fatal(secsum.Cut(p), err)
	}
	r.config.Threshold = 2
	_, err = NewGatherer(r.config)
	wantCode(t, err, fault.Usage)
	// A run with masks and one with ciphertexts never take each other's messages.
	r.config.Threshold = 3
	masks, err := secsum.NewParty(r.config, "site-000", r.keys["site-000"], r.values["site-000"])
	if err != nil {
		t.Fatal(err)
	}
	m, _ := masks.Answer(nil)
	g, _ := NewGatherer(r.config)
	wantCode(t, g.Add("site-000", m), fault.UpdateStale)
}

// FuzzUnpack: what is read is a polynomial with reduced numbers, and is written as it was.
func FuzzUnpack(f *testing.F) {
	frame, err := newFrame(newRig(3, 3, 1, 1).config)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(make([]byte, polyBytes), uint64(0))
	f.Add(make([]byte, polyBytes), uint64(1<<54))
	f.Add([]byte{1}, uint64(3))
	f.Fuzz(func(t *testing.T, b []byte, first uint64) {
		if len(b) >= 8 {
			binary.LittleEndian.PutUint64(b, first)
		}
		p, err := frame.unpack(b)
		if err != nil {
			wantCode(t, err, fault.UpdateRefused)
			return
		}
		if !slices.Equal(frame.pack(nil, p), b) {
			t.Fatal("written differently")
		}
		for l, limb := range p.Coeffs {
			if slices.Max(limb) >= frame.ring.SubRings[l].Modulus {
				t.Fatal("a number that is not reduced")
			}
		}
	})
}

// BenchmarkCKKS runs whole sums in one process and reports the bytes and the time of the site that does most.
func BenchmarkCKKS(b *testing.B) {
	for _, c := range [][2]int{{5, 100_000}, {23, 100_000}} {
		b.Run(fmt.Sprintf("sites=%d/parameters=%d", c[0], c[1]), func(b *testing.B) {
			r := newRig(c[0], secsum.Recommended(c[0]), c[1], 1)
			for b.Loop() {
				r.measure(b)
			}
		})
	}
}

func (r *rig) measure(b *testing.B) {
	parties, g := r.start(b)
	bytes, busy, mail := map[string]int{}, map[string]time.Duration{}, map[string][]byte{}
	var hub time.Duration
	for step := range g.Steps() {
		for _, site := range r.config.Sites {
			if step > 0 && mail[site] == nil {
				continue
			}
			begun := time.Now()
			answer, err := parties[site].Answer(mail[site])
			if err != nil {
				b.Fatal(err)
			}
			busy[site] += time.Since(begun)
			bytes[site] += len(answer) + len(mail[site])
			begun = time.Now()
			if err := g.Add(site, answer); err != nil {
				b.Fatal(err)
			}
			hub += time.Since(begun)
		}
		begun := time.Now()
		var err error
		if mail, err = g.Close(); err != nil {
			b.Fatal(err)
		}
		hub += time.Since(begun)
	}
	sum, sites, err := g.Sum()
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(-math.Log2(r.near(b, sum, sites)), "right-bits")
	most, slowest := 0, time.Duration(0)
	for _, site := range r.config.Sites {
		most, slowest = max(most, bytes[site]), max(slowest, busy[site])
	}
	b.ReportMetric(float64(most), "bytes/site")
	b.ReportMetric(float64(most)/float64(4*r.config.Length), "x-float32")
	b.ReportMetric(hub.Seconds()*1000, "hub-ms")
	b.ReportMetric(slowest.Seconds()*1000, "slowest-site-ms")
}

// A number that is not below its prime is written as the one that it stands for.
func TestPackReduces(t *testing.T) {
	f, err := newFrame(newRig(3, 3, 1, 1).config)
	if err != nil {
		t.Fatal(err)
	}
	p := f.ring.NewPoly()
	for l, limb := range p.Coeffs {
		q := f.ring.SubRings[l].Modulus
		limb[0], limb[1], limb[2] = q, q+1_588_940_728_079, q-1
	}
	got, err := f.unpack(f.pack(nil, p))
	if err != nil {
		t.Fatal(err)
	}
	for l, limb := range got.Coeffs {
		if limb[0] != 0 || limb[1] != 1_588_940_728_079 || limb[2] != f.ring.SubRings[l].Modulus-1 || limb[3] != 0 {
			t.Error(l, limb[:4])
		}
	}
}
