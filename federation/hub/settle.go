package hub

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/harmonise"
)

// settle keeps the final weights, hands them to every site, and hears what each makes of them. A site that is away
// finds them in its mail; the job does not wait for it beyond the grace.
func (r *runner) settle(ctx context.Context) error {
	if err := r.final(ctx); err != nil {
		return err
	}
	r.h.State.Step = "settling"
	q := r.question(r.job.Plan.Rounds, 0)
	q.Extra = nil
	body, err := q.Encode()
	if err != nil {
		return err
	}
	members, err := r.agreed(ctx)
	if err != nil {
		return err
	}
	began := r.now()
	p := &poll{r: r, members: members, answered: map[string]bool{}}
	var sites []string
	for _, m := range members {
		sites = append(sites, m.Name)
	}
	sent := r.sendAll(ctx, sites, func(site string) federation.Mail {
		return federation.Mail{ID: r.hash[:16] + "/" + site + "/settle", Kind: federation.MailSettle, Body: body}
	})
	for _, site := range sites {
		p.answered[site] = !sent[site]
	}
	wait := federation.Wait{For: "what each site makes of the model", Sites: p.open(), Until: began.Add(time.Duration(r.job.Plan.Deadlines.Round))}
	_, err = r.await(ctx, wait, func(d federation.Delivery) {
		switch d.Kind {
		case federation.MailKept:
			r.kept(ctx, d)
			p.answered[d.From] = true
		case federation.MailTrouble:
			p.answered[d.From] = true
		default:
			r.late(d)
		}
	}, func() bool {
		if p.members, p.err = r.agreed(ctx); p.err != nil {
			return true
		}
		r.still(p.open())
		return len(p.open()) == 0
	})
	if err == nil {
		err = p.err
	}
	return err
}

// final keeps the weights of the last round that is done, where `federate model` finds them: also of a job that was
// aborted or whose budget is spent.
func (r *runner) final(ctx context.Context) error {
	if err := folder.Write(filepath.Join(r.dir, folder.FinalFile), federation.AppendFloats(nil, r.global)); err != nil {
		return err
	}
	r.h.Final = &federation.Final{Weights: folder.FinalFile, Hash: federation.HashFloats(r.global)}
	r.note(ctx, "federation.model", map[string]string{"weights": r.h.Final.Hash})
	return nil
}

// kept takes a site's last word; one that cannot be read is noted, and the site has spoken.
func (r *runner) kept(ctx context.Context, d federation.Delivery) {
	var k federation.Kept
	if err := json.Unmarshal(d.Body, &k); err != nil || k.Site != d.From {
		r.note(ctx, "federation.update-refused", map[string]string{"site": d.From, "code": string(fault.UpdateRefused), "why": "its last word cannot be read"})
		return
	}
	for _, old := range r.h.Final.Scores {
		if old.Site == k.Site {
			return
		}
	}
	if r.job.Plan.Scores != "each" {
		k.Federated, k.Own, k.Personal = nil, nil, nil
	}
	r.h.Final.Scores = append(r.h.Final.Scores, k)
	if k.Federated != nil {
		r.h.Final.Pooled = r.h.Final.Pooled.Plus(k.Federated)
	}
	r.note(ctx, "federation.site-settled", map[string]string{"site": d.From, "keeps": k.Keeps})
	r.save()
}

// momentsLength is how many numbers a site's moments are.
func momentsLength(j federation.Job) int { return harmonise.ShareLen(j.Data.Shape) }
