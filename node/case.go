package node

import (
	"context"
	"encoding/json"
	"io"

	"consilium/fault"
	"consilium/store"
)

// Case gives everything about a study that the reader may see. Who shows it to a
// person writes that down.
// Errors: NOT_FOUND, CONSENT_WITHHELD, those of the store.
func (n *Node) Case(ctx context.Context, r store.Reader, study string) (Case, error) {
	s, err := n.Store.Study(ctx, r, study)
	if err != nil {
		return Case{}, err
	}
	c := Case{Study: row(s), Series: []Series{}, History: []Step{}}
	if err := n.addSeries(ctx, r, &c); err != nil {
		return c, err
	}
	if err := n.addAssessment(ctx, r, &c); err != nil {
		return c, err
	}
	if s.State == store.StateFailed {
		f, err := n.Store.Failure(ctx, study)
		if err != nil && fault.CodeOf(err) != fault.NotFound {
			return c, err
		}
		c.Failure = &Failure{f.Code, f.What, f.Do}
	}
	return c, n.addHistory(ctx, s, &c)
}

func (n *Node) addSeries(ctx context.Context, r store.Reader, c *Case) error {
	list, err := n.Store.Instances(ctx, r, c.Study.StudyUID, "")
	if err != nil {
		return err
	}
	for _, i := range list {
		last := len(c.Series) - 1
		if last < 0 || c.Series[last].SeriesUID != i.Series {
			c.Series = append(c.Series, Series{SeriesUID: i.Series, Modality: i.Modality, Description: i.SeriesDescription, Number: i.SeriesNumber, Result: i.Result})
			last++
		}
		c.Series[last].Instances = append(c.Series[last].Instances, Instance{i.SOP, i.Class, i.Number, max(1, i.Frames), i.Rows, i.Columns, kindOf(i)})
	}
	return nil
}

// addAssessment puts the assessment, the reviews and the signature in.
func (n *Node) addAssessment(ctx context.Context, r store.Reader, c *Case) error {
	kept, err := n.Store.Assessment(ctx, r, c.Study.StudyUID)
	if fault.CodeOf(err) == fault.NotFound {
		return nil // not assessed yet
	}
	if err != nil {
		return err
	}
	a, err := n.readAssessment(ctx, kept)
	if err != nil {
		return err
	}
	c.Assessment = &a
	g, err := n.Store.Signature(ctx, a.ID)
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	c.Signature = &Signature{g.By, g.At, g.Attestation}
	return err
}

func (n *Node) readAssessment(ctx context.Context, kept store.Assessment) (Assessment, error) {
	var a Assessment
	if err := json.Unmarshal(kept.Body, &a); err != nil {
		return a, fault.Wrap(err, fault.StoreCorrupt, "the assessment cannot be read", "restore the latest backup, or have the study diagnosed again")
	}
	reviews, err := n.Store.Reviews(ctx, a.ID)
	for _, v := range reviews {
		for k := range a.Findings {
			if a.Findings[k].ID == v.Finding {
				a.Findings[k].Review = &Review{v.Decision, v.Answer, v.Comment, v.By, v.At}
			}
		}
	}
	return a, err
}

// addHistory tells what happened to the study, oldest first: what the node's own
// tables know. The audit log knows also who looked.
func (n *Node) addHistory(ctx context.Context, s store.Study, c *Case) error {
	add := func(step Step) { c.History = append(c.History, step) }
	add(Step{s.Received, "system", "study.received", "The first object arrived."})
	if a := c.Assessment; a != nil {
		add(Step{a.MadeAt, "system", "assessment.made", plural(len(a.Findings), "finding") + ", " + plural(len(a.Refusals), "refusal") + "."})
		for _, f := range a.Findings {
			if v := f.Review; v != nil {
				add(Step{v.At, v.By, "finding.reviewed", reviewText(f)})
			}
		}
	}
	if g := c.Signature; g != nil {
		add(Step{g.At, g.By, "report.signed", g.Attestation})
	}
	sent, err := n.Store.Deliveries(ctx, s.UID)
	if err != nil {
		return err
	}
	for _, d := range sent {
		switch d.State {
		case store.DeliverySent:
			add(Step{d.Done, "system", "result.sent", "A result was sent to " + d.Peer + "."})
		case store.DeliveryFailed:
			add(Step{d.Done, "system", "result.failed", "A result could not be sent to " + d.Peer + ": " + d.Problem})
		default:
			if d.Tries > 0 {
				add(Step{d.Created, "system", "result.waiting", "A result waits for " + d.Peer + ", tried " + plural(d.Tries, "time") + ": " + d.Problem})
			}
		}
	}
	sortSteps(c.History)
	return nil
}

// Picture opens a heat map of a study.
// Errors: NOT_FOUND, CONSENT_WITHHELD.
func (n *Node) Picture(ctx context.Context, r store.Reader, study, blob string) (io.ReadSeekCloser, error) {
	if _, err := n.Store.Study(ctx, r, study); err != nil {
		return nil, err
	}
	has, err := n.Store.HasPicture(ctx, study, blob)
	if err != nil {
		return nil, err
	}
	if !has {
		return nil, fault.New(fault.NotFound, "the study has no such picture", "reload the case")
	}
	return n.Store.OpenBlob(ctx, blob)
}
