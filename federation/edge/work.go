package edge

import (
	"context"
	"encoding/json"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// work answers cases until ctx ends.
func (d *Desk) work(ctx context.Context) {
	for {
		e, mine, done := d.take(ctx)
		if e == nil {
			return
		}
		began := d.o.Clock.Now()
		c, err := d.load(e)
		var a Answer
		if err == nil {
			a, err = d.o.Diagnose(mine, c)
		}
		done()
		d.finish(ctx, e, c, a, err, began)
	}
}

// take waits for a case: the oldest, and those that the hub was asked about after all others.
func (d *Desk) take(ctx context.Context) (*entry, context.Context, context.CancelFunc) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for ctx.Err() == nil {
		if e := d.next(d.o.Clock.Now()); e != nil {
			mine, cancel := context.WithCancel(ctx)
			e.working, e.cancel = true, cancel
			d.dequeue(e)
			d.tally.length(d.o.Clock.Now(), d.length())
			d.moved.Broadcast()
			return e, mine, cancel
		}
		d.moved.Wait()
	}
	return nil, nil, nil
}

func (d *Desk) next(now time.Time) *entry {
	var last *entry
	for _, e := range d.queue {
		switch {
		case e.notBefore.After(now):
		case !e.aside():
			return e
		case last == nil:
			last = e
		}
	}
	return last
}

// load reads an accepted case.
func (d *Desk) load(e *entry) (Case, error) {
	text, err := d.disk.read(casesDir, e.String()+".case", MaxCaseBytes+maxHeaderBytes+8)
	if err != nil {
		return Case{}, err
	}
	c, err := DecodeCase(text)
	if err == nil && c.ID != e.id {
		err = fault.New(fault.InputMalformed, "a case on the disk is another one", "restore the folder from a backup")
	}
	if err != nil {
		return Case{}, fault.Wrap(err, fault.StoreCorrupt, "the case "+e.id+" cannot be read back", "hand the file in again under another name")
	}
	return c, nil
}

// finish makes a result of a diagnosis, or puts the case back.
func (d *Desk) finish(ctx context.Context, e *entry, c Case, a Answer, failed error, began time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.working, e.cancel = false, nil
	if e.answered {
		d.settled(d.drop(e)) // the hub was first
		return
	}
	if failed == nil {
		failed = a.Check()
	}
	now := d.o.Clock.Now()
	if failed != nil {
		e.tries++
		switch {
		case ctx.Err() != nil:
			d.enqueue(e)
			return
		case e.tries < Tries && fault.CodeOf(failed) != fault.StoreCorrupt:
			d.retry(e, failed, now)
			return
		}
		d.warn(failed)
		a = Answer{Refusals: []fault.Code{fault.CodeOf(failed)}}
	}
	r := Result{Case: e.id, Name: c.Name, State: StateLocal, Accepted: c.Accepted, Answered: now.UTC(), Local: &a, Disclaimer: clinical.Disclaimer,
		WaitMS: ms(began.Sub(c.Accepted)), WorkMS: ms(now.Sub(began))}
	if err := d.conclude(e, &r); err != nil {
		d.retry(e, err, now)
		return
	}
	d.changed()
	d.tell(r)
}

func (d *Desk) retry(e *entry, err error, now time.Time) {
	d.warn(err)
	e.notBefore = now.Add(d.o.Retry)
	d.enqueue(e)
	d.changed()
}

// conclude decides about a second opinion and writes summary and result. The result comes last: without it all that
// was written before is undone when the folder is opened again.
func (d *Desk) conclude(e *entry, r *Result) error {
	had := e.ask
	r.Reason = d.o.Policy.doubt(*r.Local)
	if err := d.consult(e, r); err != nil {
		return err
	}
	err := d.commit(e, *r)
	if err != nil && had == nil && e.ask != nil {
		e.ask = nil // there is no result that wants it
		delete(d.names, d.pseudonym(e.id))
	}
	if err != nil {
		return err
	}
	switch {
	case e.ask != nil && !e.ask.Sent && !r.Handed:
		d.settled(d.release(e)) // the queue was shorter than it looked, and the answer is sure
	case e.ask == nil:
		delete(d.live, e.id)
		d.settled(d.drop(e))
	case e.ask.Sent:
		d.settled(d.drop(e))
	default:
		e.kept = true
		d.bytes.kept += e.size
	}
	return nil
}

