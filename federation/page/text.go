package page

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
	"consilium/figure"
)

// Bounds of the text: a terminal is about as wide, and nobody scrolls further.
const (
	textRounds  = 60
	textColumns = 100
)

// Text writes the job's story for a terminal.
func Text(w io.Writer, h federation.History) error {
	s := tell(h)
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.title())
	if s.h.Job.Purpose != "" {
		fmt.Fprintf(&b, "%s\n", s.h.Job.Purpose)
	}
	for _, a := range s.alarms() {
		fmt.Fprintf(&b, "WARNING: %s\n", a)
	}
	b.WriteString("\n")
	facts(&b, s.facts())
	b.WriteString("\nWHAT WAS PROMISED\n")
	for _, p := range s.promises() {
		fmt.Fprintf(&b, "%s: %s\n", p.Name, p.Value)
	}
	s.textRounds(&b)
	s.textGrid(&b)
	s.textSites(&b)
	s.textCost(&b)
	s.textConsents(&b)
	fmt.Fprintf(&b, "\n%s\n", clinical.Disclaimer)
	return put(w, b.String())
}

func put(w io.Writer, text string) error {
	if _, err := io.WriteString(w, text); err != nil {
		return fault.Wrap(err, fault.IO, "the federation report cannot be written", "check the disk and the permissions")
	}
	return nil
}

func facts(w io.Writer, list []fact) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range list {
		fmt.Fprintf(tw, "%s\t%s\n", f.Name, f.Value)
	}
	tw.Flush() // into memory: cannot fail
}

// table writes a table of the page as columns.
func table(w io.Writer, t figure.Table) {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.ToUpper(strings.Join(t.Head, "\t")))
	for _, row := range t.Rows {
		fmt.Fprintln(tw, strings.Join(row, "\t"))
	}
	tw.Flush() // into memory: cannot fail
	for l := range strings.Lines(b.String()) {
		fmt.Fprintln(w, strings.TrimRight(l, " \n"))
	}
}

func (s *story) textRounds(w io.Writer) {
	if len(s.h.Rounds) == 0 {
		fmt.Fprint(w, "\nNo round has been run.\n")
		return
	}
	first := max(len(s.h.Rounds)-textRounds, 0)
	fmt.Fprint(w, "\nROUNDS (figures of the weights that the round began with, on all sites' validation examples)\n")
	if first > 0 {
		fmt.Fprintf(w, "The first %d are left out here.\n", first)
	}
	t := figure.Table{Head: []string{"Round", "Ended", "In", "Loss", "Macro-F1", "Accuracy", "Epsilon", "Moved", "Seconds"}}
	spent := s.spentAt()
	for i := first; i < len(s.h.Rounds); i++ {
		r := s.h.Rounds[i]
		moved := r.SumBytes
		for _, e := range r.Sites {
			moved += e.Sent + e.Received
		}
		name, eps, seconds := fmt.Sprint(r.Round), "–", "–"
		if r.Attempt > 1 {
			name += fmt.Sprintf(" (attempt %d)", r.Attempt)
		}
		if most := max(spent[i], s.localAt(i)); most > 0 {
			eps = short(most)
		}
		if d := r.Ended.Sub(r.Started); !r.Started.IsZero() && !r.Ended.IsZero() && d >= 0 {
			seconds = fmt.Sprintf("%.1f", d.Seconds())
		}
		t.Rows = append(t.Rows, []string{name, orDash(r.Outcome), share(s.count(i, stateIn), s.asked(i)), figure.Show(lossOf(s.union[i])),
			figure.Show(macroOf(s.union[i])), figure.Show(accuracyOf(s.union[i])), eps, size(moved), seconds})
	}
	table(w, t)
}

// localAt is the most that a site's own noise had spent when the round line ended.
func (s *story) localAt(round int) float64 {
	most := 0.0
	for _, e := range s.entry[round] {
		most = max(most, e.Epsilon)
	}
	return most
}

// textGrid is the grid of the page in letters.
func (s *story) textGrid(w io.Writer) {
	if len(s.h.Rounds) == 0 || len(s.sites) == 0 {
		return
	}
	cols, sites := columns(len(s.h.Rounds), textColumns), s.troubled(gridRows)
	fmt.Fprint(w, "\nWHO WAS IN, round by round (. in, L late, D dropped, R refused, - not asked)\n")
	wide := 0
	for _, site := range sites {
		wide = max(wide, len([]rune(site)))
	}
	letters := map[string]string{stateIn: ".", stateNot: "-"}
	for _, site := range sites {
		fmt.Fprintf(w, "%-*s  ", wide, site)
		for _, c := range cols {
			m := s.worst(c, site)
			l := m.letter
			if short, ok := letters[m.state]; ok {
				l = short
			}
			fmt.Fprint(w, l)
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, s.missing())
	for _, i := range everyRow(indexes(len(s.h.Rounds))) {
		if why := s.reasons(i); why != "–" {
			fmt.Fprintf(w, "round %d: %s\n", s.h.Rounds[i].Round, why)
		}
	}
}

func (s *story) textSites(w io.Writer) {
	if t := s.siteTable(); len(t.Rows) > 0 {
		fmt.Fprint(w, "\nSITE BY SITE (test examples, 95% intervals, worst first)\n")
		table(w, t)
		if text := s.worstSentence(); text != "" {
			fmt.Fprintln(w, text)
		}
	}
}

func (s *story) textCost(w io.Writer) {
	if t := s.trafficTable(); len(t.Rows) > 0 {
		fmt.Fprintf(w, "\nCOST: %s\n", s.moved())
		table(w, t)
	}
}

func (s *story) textConsents(w io.Writer) {
	fmt.Fprint(w, "\nCONSENTS\n")
	if t := s.consentTable(); len(t.Rows) > 0 {
		table(w, t)
		return
	}
	fmt.Fprint(w, "No site has answered.\n")
}
