package benchmark

import (
	"math"

	"consilium/clinical"
	"consilium/differential"
	"consilium/metric"
)

// Ways of ranking that a report compares.
const (
	Overlap  = "overlap"    // simGIC alone: the trivial baseline
	Plain    = "likelihood" // likelihood ratios alone
	Reranked = "reranked"
	// Published is re-ranking that may take what was looked for and not found as a hint: it
	// measures how much published cases give away of the diagnosis that their authors knew.
	Published = "published"
)

// Report is what a cross-validation found.
type Report struct {
	Disclaimer   string      `json:"disclaimer"`
	Notice       string      `json:"notice"`
	Synthetic    bool        `json:"synthetic,omitempty"` // the knowledge or a case is invented
	Protocol     string      `json:"protocol"`
	Cases        int         `json:"cases"`
	Listed       int         `json:"listed"`    // cases whose disease is annotated
	Diseases     int         `json:"diseases"`  // of the cases
	Annotated    int         `json:"annotated"` // of them, with annotations
	Own          int         `json:"own"`       // listed cases whose own paper is behind annotations
	Groups       int         `json:"groups"`
	Folds        int         `json:"folds"`
	Candidates   int         `json:"candidates"` // diseases that were ranked
	Rows         []Row       `json:"rows"`
	Gains        []Gain      `json:"gains"`
	Probability  Probability `json:"probability"`
	Milliseconds float64     `json:"milliseconds"` // of looking at a case, on one core
	Seed         uint64      `json:"seed"`
}

// Row is one way of ranking under one condition.
type Row struct {
	Ranker string          `json:"ranker"`
	Papers string          `json:"papers"` // kept or removed: the annotations that rest on the case's own paper
	Over   string          `json:"over"`   // annotated: cases whose disease is known; all: every case, an unknown disease counts as a miss
	Top1   metric.Estimate `json:"top1"`
	Top3   metric.Estimate `json:"top3"`
	Top10  metric.Estimate `json:"top10"`
	MRR    metric.Estimate `json:"mrr"`
	Top1D  metric.Estimate `json:"top1_diseases"` // means over diseases
	Top3D  metric.Estimate `json:"top3_diseases"`
	Top10D metric.Estimate `json:"top10_diseases"`
	MRRD   metric.Estimate `json:"mrr_diseases"`
	Within []float64       `json:"within,omitempty"` // share of cases at rank k or better, k from 1; for annotated cases
}

// reach is how far down Within goes.
const reach = 100

// Gain is a paired difference in top-1, with interval.
type Gain struct {
	Of, Over string
	Papers   string
	Top1     metric.Estimate
	Top1D    metric.Estimate
}

// Probability tells whether the probabilities hold.
type Probability struct {
	Error       float64      `json:"error"`        // expected calibration error of the first's probability, over all cases
	Bins        []metric.Bin `json:"bins"`         // of its reliability diagram
	UnlistedAUC float64      `json:"unlisted_auc"` // how well "not among the known" is told apart
	UnlistedOut float64      `json:"unlisted_error"`
	Set         float64      `json:"set"`      // mean size of the set
	Covered     float64      `json:"covered"`  // share of cases whose set holds the right answer ("unlisted" is right when it is)
	Verdicts    []Said       `json:"verdicts"` // how often each verdict, and how often the first was right then
}

// Said is a verdict with its count.
type Said struct {
	Verdict differential.Verdict `json:"verdict"`
	Cases   int                  `json:"cases"`
	Right   float64              `json:"right"` // for "unlisted": the disease was indeed not known
}

// trial gathers the outcomes of all cases.
type trial struct {
	m       *differential.Model
	all     []differential.Example
	removed map[int]*differential.Example
	outcome map[string][]differential.Outcome // ranker and papers, by case
	overlap map[string][]float64
}

func key(ranker, papers string) string { return ranker + " " + papers }

func (t *trial) judge(i int, rankers map[string]*differential.Ranker) {
	if t.overlap == nil {
		t.overlap = map[string][]float64{}
	}
	for _, papers := range []string{"kept", "removed"} {
		e := &t.all[i]
		if x := t.removed[i]; x != nil && papers == "removed" {
			e = x
		}
		for ranker, r := range rankers {
			k := key(ranker, papers)
			if t.outcome[k] == nil {
				t.outcome[k] = make([]differential.Outcome, len(t.all))
			}
			t.outcome[k][i] = t.m.Try(e, r)
		}
		k := key(Overlap, papers)
		if t.overlap[k] == nil {
			t.overlap[k] = make([]float64, len(t.all))
		}
		t.overlap[k][i] = t.m.Overlap(e)
	}
}

// rank of the recorded disease; 0 for a miss.
func (t *trial) rank(ranker, papers string, i int) float64 {
	if ranker == Overlap {
		return t.overlap[key(ranker, papers)][i]
	}
	return float64(t.outcome[key(ranker, papers)][i].Rank)
}

