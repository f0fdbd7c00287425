package evidence

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/fault"
)

// hashing is an encoder for tests: the sum of one fixed random vector a word.
type hashing struct {
	name       string
	dimensions int
}

func (h hashing) Name() string    { return h.name }
func (h hashing) Dimensions() int { return h.dimensions }
func (h hashing) Encode(_ context.Context, texts []string, _ bool) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, text := range texts {
		v := make([]float32, h.dimensions)
		for _, word := range strings.Fields(strings.ToLower(text)) {
			f := fnv.New64a()
			f.Write([]byte(strings.Trim(word, ".,?")))
			rng := rand.New(rand.NewPCG(f.Sum64(), 1))
			for k := range v {
				v[k] += float32(rng.NormFloat64())
			}
		}
		norm := 0.0
		for _, x := range v {
			norm += float64(x) * float64(x)
		}
		for k := range v {
			if norm > 0 {
				v[k] /= float32(math.Sqrt(norm))
			}
		}
		out[i] = v
	}
	return out, nil
}

var testEncoder = hashing{"hashing@1", 40}

func all(documents ...Document) iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
}

var library = []Document{
	{ID: "marfan", Title: "Marfan syndrome", Text: "Marfan syndrome is a disorder of connective tissue. It can cause aortic dilatation. The lens of the eye may be displaced.", Source: "GHR", Year: 2012, URL: "https://example.org/marfan"},
	{ID: "gout", Title: "Gout", Text: "Gout is caused by crystals of urate in a joint. Colchicine treats an attack. Allopurinol lowers urate.", Source: "NIAMS", Year: 2018},
	{ID: "pku", Title: "Phenylketonuria", Text: "Phenylketonuria is inherited in an autosomal recessive pattern. A diet low in phenylalanine prevents damage.", Source: "GHR", Year: 2015, Retracted: true},
}

func testIndex(t testing.TB, dir string, o Options) *Index {
	t.Helper()
	ix, err := Open(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ix.Close() })
	return ix
}

