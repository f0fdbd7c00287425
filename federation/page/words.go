package page

import (
	"fmt"
	"slices"
	"strings"

	"consilium/federation"
	"consilium/figure"
)

// promises says what each site was promised: who can see what, and what noise protects.
func (s *story) promises() []fact {
	out := []fact{
		{"Leaves a site", s.leaves()},
		{"Who could see what", s.sum()},
		{"Figures of single sites", s.figures()},
		{"Noise", s.noise()},
		{"Rule", s.rule()},
	}
	return slices.DeleteFunc(out, func(f fact) bool { return f.Value == "" })
}

func (s *story) leaves() string {
	text := "The change of the model's weights that training on the site's examples made, and counts. No image, recording, record or name."
	switch s.h.Job.Plan.Algorithm {
	case federation.Scaffold:
		text += " With SCAFFOLD also the change of its control variate, which is as large."
	case federation.FedBN:
		text += " The normalisation layers stay at the site."
	case federation.Ditto:
		text += " The site's personal model stays there."
	}
	return text
}

// sum says it in one plain sentence for each way of summing.
func (s *story) sum() string {
	switch s.h.Job.Plan.Sum {
	case federation.SumPlain:
		return "The hub sees the update of each single site, and something about the site's examples can be inferred from it. A site is sent the sum alone; of two sites each can take its own part out of that."
	case federation.SumMasks:
		return "The hub learns the sum of all updates once a round and no single update, because each site hides its own behind masks that cancel in the sum; a hub that works together with sites against another one could learn more."
	case federation.SumCKKS:
		return "The hub adds up encrypted updates and learns their sum once a round and no single update, because only sites together can open it; a hub that works together with sites against another one could learn more."
	}
	return "The job does not say how updates are summed."
}

func (s *story) figures() string {
	if len(s.h.Rounds) == 0 && s.h.Job.Plan.Scores == "" {
		return ""
	}
	if s.h.Job.Plan.Scores == "sum" || s.h.Job.Plan.Sum != federation.SumPlain {
		return "The hub learns the sites' figures as one sum only, in every round. At the end a site tells which model it keeps, and no figure."
	}
	return "The hub learns how well the model does at each site that takes part, in every round; a site whose policy does not allow it does not take part."
}

func (s *story) noise() string {
	var out []string
	if n := s.h.Job.Privacy.Central; n != nil {
		out = append(out, fmt.Sprintf("The hub adds Gaussian noise to the sum: updates cut to norm %g, noise multiplier %g, epsilon at most %s at delta %g. It hides from those who get the model whether a site took part; the hub itself has to be trusted to add it.",
			n.Clip, n.Multiplier, short(n.Epsilon), n.Delta))
	}
	if n := s.h.Job.Privacy.Local; n != nil {
		out = append(out, fmt.Sprintf("Each site adds Gaussian noise while it trains (DP-SGD): each example's gradient cut to norm %g, noise multiplier %g, epsilon at most %s at delta %g. It hides from everybody, the hub too, whether one example was in the site's training data.",
			n.Clip, n.Multiplier, short(n.Epsilon), n.Delta))
	}
	if out == nil {
		return "None. How much the model tells about single examples is not bounded."
	}
	return strings.Join(out, " ")
}

func (s *story) rule() string {
	p := s.h.Job.Plan
	if p.Algorithm == "" {
		return ""
	}
	text := fmt.Sprintf("%s, %s; a round needs %s", p.Algorithm, figure.Plural(p.Rounds, "round", "rounds"), figure.Plural(p.Quorum, "site", "sites"))
	if p.Harmonise != "" {
		text += "; inputs harmonised: " + p.Harmonise
	}
	return text + "."
}

// alarms is what a reader must know before anything else.
func (s *story) alarms() []string {
	var out []string
	st := s.h.State
	if s.broken {
		out = append(out, "The job below is not the one that the hash names: the report was altered, or written by another version of Consilium. Do not rely on it.")
	}
	if s.left > 0 {
		out = append(out, fmt.Sprintf("The first %d round lines are left out: there are too many to be shown, and sums do not count them.", s.left))
	}
	if st.Phase == federation.Finished && st.Outcome != federation.OK {
		out = append(out, fmt.Sprintf("The job ended as %s. %s", orDash(string(st.Outcome)), orDash(st.Reason)))
	}
	if n := s.h.Job.Privacy.Central; n != nil && s.spent() > n.Epsilon {
		out = append(out, fmt.Sprintf("The hub's noise spent epsilon %s, more than the %s that was promised.", short(s.spent()), short(n.Epsilon)))
	}
	if n := s.h.Job.Privacy.Local; n != nil && s.local() > n.Epsilon {
		out = append(out, fmt.Sprintf("A site's noise spent epsilon %s, more than the %s that was promised.", short(s.local()), short(n.Epsilon)))
	}
	return out
}

func (s *story) facts() []fact {
	j := s.h.Job
	yes, no := s.answers()
	out := []fact{
		{"Job", orDash(j.ID)}, {"Hash", orDash(s.h.Hash)}, {"Proposed by", orDash(j.By)}, {"Made", when(j.Created)},
		{"Stands", s.phase()}, {"Reason", orDash(s.h.State.Reason)}, {"Waits", orDash(s.waiting())},
		{"Started", when(s.h.State.Started)}, {"Ended", when(s.h.State.Ended)}, {"Took", took(s)},
		{"Sites", fmt.Sprintf("%d agreed, %d refused", len(yes), len(no))},
		{"Model", s.model()}, {"Task", orDash(j.Data.Task)}, {"Labels", s.labels()},
		{"Least examples", fmt.Sprintf("%d at a site", j.Data.Cohort)}, {"Hub", orDash(s.h.Hub)},
	}
	if s.h.Final != nil {
		out = append(out, fact{"Weights", orDash(s.h.Final.Weights)}, fact{"Hash of the weights", orDash(s.h.Final.Hash)})
	}
	return slices.DeleteFunc(out, func(f fact) bool { return f.Value == "–" })
}

func took(s *story) string {
	if d := s.seconds(); d > 0 {
		return span(d)
	}
	return "–"
}

func (s *story) model() string {
	if s.h.Job.Model.Arch == "" {
		return "–"
	}
	text := s.h.Job.Model.Arch
	if s.h.Size > 0 {
		text += fmt.Sprintf(", %d parameters", s.h.Size)
	}
	return text
}

func (s *story) labels() string {
	var out []string
	for _, l := range s.h.Job.Data.Labels {
		out = append(out, orDash(l.Name))
	}
	return orDash(strings.Join(out, ", "))
}

func (s *story) written() string {
	if s.h.Written.IsZero() {
		return ""
	}
	return "Written " + when(s.h.Written) + "."
}

// consentTable is the audit: who decided what, when, and why not.
func (s *story) consentTable() figure.Table {
	t := figure.Table{Head: []string{"Site", "Decision", "By", "When", "Reason"}}
	for _, site := range sorted(s.h.State.Consents) {
		a := s.h.State.Consents[site]
		decision := "refused"
		if a.Agree {
			decision = "agreed"
		}
		t.Rows = append(t.Rows, []string{site, decision, orDash(a.By), when(a.At), orDash(a.Reason)})
	}
	return t
}
