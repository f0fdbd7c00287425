package ontology

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"reflect"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/fault"
)

// coded holds that an error has a code of its own.
func coded(t *testing.T, err error) {
	t.Helper()
	if c := fault.CodeOf(err); c == fault.Internal {
		t.Fatalf("no code: %v", err)
	}
}

func FuzzOBOGraph(f *testing.F) {
	f.Add([]byte(graph([]string{"1 A", "2 B"}, []string{"2 1"})))
	f.Add([]byte(`{"graphs":[{"nodes":[{"id":"/T_1","lbl":"A","meta":{"basicPropertyValues":[{"pred":"http://www.geneontology.org/formats/oboInOwl#hasAlternativeId","val":"T:2"}]}},{"id":"/T_3","meta":{"deprecated":true}}]}]}`))
	f.Add([]byte(graph([]string{"1 A", "2 B"}, []string{"1 2", "2 1"})))
	f.Add([]byte(graph([]string{"1 A", "2 B", "3 C"}, []string{"2 1", "3 2", "2 3"})))
	f.Fuzz(func(t *testing.T, data []byte) {
		o, err := readOBOGraph(bytes.NewReader(data))
		if err != nil {
			coded(t, err)
			return
		}
		for i := range Index(o.Len()) {
			if run := o.Ancestors(i); run[0] != 0 || run[len(run)-1] != i || !slices.IsSorted(run) {
				t.Fatalf("ancestors of %d: %v", i, run)
			}
			if r := o.Resolve(o.ID(i)); r.Term != i || r.Status != Active {
				t.Fatalf("%s is %v", o.ID(i), r)
			}
		}
		if i, j := o.Search(o.Label(0), 1), o.Len(); len(i) == 1 && int(i[0]) >= j {
			t.Fatal("found what is not there")
		}
	})
}

func FuzzHPOA(f *testing.F) {
	f.Add([]byte("#date: 2026-02-04\nOMIM:2\tSecond\tNOT\tT:0000010\tPMID:1;PMID:2\tPCS\tT:0000020\t3/4\tMALE\tT:0000012\tP\tx\n"))
	f.Add([]byte(header + hpoaLine("T:0000010")))
	o := smallOntology(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := readHPOA(bytes.NewReader(data), o)
		if err != nil {
			coded(t, err)
			return
		}
		for _, d := range a.diseases {
			for _, x := range d.Annotations {
				if int(x.Term) >= o.Len() || x.Onset < None || !(x.Frequency.Share >= 0 && x.Frequency.Share <= 1) {
					t.Fatalf("%+v", x)
				}
			}
		}
		b := &Base{Ontology: o, Diseases: a.diseases, Synthetic: a.synthetic}
		got, err := decodeCache(encodeCache(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.Diseases, b.Diseases) {
			t.Fatal(cmp.Diff(b.Diseases, got.Diseases))
		}
	})
}

func FuzzGenes(f *testing.F) {
	f.Add([]byte("#Format:\n1\tBBB\tT:1\tPain\t-\t\t-\tx\tOMIM:2\n"))
	f.Add([]byte("ncbi_gene_id\tgene_symbol\thpo_id\thpo_name\tfrequency\tdisease_id\n1\tG\tT:2\tPain\t-\tOMIM:1\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		genes, err := readGenes(bytes.NewReader(data))
		if err != nil {
			coded(t, err)
			return
		}
		for disease, g := range genes {
			if disease == "" || len(g) == 0 || !slices.IsSorted(g) || slices.Contains(g, "") {
				t.Fatalf("%q: %q", disease, g)
			}
		}
	})
}

// FuzzCache gives payloads their right length and checksum, so that the decoder itself is met.
func FuzzCache(f *testing.F) {
	o, err := draft{terms: []term{{ID: "T:1", Label: "A", Synonyms: []Synonym{{Text: "B", Plural: true}}}, {ID: "T:2"}}, above: map[string][]string{"T:2": {"T:1"}}, alias: map[string]alias{"T:3": {consider: []string{"T:2"}}}}.build()
	if err != nil {
		f.Fatal(err)
	}
	counted := Annotation{Term: 1, Frequency: Frequency{Num: 1, Den: 2, Share: 0.5, Known: true}, References: []string{"R"}, Onset: 0, Modifiers: []Index{1}, Sex: 'M', Aspect: 'P'}
	share := Annotation{Term: 1, Frequency: Frequency{Share: 0.2, Known: true}, Onset: None, Excluded: true}
	b := &Base{Ontology: o, Diseases: []Disease{{ID: "D:1", Name: "D", Genes: []string{"G"}, Annotations: []Annotation{counted, share}}}}
	f.Add(encode(b), true)
	f.Add(encodeCache(b), false)
	f.Fuzz(func(t *testing.T, data []byte, whole bool) {
		if whole {
			data = sealed(data)
		}
		b, err := decodeCache(data, nil)
		if err != nil {
			if fault.CodeOf(err) != fault.StoreCorrupt {
				t.Fatal(err)
			}
			return
		}
		again, err := decodeCache(encodeCache(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		if again.Len() != b.Len() || len(again.Diseases) != len(b.Diseases) {
			t.Fatal("another base came back")
		}
		_, _ = b.InformationContent(), b.Carriers(0)
	})
}

func sealed(payload []byte) []byte {
	of := fingerprint(nil)
	out := append([]byte(cacheMagic), 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(out[len(cacheMagic):], cacheVersion)
	out = append(out, of[:]...)
	out = binary.LittleEndian.AppendUint64(out, uint64(len(payload)))
	out = append(out, payload...)
	sum := sha256.Sum256(out)
	return append(out, sum[:]...)
}

func smallOntology(t testing.TB) *Ontology {
	b, err := Read(small...)
	if err != nil {
		t.Fatal(err)
	}
	return b.Ontology
}
