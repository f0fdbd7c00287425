package hub

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/aggregate"
	"consilium/federation/secsum"
	"consilium/federation/secsum/ckks"
)

// secureUpdates makes a round in which the hub learns the sum of the sites' shares and nothing else.
func (r *runner) secureUpdates(ctx context.Context, n, attempt int) error {
	length := aggregate.ShareLen(r.job.Plan, len(r.global), len(r.job.Data.Labels))
	sum, sites, err := r.secureSum(ctx, r.question(n, attempt), length)
	if err != nil {
		return err
	}
	if err := r.rule.AddSum(sum, sites); err != nil {
		return err
	}
	return r.scoreOf(sum)
}

// secureSum asks the sites to get ready, fixes who is in the sum, and takes it through its steps. When a step fails
// the whole attempt is thrown away: the next one has fresh keys, and may have other sites.
func (r *runner) secureSum(ctx context.Context, q federation.Question, length int) ([]float64, []string, error) {
	var ready []string
	err := r.ask(ctx, q, "the sites to be ready for the sum", func(d federation.Delivery) error {
		if d.Kind != federation.MailReady || d.Round != q.Round || d.Attempt != q.Attempt {
			return fault.New(fault.UpdateStale, "mail of "+d.From+" of another round", "nothing; it was put aside")
		}
		if !slices.Contains(ready, d.From) {
			ready = append(ready, d.From)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if len(ready) < max(r.job.Plan.Quorum, 3) {
		return nil, nil, tooFew(len(ready), max(r.job.Plan.Quorum, 3), "were ready in time")
	}
	slices.Sort(ready)
	roster, config, err := r.roster(ctx, ready, length, q)
	if err != nil {
		return nil, nil, err
	}
	var g secsum.Gatherer
	if roster.Way == federation.SumCKKS {
		g, err = ckks.NewGatherer(config)
	} else {
		g, err = secsum.NewGatherer(config)
	}
	if err != nil {
		return nil, nil, err
	}
	return r.steps(ctx, g, q, roster)
}

func (r *runner) roster(ctx context.Context, ready []string, length int, q federation.Question) (*federation.SumRoster, secsum.Config, error) {
	roster := &federation.SumRoster{Way: r.job.Plan.Sum, Sites: ready, Keys: map[string]string{}, Length: length,
		Threshold: max(r.job.Plan.Quorum, secsum.Recommended(len(ready)), 3), Bound: SumBound(r.job.Plan)}
	keys := map[string]ed25519.PublicKey{}
	for _, name := range ready {
		m, err := r.member(ctx, name)
		if err != nil {
			return nil, secsum.Config{}, err
		}
		roster.Keys[name], keys[name] = hex.EncodeToString(m.Key), m.Key
	}
	return roster, secsum.Config{Job: r.hash, Round: q.Round, Attempt: q.Attempt, Sites: ready, Threshold: roster.Threshold,
		Length: length, Bound: roster.Bound, Keys: keys}, nil
}

// SumBound is the largest magnitude of one number that a site puts into a secure sum. The plan's clip bounds the
// whole update, and so each number; weights and counts are at most 1.
func SumBound(p federation.Plan) float64 {
	if p.Clip > 0 {
		return max(p.Clip, 1)
	}
	return 8
}

// steps plays the protocol: what goes out, what comes back, who is left.
func (r *runner) steps(ctx context.Context, g secsum.Gatherer, q federation.Question, roster *federation.SumRoster) ([]float64, []string, error) {
	out := map[string][]byte{}
	for _, s := range roster.Sites {
		out[s] = nil
	}
	for step, name := range g.Steps() {
		r.h.State.Step = name
		if err := r.tell(ctx, out, q, step, roster); err != nil {
			return nil, nil, err
		}
		if err := r.hear(ctx, g, q, step, name); err != nil {
			return nil, nil, err
		}
		var err error
		if out, err = g.Close(); err != nil {
			return nil, nil, err
		}
	}
	sum, sites, err := g.Sum()
	if err != nil {
		return nil, nil, err
	}
	for i := range r.line().Sites {
		e := &r.line().Sites[i]
		if slices.Contains(sites, e.Site) {
			e.State, e.Reason = "in", ""
		} else if e.State == "in" {
			e.State = "dropped"
		}
	}
	return sum, sites, nil
}

func (r *runner) tell(ctx context.Context, out map[string][]byte, q federation.Question, step int, roster *federation.SumRoster) error {
	s := federation.SumStep{Job: r.hash, Round: q.Round, Attempt: q.Attempt, Step: step}
	if step == 0 {
		s.Roster = roster
	}
	texts := map[string][]byte{}
	var sites []string
	for site, body := range out {
		s.Body = body
		text, err := s.Encode()
		if err != nil {
			return err
		}
		r.bytes(site, len(text), 0)
		texts[site], sites = text, append(sites, site)
	}
	r.sendAll(ctx, sites, func(site string) federation.Mail {
		return federation.Mail{Kind: federation.MailSum, Round: q.Round, Attempt: q.Attempt, Body: texts[site],
			ID: fmt.Sprintf("%s/%s/sum/%d/%d/%d", r.hash[:16], site, q.Round, q.Attempt, step)}
	})
	return nil
}

// hear takes the sites' answers of a step until those that can answer have.
func (r *runner) hear(ctx context.Context, g secsum.Gatherer, q federation.Question, step int, name string) error {
	began := r.now()
	p := &poll{r: r, question: q}
	lost := map[string]bool{} // sites that say they cannot go on: they were restarted and have forgotten their keys, as they must
	still := func() (names []string) {
		members, err := r.hub.o.End.Members(ctx)
		if err != nil {
			return g.Waiting()
		}
		for _, m := range members {
			if slices.Contains(g.Waiting(), m.Name) && !p.gone(m) && !m.Revoked && !lost[m.Name] {
				names = append(names, m.Name)
			}
		}
		return names
	}
	wait := federation.Wait{For: "the secure sum, step " + name, Sites: still(), Until: began.Add(time.Duration(r.job.Plan.Deadlines.Round))}
	_, err := r.await(ctx, wait, func(d federation.Delivery) {
		if d.Kind == federation.MailTrouble {
			lost[d.From] = lost[d.From] || (d.Round == q.Round && d.Attempt == q.Attempt)
			return
		}
		s, err := federation.DecodeSumStep(d.Body)
		if err == nil && (d.Kind != federation.MailSum || s.Job != r.hash || s.Round != q.Round || s.Attempt != q.Attempt || s.Step != step) {
			err = fault.New(fault.UpdateStale, "mail of "+d.From+" is not of this step", "nothing; it was put aside")
		}
		if err == nil {
			r.bytes(d.From, 0, len(d.Body))
			err = g.Add(d.From, s.Body)
		}
		if err != nil {
			// What it says in this step is nonsense: it is out of this sum, and nobody waits for it.
			if e := r.entry(d.From); e != nil && fault.CodeOf(err) != fault.UpdateStale && d.Round == q.Round && d.Attempt == q.Attempt {
				lost[d.From], e.State, e.Reason = true, "refused", err.Error()
			}
			r.note(ctx, "federation.sum-message-refused", map[string]string{"site": d.From, "step": name, "why": err.Error()})
		}
	}, func() bool {
		left := still()
		r.still(left)
		return len(left) == 0
	})
	return err
}

func (r *runner) bytes(site string, sent, received int) {
	if e := r.entry(site); e != nil {
		e.Sent, e.Received = e.Sent+int64(sent), e.Received+int64(received)
	}
	r.line().SumBytes += int64(sent + received)
}
