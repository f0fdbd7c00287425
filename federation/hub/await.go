package hub

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
)

// beat is how often a wait looks at who is linked and whether a person left a mark.
const beat = 250 * time.Millisecond

// await shows what the job waits for, and handles mail until finished says so or the deadline passes. It ends with
// an error only when the job or the process has to.
func (r *runner) await(ctx context.Context, w federation.Wait, handle func(federation.Delivery), finished func() bool) (inTime bool, err error) {
	w.Until = w.Until.UTC()
	r.h.State.Wait = &w
	r.save()
	r.saved = slices.Clone(w.Sites)
	defer func() { r.h.State.Wait = nil }()
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		if finished() {
			return true, nil
		}
		if d, ok := r.mail.take(); ok {
			r.handle(ctx, d, handle)
			continue
		}
		if r.aborted() {
			return false, errAborted
		}
		if !r.now().Before(w.Until) {
			return false, nil
		}
		select {
		case <-r.mail.news:
		case <-tick.C:
			r.saveWait()
		case <-ctx.Done():
			return false, fault.Wrap(ctx.Err(), fault.Interrupted, "the hub was stopped", "the job goes on at the next start")
		}
	}
}

// still writes down who is waited for.
func (r *runner) still(names []string) {
	if r.h.State.Wait != nil {
		r.h.State.Wait.Sites = names
	}
}

// saveWait keeps the report true while nothing comes.
func (r *runner) saveWait() {
	if names := r.h.State.Wait.Sites; !slices.Equal(names, r.saved) {
		r.save()
		r.saved = slices.Clone(names)
	}
}

// handle takes what may come at any time, and leaves the rest to the step under way. Updates are read by whoever adds
// them up; all else is short enough to be in memory.
func (r *runner) handle(ctx context.Context, d federation.Delivery, step func(federation.Delivery)) {
	if d.Kind != federation.MailUpdate {
		whole, err := d.Load(ctx)
		if err != nil {
			r.hub.refuse(ctx, d, err.Error())
			r.hub.done(d)
			return
		}
		d = whole
	}
	switch d.Kind {
	case federation.MailAnswer:
		r.answer(ctx, d)
	case federation.MailTrouble:
		r.trouble(ctx, d)
		step(d)
	default:
		step(d)
	}
	r.hub.done(d)
}

// answer keeps a site's signed decision. A site may change its mind: a withdrawal holds from the next round.
func (r *runner) answer(ctx context.Context, d federation.Delivery) {
	var a federation.Answer
	err := json.Unmarshal(d.Body, &a)
	if err == nil {
		var m federation.Member
		if m, err = r.member(ctx, d.From); err == nil {
			err = a.Verify(r.job, d.From, m.Key)
		}
	}
	if err != nil {
		r.note(ctx, "federation.answer-refused", map[string]string{"site": d.From, "why": err.Error()})
		return
	}
	if old, ok := r.h.State.Consents[d.From]; ok && !a.At.After(old.At) {
		return // an older answer, or the same again
	}
	r.h.State.Consents[d.From] = a
	action := "federation.site-agreed"
	if !a.Agree {
		action = "federation.site-declined"
	}
	r.note(ctx, action, map[string]string{"site": d.From, "by": a.By, "reason": a.Reason, "signature": a.Signature})
	r.save()
}

func (r *runner) trouble(ctx context.Context, d federation.Delivery) {
	why := string(d.Body[:min(len(d.Body), 500)])
	if e := r.entry(d.From); e != nil && e.State == "" && d.Round == r.line().Round && d.Attempt == r.line().Attempt {
		e.State, e.Reason = "refused", why
	}
	r.note(ctx, "federation.site-trouble", map[string]string{"site": d.From, "why": why})
}

func (r *runner) member(ctx context.Context, name string) (federation.Member, error) {
	members, err := r.hub.o.End.Members(ctx)
	if err != nil {
		return federation.Member{}, err
	}
	i := slices.IndexFunc(members, func(m federation.Member) bool { return m.Name == name })
	if i < 0 {
		return federation.Member{}, fault.New(fault.NotFound, "there is no site "+name, "see `consilium federate status`")
	}
	return members[i], nil
}

// agreed lists the sites that have agreed and are not shut out, by name.
func (r *runner) agreed(ctx context.Context) ([]federation.Member, error) {
	members, err := r.hub.o.End.Members(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(members, func(m federation.Member) bool {
		return m.Revoked || !r.h.State.Consents[m.Name].Agree
	}), nil
}

// gatherConsent asks every site, those too that join meanwhile, and waits until all have answered, or a person
// starts the job, or the deadline passes.
func (r *runner) gatherConsent(ctx context.Context) error {
	body, err := json.Marshal(r.job)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the job cannot be written", "this is a defect; please report it")
	}
	asked := map[string]bool{}
	silent := func() (names []string) {
		members, err := r.hub.o.End.Members(ctx)
		if err != nil {
			return []string{"?"}
		}
		for _, m := range members {
			if m.Revoked {
				continue
			}
			if !asked[m.Name] {
				asked[m.Name] = r.send(ctx, m.Name, federation.Mail{ID: r.hash + "/proposal", Kind: federation.MailProposal, Body: body})
			}
			if _, ok := r.h.State.Consents[m.Name]; !ok {
				names = append(names, m.Name)
			}
		}
		return names
	}
	wait := federation.Wait{For: "the sites' consent", Sites: silent(), Until: r.h.State.Started.Add(time.Duration(r.job.Plan.Deadlines.Consent))}
	count := func() int {
		yes, err := r.agreed(ctx)
		if err != nil {
			return 0
		}
		return len(yes)
	}
	_, err = r.await(ctx, wait, func(d federation.Delivery) { r.hub.refuse(ctx, d, "the job has not begun") }, func() bool {
		left := silent()
		r.still(left)
		if count() < r.job.Plan.Quorum {
			return false
		}
		_, start := folder.Marked(r.hub.o.Dir, r.job.ID, folder.StartFile)
		return start || len(left) == 0
	})
	if err != nil {
		return err
	}
	yes, err := r.agreed(ctx)
	if err != nil {
		return err
	}
	if len(yes) < r.job.Plan.Quorum {
		return tooFew(len(yes), r.job.Plan.Quorum, "agreed")
	}
	r.enrol(yes)
	return nil
}

// enrol keeps who takes part, in the order of their names.
func (r *runner) enrol(members []federation.Member) {
	for _, m := range members {
		if !slices.Contains(r.h.Sites, m.Name) {
			r.h.Sites = append(r.h.Sites, m.Name)
		}
	}
	slices.Sort(r.h.Sites)
}
