package node

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// keep makes everything that follows from an examination, and stores it in one
// transaction: assessment, result objects, what is to be sent, the study's new
// state and the audit event are there together, or not at all. Blobs are stored
// before; those of a transaction that failed are swept as orphans.
func (n *Node) keep(ctx context.Context, c content, e examined) error {
	a := n.assessment(c, e)
	pictures, images, err := n.keepPictures(ctx, e, &a)
	if err != nil {
		return err
	}
	objects, err := n.resultObjects(ctx, e.sources, &a, images)
	if err != nil {
		return err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the assessment cannot be written", "this is a defect; please report it")
	}
	err = n.Store.Tx(ctx, func(t *store.Tx) error {
		added, err := t.AddAssessment(ctx, store.Assessment{ID: a.ID, Study: c.study.UID, Fingerprint: c.fingerprint, Made: e.made, Body: body, Pictures: pictures})
		if err != nil || !added {
			return err // another worker was first; its results are the same
		}
		if err := n.fileObjects(ctx, t, objects, e.made); err != nil {
			return err
		}
		if err := n.ready(ctx, t, c.study.UID, e); err != nil {
			return err
		}
		return n.Note(ctx, t, govern.Event{
			Actor: "system", Action: "assessment.made", Patient: c.study.Patient.ID, Study: c.study.UID, Object: a.ID, Model: models(a), Outcome: "ok",
			Detail: map[string]string{"fingerprint": c.fingerprint, "findings": strconv.Itoa(len(a.Findings)), "refusals": strconv.Itoa(len(a.Refusals))},
		})
	})
	if err != nil {
		return err
	}
	n.changed(c.study.UID)
	n.wakePost()
	return n.Flush(ctx)
}

// ready shows the outcome on the worklist.
func (n *Node) ready(ctx context.Context, t *store.Tx, study string, e examined) error {
	urgency, headline := headline(e.findings)
	if err := t.SetOutcome(ctx, study, urgency, headline, len(e.findings)); err != nil {
		return err
	}
	if err := t.DropFailure(ctx, study); err != nil {
		return err
	}
	err := t.SetState(ctx, study, []store.State{store.StateDiagnosing}, store.StateReady)
	if fault.CodeOf(err) == fault.Conflict {
		return nil // more of the study arrived meanwhile: it stays in receiving
	}
	return err
}

// fileObjects files objects of ours and puts them on their way to every PACS.
func (n *Node) fileObjects(ctx context.Context, t *store.Tx, objects []store.Instance, now time.Time) error {
	for _, i := range objects {
		if _, err := t.AddInstance(ctx, i); err != nil {
			return err
		}
		for _, p := range n.Peers {
			if p.Kind != KindDICOM {
				continue
			}
			if err := t.AddDelivery(ctx, delivery(i.Study, i.SOP, p, now)); err != nil {
				return err
			}
		}
	}
	return nil
}

func delivery(study, object string, p Peer, now time.Time) store.Delivery {
	return store.Delivery{ID: digest(object, p.Name), Study: study, Object: object, Peer: p.Name, Kind: p.Kind, Created: now, Next: now}
}

// models lists the versions that answered, for the audit log.
func models(a Assessment) string {
	var refs []string
	for _, f := range a.Findings {
		refs = append(refs, f.Model.Name+"@"+f.Model.Version+"#"+f.Model.Digest)
	}
	slices.Sort(refs)
	return strings.Join(slices.Compact(refs), " ")
}
