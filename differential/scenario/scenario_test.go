package scenario

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/differential"
	"consilium/fault"
	"consilium/internal/golden"
	"consilium/ontology"
)

func reader(open func() (*ontology.Base, error)) (*Reader, error) {
	base, err := open()
	if err != nil {
		return nil, err
	}
	m, err := differential.New(base, differential.Options{})
	if err != nil {
		return nil, err
	}
	return NewReader(m), nil
}

var (
	readSample = sync.OnceValues(func() (*Reader, error) { return reader(ontology.Sample) })
	readHPO    = sync.OnceValues(func() (*Reader, error) {
		return reader(func() (*ontology.Base, error) { return ontology.Read(hpoFiles()...) })
	})
)

func hpoFiles() []string {
	dir := os.Getenv("CONSILIUM_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "data")
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "hpo", "*.gz"))
	return paths
}

func sample(t testing.TB) *Reader {
	t.Helper()
	r, err := readSample()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// hpo reads the real ontology, or skips the test.
func hpo(t *testing.T) *Reader {
	t.Helper()
	if len(hpoFiles()) < 3 {
		t.Skip("the Human Phenotype Ontology is not here (CONSILIUM_DATA)")
	}
	if testing.Short() {
		t.Skip("reads 75 MB")
	}
	r, err := readHPO()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const folder = "../../testdata/scenarios"

// TestScenarios runs all scenario files: those of the sample always, the others
// when the real ontology is there.
func TestScenarios(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(folder, "*.scenario"))
	if err != nil || len(paths) < 3 {
		t.Fatal("no scenario files", err)
	}
	for _, needs := range []Needs{NeedsSample, NeedsHPO} {
		t.Run(string(needs), func(t *testing.T) {
			r := sample(t)
			if needs == NeedsHPO {
				r = hpo(t)
			}
			for _, path := range paths {
				text, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				f, err := Parse(filepath.Base(path), text)
				if err != nil {
					t.Fatal(err)
				}
				if f.Needs != needs {
					continue
				}
				run(t, r, filepath.Base(path), text)
			}
		})
	}
}

func run(t *testing.T, r *Reader, name string, text []byte) {
	f, err := r.Read(name, text)
	if err != nil {
		t.Error(err)
		return
	}
	for _, s := range f.Scenarios {
		result, err := r.Run(t.Context(), f, s)
		if err != nil {
			t.Errorf("%s: %s: %v", name, s.Name, err)
		}
		for _, x := range result.Failures {
			t.Errorf("%s:%d: %s\n    %s\n    but %s", name, x.Line, s.Name, x.Text, x.Got)
		}
	}
}

const patientOf = "scenario x\ngiven a patient\n  has Hair loss\n  has Pale patches\n  has Yellow skin\n  has not Fever\n"

// Every expectation can fail, and says what came instead.
func TestExpectationsCanFail(t *testing.T) {
	r := sample(t)
	for line, want := range map[string]string{
		"expect EXAMPLEDISEASE:001 first":                                           "place|not among",
		"expect EXAMPLEDISEASE:007 not in the first 3":                              "it is on place 1",
		"expect EXAMPLEDISEASE:033 above EXAMPLEDISEASE:007":                        "Birch sample disease (invented) is on place 1",
		"expect EXAMPLEDISEASE:007 below 0%":                                        "it has",
		"expect EXAMPLEDISEASE:033 above 90%":                                       "it has",
		"expect unlisted above 100%":                                                "it has",
		"expect unlisted below 0%":                                                  "it has",
		"expect EXAMPLEDISEASE:033 in the set":                                      "the set is",
		`expect "Hair loss" speaks against EXAMPLEDISEASE:007`:                      "log likelihood ratio",
		`expect "Clouded lens" speaks for EXAMPLEDISEASE:007`:                       "did not count",
		`expect "Hair loss" unexplained by EXAMPLEDISEASE:007`:                      "not among what",
		`expect "Clouded lens" missing in EXAMPLEDISEASE:007`:                       "not among what is missing",
		"expect note FINDING_OBSOLETE":                                              "nothing is noted",
		"expect partial":                                                            "not marked as partial",
		"expect 7 findings to count":                                                "3 counted",
		"expect 0 exclusions to count":                                              "1 counted",
		"expect EXAMPLEDISEASE:001 or EXAMPLEDISEASE:002 Apple in the first 1":      "place|not among",
		"then ask nothing":                                                          "something is asked",
		`then ask "Hair loss"`:                                                      "what is asked is",
		`then ask one of "Hair loss", "Fever" in the first 2`:                       "what is asked is",
		"expect none of the known diseases\nexpect one disease\nexpect cannot tell": "the answer is",
	} {
		f, err := r.Read("x", []byte(patientOf+line))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		got, err := r.Run(t.Context(), f, f.Scenarios[0])
		if err != nil {
			t.Fatal(err)
		}
		met := false
		for _, x := range got.Failures {
			for _, w := range strings.Split(want, "|") {
				met = met || strings.Contains(x.Got, w)
			}
		}
		if got.Passed || !met {
			t.Errorf("%s\n  fails with %+v, want %q", line, got.Failures, want)
		}
	}
}

// A note that no line expects fails the scenario.
func TestUnexpectedNotesFail(t *testing.T) {
	r := sample(t)
	f, err := r.Read("x", []byte("scenario x\ngiven a patient\nhas EXAMPLE:0000903\nhas Fever\nexpect 1 finding to count"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := r.Run(t.Context(), f, f.Scenarios[0])
	if err != nil || got.Passed || !strings.Contains(got.Failures[0].Got, "FINDING_OBSOLETE") {
		t.Errorf("%+v %v", got, err)
	}
}

func TestRunStops(t *testing.T) {
	r := sample(t)
	f, err := r.Read("x", []byte(patientOf+"expect partial"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Run(ctx, f, f.Scenarios[0]); err == nil {
		t.Error("a cancelled run went on")
	}
}

// TestMessages holds what people are told about files that cannot be used.
func TestMessages(t *testing.T) {
	bad, err := os.ReadFile(filepath.Join("testdata", "bad.scenarios"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, text := range strings.Split(string(bad), "----\n") {
		_, err := sample(t).Read("bad.scenario", []byte(text))
		if err == nil {
			t.Errorf("this was read:\n%s", text)
			continue
		}
		e := fault.Of(err)
		b.WriteString(text + "=> " + string(e.Code) + ": " + e.What + "\n   what to do: " + e.Do + "\n\n")
	}
	golden.Check(t, "testdata/bad.golden", b.String())
}

func TestPatients(t *testing.T) {
	for given, want := range map[string]Scenario{
		"a male of 12 years, onset in childhood":        {Sex: "M", Age: "P12Y", Onset: "in childhood"},
		"an infant":                                     {},
		"a girl of 3 months old":                        {Sex: "F", Age: "P3M"},
		"woman aged 40 years with an onset at 2 weeks.": {Sex: "F", Age: "P40Y", Onset: "P2W"},
	} {
		f, err := Parse("x", []byte("Scenario: x\nGIVEN "+given+"\nexpect partial"))
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		s := f.Scenarios[0]
		if s.Sex != want.Sex || s.Age != want.Age || s.Onset != want.Onset {
			t.Errorf("%s: %+v", given, s)
		}
	}
}

// Files that need another ontology say so.
func TestFits(t *testing.T) {
	_, err := sample(t).Read("x", []byte("needs HPO\nscenario x\ngiven a patient\nhas Ectopia lentis\nexpect partial"))
	if fault.CodeOf(err) != fault.DataMissing {
		t.Error(err)
	}
}

func TestLimits(t *testing.T) {
	if _, err := Parse("x", make([]byte, MaxFile+1)); fault.CodeOf(err) != fault.InputTooLarge {
		t.Error(err)
	}
	if _, err := Parse("x", []byte("scenario \xff")); fault.CodeOf(err) != fault.InputMalformed {
		t.Error(err)
	}
	many := strings.Repeat("scenario x\nexpect partial\n", maxScenarios+1)
	if _, err := Parse("x", []byte(many)); fault.CodeOf(err) != fault.InputMalformed {
		t.Error(err)
	}
	if _, err := Parse("x", []byte("scenario "+strings.Repeat("x", maxLine))); fault.CodeOf(err) != fault.InputMalformed {
		t.Error(err)
	}
}

// FuzzRead: no text panics, and what parses is within the limits.
func FuzzRead(f *testing.F) {
	paths, _ := filepath.Glob(filepath.Join(folder, "*.scenario"))
	for _, path := range append(paths, filepath.Join("testdata", "bad.scenarios")) {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	r := sample(f)
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("fuzz", text)
		if err != nil {
			if e := fault.Of(err); e.Code == fault.Internal || e.What == "" || e.Do == "" {
				t.Fatalf("no proper error: %v", err)
			}
			return
		}
		if len(file.Scenarios) == 0 || len(file.Scenarios) > maxScenarios {
			t.Fatalf("%d scenarios", len(file.Scenarios))
		}
		file.Needs = NeedsAny
		if file, err = r.Read("fuzz", text); err != nil {
			return
		}
		for _, s := range file.Scenarios[:min(len(file.Scenarios), 3)] {
			if _, err := r.Run(t.Context(), file, s); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// A file of nothing but mistakes costs no more than its length.
func TestManyMistakes(t *testing.T) {
	text := "scenario x\ngiven a patient\n" + strings.Repeat("has Fevr\nexpect Brich first\n", 20_000)
	_, err := sample(t).Read("x", []byte(text))
	if e := fault.Of(err); e.Code != fault.InputMalformed || !strings.Contains(e.What, "40000 lines") || len(e.What) > 5000 {
		t.Error(e)
	}
}

func TestWrite(t *testing.T) {
	var b strings.Builder
	Write(&b, []Result{
		{File: "a.scenario", Name: "Good", Line: 3, Passed: true},
		{File: "a.scenario", Name: "Bad\x1b[2J", Line: 9, Failures: []Failure{{11, "expect OMIM:1 first", "it is on place 2"}}},
	})
	want := "ok      a.scenario:3  Good\nFAILED  a.scenario:9  Bad?[2J\n          line 11: expect OMIM:1 first\n            but it is on place 2\n\n1 of 2 scenarios came out as expected\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}

// Every form of an expectation reads its own example, and not that of another.
func TestForms(t *testing.T) {
	for word, forms := range map[string][]form{"expect": expectForms, "then": thenForms} {
		for _, f := range forms {
			if !strings.HasPrefix(f.example, word+" ") {
				t.Errorf("%q does not begin with %s", f.example, word)
			}
			file, err := Parse("x", []byte("scenario x\ngiven a patient\nexpect OMIM:154700 above 1%\n"+f.example))
			if err != nil {
				t.Errorf("%s: %v", f.example, err)
				continue
			}
			if e := file.Scenarios[0].Expect[1]; e.kind != f.kind || f.code != "" && e.code != f.code {
				t.Errorf("%s was read as %d %q", f.example, e.kind, e.code)
			}
		}
	}
}

// The example of the handbook is one.
func TestDocumentedExample(t *testing.T) {
	text, err := os.ReadFile("../../docs/scenarios.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "```\nscenario ")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("docs/scenarios.md has no example")
	}
	if _, err := Parse("docs/scenarios.md", []byte("scenario "+example)); err != nil {
		t.Error(err)
	}
	if _, err := hpo(t).Read("docs/scenarios.md", []byte("scenario "+example)); err != nil {
		t.Error(err)
	}
}