// consult asks the hub where policy and room allow it, and says in the result what was done.
func (d *Desk) consult(e *entry, r *Result) error {
	if e.ask != nil && e.ask.Sent { // since the queue was long
		r.Handed = true
		switch {
		case r.Reason == "":
			r.Reason = ReasonBusy
		case e.ask.expired:
			r.State = StateWanted
		default:
			r.State = StateAsked
		}
		return nil
	}
	if r.Reason == "" {
		return nil
	}
	r.State = StateWanted
	const share = 4 // pictures leave a quarter of the room to summaries
	switch {
	case !d.o.Policy.HandOver:
		r.NotAsked = fault.PolicyRefused
	case d.o.Link == nil:
		r.NotAsked = fault.PeerUnreachable
	case d.bytes.kept+e.size > d.o.Room-d.o.Room/share:
		r.NotAsked = fault.StoreFull
		d.warn(full("the cases that wait for a second opinion"))
	case e.ask == nil:
		if err := d.request(e, r.Reason); err != nil {
			return err
		}
		r.State, r.Handed = StateAsked, true
	default:
		r.Handed = true
		if !e.ask.expired {
			r.State = StateAsked
		}
	}
	return nil
}

// commit writes the summary, then the result.
func (d *Desk) commit(e *entry, r Result) error {
	mail, err := json.Marshal(d.summary(r))
	if err != nil {
		return fault.Wrap(err, fault.InputNotFinite, "the result of case "+r.Case+" cannot be written", "have it read by a person")
	}
	size := int64(len(mail))
	beyond := len(d.held) > 0 || d.bytes.kept+size > d.o.Room
	if beyond {
		d.warn(full("the results that wait for the hub"))
		if err = d.disk.remove(outboxDir, e.String()+".json"); err == nil { // of a try that came less far
			err = d.disk.put(heldDir, e.String(), nil)
		}
	} else if err = d.disk.remove(heldDir, e.String()); err == nil {
		err = d.disk.put(outboxDir, e.String()+".json", mail)
	}
	if err == nil {
		err = d.putResult(r)
	}
	if err != nil {
		return err
	}
	if beyond {
		d.held = append(d.held, e.key)
	} else {
		d.posts = append(d.posts, &post{key: e.key, size: size})
		d.bytes.kept += size
	}
	e.answered = true
	d.bytes.accepted -= e.size
	d.tally.answered(r)
	return nil
}

// summary is what the hub hears of a result; the same result gives the same summary.
func (d *Desk) summary(r Result) Summary {
	s := Summary{Case: d.pseudonym(r.Case), By: "site", Reason: r.Reason, Handed: r.Handed, WaitMS: r.WaitMS, WorkMS: r.WorkMS}
	switch {
	case r.Local != nil:
		s.Answer = *r.Local
	case r.Second != nil:
		s.By, s.Answer = "hub", *r.Second
	}
	return s
}

func full(what string) error {
	return fault.New(fault.StoreFull, what+" fill the room they have", "mend the link; cases are diagnosed and their results kept meanwhile, and the rest is sent when there is room again")
}

// settled takes note of a removal that failed: the file is removed when the folder is opened again.
func (d *Desk) settled(err error) {
	if err != nil {
		d.warn(err)
	}
}

func (d *Desk) tell(r Result) {
	if d.o.Tell != nil {
		d.o.Tell(r)
	}
}

func ms(d time.Duration) float64 { return float64(max(d, 0)) / float64(time.Millisecond) }
