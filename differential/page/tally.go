package page

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"consilium/differential"
	"consilium/metric"
)

// Tally counts the answers to many cases.
type Tally struct {
	cases, refused, partial, solved int
	verdicts                        map[differential.Verdict]int
	ids                             []string // of the recorded diagnoses
	listed                          []bool
	ranks                           []int // 0: not found
}

// Summary is what came of many cases.
type Summary struct {
	Cases    int                          `json:"cases"`
	Refused  int                          `json:"refused"` // could not be read; not among Cases
	Partial  int                          `json:"partial"`
	Verdicts map[differential.Verdict]int `json:"verdicts"`
	Solved   int                          `json:"solved"` // with a recorded diagnosis
	Listed   int                          `json:"listed"` // of them, those whose diagnosis is among the diseases compared
	Rows     []SummaryRow                 `json:"rows,omitempty"`
	Note     string                       `json:"note,omitempty"`
}

// SummaryRow is how often the recorded diagnosis came in the first places.
type SummaryRow struct {
	Over  string          `json:"over"` // which cases, and what the mean is taken over
	N     int             `json:"n"`    // cases or diseases
	Top1  metric.Estimate `json:"top1"`
	Top3  metric.Estimate `json:"top3"`
	Top10 metric.Estimate `json:"top10"`
	MRR   metric.Estimate `json:"mrr"` // mean of 1/place
}

const summaryNote = "Intervals: 95%, bootstrap over diseases. The weights that ship were learned on published cases; on those very cases these figures flatter, and `--no-rerank` or a cross-validation (docs/differential.md) tells more."

// Add counts an answer.
func (t *Tally) Add(d differential.Differential) {
	if t.verdicts == nil {
		t.verdicts = map[differential.Verdict]int{}
	}
	t.cases++
	t.verdicts[d.Verdict]++
	if d.Partial {
		t.partial++
	}
	if d.Truth != nil {
		t.solved++
		t.ids, t.listed, t.ranks = append(t.ids, d.Truth.ID), append(t.listed, d.Truth.Listed), append(t.ranks, d.Truth.Rank)
	}
}

// Refuse counts a case that could not be read.
func (t *Tally) Refuse() { t.refused++ }

// Cases is how many were answered.
func (t *Tally) Cases() int { return t.cases }

// Summary sums up. A diagnosis that was not found, or is not listed, counts as a miss.
func (t *Tally) Summary() Summary {
	s := Summary{Cases: t.cases, Refused: t.refused, Partial: t.partial, Verdicts: t.verdicts, Solved: t.solved}
	for _, l := range t.listed {
		if l {
			s.Listed++
		}
	}
	if s.Listed > 0 {
		s.Rows = append(s.Rows, t.rows("diagnosis listed", func(i int) bool { return t.listed[i] })...)
	}
	if s.Solved > s.Listed {
		s.Rows = append(s.Rows, t.rows("all solved", func(int) bool { return true })...)
	}
	if s.Solved > 0 {
		s.Note = summaryNote
	}
	return s
}

func (t *Tally) rows(over string, keep func(int) bool) []SummaryRow {
	var ids []string
	var ranks []int
	for i, id := range t.ids {
		if keep(i) {
			ids, ranks = append(ids, id), append(ranks, t.ranks[i])
		}
	}
	cases := SummaryRow{Over: over + ", mean over cases", N: len(ids)}
	diseases := SummaryRow{Over: over + ", mean over diseases", N: len(slices.Compact(slices.Sorted(slices.Values(ids))))}
	mean := func(of func(rank int) float64) (metric.Estimate, metric.Estimate) {
		values := make([]float64, len(ranks))
		for i, r := range ranks {
			if r > 0 {
				values[i] = of(r)
			}
		}
		return metric.Grouped(values, ids, 1)
	}
	within := func(n int) func(int) float64 {
		return func(rank int) float64 {
			if rank <= n {
				return 1
			}
			return 0
		}
	}
	cases.Top1, diseases.Top1 = mean(within(1))
	cases.Top3, diseases.Top3 = mean(within(3))
	cases.Top10, diseases.Top10 = mean(within(10))
	cases.MRR, diseases.MRR = mean(func(rank int) float64 { return 1 / float64(rank) })
	return []SummaryRow{cases, diseases}
}

// Write prints the summary as a table.
func (s Summary) Write(w io.Writer) {
	fmt.Fprintf(w, "\n%s ranked", plural(s.Cases, "case"))
	if s.Refused > 0 {
		fmt.Fprintf(w, ", %d refused", s.Refused)
	}
	if s.Partial > 0 {
		fmt.Fprintf(w, ", %d in part", s.Partial)
	}
	fmt.Fprintln(w)
	for _, v := range slices.Sorted(maps.Keys(s.Verdicts)) {
		fmt.Fprintf(w, "  %-12s %6d\n", v, s.Verdicts[v])
	}
	if s.Solved == 0 {
		return
	}
	fmt.Fprintf(w, "\n%d with a recorded diagnosis, %d of them among the diseases compared\n\n", s.Solved, s.Listed)
	fmt.Fprintf(w, "%-38s %6s  %-19s %-19s %-19s %s\n", "", "n", "first", "in the first 3", "in the first 10", "MRR")
	for _, r := range s.Rows {
		fmt.Fprintf(w, "%-38s %6d  %s %s %s %s\n", r.Over, r.N, estimate(r.Top1), estimate(r.Top3), estimate(r.Top10), estimate(r.MRR))
	}
	fmt.Fprintf(w, "\n%s\n", s.Note)
}

func estimate(e metric.Estimate) string {
	return fmt.Sprintf("%.3f (%.3f–%.3f)", e.Value, e.Low, e.High)
}
