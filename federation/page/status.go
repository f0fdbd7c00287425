package page

import (
	"fmt"
	"io"
	"strings"
	"time"

	"consilium/federation"
	"consilium/figure"
)

// clockLimit is the skew from which on status points at a clock.
const clockLimit = time.Minute

// Status writes what `consilium federate status` prints: where the job stands, what it waits for, until when and
// why, and every site as the hub knows it. A history without a job shows the sites alone.
func Status(w io.Writer, h federation.History, members []federation.Member, now time.Time) error {
	s := tell(h)
	var b strings.Builder
	if s.h.Job.ID != "" || s.h.State.Phase != "" {
		s.statusJob(&b, now)
	}
	s.statusSites(&b, members, now)
	return put(w, b.String())
}

func (s *story) statusJob(w io.Writer, now time.Time) {
	fmt.Fprintf(w, "%s: %s\n", orDash(s.h.Job.ID), s.title())
	yes, no := s.answers()
	list := []fact{{"stands", s.phase()}, {"waits", s.wait(now)}, {"reason", orDash(s.h.State.Reason)},
		{"consents", fmt.Sprintf("%d agreed, %d refused, quorum %d", len(yes), len(no), s.h.Job.Plan.Quorum)}}
	if n := len(s.h.Rounds); n > 0 {
		r := s.h.Rounds[n-1]
		text := fmt.Sprintf("round %d %s, %s in", r.Round, orDash(r.Outcome), share(s.count(n-1, stateIn), s.asked(n-1)))
		if r.Reason != "" {
			text += ": " + r.Reason
		}
		list = append(list, fact{"last round", text})
		list = append(list, fact{"bytes", s.moved()})
	}
	if n := s.h.Job.Privacy.Central; n != nil {
		list = append(list, fact{"epsilon, hub", fmt.Sprintf("%s of %s spent, delta %g", short(s.spent()), short(n.Epsilon), n.Delta)})
	}
	if n := s.h.Job.Privacy.Local; n != nil {
		list = append(list, fact{"epsilon, sites", fmt.Sprintf("%s of %s spent by the site that spent most, delta %g", short(s.local()), short(n.Epsilon), n.Delta)})
	}
	var kept []fact
	for _, f := range list {
		if f.Value != "–" {
			kept = append(kept, f)
		}
	}
	facts(w, kept)
	for _, site := range no {
		fmt.Fprintf(w, "refused by %s: %s\n", site, orDash(s.h.State.Consents[site].Reason))
	}
	for _, a := range s.alarms() {
		fmt.Fprintf(w, "WARNING: %s\n", a)
	}
	fmt.Fprintln(w)
}

// wait says what the job waits for, of whom, and how long still.
func (s *story) wait(now time.Time) string {
	w := s.h.State.Wait
	if w == nil {
		return "–"
	}
	text := "for " + orDash(w.For)
	if len(w.Sites) > 0 {
		text += " of " + some(w.Sites, 8)
	}
	if w.Until.IsZero() {
		return text
	}
	if left := w.Until.Sub(now); left >= 0 {
		return text + ", " + span(left) + " left"
	}
	return text + ", overdue by " + span(now.Sub(w.Until))
}

func (s *story) statusSites(w io.Writer, members []federation.Member, now time.Time) {
	if members == nil {
		return // a site knows of no other
	}
	if len(members) == 0 {
		fmt.Fprintln(w, "No site has joined.")
		return
	}
	t := figure.Table{Head: []string{"Site", "Answer", "Link", "Clock", "Version", "Protocol", "Memory", "To", "From", "Doing"}}
	var notes []string
	for _, m := range members[:min(len(members), mostSites)] {
		name := printable(m.Name, mostName)
		answer := "–"
		if a, ok := s.h.State.Consents[name]; ok {
			answer = map[bool]string{true: "agreed", false: "refused"}[a.Agree]
		}
		clock, memory := "–", "–"
		if !m.Seen.IsZero() {
			clock = skew(time.Duration(m.Skew))
		}
		if d := time.Duration(m.Skew); d > clockLimit || d < -clockLimit {
			notes = append(notes, fmt.Sprintf("%s: its clock is %s off; set it by NTP", name, span(d)))
		}
		if m.Protocol != 0 && (m.Protocol < federation.OldestProtocol || m.Protocol > federation.Protocol) {
			notes = append(notes, fmt.Sprintf("%s: it speaks protocol %d, this hub %d to %d; use the same version of Consilium", name, m.Protocol, federation.OldestProtocol, federation.Protocol))
		}
		if m.Memory > 0 {
			memory = size(m.Memory)
		}
		t.Rows = append(t.Rows, []string{name, answer, linked(m, now), clock, orDash(printable(m.Version, 30)), protocol(m.Protocol), memory, size(max(m.Sent, 0)), size(max(m.Received, 0)), orDash(printable(m.Doing, 60))})
	}
	table(w, t)
	for _, n := range notes {
		fmt.Fprintln(w, n)
	}
}

// linked says whether a site is heard of now.
func linked(m federation.Member, now time.Time) string {
	switch {
	case m.Revoked:
		return "revoked"
	case m.Linked:
		return "linked"
	case m.Seen.IsZero():
		return "never seen"
	}
	return "silent for " + span(max(now.Sub(m.Seen), 0))
}

// skew writes a clock's error with its sign.
func skew(d time.Duration) string {
	if d >= 0 {
		return "+" + span(d)
	}
	return span(d)
}

func protocol(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprint(n)
}
