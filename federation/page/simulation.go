package page

import (
	_ "embed"
	"fmt"
	"io"
	"math"
	"strings"

	"consilium/clinical"
	"consilium/fault"
	"consilium/figure"
)

// Simulation is what `consilium federate simulate` found: ways of learning side by side on the same sites, over
// several seeds. It is written as JSON as it is.
type Simulation struct {
	Title     string    `json:"title"`
	Command   string    `json:"command"`            // that repeats it
	Data      string    `json:"data"`               // which, how many, whence
	Synthetic bool      `json:"synthetic"`          // generated data
	Arms      []Arm     `json:"arms"`               // such as local, pooled, fedavg
	Baseline  *Baseline `json:"baseline,omitempty"` // of the trivial answer; nil = worked out from Partition
	Partition [][]int   `json:"partition"`          // site by class: training examples
	Sites     []string  `json:"sites,omitempty"`    // names of the rows of Partition; site 1, site 2 ... without
	Labels    []string  `json:"labels"`             // of the classes
	Curve     string    `json:"curve,omitempty"`    // what Arm.Curve holds; macro-F1 by default
	Notes     []string  `json:"notes"`
}

// Arm is one way of learning.
type Arm struct {
	Name     string      `json:"name"`
	MacroF1  Estimate    `json:"macro_f1"` // over seeds
	AUC      Estimate    `json:"auc"`
	Accuracy Estimate    `json:"accuracy"`
	PerSite  []SiteScore `json:"per_site,omitempty"`
	Curve    [][]float64 `json:"curve,omitempty"` // seed by round
	Bytes    int64       `json:"bytes"`           // moved in one run, mean over seeds
	Seconds  float64     `json:"seconds"`         // of one run, mean over seeds
}

// SiteScore is how an arm did at one site, over seeds.
type SiteScore struct {
	Site    string   `json:"site"`
	N       int      `json:"n"` // test examples
	MacroF1 Estimate `json:"macro_f1"`
}

// Baseline is what always answering the commonest class reaches.
type Baseline struct {
	MacroF1  float64 `json:"macro_f1"`
	AUC      float64 `json:"auc"`
	Accuracy float64 `json:"accuracy"`
}

//go:embed simulation.html
var simulationSource string

var simulationPage = figure.Page(simulationSource)

type simulationView struct {
	Simulation
	Disclaimer, Notice, Basis string
	Table, Sites              figure.Table
	Figures                   []figure.Figure
}

// HTML writes the simulation as one page that needs nothing else.
func (s Simulation) HTML(w io.Writer) error {
	s = s.clean()
	v := simulationView{Simulation: s, Disclaimer: clinical.Disclaimer, Notice: clinical.SyntheticNotice, Basis: s.basis(), Table: s.table(), Sites: s.siteTable(),
		Figures: draw(s.forest, s.curves, s.partition, s.siteForest)}
	if err := simulationPage.Execute(w, v); err != nil {
		return fault.Wrap(err, fault.IO, "the simulation report cannot be written", "check the disk")
	}
	return nil
}

// Text writes the simulation for a terminal.
func (s Simulation) Text(w io.Writer) error {
	s = s.clean()
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.Title)
	if s.Data != "" {
		fmt.Fprintf(&b, "%s\n", s.Data)
	}
	if s.Synthetic {
		fmt.Fprintf(&b, "%s\n", clinical.SyntheticNotice)
	}
	fmt.Fprintf(&b, "\n%s\n", s.basis())
	table(&b, s.table())
	if t := s.siteTable(); len(t.Rows) > 0 {
		b.WriteString("\nSITE BY SITE: macro-F1, mean over seeds (95% interval)\n")
		table(&b, t)
	}
	if t := s.partitionTable(); len(t.Rows) > 0 {
		b.WriteString("\nTRAINING EXAMPLES\n")
		table(&b, t)
	}
	for _, n := range s.Notes {
		fmt.Fprintf(&b, "Note: %s\n", n)
	}
	if s.Command != "" {
		fmt.Fprintf(&b, "\nRepeat it with: %s\n", s.Command)
	}
	fmt.Fprintf(&b, "\n%s\n", clinical.Disclaimer)
	return put(w, b.String())
}

