package hub_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"consilium/federation"
)

// hostile is a site that joined and agreed, and then answers as it likes.
func (h *house) hostile(name string, j federation.Job, answer func(q federation.Question, good federation.Update, send func(kind string, round, attempt int, body []byte))) {
	end, sent := h.room.Site(name), 0
	h.start(name, func(ctx context.Context) error {
		for {
			d, err := end.Receive(ctx)
			if err != nil {
				return nil
			}
			send := func(kind string, round, attempt int, body []byte) {
				sent++
				if err := end.Send(ctx, federation.Mail{ID: fmt.Sprint(name, sent), Kind: kind, Job: j.ID, Round: round, Attempt: attempt, Body: body}); err != nil && ctx.Err() == nil {
					h.t.Error(err)
				}
			}
			switch d.Kind {
			case federation.MailProposal:
				a, err := federation.Answer{Job: j.Hash(), Site: name, Agree: true, By: "M.", At: time.Now()}.Sign(h.room.Key(name))
				if err != nil {
					return err
				}
				body, err := json.Marshal(a)
				if err != nil {
					return err
				}
				send(federation.MailAnswer, 0, 0, body)
			case federation.MailRound:
				q, err := federation.DecodeQuestion(d.Body)
				if err != nil {
					return err
				}
				good := federation.Update{Job: j.Hash(), Site: name, Round: q.Round, Attempt: q.Attempt, Base: federation.HashFloats(q.Global), Samples: 50, Steps: 3,
					Delta: make([]float32, len(q.Global))}
				answer(q, good, send)
			case federation.MailSum:
				send(federation.MailSum, d.Round, d.Attempt, []byte("nonsense"))
			case federation.MailSettle:
				send(federation.MailKept, 0, 0, []byte(`{"site":"site-00","keeps":"federated"}`))
			}
			if err := d.Done(); err != nil {
				return err
			}
		}
	})
}

func encoded(t *testing.T, u federation.Update) []byte {
	b, err := u.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBadUpdatesAreRefusedAndOthersGoOn(t *testing.T) {
	nan := float32(math.NaN())
	for _, c := range []struct {
		name  string
		state string
		why   string
		spoil func(u federation.Update) federation.Update
		bytes func(b []byte) []byte
	}{
		{name: "NaN", state: "refused", why: "NaN", spoil: func(u federation.Update) federation.Update { u.Delta[1] = nan; return u }},
		{name: "wrong shape", state: "refused", why: "numbers", spoil: func(u federation.Update) federation.Update { u.Delta = u.Delta[1:]; return u }},
		{name: "another job", state: "refused", why: "another job", spoil: func(u federation.Update) federation.Update { u.Job = strings.Repeat("0", 64); return u }},
		{name: "another site", state: "refused", why: "speaks for", spoil: func(u federation.Update) federation.Update { u.Site = "site-00"; return u }},
		{name: "no examples", state: "refused", why: "nothing", spoil: func(u federation.Update) federation.Update { u.Samples = 0; return u }},
		{name: "cut short", state: "refused", why: "ends too early", bytes: func(b []byte) []byte { return b[:len(b)-3] }},
		{name: "bytes after the end", state: "refused", why: "after its end", bytes: func(b []byte) []byte { return append(b, 1) }},
		{name: "empty", state: "refused", why: "not one", bytes: func([]byte) []byte { return nil }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 4)
			j := job(federation.FedAvg, federation.SumPlain, 3, 3)
			h.propose(j)
			h.startSites(h.names[:3]...)
			h.hostile("site-03", j, func(q federation.Question, u federation.Update, send func(string, int, int, []byte)) {
				if c.spoil != nil {
					u = c.spoil(u)
				}
				b := encoded(t, u)
				if c.bytes != nil {
					b = c.bytes(b)
				}
				send(federation.MailUpdate, q.Round, q.Attempt, b)
			})
			h.startHub()
			g := h.ok(j.ID)
			for _, r := range g.Rounds {
				if e := entry(r, "site-03"); e.State != c.state || !strings.Contains(e.Reason, c.why) {
					t.Errorf("round %d: %s, %s", r.Round, e.State, e.Reason)
				}
				for _, n := range h.names[:3] {
					if e := entry(r, n); e.State != "in" {
						t.Errorf("round %d: %s is %s", r.Round, n, e.State)
					}
				}
			}
			if h.events("federation.update-refused") == 0 {
				t.Error("no audit entry")
			}
		})
	}
}

