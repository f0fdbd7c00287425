package dimse

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"consilium/fault"
)

// holds commits to every object but those of CT.
func holds(_ context.Context, _ string, refs []Reference) ([]Reason, error) {
	out := make([]Reason, len(refs))
	for i, r := range refs {
		if r.Class == ctImage {
			out[i] = CommitNoSuchObject
		}
	}
	return out, nil
}

var (
	held    = Reference{storagePrefix + "4", "1.2.3"}
	missing = Reference{ctImage, "1.2.4"}
)

func TestCommitmentOnTheSameAssociation(t *testing.T) {
	count := newTally()
	peer := start(t, Config{Commit: holds, Observe: count})
	for _, c := range []struct {
		refs []Reference
		want Commitment
	}{
		{[]Reference{held}, Commitment{Committed: []Reference{held}, Failed: map[Reference]Reason{}}},
		{[]Reference{held, missing}, Commitment{Committed: []Reference{held}, Failed: map[Reference]Reason{missing: CommitNoSuchObject}}},
		{[]Reference{missing}, Commitment{Failed: map[Reference]Reason{missing: CommitNoSuchObject}}},
	} {
		got, known, err := RequestCommitment(t.Context(), peer, c.refs, 5*time.Second)
		if err != nil || !known || !validUID(got.Transaction) {
			t.Errorf("%v: %v, %v", got, known, err)
		}
		got.Transaction = ""
		if d := cmp.Diff(c.want, got); d != "" {
			t.Error(d)
		}
	}
	if _, _, err := RequestCommitment(t.Context(), peer, nil, time.Second); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
	eventually(t, "all released", func() bool { return count.ended(EndReleased) == 3 })
	without := start(t, Config{})
	_, _, err := RequestCommitment(t.Context(), without, []Reference{held}, time.Second)
	wantCode(t, err, fault.PeerRefused)
}

// TestCommitmentLater: the requester does not wait, so the report comes to its
// server on an association of the provider's.
func TestCommitmentLater(t *testing.T) {
	var mu sync.Mutex
	reports := map[string]Commitment{}
	home := start(t, Config{AETitle: "HOME", Committed: func(_ context.Context, caller string, c Commitment) error {
		mu.Lock()
		defer mu.Unlock()
		if caller != "ARCHIVE" {
			t.Errorf("reported by %s", caller)
		}
		reports[c.Transaction] = c
		return nil
	}})
	home.CallingAE = "ARCHIVE"
	archive := start(t, Config{AETitle: "ARCHIVE", Commit: holds, Peers: func(ae string) (Peer, bool) { return home, ae == "HOME" }})
	archive.CallingAE = "HOME"
	got, known, err := RequestCommitment(t.Context(), archive, []Reference{held, missing}, 0)
	if err != nil || known {
		t.Fatalf("%v, %v", known, err)
	}
	eventually(t, "the report", func() bool { mu.Lock(); defer mu.Unlock(); return len(reports) == 1 })
	want := Commitment{Transaction: got.Transaction, Committed: []Reference{held}, Failed: map[Reference]Reason{missing: CommitNoSuchObject}}
	if d := cmp.Diff(want, reports[got.Transaction]); d != "" {
		t.Error(d)
	}
}

func TestBadCommitmentRequests(t *testing.T) {
	peer := start(t, Config{Commit: func(context.Context, string, []Reference) ([]Reason, error) {
		return nil, fault.New(fault.StoreFailed, "no database", "")
	}})
	a, err := peer.associate(t.Context(), []proposal{{class: commitmentPush, syntaxes: plain}})
	if err != nil {
		t.Fatal(err)
	}
	id, p, _ := a.context(commitmentPush, "")
	good := Commitment{Transaction: "1.2.9", Committed: []Reference{held}}
	for name, c := range map[string]struct {
		change func(*command)
		body   Commitment
		want   uint16
	}{
		"another action":   {func(c *command) { c.kind = 2 }, good, statusNoSuchAction},
		"another instance": {func(c *command) { c.instance = "1.2.3" }, good, statusNoSuchObject},
		"no transaction":   {func(*command) {}, Commitment{Committed: []Reference{held}}, statusInvalidArgument},
		"no objects":       {func(*command) {}, Commitment{Transaction: "1.2.9"}, statusInvalidArgument},
		"database":         {func(*command) {}, good, statusProcessing},
	} {
		ask := command{field: fieldAction, id: a.id(), class: commitmentPush, instance: commitmentInstance, kind: actionRequest, hasData: true}
		c.change(&ask)
		body, err := c.body.object()
		if err != nil {
			t.Fatal(err)
		}
		in, err := encode(body, p.syntax)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.message(id, ask, in); err != nil {
			t.Fatal(err)
		}
		if _, r, err := a.response(ask.id); err != nil || r.status != c.want {
			t.Errorf("%s: %04X, %v", name, r.status, err)
		}
	}
	a.close()
}
