//go:build linux

package benchmark

import (
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"consilium/dataset/settest"
	"consilium/evidence"
)

// random gives a text a vector by its hash: what a scan costs does not depend on
// what the vectors mean.
type random struct{}

func (random) Name() string    { return "random@128" }
func (random) Dimensions() int { return 128 }
func (random) Encode(_ context.Context, texts []string, _ bool) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		h := fnv.New64a()
		h.Write([]byte(text))
		rng := rand.New(rand.NewPCG(h.Sum64(), 1))
		out[i] = make([]float32, 128)
		for k := range out[i] {
			out[i][k] = rng.Float32() - 0.5
		}
	}
	return out, nil
}

// copies gives the answers again and again, each copy with a word of its own.
func copies(pairs []Pair, times int) iter.Seq2[evidence.Document, error] {
	return func(yield func(evidence.Document, error) bool) {
		for c := range times {
			for i, p := range pairs {
				if !yield(evidence.Document{ID: fmt.Sprintf("%d-%d", c, i), Text: fmt.Sprintf("%s copy%d", p.Answer, c), Source: p.Source}, nil) {
					return
				}
			}
		}
	}
}

// BenchmarkQuery measures indexing and queries over copies of MedQuAD's answers,
// one passage each: go test ./evidence/benchmark -run - -bench Query -benchtime 1x -cpu 1.
func BenchmarkQuery(b *testing.B) {
	pairs, err := ReadMedQuAD(filepath.Join(settest.Data(b, "medquad"), "medquad.jsonl.gz"))
	if err != nil {
		b.Fatal(err)
	}
	for _, times := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("passages=%d", times*len(pairs)), func(b *testing.B) {
			if testing.Short() && times > 1 {
				b.Skip("minutes")
			}
			dir := b.TempDir()
			start := time.Now()
			ix, err := evidence.Open(b.Context(), dir, evidence.Options{Encoder: random{}, Passage: evidence.WholeDocuments})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := ix.Add(b.Context(), copies(pairs, times), nil); err != nil {
				b.Fatal(err)
			}
			indexed := time.Since(start).Seconds()
			if err := ix.Close(); err != nil {
				b.Fatal(err)
			}
			start = time.Now()
			if ix, err = evidence.Open(b.Context(), dir, evidence.Options{Encoder: random{}, ReadOnly: true}); err != nil {
				b.Fatal(err)
			}
			defer ix.Close()
			opened := time.Since(start).Seconds() * 1000
			places := Sample(pairs, func(Pair) bool { return true }, 1000, 1)
			for b.Loop() {
				for _, mode := range []string{evidence.Words, evidence.Dense, evidence.Fused} {
					times, mean := latencies(b, ix, pairs, places, mode)
					b.ReportMetric(mean, mode+"-cpu-ms")
					b.ReportMetric(times[len(times)/2], mode+"-p50-ms")
					b.ReportMetric(times[len(times)*99/100], mode+"-p99-ms")
				}
			}
			b.ReportMetric(indexed, "index-s")
			b.ReportMetric(opened, "open-ms")
		})
	}
}

// latencies are those of single queries by the clock, in milliseconds, ascending,
// and the mean of the thread's processor time: the clock also tells of other
// programs on the machine, and some kernels count single queries too coarsely.
func latencies(b *testing.B, ix *evidence.Index, pairs []Pair, places []int, mode string) (byClock []float64, mean float64) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := threadTime(b)
	for _, place := range places {
		start := time.Now()
		if _, err := ix.Search(b.Context(), evidence.Query{Text: pairs[place].Question, Mode: mode}); err != nil {
			b.Fatal(err)
		}
		byClock = append(byClock, time.Since(start).Seconds()*1000)
	}
	slices.Sort(byClock)
	return byClock, (threadTime(b) - before).Seconds() * 1000 / float64(len(places))
}

func threadTime(b *testing.B) time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
