package site_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/site"
)

func (l *liar) at(name string) string { return filepath.Join(l.dir, name) }

func (l *liar) public(name string) ed25519.PublicKey {
	return l.room.Key(name).Public().(ed25519.PublicKey)
}

// round asks for an honest question's sum; as says what is true of the question.
func (l *liar) round(n, attempt int) []string {
	l.t.Helper()
	_, refusals := l.attempt(n, attempt, l.names, func(*federation.Question) {}, 8)
	return refusals
}

// events counts a site's audit entries of an action.
func (l *liar) events(name, action string) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.log {
		if e.Actor == name && e.Action == action {
			n++
		}
	}
	return n
}

// wait waits until a site has so many audit entries of an action.
func (l *liar) wait(name, action string, want int) {
	l.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(20 * time.Second)
	for l.events(name, action) < want {
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("%s: %d entries %s, want %d", name, l.events(name, action), action, want)
		}
	}
}

func (l *liar) known(name string) map[string]site.Peer {
	l.t.Helper()
	list, err := site.Peers(l.at(name))
	if err != nil {
		l.t.Fatal(err)
	}
	out := map[string]site.Peer{}
	for _, p := range list {
		out[p.Name] = p
	}
	return out
}

func (l *liar) verify(at, name string, key ed25519.PublicKey) error {
	_, err := site.VerifyPeer(l.t.Context(), l.at(at), name, federation.Fingerprint(name, key), "Dr. A", time.Now())
	return err
}

func count(refusals []string, code fault.Code) (n int) {
	for _, r := range refusals {
		if strings.HasPrefix(r, string(code)) {
			n++
		}
	}
	return n
}

