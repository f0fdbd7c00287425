package benchmark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
	"consilium/internal/golden"
	"consilium/ontology"
)

// solvedCase is a case of a disease with causal genes.
func solvedCase(disease string, genes ...string) clinical.Phenotype {
	return clinical.Phenotype{Diagnoses: []clinical.Coded{{ID: disease}}, Genes: genes}
}

func TestGroups(t *testing.T) {
	for name, c := range map[string]struct {
		cases []clinical.Phenotype
		want  string // the same letter for the same group
	}{
		"none":                        {nil, ""},
		"without genes":               {[]clinical.Phenotype{solvedCase("D1"), solvedCase("D2"), solvedCase("D1")}, "aba"},
		"two diseases of a gene":      {[]clinical.Phenotype{solvedCase("D1", "A"), solvedCase("D2", "A"), solvedCase("D3", "B")}, "aab"},
		"two genes of a disease":      {[]clinical.Phenotype{solvedCase("D1", "A"), solvedCase("D1", "B"), solvedCase("D2", "B")}, "aaa"},
		"a chain, its middle last":    {[]clinical.Phenotype{solvedCase("D1", "A"), solvedCase("D3", "B"), solvedCase("D4"), solvedCase("D2", "A", "B")}, "aaba"},
		"a gene that is told once":    {[]clinical.Phenotype{solvedCase("D1", "A"), solvedCase("D1"), solvedCase("D2", "A")}, "aaa"},
		"a gene called as a disease":  {[]clinical.Phenotype{solvedCase("D1", "D2"), solvedCase("D2", "X")}, "ab"},
		"a chain of chains":           {[]clinical.Phenotype{solvedCase("D9", "A"), solvedCase("D1", "B"), solvedCase("D5", "C"), solvedCase("D1", "A"), solvedCase("D9", "C")}, "aaaaa"},
		"no gene shared, same prefix": {[]clinical.Phenotype{solvedCase("D1", "A"), solvedCase("D11", "A1")}, "ab"},
	} {
		letters := map[string]byte{}
		var got []byte
		for _, g := range Groups(c.cases) {
			if letters[g] == 0 {
				letters[g] = byte('a' + len(letters))
			}
			got = append(got, letters[g])
		}
		if string(got) != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// Cases that share a disease or a gene never come into two folds; and groups are no larger than that asks for.
func TestNoGroupIsOnBothSides(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 40).Draw(t, "cases")
		var cases []clinical.Phenotype
		for range n {
			c := solvedCase(fmt.Sprintf("D%d", rapid.IntRange(0, 15).Draw(t, "disease")))
			for range rapid.IntRange(0, 2).Draw(t, "genes") {
				c.Genes = append(c.Genes, fmt.Sprintf("G%d", rapid.IntRange(0, 20).Draw(t, "gene")))
			}
			cases = append(cases, c)
		}
		groups := Groups(cases)
		together := reachable(cases)
		for i := range cases {
			for j := range cases {
				if (groups[i] == groups[j]) != together[i][j] {
					t.Errorf("cases %d and %d: groups %q and %q, together %v", i, j, groups[i], groups[j], together[i][j])
				}
				if together[i][j] && differential.Fold(groups[i], 5) != differential.Fold(groups[j], 5) {
					t.Errorf("cases %d and %d are in two folds", i, j)
				}
			}
		}
	})
}

// reachable tells which cases hang together, by Warshall's algorithm.
func reachable(cases []clinical.Phenotype) [][]bool {
	out := make([][]bool, len(cases))
	for i, a := range cases {
		out[i] = make([]bool, len(cases))
		for j, b := range cases {
			out[i][j] = a.Diagnoses[0].ID == b.Diagnoses[0].ID || slices.ContainsFunc(a.Genes, func(g string) bool { return slices.Contains(b.Genes, g) })
		}
	}
	for k := range out {
		for i := range out {
			for j := range out {
				out[i][j] = out[i][j] || out[i][k] && out[k][j]
			}
		}
	}
	return out
}

// cohort is SYNTHETIC: patients drawn from the diseases of the sample by their
// frequencies, half of the terms of some told more broadly. Every fifth disease
// is called by a name that is not known.
func cohort(base *ontology.Base, n int) []clinical.Phenotype {
	rng := rand.New(rand.NewPCG(5, 5))
	var out []clinical.Phenotype
	for i, d := range base.Diseases {
		for k := range n {
			c := clinical.Phenotype{ID: fmt.Sprintf("%s-%d", d.ID, k), Diagnoses: []clinical.Coded{{ID: d.ID}}, Genes: d.Genes, Synthetic: true}
			if i%5 == 0 {
				c.Diagnoses[0].ID = "UNKNOWN" + d.ID
			}
			for _, a := range d.Annotations {
				had := rng.Float64() < max(a.Frequency.Share, 0.3)
				f := clinical.PhenotypicFeature{Term: base.ID(a.Term), Excluded: !had}
				if a.Aspect != 'P' || a.Excluded || !had && rng.IntN(2) == 0 {
					continue
				}
				if had && rng.IntN(4) == 0 {
					f.Term = base.ID(base.Parents(a.Term)[0])
				}
				c.Features = append(c.Features, f)
			}
			out = append(out, c)
		}
	}
	return out
}

