package evidence

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// BM25 by hand: three passages of 2, 4 and 6 words, "urat" in two of them.
func TestBM25ByHand(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{Passage: WholeDocuments})
	add(t, ix, Document{ID: "a", Text: "urate crystals"}, Document{ID: "b", Text: "urate urate joint pain"}, Document{ID: "c", Text: "aorta lens eye heart lung bone"})
	found, err := ix.Search(t.Context(), Query{Text: "urate"})
	if err != nil {
		t.Fatal(err)
	}
	idf := math.Log(1 + (3-2+0.5)/(2+0.5))
	bm := func(tf, length float64) float64 {
		return idf * tf * 2.2 / (tf + 1.2*(0.25+0.75*length/4))
	}
	want := map[string]float64{"a": bm(1, 2), "b": bm(2, 4)}
	if len(found.Passages) != 2 || found.Passages[0].Document != "b" {
		t.Fatalf("%+v", found.Passages)
	}
	for _, p := range found.Passages {
		if math.Abs(p.WordScore-want[p.Document]) > 1e-5 {
			t.Errorf("%s has %.6f, by hand %.6f", p.Document, p.WordScore, want[p.Document])
		}
	}
}

func TestTitleCounts(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{})
	add(t, ix, Document{ID: "a", Text: "a joint hurts"}, Document{ID: "b", Title: "Gout", Text: "a joint hurts"})
	if ids := identifiers(t, ix, Query{Text: "gout joint"}); ids[0] != "b" {
		t.Error(ids)
	}
}

// The order of the true products is kept up to what eight bits can tell apart.
func TestVectorsFindTheNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dimensions := rapid.IntRange(1, 70).Draw(t, "dimensions")
		n := rapid.IntRange(1, 60).Draw(t, "vectors")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		unit := func() []float32 {
			v := make([]float32, dimensions)
			norm := 0.0
			for i := range v {
				v[i] = float32(rng.NormFloat64())
				norm += float64(v[i]) * float64(v[i])
			}
			for i := range v {
				v[i] /= float32(math.Sqrt(norm))
			}
			return v
		}
		m := newVectors(dimensions)
		exact := map[uint64]float64{}
		q := unit()
		for i := range n {
			v := unit()
			if err := m.add(number(i), quantise(nil, v)); err != nil {
				t.Fatal(err)
			}
			for k := range v {
				exact[number(i).passage(0)] += float64(q[k]) * float64(v[k])
			}
		}
		k := rapid.IntRange(1, n).Draw(t, "k")
		found, err := m.search(t.Context(), m.quantise(q), k)
		if err != nil || len(found) != k {
			t.Fatalf("%d of %d, %v", len(found), k, err)
		}
		const tolerance = 0.02
		worst := math.Inf(1)
		for _, f := range found {
			if math.Abs(float64(f.score)-exact[f.passage]) > tolerance {
				t.Fatalf("%.4f is given as %.4f", exact[f.passage], f.score)
			}
			worst = min(worst, exact[f.passage])
			delete(exact, f.passage)
		}
		for p, score := range exact {
			if score > worst+2*tolerance {
				t.Fatalf("passage %d with %.4f was left out for %.4f", p, score, worst)
			}
		}
	})
}

func TestDotIsTheSameEverywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := lane * rapid.IntRange(0, MaxDimensions/lane).Draw(t, "lanes")
		q := rapid.SliceOfN(rapid.Int16Range(-queryLevels, queryLevels), n, n).Draw(t, "query")
		row := rapid.SliceOfN(rapid.Int8Range(-127, 127), n, n).Draw(t, "row")
		want := int64(0)
		for i := range q {
			want += int64(q[i]) * int64(row[i])
		}
		if a, b := dot(q, row), dotPortable(q, row); int64(a) != want || int64(b) != want {
			t.Fatalf("%d and %d, want %d", a, b, want)
		}
	})
	q, row := make([]int16, MaxDimensions), make([]int8, MaxDimensions)
	for i := range q {
		q[i], row[i] = -queryLevels, 127
	}
	if got := dot(q, row); int64(got) != -127*queryLevels*MaxDimensions {
		t.Errorf("the largest product overflows: %d", got)
	}
}

func TestTopIsSortingAndCutting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOf(rapid.Float32Range(-2, 2)).Draw(t, "scores")
		k := rapid.IntRange(0, 12).Draw(t, "k")
		best := newTop(k)
		var every []scored
		for i, s := range scores {
			s = float32(math.Round(float64(s))) // ties
			best.add(uint64(i), s)
			every = append(every, scored{uint64(i), s})
		}
		slices.SortFunc(every, func(a, b scored) int {
			return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.passage, b.passage))
		})
		if got := best.sorted(); !slices.Equal(got, every[:min(k, len(every))]) {
			t.Fatalf("%v of %v", got, every)
		}
	})
}

