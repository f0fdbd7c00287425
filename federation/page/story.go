package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"consilium/federation"
	"consilium/figure"
)

// States of a site in a round, as federation.Entry names them.
const (
	stateIn      = "in"
	stateLate    = "late"
	stateDropped = "dropped"
	stateRefused = "refused"
	stateNot     = "not asked"
)

// story is a history that was cleaned, and what is asked of it again and again.
type story struct {
	h      federation.History
	broken bool // the job is not the one that the hash names
	sites  []string
	entry  []map[string]federation.Entry // by round line and site
	union  []*federation.Score           // by round line: over all sites
	kept   map[string]federation.Kept
	judged []place // see placed
	left   int     // round lines at the beginning that are left out: there are too many
}

// place is what came out for one site.
type place struct {
	site                string
	n                   int
	federated, own, its Estimate // macro-F1
	right, ownRight     Estimate // accuracy
	itsRight            Estimate
	keeps               string
}

// tell reads a history.
func tell(h federation.History) *story {
	s := &story{broken: h.Hash != "" && !(h.Job.Model.Arch == "head" && len(h.Job.Model.Body) == 0) && h.Job.Hash() != h.Hash, kept: map[string]federation.Kept{}}
	s.h = clean(h)
	seen := map[string]bool{}
	note := func(site string) {
		if site != "" && !seen[site] && len(seen) < mostSites {
			seen[site] = true
			s.sites = append(s.sites, site)
		}
	}
	for _, site := range s.h.Sites {
		note(site)
	}
	for _, r := range s.h.Rounds {
		m, each := make(map[string]federation.Entry, len(r.Sites)), []*federation.Score{}
		for _, e := range r.Sites {
			note(e.Site)
			m[e.Site] = e
			each = append(each, e.Score)
		}
		s.entry = append(s.entry, m)
		if r.Score == nil {
			r.Score = pool(each)
		}
		s.union = append(s.union, r.Score)
	}
	if s.h.Final != nil {
		for _, k := range s.h.Final.Scores {
			note(k.Site)
			s.kept[k.Site] = k
		}
	}
	slices.SortFunc(s.sites, byName)
	s.left = max(len(s.h.Rounds)-mostPlaces/max(len(s.sites), 1), 0)
	s.h.Rounds, s.entry, s.union = s.h.Rounds[s.left:], s.entry[s.left:], s.union[s.left:]
	return s
}

// byName sorts site-2 before site-10.
func byName(a, b string) int {
	head := func(x string) (string, string) {
		cut := strings.TrimRight(x, "0123456789")
		return cut, x[len(cut):]
	}
	ha, da := head(a)
	hb, db := head(b)
	if c := cmp.Compare(ha, hb); c != 0 {
		return c
	}
	if c := cmp.Compare(len(strings.TrimLeft(da, "0")), len(strings.TrimLeft(db, "0"))); c != 0 {
		return c
	}
	return cmp.Compare(a, b)
}

func (s *story) title() string {
	switch {
	case s.h.Job.Title != "":
		return s.h.Job.Title
	case s.h.Job.ID != "":
		return s.h.Job.ID
	}
	return "A federation job without a title"
}

// state of a site in a round line; a site that the line does not name was not asked.
func (s *story) state(round int, site string) string {
	e, ok := s.entry[round][site]
	if !ok || e.State == "" {
		return stateNot
	}
	return e.State
}

// count gives how many sites of a round line are in a state.
func (s *story) count(round int, state string) int {
	n := 0
	for _, e := range s.entry[round] {
		if e.State == state {
			n++
		}
	}
	return n
}

// asked counts the sites that a round line was begun with.
func (s *story) asked(round int) int { return len(s.entry[round]) - s.count(round, stateNot) }

// rounds counts those that came to an end with new weights.
func (s *story) done() int {
	n := 0
	for _, r := range s.h.Rounds {
		if r.Outcome == "done" {
			n++
		}
	}
	return n
}

// bytes of the whole job: to the sites, from the sites, and of the secure sum, both ways.
func (s *story) bytes() (to, from, sum int64) {
	for _, r := range s.h.Rounds {
		for _, e := range r.Sites {
			to, from = to+e.Sent, from+e.Received
		}
		sum += r.SumBytes
	}
	return max(to, 0), max(from, 0), max(sum, 0)
}

// answers splits the consents.
func (s *story) answers() (yes, no []string) {
	for _, site := range sorted(s.h.State.Consents) {
		if s.h.State.Consents[site].Agree {
			yes = append(yes, site)
		} else {
			no = append(no, site)
		}
	}
	return yes, no
}

func sorted[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.SortFunc(out, byName)
	return out
}

// seconds of the whole job, while it ran.
func (s *story) seconds() time.Duration {
	end := s.h.State.Ended
	if end.IsZero() {
		end = s.h.Written
	}
	if s.h.State.Started.IsZero() || end.Before(s.h.State.Started) {
		return 0
	}
	return end.Sub(s.h.State.Started)
}

