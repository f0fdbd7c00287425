package node

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"consilium/dicom"
	"consilium/dicom/result"
	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// Limits of what a reviewer writes.
const (
	maxComment = 4000
	maxAnswer  = 200
)

// Attestation is what a reviewer signs.
const Attestation = "I have looked at the input and at every finding, and the decisions recorded here are mine."

// Review keeps a person's decision about a finding; an earlier one is replaced.
// Errors: USAGE for a decision that is none, NOT_FOUND, CONFLICT when signed.
func (n *Node) Review(ctx context.Context, who Actor, r store.Reader, study, finding string, v Review) error {
	if err := checkReview(v); err != nil {
		return err
	}
	return n.decide(ctx, who, r, study, finding, "finding.reviewed", v.Decision, func(t *store.Tx, a Assessment) error {
		return t.PutReview(ctx, store.Review{Assessment: a.ID, Finding: finding, Decision: v.Decision, Answer: strings.TrimSpace(v.Answer), Comment: strings.TrimSpace(v.Comment), By: who.signature(), At: n.Now()})
	})
}

// Unreview takes a decision back.
func (n *Node) Unreview(ctx context.Context, who Actor, r store.Reader, study, finding string) error {
	return n.decide(ctx, who, r, study, finding, "finding.unreviewed", "", func(t *store.Tx, a Assessment) error {
		return t.DropReview(ctx, a.ID, finding)
	})
}

func checkReview(v Review) error {
	switch {
	case !slices.Contains([]string{DecisionAccept, DecisionCorrect, DecisionReject}, v.Decision):
		return fault.New(fault.Usage, fmt.Sprintf("%.40q is no decision", v.Decision), "accept, correct or reject")
	case v.Decision == DecisionCorrect && strings.TrimSpace(v.Answer) == "":
		return fault.New(fault.Usage, "a correction needs the right answer", "choose a label, or write one")
	case len(v.Comment) > maxComment || len(v.Answer) > maxAnswer:
		return fault.New(fault.Usage, "the comment or the answer is too long", fmt.Sprintf("at most %d and %d bytes", maxComment, maxAnswer))
	}
	return nil
}

// decide changes what is decided about one finding of the current assessment.
func (n *Node) decide(ctx context.Context, who Actor, r store.Reader, study, finding, action, decision string, change func(t *store.Tx, a Assessment) error) error {
	a, err := n.current(ctx, r, study)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(a.Findings, func(f Finding) bool { return f.ID == finding })
	if i < 0 {
		return fault.New(fault.NotFound, "the assessment has no such finding", "reload the case: it may have been diagnosed again")
	}
	s, err := n.Store.Study(ctx, r, study)
	if err != nil {
		return err
	}
	m := a.Findings[i].Model
	err = n.Store.Tx(ctx, func(t *store.Tx) error {
		if err := change(t, a); err != nil {
			return err
		}
		return n.Note(ctx, t, govern.Event{
			Actor: who.Name, Role: who.Role, Action: action, Patient: s.Patient.ID, Study: study, Object: a.ID + "/" + finding,
			Model: m.Name + "@" + m.Version + "#" + m.Digest, Outcome: "ok",
			Detail: map[string]string{"decision": decision, "shown": a.Findings[i].Answer},
		})
	})
	if err != nil {
		return err
	}
	n.changed(study)
	return n.Flush(ctx)
}

func (n *Node) current(ctx context.Context, r store.Reader, study string) (Assessment, error) {
	kept, err := n.Store.Assessment(ctx, r, study)
	if err != nil {
		return Assessment{}, err
	}
	return n.readAssessment(ctx, kept)
}