func add(t testing.TB, ix *Index, documents ...Document) Report {
	t.Helper()
	r, err := ix.Add(t.Context(), all(documents...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func identifiers(t testing.TB, ix *Index, q Query) []string {
	t.Helper()
	found, err := ix.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range found.Passages {
		ids = append(ids, p.Document)
	}
	return ids
}

func TestLifeOfDocuments(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{Encoder: testEncoder})
	if r := add(t, ix, library...); r.Added != 3 || r.Refused != 0 {
		t.Fatalf("%+v", r)
	}
	if r := add(t, ix, library...); r.Unchanged != 3 || r.Added+r.Changed != 0 {
		t.Errorf("the same documents again: %+v", r)
	}
	for _, mode := range []string{Words, Dense, Fused} {
		if ids := identifiers(t, ix, Query{Text: "urate crystals", Mode: mode}); len(ids) == 0 || ids[0] != "gout" {
			t.Errorf("%s finds %v", mode, ids)
		}
	}
	changed := library[1]
	changed.Text = "Podagra is an old name for this inflammation of the toe."
	if r := add(t, ix, changed); r.Changed != 1 {
		t.Errorf("changed: %+v", r)
	}
	if ids := identifiers(t, ix, Query{Text: "urate", Mode: Words}); len(ids) != 0 {
		t.Errorf("the old text is still found in %v", ids)
	}
	if ids := identifiers(t, ix, Query{Text: "podagra", Mode: Fused}); ids[0] != "gout" {
		t.Errorf("the new text gives %v", ids)
	}
	removed, absent, err := ix.Delete(t.Context(), []string{"gout", "nobody"}, []string{"GHR", "NoSource"})
	if err != nil || removed != 3 || !cmp.Equal(absent, []string{"nobody", "NoSource"}) {
		t.Errorf("removed %d, absent %v, %v", removed, absent, err)
	}
	if ids := identifiers(t, ix, Query{Text: "podagra syndrome urate", Mode: Fused}); len(ids) != 0 {
		t.Errorf("deleted, and found: %v", ids)
	}
	if s := ix.state; s.Documents != 0 || s.Passages != 0 || s.TextTokens != 0 || s.TitleTokens != 0 {
		t.Errorf("an empty index counts %+v", s)
	}
}

func TestIndexIsKept(t *testing.T) {
	dir := t.TempDir()
	ix := testIndex(t, dir, Options{Encoder: testEncoder})
	add(t, ix, library...)
	before, err := ix.Search(t.Context(), Query{Text: "connective tissue disorder"})
	if err != nil {
		t.Fatal(err)
	}
	if err := ix.Close(); err != nil {
		t.Fatal(err)
	}
	first := testIndex(t, dir, Options{Encoder: testEncoder, ReadOnly: true})
	second := testIndex(t, dir, Options{Encoder: testEncoder, ReadOnly: true}) // readers share
	for _, ix := range []*Index{first, second} {
		after, err := ix.Search(t.Context(), Query{Text: "connective tissue disorder"})
		if err != nil || !cmp.Equal(before, after) {
			t.Errorf("%v\n%s", err, cmp.Diff(before, after))
		}
	}
	if _, err := first.Add(t.Context(), all(library...), nil); fault.CodeOf(err) != fault.Usage {
		t.Errorf("writing to a reader: %v", err)
	}
	if _, err := Open(t.Context(), dir, Options{}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a writer beside readers: %v", err)
	}
}

func TestPassagesCarryTheirSource(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{Passage: 60})
	add(t, ix, library...)
	found, err := ix.Search(t.Context(), Query{Text: "displaced lens of the eye"})
	if err != nil {
		t.Fatal(err)
	}
	p := found.Passages[0]
	if p.Document != "marfan" || p.Source != "GHR" || p.Year != 2012 || p.URL == "" || p.WordRank != 1 {
		t.Errorf("%+v", p)
	}
	if library[0].Text[p.Span.Start:p.Span.End] != p.Span.Text || !strings.Contains(p.Span.Text, "lens") || strings.Contains(p.Span.Text, "connective") {
		t.Errorf("span %+v", p.Span)
	}
}

func TestEncodersAreNotMixed(t *testing.T) {
	dir := t.TempDir()
	ix := testIndex(t, dir, Options{Encoder: testEncoder})
	add(t, ix, library...)
	ix.Close()
	for _, o := range []Options{{Encoder: hashing{"other@1", 40}}, {Encoder: hashing{"hashing@1", 41}}, {Passage: 77}, {Encoder: hashing{"huge", MaxDimensions + 1}}} {
		if _, err := Open(t.Context(), dir, o); fault.CodeOf(err) != fault.Conflict && fault.CodeOf(err) != fault.ModelUnsupported {
			t.Errorf("%+v: %v", o, err)
		}
	}
	bare := testIndex(t, dir, Options{})
	if _, err := bare.Add(t.Context(), all(library...), nil); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("documents without vectors: %v", err)
	}
	found, err := bare.Search(t.Context(), Query{Text: "gout"})
	if err != nil || found.Mode != Words || len(found.Notes) != 1 {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := bare.Search(t.Context(), Query{Text: "gout", Mode: Dense}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("dense without encoder: %v", err)
	}
}

// broken is an encoder that gives what it must not.
type broken struct{ give [][]float32 }

func (b broken) Name() string    { return "broken" }
func (b broken) Dimensions() int { return 2 }
func (b broken) Encode(context.Context, []string, bool) ([][]float32, error) {
	return b.give, nil
}

func TestEncoderIsChecked(t *testing.T) {
	for _, give := range [][][]float32{nil, {{1}}, {{float32(math.NaN()), 0}}, {{1, 0}, {0, 1}}} {
		ix := testIndex(t, t.TempDir(), Options{Encoder: broken{give}})
		if _, err := ix.Add(t.Context(), all(library[0]), nil); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("%v: %v", give, err)
		}
	}
}

func TestRefusedDocumentsDoNotStopTheRest(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{})
	german := strings.Repeat("Die Krankheit wird mit einer Diät behandelt, und der Verlauf ist nicht bei allen gleich. ", 4)
	r := add(t, ix,
		Document{ID: "empty", Text: "  \n"}, Document{ID: "latin1", Text: "Sj\xf6gren syndrome"}, Document{ID: "nul", Text: "a\x00b"},
		Document{ID: "long", Text: strings.Repeat("word ", MaxText/5+1)}, Document{ID: strings.Repeat("x", MaxField+1), Text: "text"},
		Document{ID: "year", Text: "text", Year: 12345}, Document{ID: "german", Text: german}, Document{ID: "cyrillic", Text: "Болезнь лечится диетой"},
		library[0])
	var codes []string
	for _, f := range r.Refusals {
		codes = append(codes, f.Code)
		if f.What == "" || f.Do == "" {
			t.Errorf("%+v says too little", f)
		}
	}
	want := []string{"INPUT_EMPTY", "INPUT_MALFORMED", "INPUT_MALFORMED", "INPUT_TOO_LARGE", "INPUT_TOO_LARGE", "INPUT_MALFORMED", "INPUT_UNSUPPORTED", "INPUT_UNSUPPORTED"}
	if r.Added != 1 || !cmp.Equal(codes, want) {
		t.Errorf("%d added\n%s", r.Added, cmp.Diff(want, codes))
	}
}

