package dimse

import (
	"context"
	"errors"
	"time"

	"consilium/dicom"
	"consilium/fault"
)

// Reference names a stored object.
type Reference struct{ Class, SOP string }

// Reason is why an object is not committed (PS3.3 table C.14-1).
type Reason uint16

// The reasons; Committed is none.
const (
	Committed              Reason = 0
	CommitProcessing       Reason = 0x0110 // processing failure
	CommitNoSuchObject     Reason = 0x0112
	CommitClassConflict    Reason = 0x0119 // the object is of another class
	CommitResources        Reason = 0x0213
	CommitClassUnsupported Reason = 0x0122
	CommitDuplicate        Reason = 0x0131 // this transaction is under way already
)

// Commitment is the outcome of a storage commitment request (PS3.4 annex J).
type Commitment struct {
	Transaction string // UID
	Committed   []Reference
	Failed      map[Reference]Reason
}

// RequestCommitment asks the peer to take responsibility for objects (storage
// commitment push model, PS3.4 annex J), and waits for its report on the same
// association. When none comes in time, known is false and the report will
// come to a Server's Config.Committed, with the same transaction UID.
func RequestCommitment(ctx context.Context, p Peer, refs []Reference, wait time.Duration) (outcome Commitment, known bool, err error) {
	outcome = Commitment{Transaction: dicom.NewUID(), Committed: refs}
	request, err := outcome.object()
	if err != nil || len(refs) == 0 {
		return outcome, false, errors.Join(err, usage("storage commitment of nothing"))
	}
	outcome.Committed = nil
	a, err := p.associate(ctx, []proposal{{class: commitmentPush, syntaxes: plain}})
	if err != nil {
		return outcome, false, err
	}
	what := "storage commitment by " + p.AETitle
	id, context, ok := a.context(commitmentPush, "")
	if !ok {
		return outcome, false, a.fail(fault.New(fault.PeerRefused, p.AETitle+" does not offer storage commitment", "have the peer allow it for this AE title"), what)
	}
	c := command{field: fieldAction, id: a.id(), class: commitmentPush, instance: commitmentInstance, kind: actionRequest, hasData: true}
	body, err := encode(request, context.syntax)
	if err == nil {
		err = a.message(id, c, body)
	}
	if err != nil {
		return outcome, false, a.fail(err, what)
	}
	_, r, err := a.response(c.id)
	if err == nil && r.status != statusSuccess {
		err = statusError(what, r)
	}
	if err != nil {
		return outcome, false, a.fail(err, what)
	}
	report, known, err := a.awaitReport(outcome.Transaction, wait)
	if err != nil {
		return outcome, false, a.fail(err, what)
	}
	if known {
		outcome = report
	}
	a.close()
	return outcome, known, nil
}

// awaitReport waits for an N-EVENT-REPORT on this association; false when none
// comes in time, or the peer ends the association first.
func (a *association) awaitReport(transaction string, wait time.Duration) (Commitment, bool, error) {
	if wait <= 0 {
		return Commitment{}, false, nil
	}
	a.idle = wait
	id, c, err := a.next()
	switch {
	case errors.Is(err, errLost), errors.Is(err, errReleased), isTimeout(err):
		return Commitment{}, false, nil
	case err != nil:
		return Commitment{}, false, err
	case c.field != fieldEventReport || !c.hasData:
		return Commitment{}, false, violation(abortUnexpected, "no storage commitment report (%04X)", c.field)
	}
	o, err := a.identifier(id, a.contexts[id])
	if err != nil {
		return Commitment{}, false, err
	}
	if o.Text(transactionUID) != transaction {
		return Commitment{}, false, violation(abortInvalid, "a report about another transaction")
	}
	return commitmentOf(o), true, a.message(id, c.answer(statusSuccess, ""), nil)
}

// object is the data set of a request or a report.
func (c Commitment) object() (*dicom.Object, error) {
	o := dicom.New("")
	err := o.Set(transactionUID, c.Transaction)
	if len(c.Committed) > 0 {
		items := make([]*dicom.Object, len(c.Committed))
		for i, r := range c.Committed {
			items[i], err = r.item(err)
		}
		err = errors.Join(err, o.SetItems(dicom.ReferencedSOPSequence, items...))
	}
	if len(c.Failed) > 0 {
		var items []*dicom.Object
		for r, why := range c.Failed {
			item, itemErr := r.item(err)
			err = errors.Join(itemErr, item.Set(failureReason, int(why)))
			items = append(items, item)
		}
		err = errors.Join(err, o.SetItems(failedSOPSequence, items...))
	}
	return o, err
}

func (r Reference) item(err error) (*dicom.Object, error) {
	o := dicom.New("")
	return o, errors.Join(err, o.Set(dicom.ReferencedSOPClassUID, r.Class), o.Set(dicom.ReferencedSOPInstanceUID, r.SOP))
}

// references reads a sequence of references; items that are none are left out.
func references(o *dicom.Object, t dicom.Tag) []Reference {
	var out []Reference
	for _, item := range o.Items(t) {
		r := Reference{item.Text(dicom.ReferencedSOPClassUID), item.Text(dicom.ReferencedSOPInstanceUID)}
		if validUID(r.Class) && validUID(r.SOP) {
			out = append(out, r)
		}
	}
	return out
}

func commitmentOf(o *dicom.Object) Commitment {
	c := Commitment{Transaction: o.Text(transactionUID), Committed: references(o, dicom.ReferencedSOPSequence), Failed: map[Reference]Reason{}}
	for _, item := range o.Items(failedSOPSequence) {
		why, _ := item.Int(failureReason)
		c.Failed[Reference{item.Text(dicom.ReferencedSOPClassUID), item.Text(dicom.ReferencedSOPInstanceUID)}] = Reason(why)
	}
	return c
}
