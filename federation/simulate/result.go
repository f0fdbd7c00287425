package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/federation"
	"consilium/federation/page"
	"consilium/metric"
)

// Result is what came out: the page's table, and what is special to a federation.
type Result struct {
	page.Simulation
	Measure     string       `json:"measure"`
	Rare        string       `json:"rare,omitempty"` // the class whose recall is told
	Details     []Detail     `json:"details"`
	Differences []Difference `json:"differences"`
	Disclaimer  string       `json:"disclaimer"`
}

// Detail is what the page's table has no room for, one an arm.
type Detail struct {
	Arm     string         `json:"arm"`
	Kind    string         `json:"kind"`
	Runs    int            `json:"runs"`
	Recall  *page.Estimate `json:"recall,omitempty"` // of the rare class
	Worst   *page.Estimate `json:"worst,omitempty"`  // site of each seed, by Measure
	Sites   []SiteDetail   `json:"sites,omitempty"`  // where each has test examples of its own
	Steps   int            `json:"steps"`            // gradients in a run, mean over seeds
	Epsilon float64        `json:"epsilon,omitempty"`
	Kept    float64        `json:"kept,omitempty"` // sites that keep their own model, mean over seeds
	Left    float64        `json:"left,omitempty"` // poisoned updates left out in a run, mean over seeds
	Wrong   float64        `json:"wrong,omitempty"`
	Failed  []string       `json:"failed,omitempty"`
}

// SiteDetail is an arm at a site.
type SiteDetail struct {
	Site     string        `json:"site"`
	N        int           `json:"n"`
	Accuracy page.Estimate `json:"accuracy"`
	MacroF1  page.Estimate `json:"macro_f1"`
}

// Difference is arm A minus arm B, paired by seed.
type Difference struct {
	A    string    `json:"a"`
	B    string    `json:"b"`
	Mean float64   `json:"mean"`
	Low  *float64  `json:"low"` // 95% interval, Student's t over seeds; nil with one seed
	High *float64  `json:"high"`
	Each []float64 `json:"each"`
}

func (t *tally) result() Result {
	e := t.e
	r := Result{Measure: e.Measure, Disclaimer: clinical.Disclaimer, Simulation: page.Simulation{Title: e.Title, Command: e.Command, Data: e.Data, Synthetic: t.info.Synthetic,
		Partition: t.partition, Sites: t.names, Curve: "Macro-F1 on all sites' validation examples"}}
	for _, l := range t.info.Labels {
		r.Labels = append(r.Labels, l.Name)
	}
	if e.Rare >= 0 && e.Rare < len(r.Labels) {
		r.Rare = r.Labels[e.Rare]
	}
	r.Baseline = &page.Baseline{AUC: 0.5}
	for _, s := range t.baseline {
		r.Baseline.MacroF1 += s.MacroF1() / float64(len(t.baseline))
		r.Baseline.Accuracy += s.Accuracy() / float64(len(t.baseline))
	}
	for _, a := range e.Arms {
		runs := t.byArm[a.Name]
		if len(runs) == 0 {
			continue
		}
		r.Arms = append(r.Arms, t.arm(a, runs))
		r.Details = append(r.Details, t.detail(a, runs))
	}
	r.Differences = t.differences()
	r.Notes = t.notes()
	return r
}

// over gathers a measure over runs.
func over(runs []Run, f func(federation.Score) (float64, bool)) page.Estimate {
	var values []float64
	for _, r := range runs {
		if v, ok := r.value(f); ok {
			values = append(values, v)
		}
	}
	return page.Over(values...)
}

