package phenotype

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/dataset/settest"
	"consilium/fault"
)

const packet = `{
  "id": "case 1",
  "subject": {"id": "A", "timeAtLastEncounter": {"age": {"iso8601duration": "P1Y5M"}}, "sex": "FEMALE"},
  "phenotypicFeatures": [
    {"type": {"id": "HP:0001250", "label": "Seizure"}, "onset": {"age": {"iso8601duration": "P1Y"}},
     "severity": {"id": "HP:0012828"}, "modifiers": [{"id": "HP:0012835"}, {"id": "HP:0003676"}]},
    {"type": {"id": "HP:0002133"}, "excluded": true},
    {"type": {"id": "HP:0000478"}, "onset": {"ontologyClass": {"id": "HP:0003577"}}},
    {"type": {"label": "no term"}}
  ],
  "interpretations": [{"progressStatus": "SOLVED", "diagnosis": {"disease": {"id": "OMIM:1", "label": "One"},
    "genomicInterpretations": [
      {"interpretationStatus": "CAUSATIVE", "variantInterpretation": {"variationDescriptor": {"geneContext": {"symbol": "ABC1"}}}},
      {"interpretationStatus": "CANDIDATE", "gene": {"symbol": "NOT1"}}]}},
    {"progressStatus": "UNSOLVED", "diagnosis": {"disease": {"id": "OMIM:9"}}}],
  "diseases": [{"term": {"id": "OMIM:1"}, "onset": {"ontologyClass": {"id": "HP:0003593"}}}, {"term": {"id": "OMIM:2"}, "excluded": true}],
  "metaData": {"externalReferences": [{"id": "PMID:1"}], "phenopacketSchemaVersion": "2.0"}
}`

func read(t testing.TB, data []byte) ([]clinical.Phenotype, error) {
	t.Helper()
	var all []clinical.Phenotype
	err := Read(t.Context(), bytes.NewReader(data), int64(len(data)), "in", func(p clinical.Phenotype) error {
		all = append(all, p)
		return nil
	})
	return all, err
}

func one(t *testing.T, text string) clinical.Phenotype {
	t.Helper()
	all, err := read(t, []byte(text))
	if err != nil || len(all) != 1 {
		t.Fatalf("%d profiles, %v", len(all), err)
	}
	return all[0]
}

func TestPhenopacket(t *testing.T) {
	want := clinical.Phenotype{
		ID:      "case 1",
		Patient: clinical.Patient{ID: "A", Sex: "F", Age: "017M"},
		Features: []clinical.PhenotypicFeature{
			{Term: "HP:0001250", Label: "Seizure", Onset: "P1Y", Severity: "HP:0012828", Modifiers: []string{"HP:0003676"}, Laterality: "left", Source: "in"},
			{Term: "HP:0002133", Excluded: true, Source: "in"},
			{Term: "HP:0000478", Onset: "HP:0003577", Source: "in"},
		},
		Onset:      "HP:0003593",
		Diagnoses:  []clinical.Coded{{ID: "OMIM:1", Label: "One"}},
		References: []string{"PMID:1"},
		Genes:      []string{"ABC1"},
		Refusals:   []clinical.Refusal{{Input: "in", Code: "INPUT_MALFORMED", What: "phenotypic feature 4 has no term", Do: "give type.id, such as HP:0001250"}},
	}
	if diff := cmp.Diff(want, one(t, packet)); diff != "" {
		t.Error(diff)
	}
	snake := strings.NewReplacer("phenotypicFeatures", "phenotypic_features", "timeAtLastEncounter", "time_at_last_encounter",
		"ontologyClass", "ontology_class", "genomicInterpretations", "genomic_interpretations", "interpretationStatus", "interpretation_status",
		"variantInterpretation", "variant_interpretation", "variationDescriptor", "variation_descriptor", "geneContext", "gene_context",
		"progressStatus", "progress_status", "metaData", "meta_data", "externalReferences", "external_references").Replace(packet)
	if diff := cmp.Diff(want, one(t, snake)); diff != "" {
		t.Error("snake_case reads otherwise:", diff)
	}
}

func TestFamilyAndCohort(t *testing.T) {
	p := one(t, `{"id":"F","proband":{"id":"p","phenotypicFeatures":[{"type":{"id":"HP:1"}}]},
		"relatives":[{"id":"mother","phenotypicFeatures":[{"type":{"id":"HP:2"}}]}]}`)
	if p.ID != "p" || len(p.Features) != 2 || p.Features[0].Family || !p.Features[1].Family {
		t.Errorf("%+v", p)
	}
	all, err := read(t, []byte(`{"id":"C","members":[{"id":"x","phenotypicFeatures":[]},{"subject":{}}]}`))
	if err != nil || len(all) != 2 || all[0].ID != "x" || all[1].ID != "C member 2" {
		t.Errorf("%+v, %v", all, err)
	}
}

