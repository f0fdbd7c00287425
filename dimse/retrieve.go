package dimse

import (
	"context"
	"fmt"
	"os"

	"consilium/fault"
)

// SubOperations counts what a C-MOVE or C-GET has done so far.
type SubOperations struct{ Remaining, Completed, Failed, Warning int }

// Move has the peer send objects to the node that it knows as destination, an
// AE title (C-MOVE). progress, if not nil, hears the counts of every interim
// answer. The error tells when not all objects were sent.
func Move(ctx context.Context, p Peer, q Query, destination string, progress func(SubOperations)) (SubOperations, error) {
	if !validAE(destination) {
		return SubOperations{}, usage("%q is no AE title to send to", destination)
	}
	v, err := p.converse(ctx, q, fieldMove, serviceMove, destination, nil)
	if err != nil {
		return SubOperations{}, err
	}
	var done SubOperations
	for {
		_, r, err := v.response(v.ask.id)
		if err != nil {
			return done, v.fail(ctx, err)
		}
		if finished, err := v.progress(ctx, r, &done, progress); finished {
			return done, err
		}
	}
}

// progress takes the counts of one answer to C-MOVE or C-GET; true with the last.
func (v *conversation) progress(ctx context.Context, r command, done *SubOperations, report func(SubOperations)) (bool, error) {
	if r.hasCounts {
		*done = r.counts
	}
	if isPending(r.status) {
		if r.hasData {
			return true, v.fail(ctx, violation(abortUnexpected, "an interim answer with a data set"))
		}
		if report != nil {
			report(*done)
		}
		return false, nil
	}
	done.Remaining = r.counts.Remaining
	partial := isWarning(r.status)
	if partial {
		r.status = statusSuccess // the association was well; what failed is counted
	}
	err := v.last(ctx, r, nil)
	if err == nil && (partial || done.Failed > 0) {
		err = fault.New(fault.PeerRefused, fmt.Sprintf("%s could not send all objects: %d sent, %d failed, %d with a warning", v.peer.AETitle, done.Completed, done.Failed, done.Warning),
			"the logs of both nodes say why; retrieve again what is missing")
	}
	return true, err
}

// Inbox is where Get puts what arrives; see Config for the fields.
type Inbox struct {
	Spool     string
	MaxObject int64    // DefaultMaxObject when 0
	Classes   []string // SOP classes that may arrive, 127 at most; nil takes the usual ones
	Receive   func(context.Context, Received) error
}

// Get has the peer send objects over this very association (C-GET): the way
// through a firewall, and without an entry in the peer's list of destinations.
func Get(ctx context.Context, p Peer, q Query, in Inbox, progress func(SubOperations)) (SubOperations, error) {
	orDefault(&in.MaxObject, int64(DefaultMaxObject))
	if in.Receive == nil || in.Spool == "" {
		return SubOperations{}, usage("objects need a spool folder and a receiver")
	}
	if err := os.MkdirAll(in.Spool, 0o700); err != nil {
		return SubOperations{}, fault.Wrap(err, fault.StoreFailed, "the spool folder cannot be made", "check the path and its permissions")
	}
	if in.Classes == nil {
		in.Classes = usualClasses()
	}
	if len(in.Classes) >= maxContexts {
		return SubOperations{}, usage("%d SOP classes, at most %d fit into one association", len(in.Classes), maxContexts-1)
	}
	var more []proposal
	for _, class := range in.Classes {
		more = append(more, proposal{class: class, syntaxes: retrievable, provider: true})
	}
	v, err := p.converse(ctx, q, fieldGet, serviceGet, "", more)
	if err != nil {
		return SubOperations{}, err
	}
	return v.get(ctx, in, progress)
}

func (v *conversation) get(ctx context.Context, in Inbox, progress func(SubOperations)) (SubOperations, error) {
	config := &Config{Spool: in.Spool, MaxObject: in.MaxObject, Receive: in.Receive, Observe: silent{}}
	s := &session{link: v.link, config: config, log: discard, calling: v.peer.AETitle, address: addressOf(v.conn.RemoteAddr()).String()}
	var done SubOperations
	for {
		id, c, err := v.next()
		if err != nil {
			return done, v.fail(ctx, err)
		}
		switch p, known := v.contexts[id]; {
		case known && c.field == fieldStore && p.class != v.ask.class:
			if err := s.store(id, p, c); err != nil {
				return done, v.fail(ctx, err)
			}
		case c.field == fieldGet|responseBit && c.id == v.ask.id:
			if finished, err := v.progress(ctx, c, &done, progress); finished {
				return done, err
			}
		default:
			return done, v.fail(ctx, violation(abortUnexpected, "neither an object nor an answer (%04X)", c.field))
		}
	}
}
