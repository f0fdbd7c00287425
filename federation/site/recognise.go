package site

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"consilium/fault"
	"consilium/federation"
	"consilium/govern"
)

// recognise holds the keys of a sum's roster against those that this site knows. The hub says whose they are: who is
// new is taken at its word, once, or not at all when the policy wants keys that a person has compared. When it returns
// no error, what it took in is on the disk. Errors: PEER_CHANGED, PEER_UNVERIFIED, and those of policy and peers.json.
func (t *task) recognise(ctx context.Context, keys map[string]ed25519.PublicKey) error {
	s, self := t.site, t.site.o.End.Name()
	policy, err := federation.LoadPolicy(filepath.Join(s.o.Dir, PolicyFile))
	if err != nil {
		return err
	}
	var unverified []string
	err = changePeers(ctx, s.o.Dir, func(e govern.Event) { s.tell(ctx, e) }, func(b *peerBook) (refused error) {
		for _, name := range slices.Sorted(maps.Keys(keys)) {
			if name == self {
				continue
			}
			err := b.recognise(name, keys[name], t.job.ID, s.o.Now().UTC())
			if keys[name].Equal(keys[self]) {
				err = changed("the hub names this site's own key for " + name)
			}
			if err != nil {
				s.note(ctx, t.job.ID, "federation.peer-changed", map[string]string{"peer": name, "why": err.Error()}, fault.CodeOf(err))
				if refused == nil {
					refused = err
				}
				continue
			}
			if i, known := b.find(name); known && b.Peers[i].VerifiedBy == "" {
				unverified = append(unverified, name)
			}
		}
		return refused
	})
	if err == nil && policy.Peers == federation.PeersVerified && len(unverified) > 0 {
		return fault.New(fault.PeerUnverified, fmt.Sprintf("nobody has compared the keys of %d sites of the sum, such as %s", len(unverified), unverified[0]),
			"compare them by telephone: consilium federate peers")
	}
	return err
}

// tell writes an event of peers.json into the audit log.
func (s *Site) tell(ctx context.Context, e govern.Event) {
	if s.o.Audit == nil {
		return
	}
	e.Actor = s.o.End.Name()
	if err := s.o.Audit(context.WithoutCancel(ctx), e); err != nil {
		s.o.Log.Error("audit", "action", e.Action, "err", err)
	}
}

// tellPeers tells the audit log what people have decided about other sites, when peers.json was written since.
func (s *Site) tellPeers(ctx context.Context) {
	info, err := os.Stat(filepath.Join(s.o.Dir, PeersFile))
	if err != nil || (s.peers != nil && os.SameFile(info, s.peers) && info.ModTime().Equal(s.peers.ModTime())) {
		return
	}
	s.peers = info
	err = changePeers(ctx, s.o.Dir, func(e govern.Event) { s.tell(ctx, e) }, func(*peerBook) error { return nil })
	if err != nil && ctx.Err() == nil {
		s.o.Log.Warn("the other sites' keys", "err", err)
	}
}