// TestManyInOne: what is wrong with one entry does not stop the others.
func TestManyInOne(t *testing.T) {
	small := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"phenotypicFeatures":[{"type":{"id":"HP:1"}}]}`, id)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write([]byte(small("a") + "\n\n" + small("b")))
	_ = z.Close()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"lines": {[]byte(small("a") + "\n{broken\n" + small("b") + "\n"), "a INPUT_MALFORMED b"},
		"array": {[]byte("[" + small("a") + ",7," + small("b") + "]"), "a INPUT_MALFORMED b"},
		"zip": {archive(t, "1.json", small("a"), "../../etc/passwd", small("b"), "note.txt", "hello", "dir/.DS_Store", "x", "cut.json", small("c")[:20]),
			"a b INPUT_UNKNOWN INPUT_TRUNCATED"},
		"gzip": {packed.Bytes(), "a b"},
	} {
		all, err := read(t, c.data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for _, p := range all {
			if len(p.Refusals) > 0 {
				got = append(got, p.Refusals[0].Code)
			} else {
				got = append(got, p.ID)
			}
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func archive(t testing.TB, namesAndTexts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(namesAndTexts); i += 2 {
		w, err := z.Create(namesAndTexts[i])
		if err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write([]byte(namesAndTexts[i+1]))
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestBadFiles(t *testing.T) {
	deep := strings.Repeat(`{"phenotypicFeatures":[`, 100)
	for name, c := range map[string]struct {
		data string
		code fault.Code
	}{
		"empty":             {"", fault.InputEmpty},
		"blank":             {" \n\t\n", fault.InputEmpty},
		"text":              {"a note", fault.InputUnknown},
		"other JSON":        {`{"a":1}`, fault.InputUnknown},
		"no list":           {`[]`, fault.InputEmpty},
		"cut":               {packet[:300], fault.InputTruncated},
		"broken":            {`{"phenotypicFeatures": nope}`, fault.InputMalformed},
		"number for a list": {`{"phenotypicFeatures": 7}`, fault.InputMalformed},
		"deep":              {deep, fault.InputTooLarge},
		"cut zip":           {string(archive(t, "a", packet))[:200], fault.InputMalformed},
		"empty zip":         {string(archive(t)), fault.InputEmpty},
		"cut gzip":          {"\x1f\x8b\x08", fault.InputMalformed},
		"many nothings":     {`{"phenotypicFeatures":[` + strings.Repeat("{},", 3<<20) + `{}]}`, fault.InputTooLarge},
		"empty cohort":      {`{"members":[]}`, fault.InputEmpty},
	} {
		if _, err := read(t, []byte(c.data)); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if err := ReadFile(t.Context(), filepath.Join(t.TempDir(), "absent"), nil); fault.CodeOf(err) != fault.InputMissing {
		t.Error(err)
	}
	if err := ReadFile(t.Context(), t.TempDir(), nil); fault.CodeOf(err) != fault.InputUnsupported {
		t.Error(err)
	}
}

// TestBomb: an entry that unpacks to much more than any case is not unpacked.
func TestBomb(t *testing.T) {
	data := archive(t, "bomb.json", `{"id":"`+strings.Repeat("a", 8<<20)+`"}`, "good.json", packet)
	all, err := read(t, data)
	if err != nil || len(all) != 2 || all[0].Refusals[0].Code != string(fault.InputTooLarge) || all[1].ID != "case 1" {
		t.Errorf("%d, %v", len(all), err)
	}
}

// TestEmptyLines: a file of nothing but line ends costs no more than its length.
func TestEmptyLines(t *testing.T) {
	if _, err := read(t, bytes.Repeat([]byte("\n"), 4<<20)); fault.CodeOf(err) != fault.InputEmpty {
		t.Error(err)
	}
}

func TestTooManyFindings(t *testing.T) {
	p := one(t, `{"phenotypicFeatures":[`+strings.Repeat(`{"type":{"id":"HP:0000001"}},`, 9_999)+`{"type":{"id":"HP:1"}}]}`)
	if len(p.Features) != MaxFeatures || len(p.Refusals) != 1 || p.Refusals[0].Code != string(fault.InputTooLarge) {
		t.Errorf("%d findings, refusals %v", len(p.Features), p.Refusals)
	}
}

func TestVisitorsErrorEndsReading(t *testing.T) {
	stop := errors.New("enough")
	for _, data := range [][]byte{[]byte(packet), archive(t, "a", packet, "b", packet), []byte("[" + packet + "," + packet + "]")} {
		n := 0
		err := Read(t.Context(), bytes.NewReader(data), int64(len(data)), "in", func(clinical.Phenotype) error { n++; return stop })
		if !errors.Is(err, stop) || n != 1 {
			t.Errorf("%d visits, %v", n, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	data := archive(t, "a", packet)
	if err := Read(ended, bytes.NewReader(data), int64(len(data)), "in", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestRoundTrip: what Phenopacket writes, Read takes back.
func TestRoundTrip(t *testing.T) {
	term := rapid.StringMatching(`HP:[0-9]{7}`)
	rapid.Check(t, func(rt *rapid.T) {
		p := clinical.Phenotype{
			ID:         rapid.String().Draw(rt, "id"),
			Patient:    clinical.Patient{ID: rapid.StringMatching(`[a-z]{0,5}`).Draw(rt, "patient"), Sex: rapid.SampledFrom([]string{"", "M", "F", "O"}).Draw(rt, "sex"), Age: rapid.SampledFrom([]string{"", "004Y", "017M", "003D", "002W", "024Y"}).Draw(rt, "age")},
			References: []string{"PMID:1"},
			Diagnoses:  []clinical.Coded{{ID: "OMIM:1", Label: "One"}},
			Genes:      []string{"ABC1", "DEF2"},
			Onset:      rapid.SampledFrom([]string{"", "HP:0003577", "P3M"}).Draw(rt, "onset"),
			Synthetic:  rapid.Bool().Draw(rt, "synthetic"),
			Features:   []clinical.PhenotypicFeature{},
		}
		p.Patient.Synthetic = p.Synthetic
		for range rapid.IntRange(0, 8).Draw(rt, "n") {
			p.Features = append(p.Features, clinical.PhenotypicFeature{
				Term: term.Draw(rt, "term"), Label: rapid.String().Draw(rt, "label"),
				Excluded: rapid.Bool().Draw(rt, "excluded"), Uncertain: rapid.Bool().Draw(rt, "uncertain"),
				Laterality: rapid.SampledFrom([]string{"", "left", "right", "bilateral", "unilateral"}).Draw(rt, "side"),
				Severity:   rapid.SampledFrom([]string{"", "HP:0012828"}).Draw(rt, "severity"),
				Family:     len(p.Features) > 3, Source: "note.txt",
				Span: &clinical.Span{Start: 3, End: 9, Text: "ataxia"},
			})
		}
		raw, err := Phenopacket(p, "2024-08-13", time.Unix(0, 0))
		if err != nil {
			rt.Fatal(err)
		}
		var back []clinical.Phenotype
		if err := Read(context.Background(), bytes.NewReader(raw), int64(len(raw)), "note.txt", func(q clinical.Phenotype) error { back = append(back, q); return nil }); err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff([]clinical.Phenotype{p}, back); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestAges(t *testing.T) {
	for in, want := range map[string]string{
		"P4Y": "004Y", "P1Y5M": "017M", "P3M": "003M", "P2W": "002W", "P3D": "003D", "P24M": "002Y", "P90Y3M": "090Y", "P": "", "": "", "4 years": "", "P0D": "000D",
	} {
		if got := (&timeElement{Age: &age{in}}).ageString(); got != want {
			t.Errorf("%s is %q, want %q", in, got, want)
		}
	}
}

// TestPublishedCases reads all cases of the phenopacket store that are here.
func TestPublishedCases(t *testing.T) {
	if testing.Short() {
		t.Skip("12 MB of cases")
	}
	path := filepath.Join(settest.Data(t, "phenopackets"), "phenopackets_shared.zip")
	var cases, observed, excluded, genes, references int
	diagnoses := map[string]bool{}
	err := ReadFile(t.Context(), path, func(p clinical.Phenotype) error {
		cases++
		if len(p.Refusals) > 0 || len(p.Diagnoses) != 1 || p.ID == "" {
			t.Errorf("%s: %v %v", p.ID, p.Refusals, p.Diagnoses)
		}
		for _, f := range p.Features {
			if f.Excluded {
				excluded++
			} else {
				observed++
			}
		}
		for _, d := range p.Diagnoses {
			diagnoses[d.ID] = true
		}
		genes, references = genes+min(1, len(p.Genes)), references+min(1, len(p.References))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if cases != 7409 || len(diagnoses) != 545 || observed != 66_804 || excluded != 95_878 || references != cases {
		t.Errorf("%d cases of %d diseases with %d observed and %d excluded findings, %d with references", cases, len(diagnoses), observed, excluded, references)
	}
	t.Logf("%d cases, %d diseases, %.2f observed, %.2f excluded; genes in %d, references in %d", cases, len(diagnoses), float64(observed)/float64(cases), float64(excluded)/float64(cases), genes, references)
}
