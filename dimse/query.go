package dimse

import (
	"bytes"
	"context"
	"errors"
	"time"

	"consilium/dicom"
	"consilium/fault"
)

// Root is the information model of a query (PS3.4 annex C.3).
type Root int

// The two models. Study is what nearly every archive offers.
const (
	StudyRoot Root = iota
	PatientRoot
)

// class gives the SOP class: .1 finds, .2 moves, .3 gets.
func (r Root) class(service string) string {
	if r == PatientRoot {
		return "1.2.840.10008.5.1.4.1.2.1." + service
	}
	return "1.2.840.10008.5.1.4.1.2.2." + service
}

const (
	serviceFind = "1"
	serviceMove = "2"
	serviceGet  = "3"
)

// Query asks an archive. Keys are what to match and, for Find, empty
// attributes that are to come back.
type Query struct {
	Root  Root
	Level string // PATIENT, STUDY, SERIES or IMAGE
	Keys  *dicom.Object
}

// check finds what is wrong with a query before anybody is asked.
func (q Query) check() error {
	switch q.Level {
	case "PATIENT", "STUDY", "SERIES", "IMAGE":
	default:
		return usage("%q is no query level: PATIENT, STUDY, SERIES or IMAGE", q.Level)
	}
	if q.Level == "PATIENT" && q.Root != PatientRoot {
		return usage("the level PATIENT needs the patient root model")
	}
	if q.Keys == nil {
		return usage("a query without keys")
	}
	return nil
}

// identifier is the data set of the request.
func (q Query) identifier(syntax string) (*bytes.Reader, error) {
	keys := q.Keys.Clone()
	if err := keys.Set(dicom.QueryRetrieveLevel, q.Level); err != nil {
		return nil, err
	}
	return encode(keys, syntax)
}

// cancelGrace is how long a peer may take to stop after C-CANCEL.
const cancelGrace = 5 * time.Second

// conversation is a request with many answers: C-FIND, C-MOVE, C-GET.
type conversation struct {
	*association
	id      byte
	context presentation
	ask     command
	finish  func()
}

// converse asks. When ctx ends after that, the peer is sent C-CANCEL and has a
// moment to stop before the association is torn down.
func (p Peer) converse(ctx context.Context, q Query, field uint16, service, destination string, more []proposal) (*conversation, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	class := q.Root.class(service)
	inner, kill := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, kill)
	a, err := p.associate(inner, append([]proposal{{class: class, syntaxes: plain}}, more...))
	if err != nil {
		kill()
		return nil, p.ended(ctx, err, "no association with "+p.AETitle)
	}
	v := &conversation{association: a, ask: command{field: field, id: a.id(), class: class, destination: destination, hasData: true}, finish: kill}
	var ok bool
	if v.id, v.context, ok = a.context(class, ""); !ok {
		return nil, v.fail(ctx, fault.New(fault.PeerRefused, p.AETitle+" does not offer this kind of query or retrieval", "ask for the other information model, or have the peer allow it"))
	}
	keys, err := q.identifier(v.context.syntax)
	if err == nil {
		err = a.message(v.id, v.ask, keys)
	}
	if err != nil {
		return nil, v.fail(ctx, err)
	}
	if !stop() { // ctx has ended
		return nil, v.fail(ctx, ctx.Err())
	}
	stopCancel := context.AfterFunc(ctx, func() {
		v.cancel()
		time.AfterFunc(cancelGrace, kill)
	})
	v.finish = func() { stopCancel(); kill() }
	return v, nil
}

// cancel sends C-CANCEL; the peer's last answer will say that it stopped.
func (v *conversation) cancel() {
	_ = v.message(v.id, command{field: fieldCancel, id: v.ask.id}, nil)
}

// fail tears the association down.
func (v *conversation) fail(ctx context.Context, err error) error {
	defer v.finish()
	return v.peer.ended(ctx, v.association.fail(err, "asking "+v.peer.AETitle), "asking "+v.peer.AETitle)
}

// done releases the association after the last answer.
func (v *conversation) done() {
	v.close()
	v.finish()
}

// ended prefers the end of the caller's context over what it caused.
func (p Peer) ended(ctx context.Context, err error, what string) error {
	if ctx.Err() != nil {
		return p.fault(ctx.Err(), what)
	}
	return p.fault(err, what)
}

// Find asks an archive (C-FIND) and hands over every match. An error of each
// cancels the query and is returned.
func Find(ctx context.Context, p Peer, q Query, each func(*dicom.Object) error) error {
	v, err := p.converse(ctx, q, fieldFind, serviceFind, "", nil)
	if err != nil {
		return err
	}
	var failure error
	for n := 0; ; n++ {
		_, r, err := v.response(v.ask.id)
		if err != nil {
			return v.fail(ctx, err)
		}
		if !isPending(r.status) {
			return v.last(ctx, r, failure)
		}
		if !r.hasData {
			return v.fail(ctx, violation(abortUnexpected, "a match without content"))
		}
		match, err := v.identifier(v.id, v.context)
		if n == maxAnswers {
			err = &unreadable{fault.New(fault.InputTooLarge, "the query matches too much", "ask for less")}
		}
		var bad *unreadable
		switch {
		case errors.As(err, &bad):
		case err != nil:
			return v.fail(ctx, err)
		case failure == nil:
			err = each(match)
		}
		if err != nil && failure == nil {
			failure = err
			v.cancel()
		}
		if n > 2*maxAnswers { // it does not stop
			return v.fail(ctx, failure)
		}
	}
}

// last ends a conversation with its final answer.
func (v *conversation) last(ctx context.Context, r command, failure error) error {
	if r.hasData { // the list of failed objects
		if _, err := v.identifier(v.id, v.context); err != nil {
			return v.fail(ctx, err)
		}
	}
	v.done()
	switch {
	case ctx.Err() != nil:
		return v.peer.fault(ctx.Err(), "asking "+v.peer.AETitle)
	case failure != nil:
		return failure
	case r.status == statusSuccess:
		return nil
	}
	return statusError(v.peer.AETitle+" refused", r)
}