// Sign ends the review: every finding must be decided. The report is made
// again, verified and with the observer's name, and goes where results go.
// Errors: CONFLICT when findings are undecided, the study is at work or signed.
func (n *Node) Sign(ctx context.Context, who Actor, r store.Reader, study string) error {
	s, err := n.Store.Study(ctx, r, study)
	if err != nil {
		return err
	}
	a, err := n.current(ctx, r, study)
	if err != nil {
		return err
	}
	for _, f := range a.Findings {
		if f.Review == nil {
			return fault.New(fault.Conflict, fmt.Sprintf("%q on %s is not decided", f.Answer, f.Input), "accept, correct or reject every finding before you sign")
		}
	}
	at := n.Now().UTC().Truncate(time.Second)
	objects, err := n.signedObjects(ctx, who, study, a, at)
	if err != nil {
		return err
	}
	err = n.Store.Tx(ctx, func(t *store.Tx) error {
		if err := t.SetState(ctx, study, []store.State{store.StateReady}, store.StateSigned); err != nil {
			return err
		}
		if err := t.Sign(ctx, store.Signature{Assessment: a.ID, By: who.signature(), At: at, Attestation: Attestation}); err != nil {
			return err
		}
		if err := n.fileObjects(ctx, t, objects, at); err != nil {
			return err
		}
		for _, p := range n.Peers {
			if p.Kind != KindDICOM { // records get what is signed
				if err := t.AddDelivery(ctx, delivery(study, a.ID+"/signed", p, at)); err != nil {
					return err
				}
			}
		}
		return n.Note(ctx, t, govern.Event{
			Actor: who.Name, Role: who.Role, Action: "report.signed", Patient: s.Patient.ID, Study: study, Object: a.ID, Model: models(a), Outcome: "ok",
			Detail: map[string]string{"attestation": Attestation, "decisions": decisions(a)},
		})
	})
	if err != nil {
		return err
	}
	n.changed(study)
	n.wakePost()
	return n.Flush(ctx)
}

// decisions lists what was decided, finding by finding: the record that
// liability needs.
func decisions(a Assessment) string {
	var out []string
	for _, f := range a.Findings {
		text := f.ID + " " + f.Review.Decision
		if f.Review.Decision == DecisionCorrect {
			text += " to " + f.Review.Answer
		}
		out = append(out, text)
	}
	return strings.Join(out, "; ")
}

// signedObjects makes the verified report, which replaces the unverified one.
func (n *Node) signedObjects(ctx context.Context, who Actor, study string, a Assessment, at time.Time) ([]store.Instance, error) {
	if a.Report == nil {
		return nil, nil // nothing could be looked at, so there is nothing to replace
	}
	sources, err := n.sources(ctx, store.Care, study, a)
	if err != nil {
		return nil, err
	}
	in := n.resultInput(sources, a)
	in.Signature = &result.Signature{By: who.signature(), At: at, Attestation: Attestation}
	in.Predecessor = &dicom.IDs{Study: study, Series: a.Report.SeriesUID, SOP: a.Report.SOPUID, Class: a.Report.SOPClass}
	o, err := result.SR(in)
	if err != nil {
		return nil, err
	}
	i, err := n.keepObject(ctx, o)
	return []store.Instance{i}, err
}

// sources gives the headers of the objects that an assessment is about; of all
// objects when it has no finding.
func (n *Node) sources(ctx context.Context, r store.Reader, study string, a Assessment) ([]*dicom.Object, error) {
	list, err := n.Store.Instances(ctx, r, study, "")
	if err != nil {
		return nil, err
	}
	about := map[string]bool{}
	for _, f := range a.Findings {
		about[f.SOPUID] = true
	}
	var sources []*dicom.Object
	for _, i := range list {
		if i.Result || len(about) > 0 && !about[i.SOP] {
			continue
		}
		o, err := n.header(ctx, i)
		if err != nil {
			return nil, err
		}
		sources = append(sources, o)
	}
	return sources, nil
}

// TextReport writes the case as a Basic Text SR, for systems that do not show
// the other one: verified when the report is signed. It is made on request and
// not kept.
// Errors: CONFLICT without an assessment, those of Case.
func (n *Node) TextReport(ctx context.Context, r store.Reader, study string, w io.Writer) error {
	c, err := n.Case(ctx, r, study)
	if err != nil {
		return err
	}
	if c.Assessment == nil || c.Assessment.Report == nil {
		return fault.New(fault.Conflict, "the study has no report yet", "wait until it is diagnosed")
	}
	sources, err := n.sources(ctx, r, study, *c.Assessment)
	if err != nil {
		return err
	}
	in := n.resultInput(sources, *c.Assessment)
	if g := c.Signature; g != nil {
		in.Signature = &result.Signature{By: g.By, At: g.At, Attestation: g.Attestation}
	}
	o, err := result.BasicSR(in)
	if err != nil {
		return err
	}
	return o.Write(w)
}
