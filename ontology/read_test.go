package ontology

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"consilium/internal/golden"
)

var small = []string{"testdata/small_genes.txt", "testdata/small.hpoa", "testdata/small.json"}

// TestReadGolden compares what is read of small hand-written files, in which each
// case of the formats stands once, with a text that was checked by eye.
func TestReadGolden(t *testing.T) {
	b, err := Read(small...)
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/small.golden", describe(b))
}

func describe(b *Base) string {
	var s strings.Builder
	fmt.Fprintf(&s, "version %s, synthetic %v\n", b.Version, b.Synthetic)
	for i := range Index(b.Len()) {
		fmt.Fprintf(&s, "%d %s %q %q depth %d, parents %v, children %v, ancestors %v\n", i, b.ID(i), b.Label(i), b.Definition(i), b.Depth(i), b.Parents(i), b.Children(i), b.Ancestors(i))
		for _, y := range b.Synonyms(i) {
			fmt.Fprintf(&s, "  synonym %+v\n", y)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(b.byID)) {
		r := b.Resolve(id)
		fmt.Fprintf(&s, "%s %s %d %v\n", id, r.Status, r.Term, r.Consider)
	}
	for _, d := range b.Diseases {
		fmt.Fprintf(&s, "%s %q genes %v\n", d.ID, d.Name, d.Genes)
		for _, a := range d.Annotations {
			fmt.Fprintf(&s, "  %d excluded %v, %+v, %v %s, onset %d, sex %q, modifiers %v, aspect %c\n", a.Term, a.Excluded, a.Frequency, a.References, a.Evidence, a.Onset, rune(a.Sex), a.Modifiers, a.Aspect)
		}
	}
	for _, src := range b.Sources {
		fmt.Fprintf(&s, "%s %s version %q skipped %v\n", src.Kind, src.Name, src.Version, src.Skipped)
	}
	return s.String()
}
