package hub

import (
	"context"
	"strconv"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// poll is one question under way: who was asked, who has answered, who is given up.
type poll struct {
	r        *runner
	question federation.Question
	answered map[string]bool // answered, or was refused
	counted  int             // answers that count
	members  []federation.Member
	only     string // the one site that is asked; "" = all that agreed
	err      error
}

// reach looks who is linked and puts the question to those who have not had it.
func (p *poll) reach(ctx context.Context) error {
	members, err := p.r.agreed(ctx)
	if err != nil {
		return err
	}
	p.r.enrol(members) // a site that agrees later takes part from here on
	p.members = members
	var ask []string
	for _, m := range members {
		if (p.only != "" && m.Name != p.only) || !m.Linked || p.r.entry(m.Name) != nil {
			continue
		}
		ask = append(ask, m.Name)
	}
	if len(ask) == 0 {
		return nil
	}
	body, err := p.question.Encode() // not kept: it is as large as the model
	if err != nil {
		return err
	}
	for _, site := range ask {
		l := p.r.line()
		l.Sites = append(l.Sites, federation.Entry{Site: site, Sent: int64(len(body)), Asked: p.r.now().UTC()})
	}
	sent := p.r.sendAll(ctx, ask, func(site string) federation.Mail {
		return federation.Mail{ID: p.id(site), Kind: federation.MailRound, Round: p.question.Round, Attempt: p.question.Attempt, Body: body}
	})
	for _, site := range ask {
		if !sent[site] {
			e := p.r.entry(site)
			e.State, e.Reason, e.Sent = "not asked", "its mail could not be written", 0
			p.answered[site] = true
		}
	}
	return nil
}

func (p *poll) id(site string) string {
	return p.r.hash[:16] + "/" + site + "/" + strconv.Itoa(p.question.Round) + "/" + strconv.Itoa(p.question.Attempt)
}

// take hands an answer on and writes down what became of it.
func (p *poll) take(ctx context.Context, d federation.Delivery, take func(federation.Delivery) error) {
	if d.Kind == federation.MailTrouble {
		if d.Round == p.question.Round && d.Attempt == p.question.Attempt {
			p.answered[d.From] = true
		}
		return
	}
	err := take(d)
	if err == nil {
		p.answered[d.From] = true
		p.counted++
		if e := p.r.entry(d.From); e != nil && !e.Asked.IsZero() {
			e.Seconds = p.r.now().Sub(e.Asked).Seconds()
		}
		return
	}
	code := fault.CodeOf(err)
	p.r.note(ctx, "federation.update-refused", map[string]string{"site": d.From, "code": string(code), "why": err.Error()})
	if code == fault.UpdateStale {
		p.r.late(d) // its own round is over, or it is in already
		return
	}
	p.answered[d.From] = true
	if e := p.r.entry(d.From); e != nil {
		e.State, e.Reason, e.Received = "refused", err.Error(), e.Received+d.Source().Size
	}
}

// late marks the line of the round that an update was meant for.
func (r *runner) late(d federation.Delivery) {
	for i := len(r.h.Rounds) - 1; i >= 0; i-- {
		l := &r.h.Rounds[i]
		if l.Round != d.Round || l.Attempt != d.Attempt {
			continue
		}
		for k := range l.Sites {
			if e := &l.Sites[k]; e.Site == d.From && e.State != "in" {
				e.State, e.Arrived, e.Received = "late", r.now().UTC(), e.Received+d.Source().Size
			}
		}
		return
	}
}

// gone says whether a site is no longer waited for: it has been without a link for longer than the grace, or since
// the hub was started. The grace is not given anew in each round: a dead site would cost every round as much.
func (p *poll) gone(m federation.Member) bool {
	since := m.Seen
	if started := p.r.hub.started; started.After(since) {
		since = started
	}
	return !m.Linked && p.r.now().Sub(since) > time.Duration(p.r.job.Plan.Deadlines.Grace)
}

// open lists the sites that are still waited for.
func (p *poll) open() (names []string) {
	for _, m := range p.members {
		if (p.only == "" || m.Name == p.only) && !p.answered[m.Name] && !p.gone(m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// over says that nobody is left to wait for. With too few answers the wait goes on to its deadline: a site may come back.
func (p *poll) over() bool {
	want := p.r.job.Plan.Quorum
	if p.only != "" {
		want = 0
	}
	return p.counted >= want && len(p.open()) == 0
}
