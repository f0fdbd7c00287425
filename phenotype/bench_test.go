package phenotype

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/dataset/settest"
)

// BenchmarkNewExtractor: the names of the full HPO.
func BenchmarkNewExtractor(b *testing.B) {
	x := hpoExtractor(b)
	for b.Loop() {
		if _, err := NewExtractor(x.ontology); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkExtract: the marked sentences as one note, over and over.
func BenchmarkExtract(b *testing.B) {
	x := hpoExtractor(b)
	var note strings.Builder
	for _, part := range []string{"dev", "test"} {
		for _, m := range marked(b, part) {
			note.WriteString(m.Text + "\n")
		}
	}
	b.SetBytes(int64(note.Len()))
	for b.Loop() {
		if _, err := x.Extract(b.Context(), "note", note.String()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead: all published cases that are here.
func BenchmarkRead(b *testing.B) {
	raw, err := os.ReadFile(filepath.Join(settest.Data(b, "phenopackets"), "phenopackets_shared.zip"))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		n := 0
		err := Read(b.Context(), bytes.NewReader(raw), int64(len(raw)), "zip", func(clinical.Phenotype) error { n++; return nil })
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(n*max(b.N, 1)), "µs/case")
	}
}
