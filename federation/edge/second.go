package edge

import (
	"context"
	"time"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
)

// Handle takes an answer of the hub. What is refused is done with as well: it would be no better the next time.
// Errors: UPDATE_REFUSED, UPDATE_STALE for a case that waits for none, and those of the disk, after which the mail
// comes again.
func (d *Desk) Handle(_ context.Context, m federation.Delivery) error {
	o, err := DecodeOpinion(m.Body)
	if err == nil && m.Kind != KindAnswer {
		err = unusable("came as " + m.Kind)
	}
	if err == nil {
		err = d.accept(o)
	}
	if code := fault.CodeOf(err); err != nil && code != fault.UpdateRefused && code != fault.UpdateStale {
		return err
	}
	if done := m.Done(); done != nil {
		return done
	}
	return err
}

func (d *Desk) accept(o Opinion) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	e, known := d.names[o.Case]
	if !known {
		return fault.New(fault.UpdateStale, "the hub answered a case that waits for no answer", "nothing; it was put aside")
	}
	defer func() { d.relieve(); d.changed() }()
	switch {
	case o.Code != "" || len(o.Answer.Findings) == 0:
		code := o.Code
		if code == "" && len(o.Answer.Refusals) > 0 {
			code = o.Answer.Refusals[0]
		}
		if code == "" {
			return unusable("says nothing")
		}
		return d.refuse(e, code)
	case e.answered:
		return d.second(e, o.Answer)
	}
	return d.instead(e, o.Answer)
}

// second adds the hub's answer beside the own one.
func (d *Desk) second(e *entry, a Answer) error {
	r, err := d.result(e.id)
	if err != nil {
		return err
	}
	r.Second, r.SecondMS, r.State = &a, ms(d.o.Clock.Now().Sub(e.ask.At)), StateSeconded
	if err := d.putResult(r); err != nil {
		return err
	}
	d.settled(d.release(e))
	d.tally.seconded(r)
	d.tell(r)
	return nil
}

// instead takes the hub's answer to a case that was handed over because the site was busy.
func (d *Desk) instead(e *entry, a Answer) error {
	text, err := d.load(e)
	if err != nil {
		d.warn(err) // the hub could read it; only its name is lost
		text = Case{Accepted: e.ask.At}
	}
	now := d.o.Clock.Now()
	r := Result{Case: e.id, Name: text.Name, State: StateHub, Reason: ReasonBusy, Handed: true, Accepted: text.Accepted, Answered: now.UTC(),
		WaitMS: ms(now.Sub(text.Accepted)), Second: &a, SecondMS: ms(now.Sub(e.ask.At)), Disclaimer: clinical.Disclaimer}
	if err := d.commit(e, r); err != nil {
		return err
	}
	if e.working {
		e.cancel() // nobody waits for it any more
	} else {
		d.dequeue(e)
	}
	d.settled(d.release(e))
	d.tell(r)
	return nil
}

// refuse ends a question without an answer: the own one stands, or the case waits for it like all others.
func (d *Desk) refuse(e *entry, code fault.Code) error {
	if e.answered {
		r, err := d.result(e.id)
		if err != nil {
			return err
		}
		r.NotAsked = code
		if r.State == StateAsked {
			r.State = StateWanted
		}
		if err := d.putResult(r); err != nil {
			return err
		}
		d.tally.refused()
		d.tell(r)
	}
	return d.release(e)
}

// watchClock keeps the deadlines until ctx ends.
func (d *Desk) watchClock(ctx context.Context) {
	for {
		d.mu.Lock()
		d.expire()
		next, any := d.deadline()
		d.mu.Unlock()
		var bell <-chan time.Time
		if any {
			bell = d.o.Clock.At(next)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.kick:
		case <-bell:
		}
	}
}

// expire does what is due.
func (d *Desk) expire() {
	now := d.o.Clock.Now()
	for _, e := range d.names {
		if e.ask.expired || now.Before(e.ask.Until) {
			continue
		}
		e.ask.expired = true
		if !e.answered {
			continue
		}
		r, err := d.result(e.id)
		if err == nil && r.State == StateAsked {
			r.State = StateWanted
			if err = d.putResult(r); err == nil {
				d.tell(r)
			}
		}
		d.settled(err)
	}
	for _, e := range d.names {
		if !now.Before(e.ask.At.Add(d.o.Policy.Forget)) {
			d.settled(d.refuse(e, fault.Timeout))
		}
	}
	d.refill()
	d.moved.Broadcast()
}

// deadline is the next time at which something is due.
func (d *Desk) deadline() (next time.Time, any bool) {
	now := d.o.Clock.Now()
	at := func(t time.Time) {
		if t.After(now) && (!any || t.Before(next)) {
			next, any = t, true
		}
	}
	for _, e := range d.names {
		at(e.ask.Until)
		at(e.ask.At.Add(d.o.Policy.Forget))
		at(e.ask.notBefore)
	}
	for _, e := range d.queue {
		at(e.notBefore)
	}
	for _, p := range d.posts {
		at(p.notBefore)
	}
	if len(d.held) > 0 && len(d.posts) == 0 { // the disk refused
		at(now.Add(d.o.Retry))
	}
	return next, any
}
