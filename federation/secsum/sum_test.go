package secsum

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"pgregory.net/rapid"

	"consilium/fault"
)

// TestExact loses any sites at any step: the sum is exactly that of the sites whose vectors came, or nothing.
func TestExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(3, 8).Draw(rt, "sites")
		threshold := rapid.IntRange(max(3, n/2+1), n).Draw(rt, "threshold")
		r := newRig(n, threshold, rapid.IntRange(1, 70).Draw(rt, "length"), rapid.Uint64().Draw(rt, "seed"))
		last := map[string]int{} // steps that a site answers
		for _, site := range r.config.Sites {
			last[site] = 5
			if rapid.Bool().Draw(rt, "lost") {
				last[site] = rapid.IntRange(0, 4).Draw(rt, "after")
			}
		}
		left := func(steps int) (out []string) {
			for _, site := range r.config.Sites {
				if last[site] >= steps {
					out = append(out, site)
				}
			}
			return out
		}
		sum, sites, err := r.play(t, tap{toHub: func(step int, site string, m []byte) []byte {
			if step >= last[site] {
				return nil
			}
			return m
		}})
		if len(left(5)) < threshold {
			wantCode(t, err, fault.SumBroken)
			return
		}
		if err != nil {
			rt.Fatalf("%d of %d answered everything, %d are enough: %v", len(left(5)), n, threshold, err)
		}
		if !slices.Equal(sites, left(3)) {
			rt.Fatalf("the sum names %v, the vectors of %v came", sites, left(3))
		}
		r.exact(t, sum, sites)
	})
}

// TestLong crosses the borders of the chunks in which masks are added.
func TestLong(t *testing.T) {
	for _, length := range []int{chunk - 1, chunk, chunk + 1, 3*chunk + 5} {
		r := newRig(5, 3, length, uint64(length))
		sum, sites, err := r.play(t, tap{toHub: func(step int, site string, m []byte) []byte {
			if site == "site-001" && step == 2 || site == "site-003" && step == 3 {
				return nil
			}
			return m
		}})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"site-000", "site-002", "site-003", "site-004"}; !slices.Equal(sites, want) {
			t.Fatalf("sum of %v, want %v", sites, want)
		}
		r.exact(t, sum, sites)
	}
}

