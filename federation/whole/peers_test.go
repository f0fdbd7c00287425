package whole

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/link"
	"consilium/federation/site"
)

// falseRoster is a hub's end that tells every site another key for one of them, from a round on.
type falseRoster struct {
	federation.HubEnd
	t    *testing.T
	from int
	of   string
	key  ed25519.PublicKey
}

func (e falseRoster) Send(ctx context.Context, to string, m federation.Mail) error {
	if m.Kind == federation.MailSum && m.Round >= e.from {
		s, err := federation.DecodeSumStep(m.Body)
		if err != nil {
			e.t.Error(err)
		}
		if s.Roster != nil {
			s.Roster.Keys[e.of] = hex.EncodeToString(e.key)
			if m.Body, err = s.Encode(); err != nil {
				e.t.Error(err)
			}
		}
	}
	return e.HubEnd.Send(ctx, to, m)
}

// A hub that swaps one site's key after the first round gets nothing more: no site answers, the round is never opened,
// and its own report says why.
func TestHubThatSwapsAKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 4)
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	out := h.names[3]
	h.end.HubEnd = falseRoster{h.hub, t, 2, out, public}
	h.startAll(job(federation.SumMasks, 3, 3))
	g := h.until("the end", func(g federation.History) bool { return g.State.Phase == federation.Finished })
	if g.State.Outcome != federation.Failed || !strings.HasPrefix(g.State.Reason, string(fault.SumBroken)) || g.Rounds[0].Outcome != "done" {
		t.Errorf("round 1 is %s, the job ended %s: %s", g.Rounds[0].Outcome, g.State.Outcome, g.State.Reason)
	}
	for _, r := range g.Rounds[1:] {
		if r.Round != 2 || r.Outcome == "done" || r.Score != nil {
			t.Errorf("round %d, attempt %d is %s, score %v", r.Round, r.Attempt, r.Outcome, r.Score)
		}
		for _, n := range h.names[:3] {
			if e := entry(r, n); e.State != "refused" || !strings.HasPrefix(e.Reason, string(fault.PeerChanged)) {
				t.Errorf("round %d, attempt %d: %s is %s, %s", r.Round, r.Attempt, n, e.State, e.Reason)
			}
		}
	}
	for _, n := range h.names[:3] {
		if p := h.peer(n, out); p.Key != hex.EncodeToString(h.key(out)) {
			t.Errorf("%s knows %+v", n, p)
		}
	}
}

func (h *house) key(name string) ed25519.PublicKey {
	h.t.Helper()
	key, err := link.Identity(h.dirs[name])
	if err != nil {
		h.t.Fatal(err)
	}
	return key.Public().(ed25519.PublicKey)
}

// peer is what a site knows of another.
func (h *house) peer(at, name string) site.Peer {
	h.t.Helper()
	peers, err := site.Peers(h.dirs[at])
	if err != nil {
		h.t.Fatal(err)
	}
	for _, p := range peers {
		if p.Name == name {
			return p
		}
	}
	return site.Peer{}
}

// A site that is started again, and even joins again, has its key, knows the others', and goes on.
func TestKeysOutliveTheSite(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 4)
	h.startAll(job(federation.SumMasks, endless, 3))
	h.until("a round", func(g federation.History) bool { return g.State.Round >= 2 })
	out := h.names[1]
	before := map[string]site.Peer{}
	for _, n := range h.names {
		if n != out {
			before[n] = h.peer(out, n)
		}
	}
	h.stop[out]()
	h.goOn(1)
	h.startSite(out)
	h.until("its return", func(g federation.History) bool {
		r := g.Rounds[max(0, len(g.Rounds)-2)]
		return r.Outcome == "done" && entry(r, out).State == "in" && r.Round > 2
	})
	h.goOn(2)
	h.abort()
	for n, was := range before {
		if p := h.peer(out, n); was.Key != hex.EncodeToString(h.key(n)) || p != was {
			t.Errorf("%s was %+v and is %+v", n, was, p)
		}
		if p := h.peer(n, out); p.Key != hex.EncodeToString(h.key(out)) {
			t.Errorf("%s knows %+v", n, p)
		}
	}
}

// A site whose policy wants verified keys is not in the sum until a person there has compared all of them; the others
// go on, and so does it, without being started again.
func TestVerifiedKeysOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 4)
	for _, n := range h.names {
		h.startSite(n)
	}
	careful := h.names[2]
	if err := os.WriteFile(filepath.Join(h.dirs[careful], site.PolicyFile), []byte(`{"agree": true, "min_cohort": 1, "peers": "verified"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	h.propose(job(federation.SumMasks, endless, 3))
	h.startHub()
	g := h.until("three rounds", func(g federation.History) bool { return g.State.Round >= 4 })
	for _, r := range g.Rounds[:3] {
		if e := entry(r, careful); r.Outcome != "done" || e.State != "refused" || !strings.HasPrefix(e.Reason, string(fault.PeerUnverified)) {
			t.Errorf("round %d is %s, %s is %s: %s", r.Round, r.Outcome, careful, e.State, e.Reason)
		}
	}
	for _, n := range h.names {
		if n == careful {
			continue
		}
		if _, err := site.VerifyPeer(t.Context(), h.dirs[careful], n, federation.Fingerprint(n, h.key(n)), "Dr. A", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	h.until("its part", func(g federation.History) bool {
		r := g.Rounds[max(0, len(g.Rounds)-2)]
		return r.Outcome == "done" && entry(r, careful).State == "in"
	})
	h.abort()
}
