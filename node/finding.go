package node

import (
	"fmt"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/panel"
	"consilium/store"
)

// assessment turns the panel's words into the node's.
func (n *Node) assessment(c content, e examined) Assessment {
	a := Assessment{
		ID: digest(c.study.UID, c.fingerprint), MadeAt: e.made, Findings: []Finding{}, Refusals: orEmpty(e.refusals),
		Disclaimer: clinical.Disclaimer, Synthetic: c.study.Synthetic,
	}
	for _, j := range e.findings {
		a.Findings = append(a.Findings, n.finding(j))
	}
	return a
}

// id names a finding in its study, the same whenever it is made again.
func (j judged) id() string { return digest(j.about.SOP, j.Model, j.Task)[:12] }

func (n *Node) finding(j judged) Finding {
	out := Finding{
		ID: j.id(), SOPUID: j.about.SOP, Input: j.Input, Kind: string(j.Kind), Task: j.Task,
		Verdict: j.Verdict, Answer: j.Answer, Urgency: urgencyOf(j.Finding).String(), Coverage: j.Coverage,
		Notes: orEmpty(j.Notes), Reasons: n.reasons(j.Finding), Model: Model{j.Finding.Model, j.Version, n.digestOf(j.Finding)},
		Outcomes: []Outcome{}, Pictures: []Picture{}, Regions: []Region{}, Segments: []Segment{}, Objects: []Object{},
	}
	for _, o := range j.Outcomes {
		out.Outcomes = append(out.Outcomes, Outcome{o.Name, o.Code, o.System, o.Probability, o.Low, o.High, o.InSet})
	}
	for _, r := range j.Regions {
		out.Regions = append(out.Regions, Region{j.about.SOP, 1, r.X, r.Y, r.Width, r.Height, r.Weight})
	}
	for _, s := range j.Segments {
		out.Segments = append(out.Segments, Segment{s.Start, s.End, "", s.Weight})
	}
	return out
}

// clinical gives a finding back in the words of the panel, for the packages
// that write it into objects and messages.
func (f Finding) clinical(synthetic bool) clinical.Finding {
	out := clinical.Finding{
		Input: f.Input, Kind: clinical.Kind(f.Kind), Task: f.Task, Model: f.Model.Name, Version: f.Model.Version,
		Verdict: f.Verdict, Answer: f.Answer, Coverage: f.Coverage, Notes: f.Notes, Synthetic: synthetic,
	}
	for _, o := range f.Outcomes {
		out.Outcomes = append(out.Outcomes, clinical.Outcome{Concept: clinical.Concept{Name: o.Name, Code: o.Code, System: o.System}, Probability: o.Probability, Low: o.Low, High: o.High, InSet: o.InSet})
	}
	for _, r := range f.Regions {
		out.Regions = append(out.Regions, clinical.Region{X: r.X, Y: r.Y, Width: r.Width, Height: r.Height, Weight: r.Score})
	}
	for _, s := range f.Segments {
		out.Segments = append(out.Segments, clinical.Segment{Start: s.Start, End: s.End, Weight: s.Score})
	}
	return out
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// sort puts the most urgent finding first.
func sort(list []judged) {
	plain := make([]clinical.Finding, len(list))
	for i, j := range list {
		plain[i] = j.Finding
	}
	order := panel.Order(plain)
	sorted := make([]judged, len(list))
	for to, from := range order {
		sorted[to] = list[from]
	}
	copy(list, sorted)
}

// urgencyOf grades a finding for the worklist. "Critical" is left to models
// whose labels are emergencies; none is shipped.
func urgencyOf(f clinical.Finding) store.Urgency {
	switch panel.UrgencyOf(f) {
	case panel.Abnormal:
		return store.UrgencyUrgent
	case panel.Open:
		return store.UrgencyRoutine
	}
	return store.UrgencyNone
}

// headline is the most urgent answer in a few words.
func headline(findings []judged) (store.Urgency, string) {
	if len(findings) == 0 {
		return store.UrgencyNone, "not assessed"
	}
	f := findings[0].Finding
	i := slices.IndexFunc(f.Outcomes, func(o clinical.Outcome) bool { return o.Name == f.Answer })
	if f.Verdict != clinical.VerdictFinding || i < 0 {
		return urgencyOf(f), f.Answer
	}
	return urgencyOf(f), fmt.Sprintf("%s %.0f%%", f.Answer, 100*f.Outcomes[i].Probability)
}

// reasons says in sentences why a finding reads as it does: what was asked, how
// sure the answer is, what cannot be excluded, where the model looked, and what
// is known about the model.
func (n *Node) reasons(f clinical.Finding) []string {
	out := []string{fmt.Sprintf("The question was %s; the model is %s, version %s.", f.Task, f.Model, f.Version)}
	if len(f.Outcomes) > 0 {
		out = append(out, certainty(f))
	}
	if f.Verdict == clinical.VerdictCannotTell {
		out = append(out, "No single answer can be given: the evidence in this input does not separate the possible answers at the promised reliability.")
	}
	switch len(f.Regions) {
	case 0:
	case 1:
		out = append(out, fmt.Sprintf("One place carries %.0f%% of the evidence; it is marked in the image.", 100*f.Regions[0].Weight))
	default:
		out = append(out, fmt.Sprintf("%d places are marked; the first carries %.0f%% of the evidence.", len(f.Regions), 100*f.Regions[0].Weight))
	}
	if len(f.Segments) > 0 {
		s := f.Segments[0]
		out = append(out, fmt.Sprintf("The stretch from %.1f to %.1f s weighs most (%.0f%% of the evidence).", s.Start, s.End, 100*s.Weight))
	}
	if b := n.bundle(f.Model, f.Version); b != nil {
		for _, figure := range b.Card.Figures {
			if strings.EqualFold(figure.Metric, "auc") && figure.Split == "test" {
				out = append(out, fmt.Sprintf("On %s this model reached an AUC of %.3f (95%% interval %.3f to %.3f).", b.Card.Data.Name, figure.Value, figure.Low, figure.High))
				break
			}
		}
	}
	return out
}

// certainty puts the most probable answer and its interval into a sentence.
func certainty(f clinical.Finding) string {
	o := f.Outcomes[0]
	text := fmt.Sprintf("%q has a calibrated probability of %.0f%%", o.Name, 100*o.Probability)
	if o.Low != nil && o.High != nil {
		text += fmt.Sprintf(" (between %.0f%% and %.0f%%)", 100**o.Low, 100**o.High)
	}
	if f.Coverage > 0 {
		in := 0
		for _, o := range f.Outcomes {
			if o.InSet {
				in++
			}
		}
		text += fmt.Sprintf("; at %.0f%% reliability %d of %d answers cannot be excluded", 100*f.Coverage, in, len(f.Outcomes))
	}
	return text + "."
}