func (t *tally) arm(a Arm, runs []Run) page.Arm {
	out := page.Arm{Name: a.Name, MacroF1: over(runs, macroF1), Accuracy: over(runs, accuracy), AUC: over(runs, auc)}
	for _, r := range runs {
		if len(r.Curve) > 0 {
			out.Curve = append(out.Curve, r.Curve)
		}
		out.Bytes += r.Bytes / int64(len(runs))
		out.Seconds += r.Seconds / float64(len(runs))
	}
	// One seed has no spread over seeds: then the interval is over the test examples.
	if len(runs) == 1 && runs[0].Score != nil {
		m, acc := page.MacroF1Of(runs[0].Score.Confusion, 1), page.AccuracyOf(runs[0].Score.Confusion)
		out.MacroF1.Low, out.MacroF1.High = m.Low, m.High
		out.Accuracy.Low, out.Accuracy.High = acc.Low, acc.High
	}
	if t.own {
		for _, s := range t.sites(runs) {
			out.PerSite = append(out.PerSite, page.SiteScore{Site: s.Site, N: s.N, MacroF1: s.MacroF1})
		}
	}
	return out
}

// sites gives each site's figures over seeds.
func (t *tally) sites(runs []Run) []SiteDetail {
	var out []SiteDetail
	for _, name := range t.names {
		d := SiteDetail{Site: name}
		var m, acc []float64
		for _, r := range runs {
			for _, s := range r.Sites {
				if s.Site == name && s.Score.N > 0 {
					d.N, m, acc = s.Score.N, append(m, s.Score.MacroF1()), append(acc, s.Score.Accuracy())
				}
			}
		}
		d.MacroF1, d.Accuracy = page.Over(m...), page.Over(acc...)
		out = append(out, d)
	}
	return out
}

func (t *tally) detail(a Arm, runs []Run) Detail {
	d := Detail{Arm: a.Name, Kind: a.Kind, Runs: len(runs)}
	if t.e.Rare >= 0 {
		e := over(runs, recall(t.e.Rare))
		d.Recall = &e
	}
	var worst []float64
	n := float64(len(runs))
	for _, r := range runs {
		if v, ok := r.worst(measure(t.e.Measure)); ok {
			worst = append(worst, v)
		}
		d.Steps += r.Steps / len(runs)
		d.Epsilon = max(d.Epsilon, r.Epsilon)
		d.Kept += float64(r.Kept) / n
		d.Left += float64(r.Left) / n
		d.Wrong += float64(r.Wrong) / n
		if r.Failed != "" {
			d.Failed = append(d.Failed, fmt.Sprintf("seed %d, %s", r.Seed, r.Failed))
		}
	}
	if len(worst) > 0 {
		e := page.Over(worst...)
		d.Worst = &e
	}
	if t.own {
		d.Sites = t.sites(runs)
	}
	return d
}

// differences sets every federated arm against local and pooled ones on the same footing.
func (t *tally) differences() []Difference {
	var out []Difference
	for _, a := range t.e.Arms {
		if a.Kind != Federated {
			continue
		}
		for _, b := range t.partners(a) {
			if d, ok := t.difference(a.Name, b); ok {
				out = append(out, d)
			}
		}
	}
	return out
}

// partners are the local and pooled arms with the same harmonisation; where there are none, all of the kind.
func (t *tally) partners(a Arm) []string {
	var out []string
	for _, kind := range []string{Local, Pooled} {
		var same, any []string
		for _, b := range t.e.Arms {
			if b.Kind == kind {
				any = append(any, b.Name)
				if b.Plan.Harmonise == a.Plan.Harmonise {
					same = append(same, b.Name)
				}
			}
		}
		if len(same) == 0 {
			same = any
		}
		out = append(out, same...)
	}
	return out
}

func (t *tally) difference(a, b string) (Difference, bool) {
	d := Difference{A: a, B: b}
	f := measure(t.e.Measure)
	for _, ra := range t.byArm[a] {
		for _, rb := range t.byArm[b] {
			va, oka := ra.value(f)
			vb, okb := rb.value(f)
			if ra.Seed == rb.Seed && oka && okb {
				d.Each = append(d.Each, va-vb)
			}
		}
	}
	var err error
	d.Mean, _, d.Low, d.High, err = metric.Mean(d.Each, 0.95)
	return d, err == nil
}