func freshKey(t *testing.T) ed25519.PublicKey {
	public, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// The key that a sum names first is kept. A hub that names another one later, also after a restart, gets nothing, until
// a person lets go of the first.
func TestKeysArePinned(t *testing.T) {
	t.Parallel()
	l := newLiar(t, "")
	if no := l.round(1, 1); no != nil {
		t.Fatal(no)
	}
	for _, n := range l.names {
		known := l.known(n)
		if len(known) != 3 || l.events(n, "federation.peer-first-seen") != 3 {
			t.Errorf("%s knows %d, with %d audit entries", n, len(known), l.events(n, "federation.peer-first-seen"))
		}
		for _, p := range known {
			if p.Key != hex.EncodeToString(l.public(p.Name)) || p.Job != l.job.ID || p.Seen.IsZero() || p.VerifiedBy != "" {
				t.Errorf("%s knows %+v", n, p)
			}
		}
	}
	swapped := freshKey(t)
	l.lie = func(r *federation.SumRoster) { r.Keys["site-d"] = hex.EncodeToString(swapped) }
	if no := l.round(2, 1); count(no, fault.PeerChanged) != 3 || count(no, fault.SumBroken) != 1 { // site-d knows its own key
		t.Errorf("another key for site-d: %v", no)
	}
	l.halt()
	l.start() // a hub could wait for that
	if no := l.round(2, 2); count(no, fault.PeerChanged) != 3 {
		t.Errorf("another key for site-d after a restart: %v", no)
	}
	if p := l.known("site-a")["site-d"]; p.Key != hex.EncodeToString(l.public("site-d")) || l.events("site-a", "federation.peer-changed") != 2 {
		t.Errorf("site-a knows %+v, with %d audit entries", p, l.events("site-a", "federation.peer-changed"))
	}
	l.lie = nil
	if no := l.round(2, 3); no != nil {
		t.Error("the true keys: ", no)
	}

	if _, err := site.ForgetPeer(t.Context(), l.at("site-a"), "site-d", "Dr. A", time.Now()); err != nil {
		t.Fatal(err)
	}
	l.wait("site-a", "federation.peer-forgotten", 1)
	l.lie = func(r *federation.SumRoster) { r.Keys["site-d"] = hex.EncodeToString(swapped) }
	if no := l.round(3, 1); count(no, fault.PeerChanged) != 2 {
		t.Errorf("one site has let go of the key: %v", no)
	}
	if p := l.known("site-a")["site-d"]; p.Key != hex.EncodeToString(swapped) || l.events("site-a", "federation.peer-first-seen") != 4 {
		t.Errorf("site-a knows %+v", p)
	}
}

// What a refused roster says of others is not taken in, or a hub could fill the file up.
func TestRefusedRosterTeachesNothing(t *testing.T) {
	t.Parallel()
	l := newLiar(t, "")
	own := l.public("site-a")
	l.lie = func(r *federation.SumRoster) { r.Keys["site-d"] = hex.EncodeToString(own) }
	no := l.round(1, 1)
	if count(no, fault.PeerChanged) != 3 { // one key under two names, for site-a its own
		t.Errorf("one key under two names: %v", no)
	}
	for _, n := range l.names {
		if known := l.known(n); len(known) != 0 {
			t.Errorf("%s knows %v", n, known)
		}
	}
	l.lie = nil
	if no := l.round(1, 2); no != nil {
		t.Error("the true keys: ", no)
	}
}

func TestVerifiedPolicy(t *testing.T) {
	t.Parallel()
	l := newLiar(t, "")
	if err := os.WriteFile(filepath.Join(l.at("site-a"), site.PolicyFile), []byte(`{"agree": true, "min_cohort": 1, "peers": "verified"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if no := l.round(1, 1); len(no) != 1 || count(no, fault.PeerUnverified) != 1 {
		t.Errorf("nobody was verified: %v", no)
	}
	if len(l.known("site-a")) != 3 {
		t.Error("a person could not see whose keys to compare")
	}
	for i, n := range l.names[1:] {
		if err := l.verify("site-a", n, freshKey(t)); fault.CodeOf(err) != fault.PeerUnverified {
			t.Errorf("a fingerprint that does not fit: %v", err)
		}
		if no := l.round(1, 2+i); count(no, fault.PeerUnverified) != 1 {
			t.Errorf("%d of 3 were verified: %v", i, no)
		}
		if err := l.verify("site-a", n, l.public(n)); err != nil {
			t.Fatal(err)
		}
	}
	if no := l.round(1, 9); no != nil {
		t.Error("all were verified: ", no)
	}
	l.wait("site-a", "federation.peer-verified", 3)
	if p := l.known("site-a")["site-b"]; p.VerifiedBy != "Dr. A" || p.VerifiedAt.IsZero() || p.Seen.IsZero() {
		t.Errorf("%+v", p)
	}
}

// A site can be verified before any sum has named it; then the hub cannot name another key even once. What a person has
// decided while no process ran is told to the audit log when one does.
func TestVerifiedBeforeTheFirstSum(t *testing.T) {
	t.Parallel()
	l := newLiar(t, "")
	l.halt()
	l.start()
	for _, n := range l.names[1:] {
		if err := l.verify("site-a", n, l.public(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.verify("site-b", "site-d", freshKey(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(l.at("site-a"), site.PolicyFile), []byte(`{"agree": true, "min_cohort": 1, "peers": "verified"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if no := l.round(1, 1); len(no) != 1 || count(no, fault.PeerChanged) != 1 {
		t.Errorf("site-b expects another key of site-d: %v", no)
	}
	l.wait("site-a", "federation.peer-verified", 3)
	if _, err := site.ForgetPeer(t.Context(), l.at("site-b"), "site-d", "Dr. B", time.Now()); err != nil {
		t.Fatal(err)
	}
	if no := l.round(1, 2); no != nil {
		t.Error(no)
	}
	if p := l.known("site-a")["site-c"]; p.Key == "" || p.Seen.IsZero() || p.VerifiedBy != "Dr. A" {
		t.Errorf("%+v", p)
	}
}

// A file that cannot be what was written is not begun anew: nothing is given.
func TestHostilePeersFile(t *testing.T) {
	t.Parallel()
	l := newLiar(t, "")
	if no := l.round(1, 1); no != nil {
		t.Fatal(no)
	}
	path := filepath.Join(l.at("site-a"), site.PeersFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	peer := func(name string, key ed25519.PublicKey) site.Peer {
		return site.Peer{Name: name, Key: hex.EncodeToString(key), Fingerprint: federation.Fingerprint(name, key)}
	}
	text := func(peers ...site.Peer) string {
		b, err := json.Marshal(map[string]any{"format": 1, "peers": peers})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	var many []site.Peer
	for i := range federation.MaxSites + 1 {
		many = append(many, peer(fmt.Sprintf("site-%05d", i), freshKey(t)))
	}
	one, two := freshKey(t), freshKey(t)
	other, unproven := peer("a", one), peer("a", one)
	other.Fingerprint, unproven.Key = federation.Fingerprint("a", two), ""
	if err := os.WriteFile(path, []byte(text(peer("a", one), peer("b", two))), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := site.Peers(l.at("site-a")); err != nil {
		t.Fatal("a good file: ", err)
	}
	attempt := 1
	for name, c := range map[string]struct {
		text string
		want fault.Code
	}{
		"too many":            {text(many...), fault.StoreCorrupt},
		"broken":              {string(good[:len(good)/2]), fault.StoreCorrupt},
		"empty":               {"", fault.StoreCorrupt},
		"nothing":             {"{}", fault.StoreCorrupt},
		"twice":               {text(peer("a", one), peer("a", two)), fault.StoreCorrupt},
		"one key, two names":  {text(peer("a", one), peer("b", one)), fault.StoreCorrupt},
		"no name":             {text(peer("A b", one)), fault.StoreCorrupt},
		"no key":              {text(peer("a", one[:31])), fault.StoreCorrupt},
		"another fingerprint": {text(other), fault.StoreCorrupt},
		"neither":             {text(unproven), fault.StoreCorrupt},
		"large":               {strings.Repeat(" ", 5<<20), fault.InputTooLarge},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := site.Peers(l.at("site-a")); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.verify("site-a", "site-b", l.public("site-b")); fault.CodeOf(err) != c.want {
			t.Errorf("%s: verify: %v", name, err)
		}
		if name == "too many" || name == "broken" {
			attempt++
			if no := l.round(2, attempt); len(no) != 1 || count(no, c.want) != 1 {
				t.Errorf("%s: a sum: %v", name, no)
			}
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != c.text {
			t.Errorf("%s: the file was written over", name)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if no := l.round(2, 9); no != nil {
		t.Error("the file is back: ", no)
	}
}

// Verbs beside each other and beside the process lose nothing, and each decision is in the audit log once.
func TestDecisionsAboutPeersAreNotLost(t *testing.T) {
	t.Parallel()
	l := newLiar(t, "")
	var work sync.WaitGroup
	for i := range 30 {
		key := freshKey(t)
		work.Go(func() {
			if err := l.verify("site-a", fmt.Sprintf("other-%02d", i), key); err != nil {
				t.Error(err)
			}
		})
	}
	if no := l.round(1, 1); no != nil {
		t.Error(no)
	}
	work.Wait()
	l.wait("site-a", "federation.peer-verified", 30)
	if known := l.known("site-a"); len(known) != 33 || l.events("site-a", "federation.peer-verified") != 30 || l.events("site-a", "federation.peer-first-seen") != 3 {
		t.Errorf("%d known, %d verified, %d seen", len(known), l.events("site-a", "federation.peer-verified"), l.events("site-a", "federation.peer-first-seen"))
	}
}

func TestDecisionsAboutPeersThatAreNone(t *testing.T) {
	dir := t.TempDir()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey) // the check digit of one key in 32 fits another site too
	print := federation.Fingerprint("site-b", key)
	for name, c := range map[string]struct {
		site, print, by string
		want            fault.Code
	}{
		"nobody":      {"site-b", print, "", fault.Usage},
		"a long name": {"site-b", print, strings.Repeat("A", 201), fault.Usage},
		"mistyped":    {"site-b", print[1:], "Dr. A", fault.Usage},
		"of another":  {"site-c", print, "Dr. A", fault.Usage},
		"good":        {"site-b", print, "Dr. A", ""},
		"again":       {"site-b", print, "Dr. B", ""},
	} {
		if _, err := site.VerifyPeer(t.Context(), dir, c.site, c.print, c.by, time.Now()); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := site.ForgetPeer(t.Context(), dir, "site-c", "Dr. A", time.Now()); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	if _, err := site.ForgetPeer(t.Context(), dir, "site-b", "", time.Now()); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}