// blank is a model of the sample without weights, as for learning.
func blank(t *testing.T) *differential.Model {
	t.Helper()
	base, err := ontology.Sample()
	if err != nil {
		t.Fatal(err)
	}
	m, err := differential.New(base, differential.Options{Weights: &differential.Weights{}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// rounded drops what a processor may compute otherwise in the last digits.
func rounded(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = rounded(v[k])
		}
	case []any:
		for i := range v {
			v[i] = rounded(v[i])
		}
	case float64:
		return json.Number(fmt.Sprintf("%.4g", v))
	}
	return v
}

func TestReport(t *testing.T) {
	m := blank(t)
	var mu sync.Mutex
	told := map[string]int{}
	o := Options{Folds: 2, Progress: func(what string, _, of int) {
		mu.Lock()
		defer mu.Unlock()
		told[what] = of
	}}
	cases := append(cohort(m.Base(), 3), clinical.Phenotype{ID: "unsolved"})
	r, err := Run(t.Context(), m, cases, o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Milliseconds <= 0 || told["cases"] != len(cases)-1 || told["folds"] != 2 {
		t.Errorf("%g ms, told of %v", r.Milliseconds, told)
	}
	r.Milliseconds = 1
	var text bytes.Buffer
	if err := r.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/report.golden.txt", text.Bytes())
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	indented, err := json.MarshalIndent(rounded(tree), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/report.golden.json", append(indented, '\n'))
	consistent(t, &r)

	again, err := Run(t.Context(), m, cases, Options{Folds: 2})
	again.Milliseconds = 1
	if diff := cmp.Diff(r, again); err != nil || diff != "" {
		t.Error("another run gives another report", err, diff)
	}
	card := NewCard(&r, []string{"sample"}, "SYNTHETIC patients", "none", "go test")
	if len(card.Figures) != 8 || card.Checked.Covered != r.Probability.Covered || card.Disclaimer == "" || card.Split != r.Protocol {
		t.Errorf("card %+v", card)
	}
}

// consistent checks what must hold of every report.
func consistent(t *testing.T, r *Report) {
	t.Helper()
	for _, x := range r.Rows {
		if x.Top1.Value > x.Top3.Value || x.Top3.Value > x.Top10.Value || x.MRR.Value < x.Top1.Value || x.MRR.Value > x.Top1.Value+(1-x.Top1.Value)/2+1e-9 {
			t.Errorf("%s %s %s: %v %v %v %v", x.Ranker, x.Papers, x.Over, x.Top1, x.Top3, x.Top10, x.MRR)
		}
		if share := float64(r.Listed) / float64(r.Cases); x.Over == "all" && x.Top10.Value > share {
			t.Errorf("%s: more are found (%g) than known (%g)", x.Ranker, x.Top10.Value, share)
		}
	}
	said := 0
	for _, s := range r.Probability.Verdicts {
		said += s.Cases
	}
	if len(r.Rows) != 16 || len(r.Gains) != 6 || said != r.Cases || r.Candidates != 48 {
		t.Errorf("%d rows, %d gains, %d verdicts of %d cases, %d candidates", len(r.Rows), len(r.Gains), said, r.Cases, r.Candidates)
	}
}

func TestLearnGivesWeightsThatRank(t *testing.T) {
	m := blank(t)
	w, n, err := Learn(t.Context(), m, cohort(m.Base(), 3), Options{})
	if err != nil || n != 144 {
		t.Fatal(n, err)
	}
	raw, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	read, err := differential.ParseWeights(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, err = differential.New(m.Base(), differential.Options{Weights: &read})
	if err != nil {
		t.Fatal(err)
	}
	first := 0
	known := 0
	for _, c := range cohort(m.Base(), 1) {
		d, err := m.Rank(c, differential.RankOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if d.Truth.Listed {
			known++
			if d.Truth.Rank == 1 {
				first++
			}
		}
	}
	if first < known*2/3 {
		t.Errorf("%d of %d known diseases come first", first, known)
	}
}

func TestWhatCannotBeMeasured(t *testing.T) {
	m := blank(t)
	few := cohort(m.Base(), 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	empty := make([]clinical.Phenotype, 60) // solved, without a single finding
	for i := range empty {
		empty[i] = solvedCase(m.Base().Diseases[i%48].ID)
	}
	oneGene := cohort(m.Base(), 3)
	for i := range oneGene {
		oneGene[i].Genes = []string{"G"}
	}
	for name, c := range map[string]struct {
		ctx   context.Context
		cases []clinical.Phenotype
		o     Options
		code  fault.Code
	}{
		"no cases":              {t.Context(), nil, Options{}, fault.DataUnfit},
		"too few":               {t.Context(), few, Options{}, fault.DataUnfit},
		"unsolved":              {t.Context(), make([]clinical.Phenotype, 100), Options{}, fault.DataUnfit},
		"one group":             {t.Context(), oneGene, Options{}, fault.DataUnfit},
		"one fold":              {t.Context(), cohort(m.Base(), 3), Options{Folds: 1}, fault.Usage},
		"minus one fold":        {t.Context(), cohort(m.Base(), 3), Options{Folds: -1}, fault.Usage},
		"a million folds":       {t.Context(), cohort(m.Base(), 3), Options{Folds: 1e6}, fault.Usage},
		"cases without finding": {t.Context(), empty, Options{Folds: 2}, fault.DataUnfit},
	} {
		if _, err := Run(c.ctx, m, c.cases, c.o); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
	}
	if _, err := Run(ctx, m, cohort(m.Base(), 3), Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, err := Learn(ctx, m, cohort(m.Base(), 3), Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, err := Learn(t.Context(), m, few, Options{}); fault.CodeOf(err) != fault.DataUnfit {
		t.Error(err)
	}
}