func (t *trial) report(o Options) Report {
	r := Report{
		Disclaimer: clinical.Disclaimer, Notice: t.m.Base().Notice(), Cases: len(t.all), Folds: o.Folds, Candidates: t.m.Len(), Seed: o.Seed,
		Protocol: "cross-validation by groups of diseases that share a gene; each case is ranked among all annotated diseases with weights learned on other groups; intervals: bootstrap over diseases",
	}
	diseases, annotated, groups := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for i := range t.all {
		e := &t.all[i]
		diseases[e.Disease], groups[e.Group] = true, true
		if e.Listed {
			r.Listed++
			annotated[e.Disease] = true
			if t.removed[i] != nil {
				r.Own++
			}
		}
	}
	r.Diseases, r.Annotated, r.Groups = len(diseases), len(annotated), len(groups)
	for _, over := range []string{"annotated", "all"} {
		for _, papers := range []string{"kept", "removed"} {
			for _, ranker := range []string{Overlap, Plain, Reranked, Published} {
				r.Rows = append(r.Rows, t.row(ranker, papers, over, o.Seed))
			}
		}
	}
	for _, papers := range []string{"kept", "removed"} {
		for _, pair := range [][2]string{{Plain, Overlap}, {Reranked, Plain}, {Published, Reranked}} {
			r.Gains = append(r.Gains, t.gain(pair[0], pair[1], papers, o.Seed))
		}
	}
	r.Probability = t.probability()
	return r
}

// counted tells whether a case belongs to a row. Without its own paper a disease may have no
// annotation left: it is then not annotated.
func (t *trial) counted(i int, papers, over string) bool {
	if over == "all" {
		return true
	}
	if x := t.removed[i]; x != nil && papers == "removed" {
		return x.Listed
	}
	return t.all[i].Listed
}

func (t *trial) row(ranker, papers, over string, seed uint64) Row {
	out := Row{Ranker: ranker, Papers: papers, Over: over}
	var groups []string
	var ranks []float64
	for i := range t.all {
		if t.counted(i, papers, over) {
			groups = append(groups, t.all[i].Disease)
			ranks = append(ranks, t.rank(ranker, papers, i))
		}
	}
	for _, m := range []struct {
		cases, diseases *metric.Estimate
		of              func(float64) float64
	}{
		{&out.Top1, &out.Top1D, top(1)}, {&out.Top3, &out.Top3D, top(3)}, {&out.Top10, &out.Top10D, top(10)},
		{&out.MRR, &out.MRRD, func(r float64) float64 {
			if r == 0 {
				return 0
			}
			return 1 / r
		}},
	} {
		values := make([]float64, len(ranks))
		for i, r := range ranks {
			values[i] = m.of(r)
		}
		*m.cases, *m.diseases = metric.Grouped(values, groups, seed)
	}
	if over == "annotated" {
		out.Within = within(ranks)
	}
	return out
}

// within gives the share of ranks from 1 to k for each k, to four decimals; 0 is a miss.
func within(ranks []float64) []float64 {
	out := make([]float64, reach)
	for k := range out {
		for _, r := range ranks {
			out[k] += top(float64(k + 1))(r)
		}
		out[k] = math.Round(1e4*out[k]/float64(max(len(ranks), 1))) / 1e4
	}
	return out
}

func top(k float64) func(float64) float64 {
	return func(r float64) float64 {
		if r > 0 && r <= k {
			return 1
		}
		return 0
	}
}

func (t *trial) gain(a, b, papers string, seed uint64) Gain {
	out := Gain{Of: a, Over: b, Papers: papers}
	var groups []string
	var values []float64
	for i := range t.all {
		if t.counted(i, papers, "annotated") {
			groups = append(groups, t.all[i].Disease)
			values = append(values, top(1)(t.rank(a, papers, i))-top(1)(t.rank(b, papers, i)))
		}
	}
	out.Top1, out.Top1D = metric.Grouped(values, groups, seed)
	return out
}

// probability checks what is said of the kept annotations, over all cases.
func (t *trial) probability() Probability {
	var out Probability
	n := len(t.all)
	p, came := make([]float64, n), make([]int, n)
	u, gone := make([]float64, n), make([]int, n)
	said := map[differential.Verdict]*Said{}
	for i, x := range t.outcome[key(Reranked, "kept")] {
		p[i], u[i] = x.Probability, x.Unlisted
		if x.Rank == 1 {
			came[i] = 1
		}
		if !t.all[i].Listed {
			gone[i] = 1
		}
		out.Set += float64(x.Set) / float64(n)
		if x.Covered {
			out.Covered += 1 / float64(n)
		}
		s := said[x.Verdict]
		if s == nil {
			s = &Said{Verdict: x.Verdict}
			said[x.Verdict] = s
		}
		s.Cases++
		if x.Verdict == differential.VerdictUnlisted {
			s.Right += float64(gone[i])
		} else {
			s.Right += float64(came[i])
		}
	}
	for _, v := range []differential.Verdict{differential.VerdictLikely, differential.VerdictSeveral, differential.VerdictUnlisted, differential.VerdictUnknown} {
		if s := said[v]; s != nil {
			s.Right /= float64(s.Cases)
			out.Verdicts = append(out.Verdicts, *s)
		}
	}
	out.Bins, out.Error, _ = metric.Reliability(p, came, 10)
	_, out.UnlistedOut, _ = metric.Reliability(u, gone, 10)
	out.UnlistedAUC, _ = metric.AUC(u, gone)
	return out
}
