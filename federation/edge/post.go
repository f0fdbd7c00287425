package edge

import (
	"context"
	"encoding/json"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// patience bounds one attempt to send, so that a case that nobody needs handed over any more does not stand before
// the others for as long as the link is cut.
const patience = time.Minute

// sendCases hands cases over until ctx ends, the oldest first. Summaries go their own way: a case has a deadline.
func (d *Desk) sendCases(ctx context.Context) {
	for {
		var first *entry
		if !d.await(ctx, func(now time.Time) bool {
			first = nil
			for _, e := range d.names {
				if !e.ask.Sent && !e.ask.notBefore.After(now) && (first == nil || e.seq < first.seq) {
					first = e
				}
			}
			return first != nil
		}) {
			return
		}
		d.handOver(ctx, first)
	}
}

// sendSummaries empties the outbox until ctx ends, the oldest first.
func (d *Desk) sendSummaries(ctx context.Context) {
	for {
		var first *post
		if !d.await(ctx, func(now time.Time) bool {
			for _, p := range d.posts {
				if !p.notBefore.After(now) {
					first = p
					return true
				}
			}
			return false
		}) {
			return
		}
		d.deliver(ctx, first)
	}
}

// await waits until there is something to do; false when ctx ends before.
func (d *Desk) await(ctx context.Context, found func(now time.Time) bool) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ctx.Err() == nil {
		if found(d.o.Clock.Now()) {
			return true
		}
		d.moved.Wait()
	}
	return false
}

// attempt sends one mail within patience.
func (d *Desk) attempt(ctx context.Context, m federation.Mail) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	late := d.o.Clock.At(d.o.Clock.Now().Add(patience))
	go func() {
		select {
		case <-late:
			cancel()
		case <-ctx.Done():
		}
	}()
	return d.o.Link.Send(ctx, m)
}

// handOver sends a case, without what names the patient.
func (d *Desk) handOver(ctx context.Context, e *entry) {
	d.mu.Lock()
	a := e.ask
	if a == nil { // answered while it was picked
		d.mu.Unlock()
		return
	}
	mine, cancel := context.WithCancel(ctx)
	defer cancel()
	a.cancel = cancel
	name, reason := d.pseudonym(e.id), a.Reason
	d.mu.Unlock()
	c, err := d.load(e)
	var body []byte
	if err == nil {
		if c, err = d.o.Prepare(c); err == nil {
			c.ID, c.Name, c.Accepted = name, "", time.Time{}
			body, err = c.Encode()
		}
	}
	if err != nil {
		d.withdraw(e, a, err)
		return
	}
	if d.o.Leaving != nil {
		err = d.o.Leaving(mine, name, reason, len(body))
	}
	if err == nil {
		err = d.attempt(mine, federation.Mail{ID: "edge-case-" + name, Kind: KindCase, Body: body})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	a.cancel = nil
	if e.ask != a {
		return
	}
	if err != nil {
		d.unsent(ctx, err)
		a.notBefore = d.o.Clock.Now().Add(d.o.Retry)
		d.changed()
		return
	}
	sent := *a
	sent.Sent = true
	if err := d.putAsk(e, &sent); err != nil {
		d.warn(err) // it is sent once more after a restart, and the hub answers once more
	}
	a.Sent = true
	if e.answered {
		d.settled(d.drop(e))
	}
	d.changed()
}

// unsent notes why a mail did not go, unless the desk is being closed or the link is merely cut.
func (d *Desk) unsent(ctx context.Context, err error) {
	if code := fault.CodeOf(err); ctx.Err() == nil && code != fault.PeerUnreachable && code != fault.Interrupted && code != fault.Internal {
		d.warn(err)
	}
}

// withdraw ends a question that cannot be asked: the case may not leave the house, or cannot be read.
func (d *Desk) withdraw(e *entry, a *ask, why error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.ask != a {
		return
	}
	d.warn(why)
	d.settled(d.refuse(e, fault.CodeOf(why)))
	d.changed()
}

// deliver sends a summary and removes it.
func (d *Desk) deliver(ctx context.Context, p *post) {
	body, err := d.disk.read(outboxDir, p.String()+".json", MaxAnswerBytes)
	if err == nil {
		err = d.attempt(ctx, federation.Mail{ID: "edge-result-" + d.pseudonym(p.id), Kind: KindResult, Body: body})
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if err != nil {
		d.unsent(ctx, err)
		p.notBefore = d.o.Clock.Now().Add(d.o.Retry)
		d.changed()
		return
	}
	d.settled(d.disk.remove(outboxDir, p.String()+".json")) // if it stays it is sent again, and the hub knows it
	for i, x := range d.posts {
		if x == p {
			d.posts = append(d.posts[:i], d.posts[i+1:]...)
			break
		}
	}
	d.bytes.kept -= p.size
	d.refill()
	d.changed()
}

// refill writes summaries of results that were held back, as far as half of the room goes.
func (d *Desk) refill() {
	for len(d.held) > 0 && d.bytes.kept < d.o.Room/2 {
		k := d.held[0]
		r, err := d.result(k.id)
		if err == nil {
			var mail []byte
			if mail, err = json.Marshal(d.summary(r)); err == nil {
				err = d.disk.put(outboxDir, k.String()+".json", mail)
			}
			if err == nil {
				d.posts = append(d.posts, &post{key: k, size: int64(len(mail))})
				d.bytes.kept += int64(len(mail))
			}
		}
		if err != nil && fault.CodeOf(err) != fault.StoreCorrupt {
			d.warn(err)
			return // later: after the next delivery, or when the folder is opened again
		}
		d.settled(err) // what cannot be read cannot be sent
		d.held = d.held[1:]
		d.settled(d.disk.remove(heldDir, k.String()))
	}
}
