package ontology

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"slices"
	"testing"
	"unicode/utf8"

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

func seed(f *testing.F, paths ...string) {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
}

func FuzzOBOGraph(f *testing.F) {
	seed(f, "testdata/small.json", "sample/example.json")
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
	seed(f, "testdata/small.hpoa")
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
		if d := cmp.Diff(b, got, everything); d != "" && utf8.Valid(data) {
			t.Fatal(d)
		}
	})
}

func FuzzGenes(f *testing.F) {
	seed(f, "testdata/small_genes.txt")
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
	sample, err := Sample()
	if err != nil {
		f.Fatal(err)
	}
	tiny, err := Read(small...)
	if err != nil {
		f.Fatal(err)
	}
	for _, b := range []*Base{sample, tiny} {
		f.Add(encode(b), true)
		f.Add(encodeCache(b), false)
	}
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