// An update that comes twice, or again in a later round, counts once.
func TestRepeatedAndReplayedUpdatesCountOnce(t *testing.T) {
	h := newHouse(t, 3)
	j := job(federation.FedAvg, federation.SumPlain, 4, 3)
	h.propose(j)
	h.startSites(h.names[:2]...)
	var first []byte
	h.hostile("site-02", j, func(q federation.Question, u federation.Update, send func(string, int, int, []byte)) {
		for i := range u.Delta {
			u.Delta[i] = 100 // seen at once, were it to count twice
		}
		if first == nil {
			first = encoded(t, u)
		} else {
			send(federation.MailUpdate, 1, 1, first)
		}
		for i := range u.Delta {
			u.Delta[i] = 0
		}
		send(federation.MailUpdate, q.Round, q.Attempt, encoded(t, u))
		send(federation.MailUpdate, q.Round, q.Attempt, encoded(t, u))
	})
	h.startHub()
	g := h.ok(j.ID)
	for _, r := range g.Rounds {
		if e := entry(r, "site-02"); e.State != "in" {
			t.Errorf("round %d: %s, %s", r.Round, e.State, e.Reason)
		}
		if r.Score != nil && r.Score.Loss > 5 {
			t.Errorf("round %d: a replayed update has moved the weights: loss %g", r.Round, r.Score.Loss)
		}
	}
}

func TestHostileSiteInASecureSum(t *testing.T) {
	h := newHouse(t, 5)
	j := job(federation.FedAvg, federation.SumMasks, 3, 3)
	h.propose(j)
	h.startSites(h.names[:4]...)
	h.hostile("site-04", j, func(q federation.Question, _ federation.Update, send func(string, int, int, []byte)) {
		send(federation.MailReady, q.Round, q.Attempt, nil)
	})
	h.startHub()
	g := h.ok(j.ID)
	if len(doneRounds(g)) != 3 {
		t.Errorf("rounds %v", doneRounds(g))
	}
	for _, r := range g.Rounds {
		if e := entry(r, "site-04"); e.State != "refused" {
			t.Errorf("round %d: the site that sent nonsense is %q", r.Round, e.State)
		}
	}
	for _, k := range g.Final.Scores {
		if k.Site == "site-04" {
			t.Error("a last word in another's name was taken")
		}
	}
}

// A consent that another key signed, or that is about another job, is none.
func TestForgedConsent(t *testing.T) {
	h := newHouse(t, 3)
	j := job(federation.FedAvg, federation.SumPlain, 2, 2)
	j.Plan.Deadlines.Consent = federation.Duration(time.Second)
	h.propose(j)
	h.startHub()
	other := j
	other.Title = "Something else"
	for i, a := range []federation.Answer{
		{Job: j.Hash(), Site: "site-00", Agree: true, By: "M.", At: time.Now()},
		{Job: other.Hash(), Site: "site-01", Agree: true, By: "M.", At: time.Now()},
		{Job: j.Hash(), Site: "site-00", Agree: true, By: "M.", At: time.Now()},
	} {
		signed, err := a.Sign(h.room.Key([]string{"site-02", "site-01", "site-00"}[i]))
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(signed)
		if err != nil {
			t.Fatal(err)
		}
		from := []string{"site-00", "site-01", "site-02"}[i]
		if err := h.room.Site(from).Send(t.Context(), federation.Mail{ID: fmt.Sprint("forged", i), Kind: federation.MailAnswer, Job: j.ID, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	g := h.finished(j.ID)
	if len(g.State.Consents) != 0 || !strings.Contains(g.State.Reason, "QUORUM_MISSED") {
		t.Errorf("consents %v, %s", g.State.Consents, g.State.Reason)
	}
}