func (t *tally) notes() []string {
	notes := []string{
		"Run in one process, without the wire: sites train and the hub's rule sums as they do in a real federation; mail, deadlines and secure sums are left out.",
		"Federated arms are measured after their last round; local and pooled ones are those with the lowest validation loss of as many looks, after as many gradients. Where a class is rare, that loss hardly sees it: an arm called \"last round\" is not chosen so.",
	}
	if t.own {
		notes = append(notes, "Each site is measured on its own test examples; macro-F1 and accuracy are of all sites' together, AUC is the mean of the sites'.")
	} else {
		notes = append(notes, "All are measured on the same test split; for arms with a model at each site the figure is the mean over sites.")
	}
	for _, a := range t.e.Arms {
		if a.Prior && a.Plan.Balance > 0 {
			notes = append(notes, "Federated arms balance by the classes of all sites together, whose counts are taken as known (plan.prior); a site alone balances by its own.")
			break
		}
	}
	if t.e.Seeds == 1 {
		notes = append(notes, "One seed: the intervals are over test examples, not over seeds.")
	}
	for _, c := range t.info.Caveats {
		if !slices.Contains(notes, c) && len(notes) < 20 {
			notes = append(notes, c)
		}
	}
	return notes
}

// Text writes the table for a terminal, then what is special to a federation.
func (r Result) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%-34s %22s %22s %8s %9s %s\n", "Arm", "Worst site", "Recall "+short(r.Rare, 14), "Epsilon", "Gradients", "")
	for _, d := range r.Details {
		epsilon, note := "–", ""
		if d.Epsilon > 0 {
			epsilon = fmt.Sprintf("%.2f", d.Epsilon)
		}
		if d.Kept > 0 {
			note += fmt.Sprintf("%.1f sites keep their own; ", d.Kept)
		}
		if d.Left+d.Wrong > 0 {
			note += fmt.Sprintf("left out: %.0f poisoned, %.0f honest updates; ", d.Left, d.Wrong)
		}
		if len(d.Failed) > 0 {
			note += fmt.Sprintf("ended early in %d of %d runs; ", len(d.Failed), d.Runs)
		}
		fmt.Fprintf(&b, "%-34s %22s %22s %8s %9d %s\n", short(d.Arm, 34), cell(d.Worst), cell(d.Recall), epsilon, d.Steps, strings.TrimSuffix(note, "; "))
	}
	r.siteText(&b)
	if len(r.Differences) > 0 {
		fmt.Fprintf(&b, "\nDifferences in %s, paired by seed (95%% interval)\n", r.Measure)
	}
	for _, d := range r.Differences {
		interval := ""
		if d.Low != nil && d.High != nil {
			interval = fmt.Sprintf(" (%+.3f to %+.3f)", *d.Low, *d.High)
		}
		fmt.Fprintf(&b, "  %s - %s: %+.3f%s\n", d.A, d.B, d.Mean, interval)
	}
	if _, err := io.WriteString(w, b.String()+"\n"); err != nil {
		return err
	}
	return r.Simulation.Text(w)
}

// mostColumns is how many sites stand side by side in a terminal.
const mostColumns = 6

// siteText sets each site's accuracy side by side.
func (r Result) siteText(b *strings.Builder) {
	if len(r.Details) == 0 || len(r.Details[0].Sites) == 0 || len(r.Details[0].Sites) > mostColumns {
		return
	}
	fmt.Fprintf(b, "\nAccuracy site by site (n test examples)\n%-34s", "Arm")
	for _, s := range r.Details[0].Sites {
		fmt.Fprintf(b, " %18s", fmt.Sprintf("%s (%d)", short(s.Site, 11), s.N))
	}
	b.WriteString("\n")
	for _, d := range r.Details {
		fmt.Fprintf(b, "%-34s", short(d.Arm, 34))
		for _, s := range d.Sites {
			fmt.Fprintf(b, " %18.3f", s.Accuracy.Mean)
		}
		b.WriteString("\n")
	}
}

func cell(e *page.Estimate) string {
	switch {
	case e == nil || len(e.Each) == 0:
		return "–"
	case e.Low == nil || e.High == nil:
		return fmt.Sprintf("%.3f", e.Mean)
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", e.Mean, *e.Low, *e.High)
}

func short(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