// phase says where the job stands in a few words.
func (s *story) phase() string {
	st := s.h.State
	switch st.Phase {
	case federation.Finished:
		return "finished: " + orDash(string(st.Outcome))
	case federation.Running:
		text := fmt.Sprintf("running: round %s", share(st.Round, s.h.Job.Plan.Rounds))
		if st.Attempt > 1 {
			text += fmt.Sprintf(", attempt %d", st.Attempt)
		}
		if st.Step != "" {
			text += ", " + st.Step
		}
		return text
	case "":
		return "not known"
	}
	return string(st.Phase)
}

// spentAt gives what the hub's noise has spent after each round line.
func (s *story) spentAt() []float64 {
	out, most := make([]float64, len(s.h.Rounds)), 0.0
	for i, r := range s.h.Rounds {
		most = max(most, r.Epsilon)
		out[i] = most
	}
	return out
}

// siteSpent gives what a site's own noise had spent when it was last heard of.
func (s *story) siteSpent(site string) float64 {
	most := 0.0
	for _, m := range s.entry {
		most = max(most, m[site].Epsilon)
	}
	return most
}

// local says whether any site spent a budget of its own, and the most that one spent.
func (s *story) local() (most float64) {
	for _, m := range s.entry {
		for _, e := range m {
			most = max(most, e.Epsilon)
		}
	}
	return most
}

// spent is what the hub's noise has spent in all.
func (s *story) spent() float64 {
	most := s.h.Epsilon
	for _, v := range s.spentAt() {
		most = max(most, v)
	}
	return most
}

func (s *story) tiles() []tile {
	out := []tile{{"Job", string(orPhase(s.h.State)), orDash(s.waits())}}
	if s.h.State.Phase == federation.Finished {
		out[0] = tile{"Outcome", orDash(string(s.h.State.Outcome)), share(s.done(), s.h.Job.Plan.Rounds) + " rounds done"}
	} else if s.h.State.Phase == federation.Running {
		out[0].Value = "Round " + share(s.h.State.Round, s.h.Job.Plan.Rounds)
	}
	yes, no := s.answers()
	note := fmt.Sprintf("%d refused", len(no))
	if n := len(s.h.Rounds); n > 0 {
		note += fmt.Sprintf(" · in the last round %d", s.count(n-1, stateIn))
	}
	out = append(out, tile{"Sites that agreed", fmt.Sprint(max(len(yes), len(s.h.Sites))), note})
	if p := s.pooledScore(); p != nil {
		e := MacroF1Of(p.Confusion, seed)
		out = append(out, tile{"Macro-F1, all test examples", figure.Show(e.value()), fmt.Sprintf("%s · n = %d", figure.Interval(e.Low, e.High), p.N)})
	}
	if len(s.placed()) > 0 && s.placed()[0].federated.known() {
		w := s.placed()[0]
		out = append(out, tile{"Worst site: " + w.site, figure.Show(w.federated.value()), fmt.Sprintf("macro-F1, %s · n = %d", figure.Interval(w.federated.Low, w.federated.High), w.n)})
	}
	if n := s.h.Job.Privacy.Central; n != nil {
		out = append(out, tile{"Epsilon spent by the hub", short(s.spent()), fmt.Sprintf("of %s, delta %g", short(n.Epsilon), n.Delta)})
	}
	if n := s.h.Job.Privacy.Local; n != nil {
		out = append(out, tile{"Epsilon spent at a site", short(s.local()), fmt.Sprintf("at most, of %s, delta %g", short(n.Epsilon), n.Delta)})
	}
	to, from, sum := s.bytes()
	if to+from+sum > 0 {
		out = append(out, tile{"Bytes moved", size(to + from + sum), s.moved()})
	}
	return out
}

// moved splits the bytes of the job.
func (s *story) moved() string {
	to, from, sum := s.bytes()
	text := size(to) + " to the sites, " + size(from) + " from them"
	if sum > 0 {
		text += ", " + size(sum) + " of the secure sum"
	}
	return text
}

func orPhase(st federation.State) federation.Phase {
	if st.Phase == "" {
		return "not known"
	}
	return st.Phase
}

// waiting says what the job waits for.
func (s *story) waiting() string {
	w := s.h.State.Wait
	if w == nil {
		return ""
	}
	text := "for " + orDash(w.For)
	if n := len(w.Sites); n > 0 {
		text += " of " + figure.Plural(n, "site", "sites")
	}
	return text + ", until " + when(w.Until)
}

// waits is waiting as a sentence.
func (s *story) waits() string {
	if w := s.waiting(); w != "" {
		return "waits " + w
	}
	return ""
}

// short writes an epsilon.
func short(v float64) string { return fmt.Sprintf("%.3g", v) }