func TestFusion(t *testing.T) {
	words := []scored{{1, 9}, {2, 5}, {3, 4}}
	dense := []scored{{3, 0.9}, {4, 0.8}, {1, 0.1}}
	for _, c := range []struct {
		f    Fusion
		want uint64
	}{{Fusion{Convex, 0}, 1}, {Fusion{Convex, 1}, 3}, {Fusion{ReciprocalRank, 0}, 1}, {Fusion{ReciprocalRank, 1}, 3}, {Fusion{Convex, 0.5}, 3}, {Fusion{ReciprocalRank, 0.5}, 1}} {
		got := c.f.join(union(words, dense))
		if len(got) != 4 || got[0].passage != c.want {
			t.Errorf("%+v: %+v", c.f, got)
		}
	}
	if got := DefaultFusion.join(union(nil, nil)); len(got) != 0 {
		t.Error(got)
	}
	if got := DefaultFusion.join(union(nil, dense)); got[0].passage != 3 || math.IsNaN(got[0].score) {
		t.Error(got)
	}
}

// A candidate of one ranking gets the score it has in the other.
func TestCandidatesHaveBothScores(t *testing.T) {
	ix := testIndex(t, t.TempDir(), Options{Encoder: testEncoder})
	var documents []Document
	for i := range 3 * candidates {
		documents = append(documents, Document{ID: fmt.Sprint(i), Text: fmt.Sprintf("gout number%d %s", i, strings.Repeat("filler ", i%9))})
	}
	add(t, ix, documents...)
	found, err := ix.Search(t.Context(), Query{Text: "gout number7 filler", Top: 2 * candidates})
	if err != nil {
		t.Fatal(err)
	}
	deep, err := ix.Search(t.Context(), Query{Text: "gout number7 filler", Top: MaxTop})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Passage{}
	for _, p := range deep.Passages {
		want[p.Document] = p
	}
	for _, p := range found.Passages {
		if w := want[p.Document]; p.WordScore != w.WordScore || p.Cosine != w.Cosine || p.WordScore == 0 {
			t.Fatalf("%+v, and with all candidates %+v", p, w)
		}
	}
}

func TestSentences(t *testing.T) {
	text := "Dr. A. Smith saw 3.5 cases (see Fig. 2). Was it gout? \"Yes.\" He said so, e.g. in p.Arg12Cys carriers.\n\nSecond part\fPage two vs. page one! end"
	want := []string{"Dr. A. Smith saw 3.5 cases (see Fig. 2).", "Was it gout?", "\"Yes.\"", "He said so, e.g. in p.Arg12Cys carriers.", "Second part", "Page two vs. page one! end"}
	var got []string
	for _, s := range Sentences(text) {
		got = append(got, text[s[0]:s[1]])
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// Nothing is lost, nothing is said twice, nothing is cut within a character.
func FuzzPassages(f *testing.F) {
	f.Add("One. Two! Three? Four", 10)
	f.Add("ä.Ö. ü\n\n\fß "+strings.Repeat("x", 99), 7)
	f.Fuzz(func(t *testing.T, text string, size int) {
		text = strings.ToValidUTF8(text, "?")
		size %= 1000
		for _, spans := range [][][2]int{Sentences(text), passages(text, size)} {
			at := 0
			for _, s := range spans {
				if s[0] < at || s[1] <= s[0] || s[1] > len(text) {
					t.Fatalf("%v in %q", spans, text)
				}
				if strings.TrimSpace(text[at:s[0]]) != "" && strings.Trim(text[at:s[0]], " \n\t\r\f") != "" {
					t.Fatalf("%q is lost between passages", text[at:s[0]])
				}
				if piece := text[s[0]:s[1]]; strings.ToValidUTF8(piece, "") != piece {
					t.Fatalf("%q is cut within a character", piece)
				}
				at = s[1]
			}
			if strings.Trim(text[at:], " \n\t\r\f") != "" {
				t.Fatalf("%q is lost at the end", text[at:])
			}
		}
	})
}

func TestForeign(t *testing.T) {
	for text, want := range map[string]string{
		"The patient has a rare disease of the heart and is treated with a diet.":                              "",
		"Le patient est atteint d'une maladie rare du coeur et il est traité par un régime pour la vie":        "French",
		"Der Patient hat eine seltene Krankheit des Herzens und wird mit einer Diät behandelt, nicht operiert": "German",
		"El paciente tiene una enfermedad rara del corazón y se trata con una dieta para toda la vida":         "Spanish",
		"患者患有罕见的心脏疾病":                   "not in Latin script",
		"ABCA4 ABCC6 ACE ACTA2 ADA APC": "",
		"":                              "",
	} {
		if got := foreign(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// What one look at all vectors costs on one core, 128 dimensions.
func BenchmarkScan(b *testing.B) {
	for _, n := range []int{16_407, 262_144, 1_000_000} {
		b.Run(fmt.Sprintf("vectors=%d", n), func(b *testing.B) {
			rng := rand.New(rand.NewPCG(1, 1))
			m := newVectors(128)
			v := make([]float32, 128)
			for i := range n {
				for k := range v {
					v[k] = rng.Float32() - 0.5
				}
				if err := m.add(number(i), quantise(nil, v)); err != nil {
					b.Fatal(err)
				}
			}
			q := m.quantise(v)
			for b.Loop() {
				if _, err := m.search(b.Context(), q, candidates); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
