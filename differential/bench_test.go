//go:build unix

package differential

import (
	"cmp"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"testing"

	"consilium/clinical"
	"consilium/dataset/settest"
	"consilium/ontology"
	"consilium/phenotype"
)

// The benchmarks measure one core: what a case costs, not how many cores there are.
//
//	go test ./differential -run '^$' -bench Rank
//
// A made-up case takes findings from a disease's own annotations and exclusions
// from all terms, so that postings, profiles and terms are those of real use.

var readHPO = sync.OnceValues(func() (*ontology.Base, error) {
	paths, err := filepath.Glob(filepath.Join(hpoFolder, "*.gz"))
	if err != nil {
		return nil, err
	}
	return ontology.Read(paths...)
})

var hpoFolder string

// hpo reads the real ontology once, or skips.
func hpo(t testing.TB) *ontology.Base {
	t.Helper()
	hpoFolder = settest.Data(t, "hpo")
	b, err := readHPO()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func oneCore(b *testing.B) {
	before := runtime.GOMAXPROCS(1)
	b.Cleanup(func() { runtime.GOMAXPROCS(before) })
}

func rankAll(b *testing.B, m *Model, cases []clinical.Phenotype) {
	b.Helper()
	oneCore(b)
	b.ReportAllocs()
	i := 0
	start := processor(b)
	for b.Loop() {
		if _, err := m.Rank(cases[i%len(cases)], RankOptions{}); err != nil {
			b.Fatal(err)
		}
		i++
	}
	perCase(b, start)
	b.ReportMetric(float64(m.Len()), "diseases")
}

// BenchmarkRank is the cost of a case of 10 observed and 10 excluded findings,
// against the number of diseases. Twice the number are copies of each.
func BenchmarkRank(b *testing.B) {
	base := hpo(b)
	for _, size := range []struct {
		name     string
		num, den int
	}{{"diseases=1:8", 1, 8}, {"diseases=1:4", 1, 4}, {"diseases=1:2", 1, 2}, {"diseases=all", 1, 1}, {"diseases=x2", 2, 1}} {
		part := *base
		part.Diseases = nil
		for i, d := range base.Diseases {
			if i%size.den == 0 {
				part.Diseases = append(part.Diseases, d)
			}
			if size.num == 2 {
				d.ID += "copy"
				part.Diseases = append(part.Diseases, d)
			}
		}
		m := newModel(b, &part)
		cases := patients(m, 200, 10, 10)
		b.Run(size.name, func(b *testing.B) { rankAll(b, m, cases) })
	}
}

// BenchmarkRankFindings is the cost against the number of observed findings, among all diseases.
func BenchmarkRankFindings(b *testing.B) {
	m := newModel(b, hpo(b))
	for _, n := range []int{1, 5, 10, 20, 50, 100} {
		cases := patients(m, 200, n, 0)
		b.Run(fmt.Sprintf("findings=%d", n), func(b *testing.B) { rankAll(b, m, cases) })
	}
}

// BenchmarkRankPublished is the cost of an average published case.
func BenchmarkRankPublished(b *testing.B) {
	m := newModel(b, hpo(b))
	cases := published(b, 400)
	b.Run("rank", func(b *testing.B) { rankAll(b, m, cases) })
	b.Run("look", func(b *testing.B) { // as `consilium differential eval` does
		oneCore(b)
		i := 0
		start := processor(b)
		for b.Loop() {
			_ = m.Example(cases[i%len(cases)], "", nil)
			i++
		}
		perCase(b, start)
	})
}

// BenchmarkAsk is the cost of the next questions.
func BenchmarkAsk(b *testing.B) {
	m := newModel(b, hpo(b))
	cases := patients(m, 200, 10, 10)
	oneCore(b)
	i := 0
	start := processor(b)
	for b.Loop() {
		if _, err := m.Ask(cases[i%len(cases)], 5); err != nil {
			b.Fatal(err)
		}
		i++
	}
	perCase(b, start)
}

// BenchmarkNew is the time and the memory of a model of all of HPO, beside those of its base.
func BenchmarkNew(b *testing.B) {
	base := hpo(b)
	oneCore(b)
	before := heap()
	var m *Model
	for b.Loop() {
		m = newModel(b, base)
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "heap-MiB")
	runtime.KeepAlive(m)
}

// heap is what is in use after collecting garbage, in bytes.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// published gives every k-th published case, about n of them, always the same.
func published(t testing.TB, n int) []clinical.Phenotype {
	t.Helper()
	path := filepath.Join(settest.Data(t, "phenopackets"), "phenopackets_shared.zip")
	var all []clinical.Phenotype
	err := phenotype.ReadFile(t.Context(), path, func(p clinical.Phenotype) error {
		all = append(all, p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortStableFunc(all, func(a, b clinical.Phenotype) int { return cmp.Compare(a.ID, b.ID) })
	var out []clinical.Phenotype
	for i := 0; i < len(all); i += max(1, len(all)/n) {
		out = append(out, all[i])
	}
	return out
}
