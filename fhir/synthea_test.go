package fhir

import (
	"archive/zip"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/dataset/settest"
	"consilium/store"
)

// Every resource of the Synthea bundles (synthetic patients) comes back as it
// went in: each number, each field, also those of types that nothing here uses.
func TestSyntheaRoundTrip(t *testing.T) {
	z, err := zip.OpenReader(filepath.Join(settest.Data(t, "fhir"), "synthea_r4_bundles.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := z.File
	if testing.Short() {
		files = files[:5]
	}
	s := newSite(t)
	counts, bundles := map[string]int{}, 0
	var sample []any
	for _, f := range files {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(r)
		r.Close()
		if err != nil {
			t.Fatal(err)
		}
		response, written, err := Import(t.Context(), s.c, "test", raw)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		bundles++
		for kind, n := range written {
			counts[kind] += n
		}
		sample = append(sample, compare(t, s, raw, response)...)
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	t.Logf("%d bundles, %d resources: %v", bundles, total, counts)
	if !testing.Short() && total != 7424 {
		t.Errorf("%d resources instead of 7424", total)
	}
	if got := s.total("/Patient?_summary=count"); got != counts["Patient"] {
		t.Errorf("%d patients are found", got)
	}
	validate(t, sample...)
}

// compare reads each resource of a bundle back. It gives the first one.
func compare(t *testing.T, s *site, raw, response []byte) []any {
	t.Helper()
	bundle, err := decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := decode(response)
	if err != nil {
		t.Fatal(err)
	}
	locations := pick(answer, "entry", "response", "location")
	address := map[string]string{} // where each went: some bundles repeat the ids of others
	for i, e := range pick(bundle, "entry") {
		kind, id := split(locations[i].(string))
		address[text(e.(map[string]any)["fullUrl"])] = kind + "/" + id
	}
	var sample []any
	for i, v := range pick(bundle, "entry", "resource") {
		want := Resource(v.(map[string]any))
		_, want["id"] = split(locations[i].(string))
		f, err := s.store.FHIR(t.Context(), store.Care, want.Kind(), want.ID())
		if err != nil {
			t.Fatal(err)
		}
		got, err := decode(f.Body)
		if err != nil {
			t.Fatal(err)
		}
		if len(sample) == 0 {
			sample = append(sample, maps.Clone(got))
		}
		err = references(want, func(ref string) (string, error) {
			if a, ok := address[ref]; ok {
				return a, nil
			}
			return ref, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		meta := got["meta"].(map[string]any) // what the server adds
		delete(meta, "versionId")
		delete(meta, "lastUpdated")
		if _, had := want["meta"]; !had && len(meta) == 0 {
			delete(got, "meta")
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s/%s came back changed:\n%s", want.Kind(), want.ID(), d)
		}
		if f.Patient == "" && !strings.Contains("Organization Practitioner", want.Kind()) {
			t.Fatalf("%s/%s is of nobody", want.Kind(), want.ID())
		}
	}
	return sample
}
