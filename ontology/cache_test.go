package ontology

import (
	"path/filepath"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/dataset/settest"
	"consilium/fault"
)

// hpo gives the real files, or skips.
func hpo(t testing.TB) []string {
	dir := settest.Data(t, "hpo")
	return []string{
		filepath.Join(dir, "hp.v2024-08-13.json.gz"),
		filepath.Join(dir, "phenotype.2023-01-27.hpoa.gz"),
		filepath.Join(dir, "genes_to_phenotype.2023-01-27.txt.gz"),
	}
}

var everything = cmp.AllowUnexported(Base{}, Ontology{}, term{})

func TestACacheGivesBackTheBase(t *testing.T) {
	bases := map[string]*Base{}
	var err error
	if bases["sample"], err = Sample(); err != nil {
		t.Fatal(err)
	}
	for name, b := range bases {
		got, err := decodeCache(encodeCache(b), b.Sources)
		if err != nil {
			t.Fatal(name, err)
		}
		if d := cmp.Diff(b, got, everything); d != "" {
			t.Error(name, d)
		}
	}
}

func BenchmarkLoadHPO(b *testing.B) {
	base, err := Read(hpo(b)...)
	if err != nil {
		b.Fatal(err)
	}
	data := encodeCache(base)
	sources := base.Sources
	base = nil
	b.ReportMetric(float64(len(data))/1e6, "MB/file")
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for b.Loop() {
		if base, err = decodeCache(data, sources); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1e6, "MB/base")
	runtime.KeepAlive(base)
}

// A cache whose order of terms is wrong would break every walk upwards.
func TestACacheWithTermsOutOfOrderIsRefused(t *testing.T) {
	for name, parents := range map[string][]Index{"its own parent": {1}, "a later one": {2}, "none": nil} {
		o := &Ontology{terms: []term{{ID: "A"}, {ID: "B", Parents: parents}, {ID: "C", Parents: []Index{0}}}}
		if _, err := decode(encode(&Base{Ontology: o})); fault.CodeOf(err) != fault.StoreCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
}
