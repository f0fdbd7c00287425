package aggregate

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"consilium/federation"
)

// BenchmarkHub is one whole round of FedAvg, from bytes as they come off the wire to the new weights:
//
//	go test -run xxx -bench Hub -benchtime 1x ./federation/aggregate
//
// blocks adds up what is read block by block, as the hub does; decode makes floats of a whole update first; add has
// floats already. Beside time it tells, in sizes of a model (4 bytes a parameter): rule/models, what the rule holds at
// the end of a round; all/models, the highest resident memory of the process beyond an idle one's: with the global
// weights (1), for decode and add the update at hand (1 or 2), and the collector's garbage.
func BenchmarkHub(b *testing.B) {
	for _, way := range []string{"blocks", "decode", "add"} {
		b.Run(way+"/sites=100/parameters=10M", func(b *testing.B) { hub(b, way, 100, 10_000_000) })
	}
}

// BenchmarkHubGrowth shows that time grows with sites and parameters, and memory with parameters only.
func BenchmarkHubGrowth(b *testing.B) {
	for _, sites := range []int{10, 100, 1000} {
		b.Run(fmt.Sprintf("sites=%d/parameters=1M", sites), func(b *testing.B) { hub(b, "blocks", sites, 1_000_000) })
	}
	for _, size := range []int{100_000, 1_000_000, 10_000_000} {
		b.Run(fmt.Sprintf("sites=20/parameters=%d", size), func(b *testing.B) { hub(b, "blocks", 20, size) })
	}
}

// BenchmarkRules is one round of each rule with 20 sites and a million parameters.
func BenchmarkRules(b *testing.B) {
	const sites, size = 20, 1_000_000
	for _, algorithm := range federation.Algorithms() {
		b.Run(algorithm, func(b *testing.B) {
			plan := planFor(algorithm, sites)
			updates := make([]federation.Update, takes(algorithm, sites))
			for i := range updates {
				v := make([]float32, size)
				for j := range v {
					v[j] = float32(math.Sin(float64(i*size + j)))
				}
				updates[i] = update(plan, names(sites)[i], 5+i, v)
			}
			r, global := rule(b, plan, size, sites), make([]float32, size)
			b.SetBytes(int64(4 * size * len(updates)))
			for b.Loop() {
				round(b, r, global, updates)
			}
		})
	}
}

func hub(b *testing.B, way string, sites, size int) {
	plan := planFor(federation.FedAvg, sites)
	start := settle()
	v := make([]float32, size)
	for i := range v {
		v[i] = float32(i%1000-500) * 1e-5
	}
	all := names(sites)
	text, err := federation.Update{Site: "site-00", Samples: 9, Delta: v}.Encode()
	if err != nil {
		b.Fatal(err)
	}
	r := rule(b, plan, size, sites)
	global := slices.Clone(v)
	if way == "add" {
		text = nil
	} else {
		v = nil
	}
	model := float64(4 * size)
	if idle := settle(); way == "blocks" {
		start = idle - int64(model) // the weights are the hub's, the update's bytes are on its disk
	}
	base, held, high := float64(live()), 0.0, resident()
	b.SetBytes(int64(4 * size * sites))
	for b.Loop() {
		if err := r.Begin(global); err != nil {
			b.Fatal(err)
		}
		for i, site := range all {
			if err := take(r, way, text, v, site); err != nil {
				b.Fatal(err)
			}
			if i%8 == 0 {
				high = max(high, resident())
			}
		}
		b.StopTimer()
		runtime.GC()
		held = max(held, float64(live())-base)
		b.StartTimer()
		out, _, err := r.Finish()
		if err != nil || out[1] == 0 {
			b.Fatal(err, out[:2])
		}
		high = max(high, resident())
		global = out
	}
	seconds := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(sites)/seconds, "updates/s")
	b.ReportMetric(held/model, "rule/models")
	b.ReportMetric(float64(high-start)/model, "all/models")
	runtime.KeepAlive(text)
	runtime.KeepAlive(v)
}

// take is what a hub does with one update.
func take(r Rule, way string, text []byte, v []float32, site string) error {
	switch way {
	case "blocks":
		_, err := AddFrom(context.Background(), r, inPieces(text), func(u *federation.Update, _ int) error { u.Site = site; return nil })
		return err
	case "decode":
		u, err := federation.DecodeUpdate(text)
		if err != nil {
			return err
		}
		u.Site = site
		return r.Add(u)
	}
	return r.Add(federation.Update{Site: site, Samples: 9, Delta: v})
}

// inPieces is a body in the blocks of the link, which are not the benchmark's memory to count.
func inPieces(text []byte) federation.Body {
	return federation.Body{Size: int64(len(text)), Blocks: func(_ context.Context, take func([]byte) error) error {
		for part := range slices.Chunk(text, 256<<10) {
			if err := take(part); err != nil {
				return err
			}
		}
		return nil
	}}
}

// settle gives back what is not needed, and tells what is resident then.
func settle() int64 {
	debug.FreeOSMemory()
	return resident()
}

func live() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// resident is the memory of the process, 0 where the system does not tell.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize())
}
