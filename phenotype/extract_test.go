package phenotype

import (
	"context"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/fault"
	"consilium/ontology"
)

// sampleExtractor reads the built-in sample: its terms are invented, the words
// around them are not.
func sampleExtractor(t testing.TB) *Extractor {
	t.Helper()
	base, err := ontology.Sample()
	if err != nil {
		t.Fatal(err)
	}
	x, err := NewExtractor(base.Ontology)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// brief writes findings as "label says side", in the order of the text.
func brief(p clinical.Phenotype) string {
	var all []string
	for _, f := range p.Features {
		all = append(all, strings.TrimSpace(f.Label+" "+said(f)+" "+f.Laterality))
	}
	return strings.Join(all, "; ")
}

func TestContext(t *testing.T) {
	x := sampleExtractor(t)
	for text, want := range map[string]string{
		// names
		"SEIZURES.":                             "Seizure present",
		"a seizure":                             "Seizure present",
		"seziure":                               "Seizure present",
		"pain of the knee":                      "Knee pain present",
		"loss of memory":                        "Memory loss present",
		"muscle pain and weakness":              "Muscle pain present; Muscle weakness present",
		"The patient is not seized by anything": "",
		// negation
		"No fever.":                                       "Fever absent",
		"No fever, headache or tremor":                    "Fever absent; Headache absent; Tremor absent",
		"No fever but headache":                           "Fever absent; Headache present",
		"No fever, has headache":                          "Fever absent; Headache present",
		"No fever or tremor, headache":                    "Fever absent; Tremor absent; Headache present",
		"Denies fever. Headache.":                         "Fever absent; Headache present",
		"Fever: no. Headache: yes.":                       "Fever absent; Headache present",
		"Fever was not present":                           "Fever absent",
		"Fever, headache and tremor were absent":          "Fever absent; Headache absent; Tremor absent",
		"Tremor present, fever absent":                    "Tremor present; Fever absent",
		"Neither fever nor headache":                      "Fever absent; Headache absent",
		"Not only fever but also headache":                "Fever present; Headache present",
		"No further seizures":                             "Seizure present",
		"No fever was noted, tremor since May":            "Fever absent; Tremor present",
		"No fever was noted and tremor is mild":           "Fever absent; Tremor present",
		"No change in the tremor":                         "Tremor present",
		"ROS: - fever, - headache, + tremor":              "Fever absent; Headache absent; Tremor present",
		"- fever\n- headache":                             "Fever present; Headache present",
		"Pertinent negatives:\nfever\nheadache\n\nTremor": "Fever absent; Headache absent; Tremor present",
		// doubt
		"Possible fever, headache":    "Fever uncertain; Headache present",
		"?seizure ?tremor":            "Seizure uncertain; Tremor uncertain",
		"Seizures?":                   "Seizure uncertain",
		"Seizure cannot be excluded":  "Seizure uncertain",
		"Rule out seizures":           "Seizure uncertain",
		"Seizures were ruled out":     "Seizure absent",
		"No fever, possible headache": "Fever absent; Headache uncertain",
		"Differential diagnosis:\ntremor\n\nExamination: fever": "Tremor uncertain; Fever present",
		// relatives
		"Mother has headache and tremor":                           "Headache family; Tremor family",
		"Mother has headache; tremor since birth":                  "Headache family; Tremor present",
		"Her brother has seizures, she has tremor":                 "Seizure family; Tremor present",
		"Mother reports seizures":                                  "Seizure present",
		"The mother of the boy noticed a tremor":                   "Tremor present",
		"Seizures in his brother":                                  "Seizure family",
		"No family history of seizures":                            "Seizure family, absent",
		"Family history:\nseizures, tremor\n\nExamination:\nfever": "Seizure family; Tremor family; Fever present",
		// no findings
		"Return if fever or seizures": "",
		"At risk of seizures":         "",
		"Plan:\nmonitor for fever":    "",
		"Fever. Return if headache":   "Fever present",
		// sides
		"Left knee pain":                               "Knee pain present left",
		"Knee pain on the right":                       "Knee pain present right",
		"Knee pain, bilateral":                         "Knee pain present bilateral",
		"Knee pain and fever, both sides":              "Knee pain present bilateral; Fever present bilateral",
		"R: knee pain. He left the ward with headache": "Knee pain present; Headache present",
	} {
		p, err := x.Extract(t.Context(), "note", text)
		if err != nil {
			t.Fatal(err)
		}
		if got := brief(p); got != want {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestSeverityAndSpan(t *testing.T) {
	p, err := sampleExtractor(t).Extract(t.Context(), "note.txt", "Größe und Gewicht, size and weight, are normal; SEVERE progressive\nheadache.")
	if err != nil || len(p.Features) != 1 {
		t.Fatalf("%+v, %v", p, err)
	}
	f := p.Features[0]
	if f.Severity != "HP:0012828" || len(f.Modifiers) != 1 || f.Modifiers[0] != "HP:0003676" || f.Source != "note.txt" {
		t.Errorf("%+v", f)
	}
	if f.Span.Start != 69 || f.Span.Text != "headache" {
		t.Errorf("%+v", *f.Span)
	}
}

func TestBadText(t *testing.T) {
	x := sampleExtractor(t)
	for text, code := range map[string]fault.Code{
		"": fault.InputEmpty, " \n": fault.InputEmpty, "PK\x00": fault.InputUnsupported, strings.Repeat("a", MaxText+1): fault.InputTooLarge,
	} {
		if _, err := x.Extract(t.Context(), "in", text); fault.CodeOf(err) != code {
			t.Errorf("%.10q: %v, want %s", text, err, code)
		}
	}
	p, err := x.Extract(t.Context(), "in", "fi\xe8vre \xff fever")
	if err != nil || brief(p) != "Fever present" || len(p.Refusals) != 1 || p.Refusals[0].Code != string(fault.InputMalformed) || p.Features[0].Span.Start != 9 {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = x.Extract(t.Context(), "in", strings.Repeat("fever.\n", 2*MaxFeatures))
	if err != nil || len(p.Features) != MaxFeatures || len(p.Refusals) != 1 || p.Refusals[0].Code != string(fault.InputTooLarge) {
		t.Errorf("%d, %v, %v", len(p.Features), p.Refusals, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := x.Extract(ended, "in", "fever"); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestMerge(t *testing.T) {
	x := sampleExtractor(t)
	p, err := x.Extract(t.Context(), "in", "No seizures today. Possible seizures. Left knee pain. Right knee pain. Seizures since birth. No tremor. Mother has no tremor.")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := brief(Merge(p)), "Seizure present; Knee pain present bilateral; Tremor absent; Tremor family, absent"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestAnyText: whatever the text, spans lie in it in order and hold what they say.
func TestAnyText(t *testing.T) {
	x := sampleExtractor(t)
	piece := rapid.SampledFrom([]string{"fever", "Seizures", "no", "left", "mother", ",", ".", ";", "\n", "\n\n", " ", "-", "?", ":", "(", ")", "and", "or", "if", "knee", "pain", "possible", "was", "absent", "é", "\xff", "12", "w/o", "'s"})
	rapid.Check(t, func(rt *rapid.T) {
		sound(rt, x, strings.Join(rapid.SliceOfN(piece, 0, 40).Draw(rt, "pieces"), rapid.SampledFrom([]string{"", " "}).Draw(rt, "glue")))
	})
}

func sound(t interface{ Fatalf(string, ...any) }, x *Extractor, text string) {
	p, err := x.Extract(context.Background(), "in", text)
	if err != nil {
		if fault.CodeOf(err) == fault.Internal {
			t.Fatalf("%v", err)
		}
		return
	}
	at := 0
	for _, f := range p.Features {
		s := f.Span
		if s.Start < at || s.End <= s.Start || s.End > len(text) || text[s.Start:s.End] != s.Text {
			t.Fatalf("span %+v in %q", *s, text)
		}
		if f.Excluded && f.Uncertain || f.Term == "" || f.Label == "" {
			t.Fatalf("%+v", f)
		}
		at = s.End
	}
	if !utf8.ValidString(text) != (len(p.Refusals) > 0) {
		t.Fatalf("refusals %v of %q", p.Refusals, text)
	}
	var out strings.Builder
	WriteTable(&out, text, p)
	Highlight(&out, text, p)
}

func FuzzExtract(f *testing.F) {
	x := sampleExtractor(f)
	for _, seed := range []string{
		"No fever, headache or tremor; seizures in his brother.", "Family history:\nseizures\n\nExam: ?fever (left knee pain)", "ROS: - fever, + cough\r\n", "\xff\xfe f", "w/o", "a-b-c'’s -", "(((:::???",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) { sound(t, x, text) })
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(packet))
	f.Add([]byte(packet[:200]))
	f.Add([]byte(`{"proband":{"phenotypic_features":[{"type":{"id":"HP:1"}}]},"relatives":[{}]}`))
	f.Add([]byte(`{"members":[{"subject":{"timeAtLastEncounter":{"gestationalAge":{"weeks":3}}}}]}`))
	f.Add([]byte("{\"diseases\":[]}\n{\"diseases\":1}\n"))
	f.Add([]byte("[{\"diseases\":[]},7]"))
	f.Add([]byte(bundle(`{"resourceType":"Condition","bodySite":[{}],"onsetAge":{"value":3,"code":"a"},"code":{"coding":[{"code":"HP:0000001"}]}}`)))
	f.Add(archive(f, "a.json", packet, "../b", "{"))
	f.Add([]byte("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"))
	f.Add([]byte("\xef\xbb\xbf{\"a\\\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		all, err := read(t, data)
		if fault.CodeOf(err) == fault.Internal {
			t.Fatal(err)
		}
		for _, p := range all {
			if len(p.Features) > MaxFeatures {
				t.Fatalf("%d findings", len(p.Features))
			}
		}
	})
}