func TestSameIdentifierTwiceInOneRun(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{})
	documents := []Document{{ID: "1", Text: "first text"}, {ID: "1", Text: "second text"}, {ID: "1", Text: "first text"}, {Text: "without a name"}}
	if r := add(t, ix, documents...); r.Added != 3 || r.Renamed != 1 || r.Unchanged != 1 {
		t.Errorf("%+v", r)
	}
	if r := add(t, ix, documents...); r.Unchanged != 4 {
		t.Errorf("again: %+v", r)
	}
	if ids := identifiers(t, ix, Query{Text: "second"}); !cmp.Equal(ids, []string{"1#2"}) {
		t.Errorf("%v", ids)
	}
}

func TestBadQuestions(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{})
	add(t, ix, library...)
	for _, c := range []struct {
		q    Query
		want fault.Code
	}{
		{Query{}, fault.InputEmpty}, {Query{Text: "\xff"}, fault.InputMalformed}, {Query{Text: strings.Repeat("a", maxQuery+1)}, fault.InputTooLarge},
		{Query{Text: "a", Top: -1}, fault.Usage}, {Query{Text: "a", Top: MaxTop + 1}, fault.Usage}, {Query{Text: "a", Mode: "best"}, fault.Usage},
		{Query{Text: "a", Fusion: Fusion{"sum", 0}}, fault.Usage}, {Query{Text: "a", Fusion: Fusion{Convex, 2}}, fault.Usage},
	} {
		if _, err := ix.Search(t.Context(), c.q); fault.CodeOf(err) != c.want {
			t.Errorf("%.40v: %v, want %s", c.q, err, c.want)
		}
	}
	for _, nothing := range []string{"the of and", "zzzz", "!?", "Болезнь лечится диетой"} {
		if found, err := ix.Search(t.Context(), Query{Text: nothing}); err != nil || len(found.Passages) != 0 {
			t.Errorf("%q: %+v, %v", nothing, found, err)
		}
	}
}

func TestStopsWhenAsked(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{})
	ctx, cancel := context.WithCancel(t.Context())
	many := func(yield func(Document, error) bool) {
		for i := range 3 * groupDocuments {
			if i == 2*groupDocuments+10 {
				cancel()
			}
			if !yield(Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("text number%d", i)}, nil) {
				return
			}
		}
	}
	if _, err := ix.Add(ctx, many, nil); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	r, err := ix.Add(t.Context(), many, nil)
	if err != nil || r.Unchanged != 2*groupDocuments || r.Added != groupDocuments {
		t.Errorf("it goes on with %+v, %v", r, err)
	}
}

func TestMissingIndex(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	if _, err := Open(t.Context(), dir, Options{ReadOnly: true}); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	if err := Rebuild(t.Context(), dir, nil); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("asking made a folder")
	}
	if name, exists, err := EncoderOf(dir); name != "" || exists || err != nil {
		t.Error(name, exists, err)
	}
}

func TestAnswerQuotesWithSource(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{Encoder: testEncoder})
	add(t, ix, library...)
	a, err := ix.Answer(t.Context(), Query{Text: "Does allopurinol lower urate?"}, 2)
	if err != nil || len(a.Sentences) == 0 {
		t.Fatalf("%+v, %v", a, err)
	}
	for _, s := range a.Sentences {
		d, err := ix.Get(s.Document)
		if err != nil || d.Text[s.Span.Start:s.Span.End] != s.Span.Text || s.Source != d.Source || s.Source == "" {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if got := a.Sentences[0].Span.Text; got != "Allopurinol lowers urate." {
		t.Errorf("best sentence: %q", got)
	}
	judge := func(_ string, sentences []string) (string, map[string]float64, []int) {
		return "yes", nil, []int{len(sentences) - 1}
	}
	p, err := ix.Position(a, judge)
	if err != nil || p.Label != "yes" || p.Document != "gout" || p.Because[0].Span.Text != "Allopurinol lowers urate." {
		t.Errorf("%+v, %v", p, err)
	}
	a, err = ix.Answer(t.Context(), Query{Text: "Do volcanoes whistle loudly?"}, 0)
	if err != nil || len(a.Sentences) != 0 || len(a.Notes) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	if p, err := ix.Position(a, judge); err != nil || p.Label != CannotTell {
		t.Errorf("%+v, %v", p, err)
	}
	a, err = ix.Answer(t.Context(), Query{Text: "Is phenylketonuria inherited in a recessive pattern?"}, 1)
	if err != nil || !slices.ContainsFunc(a.Notes, func(n string) bool { return strings.Contains(n, "retracted") }) {
		t.Errorf("a retracted source is not marked: %+v, %v", a.Notes, err)
	}
}