// TestTooFew ends at every step in which too few answer, and stays ended.
func TestTooFew(t *testing.T) {
	for lost := range 5 {
		t.Run(Config{}.kind().Steps[lost], func(t *testing.T) {
			r := newRig(5, 4, 3, 1)
			parties, g := r.start(t)
			mail := map[string][]byte{}
			for step := range 5 {
				for i, site := range r.config.Sites {
					if step == lost && i < 2 {
						continue
					}
					answer, err := parties[site].Answer(mail[site])
					if err != nil {
						t.Fatal(err)
					}
					if err := g.Add(site, answer); err != nil {
						t.Fatal(err)
					}
				}
				if step == lost && !slices.Equal(g.Waiting(), r.config.Sites[:2]) {
					t.Fatalf("waiting for %v", g.Waiting())
				}
				var err error
				if mail, err = g.Close(); step < lost {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				wantCode(t, err, fault.SumBroken)
				break
			}
			wantCode(t, g.Add("site-000", nil), fault.SumBroken)
			_, err := g.Close()
			wantCode(t, err, fault.SumBroken)
			_, _, err = g.Sum()
			wantCode(t, err, fault.SumBroken)
			if g.(*gatherer).sum != nil || g.Waiting() != nil {
				t.Fatal("a broken run keeps its sum or waits")
			}
		})
	}
}

// TestTwoRuns makes sure that keys are fresh: the same values masked twice have nothing in common.
func TestTwoRuns(t *testing.T) {
	r := newRig(3, 3, 4096, 1)
	var seen [2][]byte
	for k := range seen {
		_, _, err := r.play(t, tap{toHub: func(step int, site string, m []byte) []byte {
			if step == 2 && site == "site-000" {
				seen[k] = slices.Clone(m)
			}
			return m
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	same := 0
	for i := range seen[0] {
		if seen[0][i] == seen[1][i] {
			same++
		}
	}
	if limit := len(seen[0])/256 + 38 + 150; same > limit { // one in 256 by chance, 38 of the head
		t.Fatalf("%d bytes of %d are the same", same, len(seen[0]))
	}
}

func TestConfig(t *testing.T) {
	for name, spoil := range map[string]func(c *Config){
		"no job":             func(c *Config) { c.Job = "" },
		"round below zero":   func(c *Config) { c.Round = -1 },
		"two sites":          func(c *Config) { c.Sites = c.Sites[:2]; c.Threshold = 2 },
		"threshold of two":   func(c *Config) { c.Sites = c.Sites[:3]; c.Threshold = 2 },
		"threshold of half":  func(c *Config) { c.Sites = append(c.Sites, "x"); c.Threshold = 3 },
		"threshold over all": func(c *Config) { c.Threshold = 6 },
		"site twice":         func(c *Config) { c.Sites[0] = c.Sites[1] },
		"nameless site":      func(c *Config) { c.Sites[0] = "" },
		"no key":             func(c *Config) { delete(c.Keys, c.Sites[0]) },
		"shared key":         func(c *Config) { c.Keys[c.Sites[0]] = c.Keys[c.Sites[1]] },
		"no length":          func(c *Config) { c.Length = 0 },
		"huge length":        func(c *Config) { c.Length = 1 << 28 },
		"no bound":           func(c *Config) { c.Bound = 0 },
		"bound not a number": func(c *Config) { c.Bound = math.NaN() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(5, 3, 4, 1)
			spoil(&r.config)
			_, err := NewGatherer(r.config)
			wantCode(t, err, fault.Usage)
			_, err = NewParty(r.config, r.config.Sites[0], r.keys[r.config.Sites[0]], r.values[r.config.Sites[0]])
			wantCode(t, err, fault.Usage)
		})
	}
}

func TestNewPartyRefuses(t *testing.T) {
	r := newRig(3, 3, 2, 1)
	_, err := NewParty(r.config, "stranger", r.keys["site-000"], make([]float32, 2))
	wantCode(t, err, fault.Usage)
	_, err = NewParty(r.config, "site-000", r.keys["site-001"], make([]float32, 2))
	wantCode(t, err, fault.Usage)
	_, err = NewParty(r.config, "site-000", nil, make([]float32, 2))
	wantCode(t, err, fault.Usage)
	_, err = NewParty(r.config, "site-000", r.keys["site-000"], make([]float32, 3))
	wantCode(t, err, fault.Usage)
}

func TestRecommended(t *testing.T) {
	for n, want := range map[int]int{3: 3, 4: 3, 5: 4, 11: 8, 23: 16, 47: 32, 255: 171} {
		if got := Recommended(n); got != want {
			t.Errorf("%d sites: %d, want %d", n, got, want)
		}
		if r := newRig(n, Recommended(n), 1, 1); n < 50 {
			if _, err := NewGatherer(r.config); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestCutAndOpened are what a site asks its party afterwards.
func TestCutAndOpened(t *testing.T) {
	r := newRig(3, 3, 4, 1)
	for _, site := range r.config.Sites {
		r.values[site] = []float32{0.5, -3, 1, 1.5}
	}
	parties, g := r.start(t)
	mail := map[string][]byte{}
	for step := range 5 {
		for _, site := range r.config.Sites {
			if Opened(parties[site]) {
				t.Fatal("open before the last step")
			}
			answer, err := parties[site].Answer(mail[site])
			if err != nil {
				t.Fatal(step, err)
			}
			if err := g.Add(site, answer); err != nil {
				t.Fatal(err)
			}
		}
		mail, _ = g.Close()
	}
	if got := Cut(parties["site-000"]); got != 2 {
		t.Fatalf("%d values cut, want 2", got)
	}
	if !Opened(parties["site-000"]) {
		t.Fatal("not open after the last step")
	}
	sum, _, err := g.Sum()
	if err != nil || fmt.Sprint(sum) != "[1.5 -3 3 3]" {
		t.Fatalf("%v, %v", sum, err)
	}
	_, err = g.Close()
	wantCode(t, err, fault.SumBroken)
}

// TestAtOnce adds the sites' messages from as many goroutines, twice each: every one counts once.
func TestAtOnce(t *testing.T) {
	r := newRig(6, 4, 3*chunk, 1)
	parties, g := r.start(t)
	mail := map[string][]byte{}
	for range 5 {
		var wait sync.WaitGroup
		var taken atomic.Int32
		for _, site := range r.config.Sites {
			answer, err := parties[site].Answer(mail[site])
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				wait.Go(func() {
					if g.Add(site, answer) == nil {
						taken.Add(1)
					}
					g.Waiting()
				})
			}
		}
		wait.Wait()
		if taken.Load() != 6 {
			t.Fatalf("%d messages were taken", taken.Load())
		}
		var err error
		if mail, err = g.Close(); err != nil {
			t.Fatal(err)
		}
	}
	sum, sites, err := g.Sum()
	if err != nil {
		t.Fatal(err)
	}
	r.exact(t, sum, sites)
}
