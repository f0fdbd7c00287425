package site

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"slices"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/secsum"
	"consilium/federation/secsum/ckks"
)

// party is the site's part in one secure sum. It lives in memory alone: a site that is restarted is out of the sum,
// because a second share for the same run would give a key away.
type party struct {
	secsum.Party
	step  int // the next
	value opening
}

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

// ready keeps the value for the sum and tells the hub that the site can take part. Nothing of the value leaves yet.
func (t *task) ready(ctx context.Context, q federation.Question, share []float32) error {
	if err := t.opened.fits(openingOf(q.Round, q.Measure, share)); err != nil {
		return err
	}
	t.mu.Lock()
	t.value = &value{round: q.Round, attempt: q.Attempt, measure: q.Measure, share: share}
	t.mu.Unlock()
	return t.site.o.End.Send(ctx, federation.Mail{ID: fmt.Sprintf("%s/%s/ready/%d/%d", t.hash[:16], t.site.o.End.Name(), q.Round, q.Attempt),
		Kind: federation.MailReady, Job: t.job.ID, Round: q.Round, Attempt: q.Attempt})
}

// sum queues a step of a secure sum; steps are played one after the other, beside the mail loop.
func (t *task) sum(ctx context.Context, d federation.Delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = append(t.steps, d)
	if !t.summing {
		t.summing = true
		t.site.wg.Go(func() { t.play(ctx) })
	}
}

func (t *task) play(ctx context.Context) {
	for {
		t.mu.Lock()
		if len(t.steps) == 0 || ctx.Err() != nil {
			t.summing = false
			t.mu.Unlock()
			return
		}
		d := t.steps[0]
		t.steps = t.steps[1:]
		t.mu.Unlock()
		if err := t.step(ctx, d); err != nil && ctx.Err() == nil {
			t.trouble(ctx, d, err)
		}
		t.site.done(d) // also after a failure: a step is never played twice
	}
}

// step plays one step of a secure sum.
func (t *task) step(ctx context.Context, d federation.Delivery) error {
	s, err := federation.DecodeSumStep(d.Body)
	if err != nil {
		return err
	}
	if s.Job != t.hash || !t.agreed() {
		return fault.New(fault.SumBroken, "a secure sum of a job that this site has not agreed to", "nothing; it was put aside")
	}
	id := fmt.Sprintf("%d/%d", s.Round, s.Attempt)
	p, known := t.parties[id]
	switch {
	case s.Step == 0 && !known:
		if p, err = t.enter(ctx, s); err != nil {
			return err
		}
		clear(t.parties) // one sum at a time; what was before is thrown away
		t.parties[id] = p
	case !known:
		return fault.New(fault.SumBroken, "this site has no part in the sum: it was restarted, or came too late", "it takes part in the next one")
	case s.Step < p.step:
		return nil // the same mail again
	case s.Step > p.step:
		return fault.New(fault.SumBroken, "a step of the sum is missing", "the hub begins a new attempt")
	}
	answer, err := t.speak(p, s.Body)
	if fault.CodeOf(err) == fault.UpdateStale { // put aside: the right message may still come
		t.site.note(ctx, t.job.ID, "federation.mail-refused", map[string]string{"kind": d.Kind, "why": err.Error()}, fault.UpdateStale)
		return nil
	}
	p.step = s.Step + 1
	if err != nil {
		delete(t.parties, id)
		return err
	}
	out := federation.SumStep{Job: t.hash, Round: s.Round, Attempt: s.Attempt, Step: s.Step, Body: answer}
	body, err := out.Encode()
	if err != nil {
		return err
	}
	t.site.note(ctx, t.job.ID, "federation.sum-step-sent", map[string]string{"round": fmt.Sprint(s.Round), "step": fmt.Sprint(s.Step), "bytes": fmt.Sprint(len(body)), "way": t.job.Plan.Sum}, "")
	return t.site.o.End.Send(ctx, federation.Mail{ID: fmt.Sprintf("%s/%s/sum/%d/%d/%d", t.hash[:16], t.site.o.End.Name(), s.Round, s.Attempt, s.Step),
		Kind: federation.MailSum, Job: t.job.ID, Round: s.Round, Attempt: s.Attempt, Body: body})
}

// enter checks the terms of a sum before anything is put into it.
func (t *task) enter(ctx context.Context, s federation.SumStep) (*party, error) {
	broken := func(what string) (*party, error) {
		return nil, fault.New(fault.SumBroken, what, "the hub begins a new attempt; if it happens again, ask its keeper")
	}
	t.mu.Lock()
	v := t.value
	t.value = nil // goes into one sum, once
	t.mu.Unlock()
	r := s.Roster
	switch {
	case v == nil || v.round != s.Round || v.attempt != s.Attempt:
		return broken("this site has nothing to put into this sum")
	case r == nil:
		return broken("a sum without terms")
	case r.Way != t.job.Plan.Sum:
		return broken("the sum is not made in the way that the job promises")
	case len(r.Sites) < 3 || r.Threshold < max(3, t.job.Plan.Quorum, secsum.Recommended(len(r.Sites))):
		return broken("the sum would be opened for too few sites")
	case r.Length != len(v.share):
		return broken("the sum has another length than this site's value")
	case !slices.IsSorted(r.Sites) || len(slices.Compact(slices.Clone(r.Sites))) != len(r.Sites):
		return broken("the sum's roster is not in order")
	}
	keys := map[string]ed25519.PublicKey{}
	for _, name := range r.Sites {
		raw, err := hex.DecodeString(r.Keys[name])
		if err != nil || len(raw) != ed25519.PublicKeySize {
			return broken("the sum's roster lacks a key")
		}
		keys[name] = raw
	}
	self := t.site.o.End.Name()
	if !keys[self].Equal(publicOf(t.site.o.Key)) {
		return broken("the sum's roster has another key for this site")
	}
	if err := t.recognise(ctx, keys); err != nil {
		return nil, err
	}
	c := secsum.Config{Job: t.hash, Round: s.Round, Attempt: s.Attempt, Sites: r.Sites, Threshold: r.Threshold, Length: r.Length, Bound: r.Bound, Keys: keys}
	var p secsum.Party
	var err error
	if r.Way == federation.SumCKKS {
		p, err = ckks.NewParty(c, self, t.site.o.Key, v.share)
	} else {
		p, err = secsum.NewParty(c, self, t.site.o.Key, v.share)
	}
	if err != nil {
		return nil, err
	}
	o := openingOf(v.round, v.measure, v.share)
	o.Bound = r.Bound
	return &party{Party: p, value: o}, nil
}
