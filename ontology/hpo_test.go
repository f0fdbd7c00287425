package ontology

import (
	"context"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"
)

// TestHPO holds what is known of the real files, counted beforehand without this
// package (README of the data, awk, Python), and that they come through an import.
func TestHPO(t *testing.T) {
	paths := hpo(t)
	if testing.Short() {
		t.Skip("reads 75 MB")
	}
	dir := t.TempDir()
	b, err := Import(context.Background(), dir, nil, paths...)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	again, err := Open(dir)
	if took := time.Since(start); err != nil || took > time.Second {
		t.Errorf("opened in %v: %v", took, err)
	}
	if !reflect.DeepEqual(b, again) { // cmp would take a minute
		t.Error("the cache gives another base")
	}
	if want := "This product uses the Human Phenotype Ontology (hp v2024-08-13, phenotype.hpoa 2023-01-27). Find out more at http://www.human-phenotype-ontology.org"; b.Notice() != want {
		t.Error(b.Notice())
	}
	counts := map[string]int{"with seizures": len(b.Carriers(mustLookup(t, b, "HP:0001250"))), "with an abnormality": len(b.Carriers(b.Abnormality()))}
	for i := range Index(b.Len()) {
		counts["is_a"] += len(b.Parents(i))
		counts["pairs of ancestor and term"] += len(b.Ancestors(i))
		counts["deepest"] = max(counts["deepest"], b.Depth(i))
	}
	for _, d := range b.Diseases {
		prefix, _, _ := strings.Cut(d.ID, ":")
		counts[prefix]++
		if len(d.Genes) > 0 {
			counts["with genes"]++
		}
		for _, a := range d.Annotations {
			counts["aspect "+string(a.Aspect)]++
			count(counts, "male", a.Sex == 'M')
			count(counts, "female", a.Sex == 'F')
			count(counts, "onset", a.Onset != None)
			count(counts, "counted", a.Frequency.Den > 0)
			count(counts, "band", a.Frequency.Band != NoBand)
			count(counts, "modified", len(a.Modifiers) > 0)
		}
	}
	want := map[string]int{
		"OMIM": 8297, "ORPHA": 4262, "DECIPHER": 47, "aspect P": 238471, "aspect I": 8794, "aspect C": 5931, "aspect M": 167,
		"male": 419, "female": 168, "onset": 2835, "counted": 60205, "band": 116474, "modified": 1044, "with genes": 8453,
		"is_a": 23409, "pairs of ancestor and term": 214372, "deepest": 17, "with seizures": 2832, "with an abnormality": 12599,
	}
	for what, n := range want {
		if counts[what] != n {
			t.Errorf("%s: %d, want %d", what, counts[what], n)
		}
	}
	statuses := map[string]int{}
	for r := range maps.Values(b.byID) {
		statuses[r.Status.String()]++
	}
	if want := map[string]int{"active": 18988, "alternative": 3826, "replaced": 5, "obsolete": 60}; !maps.Equal(statuses, want) {
		t.Errorf("identifiers %v, want %v", statuses, want)
	}
}

func mustLookup(t *testing.T, b *Base, id string) Index {
	t.Helper()
	i, ok := b.Lookup(id)
	if !ok {
		t.Fatal("no term", id)
	}
	return i
}

func count(counts map[string]int, what string, yes bool) {
	if yes {
		counts[what]++
	}
}

func BenchmarkReadHPO(b *testing.B) {
	paths := hpo(b)
	for b.Loop() {
		if _, err := Read(paths...); err != nil {
			b.Fatal(err)
		}
	}
}

// real gives the real base, read once for all benchmarks of questions.
func real(b *testing.B) *Base {
	base, err := Read(hpo(b)...)
	if err != nil {
		b.Fatal(err)
	}
	return base
}

func BenchmarkQuestions(b *testing.B) {
	base := real(b)
	seizure, _ := base.Lookup("HP:0001250")
	n := Index(base.Len())
	b.Run("IsAncestor", func(b *testing.B) {
		i := Index(0)
		for b.Loop() {
			i = (i + 7919) % n
			_ = base.IsAncestor(seizure, i)
		}
	})
	b.Run("Ancestors", func(b *testing.B) {
		i := Index(0)
		for b.Loop() {
			i = (i + 7919) % n
			_ = base.Ancestors(i)
		}
	})
	b.Run("Resolve", func(b *testing.B) {
		for b.Loop() {
			_ = base.Resolve("HP:0000057")
		}
	})
	b.Run("InformationContent", func(b *testing.B) {
		for b.Loop() {
			_ = base.InformationContent()
		}
	})
	b.Run("Carriers", func(b *testing.B) {
		for b.Loop() {
			_ = base.Carriers(seizure)
		}
	})
	b.Run("Search", func(b *testing.B) {
		for b.Loop() {
			_ = base.Search("stiff joint", 10)
		}
	})
}