// clean makes every text printable and bounds every list.
func (s Simulation) clean() Simulation {
	s.Title, s.Command, s.Data = printable(s.Title, mostLine), printable(s.Command, mostText), printable(s.Data, mostText)
	s.Curve = printable(s.Curve, mostName)
	if s.Title == "" {
		s.Title = "A simulated federation"
	}
	if s.Curve == "" {
		s.Curve = "Macro-F1"
	}
	s.Labels, s.Sites = names(s.Labels), names(s.Sites)
	s.Partition = s.Partition[:min(len(s.Partition), mostSites)]
	notes := s.Notes
	s.Notes = nil
	for _, n := range notes[:min(len(notes), 50)] {
		s.Notes = append(s.Notes, printable(n, mostText))
	}
	arms := s.Arms[:min(len(s.Arms), mostArms)]
	s.Arms = make([]Arm, len(arms))
	for i, a := range arms {
		a.Name, a.Bytes, a.Seconds = printable(a.Name, mostName), max(a.Bytes, 0), number(a.Seconds)
		a.MacroF1, a.AUC, a.Accuracy = a.MacroF1.clean(), a.AUC.clean(), a.Accuracy.clean()
		sites := a.PerSite[:min(len(a.PerSite), mostSites)]
		a.PerSite = make([]SiteScore, len(sites))
		for j, p := range sites {
			a.PerSite[j] = SiteScore{Site: printable(p.Site, mostName), N: p.N, MacroF1: p.MacroF1.clean()}
		}
		s.Arms[i] = a
	}
	return s
}

// mostArms is the most ways of learning side by side; a colour stands for several beyond the palette.
const mostArms = 40

func (e Estimate) clean() Estimate {
	if e.value() == nil {
		return Estimate{}
	}
	e.Low, e.High = optional(e.Low), optional(e.High)
	return e
}

// basis says what the intervals are of.
func (s Simulation) basis() string {
	seeds := 0
	for _, a := range s.Arms {
		seeds = max(seeds, len(a.MacroF1.Each), len(a.Accuracy.Each))
	}
	text := figure.Plural(len(s.Partition), "site", "sites") + ", " + figure.Plural(seeds, "seed", "seeds")
	if seeds > 1 {
		text += "; 95% intervals of Student's t over the seeds"
	}
	return text + "."
}

// baseline is the trivial answer; worked out, it takes the test examples to be spread over classes like all training examples.
func (s Simulation) baseline() (Baseline, bool) {
	if s.Baseline != nil {
		return *s.Baseline, true
	}
	counts := make([]float64, len(s.Labels))
	all, most, classes := 0.0, 0.0, 0.0
	for _, row := range s.Partition {
		for c, n := range row[:min(len(row), len(counts))] {
			counts[c] += float64(max(n, 0))
			all += float64(max(n, 0))
		}
	}
	for _, n := range counts {
		most = max(most, n)
		if n > 0 {
			classes++
		}
	}
	if all == 0 {
		return Baseline{}, false
	}
	p := most / all
	return Baseline{MacroF1: 2 * p / (1 + p) / classes, AUC: 0.5, Accuracy: p}, true
}

// cell writes an estimate with its interval.
func (e Estimate) cell() string {
	switch {
	case !e.known():
		return "–"
	case e.Low == nil || e.High == nil:
		return figure.Show(e.value())
	}
	return figure.Show(e.value()) + " (" + figure.Interval(e.Low, e.High) + ")"
}

// table sets the arms side by side, the trivial answer last.
func (s Simulation) table() figure.Table {
	t := figure.Table{Head: []string{"Arm", "Macro-F1", "AUC", "Accuracy", "Worst site", "Moved", "Seconds"}}
	for _, a := range s.Arms {
		worst, moved, seconds := "–", "–", "–"
		if w, ok := a.worst(); ok {
			worst = w.Site + " " + figure.Show(w.MacroF1.value())
		}
		if a.Bytes > 0 {
			moved = size(a.Bytes)
		}
		if a.Seconds > 0 {
			seconds = fmt.Sprintf("%.1f", a.Seconds)
		}
		t.Rows = append(t.Rows, []string{orDash(a.Name), a.MacroF1.cell(), a.AUC.cell(), a.Accuracy.cell(), worst, moved, seconds})
	}
	if b, ok := s.baseline(); ok {
		t.Rows = append(t.Rows, []string{"always the commonest class", fixed(b.MacroF1), fixed(b.AUC), fixed(b.Accuracy), "–", "–", "–"})
	}
	return t
}

func fixed(v float64) string { return figure.Show(&v) }

// worst is the site with the lowest mean.
func (a Arm) worst() (SiteScore, bool) {
	out, low := SiteScore{}, math.Inf(1)
	for _, p := range a.PerSite {
		if v := p.MacroF1.value(); v != nil && *v < low {
			out, low = p, *v
		}
	}
	return out, !math.IsInf(low, 1)
}
