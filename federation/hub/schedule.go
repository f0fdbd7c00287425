package hub

import (
	"context"
	"fmt"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// cycle takes the weights from site to site (Chang et al. 2018): one pass is a round. A site that does not answer in
// its share of the round's time is passed over.
func (r *runner) cycle(ctx context.Context, n, attempt int) error {
	members, err := r.agreed(ctx)
	if err != nil {
		return err
	}
	before, visited := r.global, 0
	for i, m := range members {
		r.h.State.Step = fmt.Sprintf("site %d of %d: %s", i+1, len(members), m.Name)
		if !m.Linked {
			l := r.line()
			l.Sites = append(l.Sites, federation.Entry{Site: m.Name, State: "not asked", Reason: "no link"})
			continue
		}
		if err := r.rule.Begin(r.global); err != nil {
			return err
		}
		q := r.question(n, attempt)
		q.Until = r.now().Add(time.Duration(r.job.Plan.Deadlines.Round) / time.Duration(len(members))).UTC()
		if err := r.visit(ctx, q, m.Name); err != nil {
			return err
		}
		if r.rule.Count() == 0 {
			continue
		}
		next, _, err := r.rule.Finish()
		if err != nil {
			return err
		}
		r.global, visited = next, visited+1
	}
	if visited < r.job.Plan.Quorum {
		r.global = before // a round that does not count leaves nothing behind
		return tooFew(visited, r.job.Plan.Quorum, "were visited")
	}
	union(r.line())
	r.done = n
	if err := r.keep(); err != nil {
		return err
	}
	r.close(ctx, "done", nil)
	return nil
}

func (r *runner) visit(ctx context.Context, q federation.Question, site string) error {
	p := &poll{r: r, question: q, answered: map[string]bool{}, only: site}
	base := federation.HashFloats(r.global)
	_, err := r.await(ctx, federation.Wait{For: "the update of " + site, Sites: []string{site}, Until: q.Until}, func(d federation.Delivery) {
		p.take(ctx, d, func(d federation.Delivery) error {
			if d.From != site {
				return fault.New(fault.UpdateStale, "the update of "+d.From+" came after its turn", "nothing; it was put aside")
			}
			return r.fold(ctx, d, func(u *federation.Update) error {
				if u.Base != base {
					return fault.New(fault.UpdateStale, "the update of "+d.From+" starts from other weights", "nothing; it was put aside")
				}
				return inRound(*u, q)
			})
		})
	}, func() bool {
		if p.err = p.reach(ctx); p.err != nil {
			return true
		}
		return p.over()
	})
	if err == nil {
		err = p.err
	}
	return err
}

// buffered makes one step of FedBuff (Nguyen et al. 2022): sites train at their own pace, and every Buffer updates
// make new weights. An update that started from older weights counts less.
func (r *runner) buffered(ctx context.Context, n, attempt int) error {
	p := &poll{r: r, question: r.question(n, attempt), answered: map[string]bool{}}
	_, err := r.await(ctx, federation.Wait{For: "updates for the buffer", Until: p.question.Until}, func(d federation.Delivery) {
		p.take(ctx, d, func(d federation.Delivery) error { return r.stale(ctx, d, n) })
	}, func() bool {
		if p.err = p.reach(ctx); p.err != nil {
			return true
		}
		return r.rule.Count() >= r.job.Plan.Buffer || (r.rule.Count() >= r.job.Plan.Quorum && len(p.open()) == 0)
	})
	if err == nil {
		err = p.err
	}
	if err != nil {
		return err
	}
	return r.finish(ctx, n)
}

// mostStale is how many of the hub's steps an update may be behind.
const mostStale = 20

func (r *runner) stale(ctx context.Context, d federation.Delivery, n int) error {
	return r.fold(ctx, d, func(u *federation.Update) error {
		if u.Stale = n - u.Round; u.Stale < 0 || u.Stale > mostStale {
			return fault.New(fault.UpdateStale, fmt.Sprintf("the update of %s is %d steps behind", d.From, u.Stale), "nothing; it came too late")
		}
		return nil
	})
}
