package page

import (
	"time"

	"consilium/federation"
)

// Detail is a job for a program: the line about it, its rounds and its sites.
type Detail struct {
	Summary
	Lines []RoundLine `json:"lines" doc:"rounds, each attempt on a line of its own"`
	Sites []SiteLine  `json:"sites"`
}

// RoundLine is one attempt at a round.
type RoundLine struct {
	Round    int      `json:"round"`
	Attempt  int      `json:"attempt"`
	Outcome  string   `json:"outcome" doc:"done, no quorum, broken or cut short"`
	Reason   string   `json:"reason"`
	In       int      `json:"in"`
	Late     int      `json:"late"`
	Dropped  int      `json:"dropped"`
	Refused  int      `json:"refused"`
	Loss     *float64 `json:"loss" doc:"validation, all sites, of the weights that the round began with"`
	MacroF1  *float64 `json:"macroF1"`
	Accuracy *float64 `json:"accuracy"`
	Epsilon  float64  `json:"epsilon" doc:"spent by the hub so far"`
	Bytes    int64    `json:"bytes"`
	Seconds  float64  `json:"seconds"`
}

// SiteLine is one site over the whole job.
type SiteLine struct {
	Site     string     `json:"site"`
	Decision string     `json:"decision" enum:"agreed,refused," doc:"empty = has not answered"`
	By       string     `json:"by"`
	At       *time.Time `json:"at"`
	Reason   string     `json:"reason" doc:"of a refusal"`
	In       int        `json:"in" doc:"rounds"`
	Asked    int        `json:"asked" doc:"rounds"`
	Bytes    int64      `json:"bytes"`
	Epsilon  float64    `json:"epsilon" doc:"spent by the site's own noise, as it reports"`
	N        int        `json:"n" doc:"test examples"`
	MacroF1  *float64   `json:"macroF1" doc:"of the federated model on the site's test examples"`
	Low      *float64   `json:"low" doc:"95 % interval"`
	High     *float64   `json:"high"`
	Keeps    string     `json:"keeps" doc:"federated, own or personal: what the site uses from now on; empty = the job is not over"`
}

// Describe gives the detail of a job.
func Describe(h federation.History) Detail {
	s := tell(h)
	out := Detail{Summary: s.summary(), Lines: []RoundLine{}, Sites: []SiteLine{}}
	spent := s.spentAt()
	for i, r := range s.h.Rounds {
		l := RoundLine{Round: r.Round, Attempt: r.Attempt, Outcome: r.Outcome, Reason: r.Reason, In: s.count(i, stateIn), Late: s.count(i, stateLate),
			Dropped: s.count(i, stateDropped), Refused: s.count(i, stateRefused), Loss: lossOf(s.union[i]), MacroF1: macroOf(s.union[i]), Accuracy: accuracyOf(s.union[i]),
			Epsilon: spent[i], Bytes: r.SumBytes}
		for _, e := range r.Sites {
			l.Bytes += e.Sent + e.Received
		}
		if d := r.Ended.Sub(r.Started); !r.Started.IsZero() && !r.Ended.IsZero() && d > 0 {
			l.Seconds = d.Seconds()
		}
		out.Lines = append(out.Lines, l)
	}
	for _, site := range s.everybody() {
		out.Sites = append(out.Sites, s.siteLine(site))
	}
	return out
}

// everybody lists the sites that answered or were in a round.
func (s *story) everybody() []string {
	all := map[string]bool{}
	for _, site := range s.sites {
		all[site] = true
	}
	for site := range s.h.State.Consents {
		all[site] = true
	}
	return sorted(all)
}

func (s *story) siteLine(site string) SiteLine {
	l := SiteLine{Site: site, Epsilon: s.siteSpent(site)}
	if a, ok := s.h.State.Consents[site]; ok {
		l.Decision, l.By, l.At, l.Reason = "refused", a.By, moment(a.At), a.Reason
		if a.Agree {
			l.Decision = "agreed"
		}
	}
	for i := range s.h.Rounds {
		e, ok := s.entry[i][site]
		if !ok {
			continue
		}
		l.Bytes += e.Sent + e.Received
		if e.State == stateIn {
			l.In++
		}
		if e.State != stateNot {
			l.Asked++
		}
	}
	for _, p := range s.placed() {
		if p.site == site {
			l.N, l.MacroF1, l.Low, l.High, l.Keeps = p.n, p.federated.value(), p.federated.Low, p.federated.High, p.keeps
		}
	}
	return l
}
