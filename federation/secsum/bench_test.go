package secsum

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// BenchmarkSecureSum runs whole sums, all sites and the hub in one process one after the other. Of every 23 sites 5 are
// lost: 3 before their masked vector and 2 after it. It reports what one site sends and gets, how that compares with
// its vector in float32, the time of the hub and of the slowest site, and that of everybody together.
func BenchmarkSecureSum(b *testing.B) {
	for _, sites := range []int{5, 11, 23, 47} {
		b.Run(fmt.Sprintf("sites=%d/parameters=1000000", sites), func(b *testing.B) { measure(b, sites, 1_000_000) })
	}
	for _, length := range []int{10_000, 100_000, 3_000_000} {
		b.Run(fmt.Sprintf("sites=23/parameters=%d", length), func(b *testing.B) { measure(b, 23, length) })
	}
}

func measure(b *testing.B, sites, length int) {
	early, late := (sites*3+11)/23, (sites*2+11)/23
	r := newRig(sites, Recommended(sites), length, 1)
	var hub, total time.Duration
	worst := map[string]time.Duration{}
	bytes := map[string]int{}
	for b.Loop() {
		clear(worst)
		clear(bytes)
		begun := time.Now()
		g, err := NewGatherer(r.config)
		if err != nil {
			b.Fatal(err)
		}
		hub = time.Since(begun)
		parties, mail := map[string]Party{}, map[string][]byte{}
		for step := range g.Steps() {
			for i, site := range r.config.Sites {
				if step >= 2 && i < early || step >= 3 && i < early+late {
					continue
				}
				t := time.Now()
				if step == 0 {
					parties[site] = r.party(b, site)
				}
				answer, err := parties[site].Answer(mail[site])
				if err != nil {
					b.Fatal(err)
				}
				worst[site] += time.Since(t)
				bytes[site] += len(answer) + len(mail[site])
				t = time.Now()
				if err := g.Add(site, answer); err != nil {
					b.Fatal(err)
				}
				hub += time.Since(t)
			}
			t := time.Now()
			if mail, err = g.Close(); err != nil {
				b.Fatal(err)
			}
			hub += time.Since(t)
		}
		total = time.Since(begun)
		sum, in, err := g.Sum()
		if err != nil || len(in) != sites-early {
			b.Fatal(in, err)
		}
		r.exact(b, sum, in)
	}
	most, slowest := 0, time.Duration(0)
	for _, site := range r.config.Sites {
		most, slowest = max(most, bytes[site]), max(slowest, worst[site])
	}
	b.ReportMetric(float64(most), "bytes/site")
	b.ReportMetric(float64(most)/float64(4*length), "x-float32")
	b.ReportMetric(hub.Seconds()*1000, "hub-ms")
	b.ReportMetric(slowest.Seconds()*1000, "slowest-site-ms")
	b.ReportMetric(total.Seconds()*1000, "all-ms")
	b.ReportMetric(float64(early+late), "lost")
}

// TestBytes holds the promise of at most 2.2 times the float32 vector, whatever is lost.
func TestBytes(t *testing.T) {
	r := newRig(23, 16, 20_000, 1)
	bytes := map[string]int{}
	_, sites, err := r.play(t, tap{
		toHub: func(step int, site string, m []byte) []byte {
			bytes[site] += len(m)
			if i := slices.Index(r.config.Sites, site); step == 2 && i < 3 || step == 3 && i < 5 {
				return nil
			}
			return m
		},
		toSite: func(step int, site string, m []byte) []byte {
			bytes[site] += len(m)
			return m
		},
	})
	if err != nil || len(sites) != 20 {
		t.Fatal(sites, err)
	}
	for site, n := range bytes {
		if ratio := float64(n) / 80_000; ratio > 2.2 {
			t.Errorf("%s moved %d bytes, %.2f of its vector", site, n, ratio)
		}
	}
}
