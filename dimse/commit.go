package dimse

import (
	"context"
	"errors"
	"time"

	"consilium/dicom"
	"consilium/fault"
)

// Attributes of storage commitment (PS3.3 table C.14-1).
const (
	transactionUID    dicom.Tag = 0x00081195
	failureReason     dicom.Tag = 0x00081197
	failedSOPSequence dicom.Tag = 0x00081198

	actionRequest      uint16 = 1 // of N-ACTION: request storage commitment
	eventAllCommitted  uint16 = 1 // of N-EVENT-REPORT
	eventSomeCommitted uint16 = 2
)

// commit answers an N-ACTION: it asks Config.Commit, and reports at once on
// this association. The report is kept until the peer confirms it.
func (v *session) commit(id byte, p presentation, c command) error {
	if !c.hasData {
		return violation(abortInvalid, "an N-ACTION without a data set")
	}
	o, err := v.identifier(id, p)
	var bad *unreadable
	if err != nil && !errors.As(err, &bad) {
		return err
	}
	answer := c.answer(statusSuccess, "")
	var refs []Reference
	switch {
	case c.kind != actionRequest:
		answer.status = statusNoSuchAction
	case c.instance != commitmentInstance:
		answer.status = statusNoSuchObject
	case err != nil || !validUID(o.Text(transactionUID)):
		answer.status = statusInvalidArgument
	default:
		refs = references(o, dicom.ReferencedSOPSequence)
		if len(refs) == 0 {
			answer.status = statusInvalidArgument
		}
	}
	if answer.status != statusSuccess {
		v.config.Observe.Refused(RefusedMalformed)
		return v.reply(id, answer)
	}
	outcome, err := v.outcome(o.Text(transactionUID), refs)
	if err != nil {
		v.log.Error("storage commitment failed", "error", err)
		answer.status, answer.comment = statusProcessing, string(fault.CodeOf(err))
		return v.reply(id, answer)
	}
	if err := v.reply(id, answer); err != nil {
		return err
	}
	return v.report(id, p, outcome)
}

// outcome asks which objects are held.
func (v *session) outcome(transaction string, refs []Reference) (Commitment, error) {
	out := Commitment{Transaction: transaction, Failed: map[Reference]Reason{}}
	ctx, cancel := context.WithDeadline(v.ctx, v.until)
	defer cancel()
	reasons, err := v.config.Commit(ctx, v.calling, refs)
	if err != nil {
		return out, err
	}
	if len(reasons) != len(refs) {
		return out, fault.New(fault.Internal, "storage commitment gave another number of answers than objects", "please report it")
	}
	for i, r := range refs {
		if reasons[i] == Committed {
			out.Committed = append(out.Committed, r)
		} else {
			out.Failed[r] = reasons[i]
		}
	}
	return out, nil
}

// report sends the N-EVENT-REPORT.
func (v *session) report(id byte, p presentation, outcome Commitment) error {
	v.lastID++
	if v.reports == nil {
		v.reports = map[uint16]Commitment{}
	}
	v.reports[v.lastID] = outcome
	return v.sendReport(id, p, v.lastID, outcome)
}

func (l *link) sendReport(id byte, p presentation, message uint16, outcome Commitment) error {
	body, err := outcome.object()
	if err != nil {
		return err
	}
	in, err := encode(body, p.syntax)
	if err != nil {
		return err
	}
	c := command{field: fieldEventReport, id: message, class: commitmentPush, instance: commitmentInstance, kind: eventAllCommitted, hasData: true}
	if len(outcome.Failed) > 0 {
		c.kind = eventSomeCommitted
	}
	return l.message(id, c, in)
}

// reportPauses are the waits before each attempt to bring a report.
var reportPauses = []time.Duration{0, 2 * time.Second, 10 * time.Second, 30 * time.Second}

// deliverReports brings reports that the peer did not confirm before it ended
// its association, on associations of ours (PS3.4 section J.3.3).
func (v *session) deliverReports() {
	if len(v.reports) == 0 {
		return
	}
	var peer Peer
	known := false
	if v.config.Peers != nil {
		peer, known = v.config.Peers(v.calling)
	}
	if !known {
		v.log.Warn("a storage commitment report cannot be delivered: no address is known for this AE title", "reports", len(v.reports))
		return
	}
	s := v.server
	s.wg.Go(func() {
		for _, outcome := range v.reports {
			err := error(nil)
			for _, pause := range reportPauses {
				select {
				case <-s.stopping:
					return
				case <-time.After(pause):
				}
				if err = peer.bring(v.ctx, outcome); err == nil {
					break
				}
			}
			if err != nil {
				v.log.Warn("a storage commitment report could not be delivered", "transaction", outcome.Transaction, "error", err)
			}
		}
	})
}

// bring delivers one report; we are the provider on an association of ours.
func (p Peer) bring(ctx context.Context, outcome Commitment) error {
	a, err := p.associate(ctx, []proposal{{class: commitmentPush, syntaxes: plain, provider: true}})
	if err != nil {
		return err
	}
	what := "the storage commitment report to " + p.AETitle
	id, context, ok := a.context(commitmentPush, "")
	if !ok {
		return a.fail(fault.New(fault.PeerRefused, p.AETitle+" takes no storage commitment reports", "have the peer allow them"), what)
	}
	message := a.id()
	if err := a.sendReport(id, context, message, outcome); err != nil {
		return a.fail(err, what)
	}
	_, r, err := a.response(message)
	if err == nil && r.status != statusSuccess {
		err = statusError(what, r)
	}
	if err != nil {
		return a.fail(err, what)
	}
	a.close()
	return nil
}

// committed takes a report that a peer brings on an association of its own.
func (v *session) committed(id byte, p presentation, c command) error {
	if !c.hasData {
		return violation(abortInvalid, "an N-EVENT-REPORT without a data set")
	}
	o, err := v.identifier(id, p)
	var bad *unreadable
	if err != nil && !errors.As(err, &bad) {
		return err
	}
	answer := c.answer(statusSuccess, "")
	if err != nil || !validUID(o.Text(transactionUID)) {
		v.config.Observe.Refused(RefusedMalformed)
		answer.status = statusInvalidArgument
		return v.reply(id, answer)
	}
	ctx, cancel := context.WithDeadline(v.ctx, v.until)
	defer cancel()
	if err := v.config.Committed(ctx, v.calling, commitmentOf(o)); err != nil {
		v.log.Error("a storage commitment report was not taken", "error", err)
		answer.status, answer.comment = storeStatus(err)
	}
	return v.reply(id, answer)
}
