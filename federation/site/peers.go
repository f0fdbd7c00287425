package site

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/govern"
)

// PeersFile holds what a site knows of the others' keys, in its folder.
const PeersFile = "peers.json"

const (
	peersFormat  = 1
	maxPeersFile = 4 << 20
	maxUntold    = federation.MaxSites
	maxWho       = 200 // bytes of a person's name
	peersWait    = 10 * time.Second
)

// Peer is another site as this one knows it. A name keeps its key until a person lets go of it.
type Peer struct {
	Name        string    `json:"name"`
	Key         string    `json:"key,omitempty"`         // Ed25519, hexadecimal; "" = verified before any sum has named it
	Fingerprint string    `json:"fingerprint"`           // of name and key
	Seen        time.Time `json:"seen,omitzero"`         // when a sum named it first
	Job         string    `json:"job,omitempty"`         // of that sum
	VerifiedBy  string    `json:"verified_by,omitempty"` // who compared the fingerprint
	VerifiedAt  time.Time `json:"verified_at,omitzero"`
}

// peerBook is peers.json. The process and the verbs both write it, each with the lock held. Only the process can write
// the audit log, so that what a verb has changed says so here until the process has told it.
type peerBook struct {
	Format int            `json:"format"`
	Peers  []Peer         `json:"peers"` // by name
	Untold []govern.Event `json:"untold,omitempty"`
}

// Peers reads what a site knows of the others. Errors: STORE_CORRUPT, INPUT_TOO_LARGE, IO.
func Peers(dir string) ([]Peer, error) {
	b, err := readPeers(dir)
	return b.Peers, err
}

func readPeers(dir string) (peerBook, error) {
	var b peerBook
	path := filepath.Join(dir, PeersFile)
	err := folder.ReadJSON(path, maxPeersFile, &b)
	if fault.CodeOf(err) == fault.NotFound {
		return peerBook{Format: peersFormat}, nil
	}
	if err == nil && !b.whole() {
		err = fault.New(fault.StoreCorrupt, path+" is not what was written", "restore it from a backup; without it the keys that the hub names next are taken")
	}
	if err != nil {
		return peerBook{}, err
	}
	return b, nil
}

// whole says whether the book can be one that Consilium wrote.
func (b *peerBook) whole() bool {
	keys := map[string]bool{}
	for i, p := range b.Peers {
		if !federation.Word(p.Name) || (i > 0 && p.Name <= b.Peers[i-1].Name) || len(p.VerifiedBy) > maxWho {
			return false
		}
		if p.Key == "" {
			if print, err := federation.ParseFingerprint(p.Name, p.Fingerprint); err != nil || print != p.Fingerprint || p.VerifiedBy == "" {
				return false
			}
			continue
		}
		key, err := hex.DecodeString(p.Key)
		if err != nil || len(key) != ed25519.PublicKeySize || keys[string(key)] || federation.Fingerprint(p.Name, key) != p.Fingerprint {
			return false
		}
		keys[string(key)] = true
	}
	return b.Format == peersFormat && len(b.Peers) <= federation.MaxSites && len(b.Untold) <= maxUntold+len(b.Peers)
}

func (b *peerBook) find(name string) (int, bool) {
	return slices.BinarySearchFunc(b.Peers, name, func(p Peer, name string) int { return strings.Compare(p.Name, name) })
}

// add takes in a site that is not known. Errors: CONFLICT.
func (b *peerBook) add(at int, p Peer) error {
	if len(b.Peers) >= federation.MaxSites {
		return fault.New(fault.Conflict, fmt.Sprintf("this site knows %d others already, and keeps no more", len(b.Peers)),
			"see `consilium federate peers`, and forget those that do not exist: a hub that names so many may have invented them")
	}
	b.Peers = slices.Insert(b.Peers, at, p)
	return nil
}

func (b *peerBook) say(action, job string, now time.Time, detail map[string]string) {
	b.Untold = append(b.Untold, govern.Event{Time: now, Action: action, Object: job, Detail: detail})
}

// recognise holds a key that a sum names against what is known, and takes it in when nothing is.
// Errors: PEER_CHANGED, CONFLICT.
func (b *peerBook) recognise(name string, key ed25519.PublicKey, job string, now time.Time) error {
	text, print := hex.EncodeToString(key), federation.Fingerprint(name, key)
	if i := slices.IndexFunc(b.Peers, func(p Peer) bool { return p.Key == text && p.Name != name }); i >= 0 {
		return changed("the hub names one key for " + name + " and for " + b.Peers[i].Name)
	}
	i, known := b.find(name)
	if !known {
		if err := b.add(i, Peer{Name: name, Fingerprint: print}); err != nil {
			return err
		}
	}
	p := &b.Peers[i]
	switch {
	case p.Fingerprint != print && p.Key == "":
		return changed("the hub names another key for " + name + " than the one whose fingerprint was verified by " + p.VerifiedBy)
	case p.Fingerprint != print || (p.Key != "" && p.Key != text):
		return changed("the hub names another key for " + name + ", " + print + ", than the one known since job " + p.Job + ", " + p.Fingerprint)
	case p.Key == "":
		p.Key, p.Seen, p.Job = text, now, job
		b.say("federation.peer-first-seen", job, now, map[string]string{"peer": name, "fingerprint": print})
	}
	return nil
}

func changed(what string) error {
	return fault.New(fault.PeerChanged, what, "ask that site whether it was set up again. If so: consilium federate peers forget; if not, the hub may be lying: give it nothing")
}

// changePeers changes the book while nobody else can. Whatever is changed leaves an event; tell, where it is not nil,
// takes the events before the book is written. Errors: CONFLICT, and those of Peers and change: then nothing is written.
func changePeers(ctx context.Context, dir string, tell func(govern.Event), change func(*peerBook) error) error {
	ctx, cancel := context.WithTimeout(ctx, peersWait)
	defer cancel()
	lock := flock.New(filepath.Join(dir, PeersFile+".lock"), flock.SetPermissions(0o600))
	if got, err := lock.TryLockContext(ctx, 10*time.Millisecond); err != nil || !got {
		return fault.Wrap(err, fault.Conflict, "the file of the other sites' keys is held by another process", "try again; see whether another Consilium hangs")
	}
	defer func() { _ = lock.Unlock() }()
	b, err := readPeers(dir)
	if err != nil {
		return err
	}
	if err := change(&b); err != nil {
		return err
	}
	if len(b.Untold) == 0 {
		return nil
	}
	if tell != nil {
		for _, e := range b.Untold {
			tell(e)
		}
		b.Untold = nil
	}
	return folder.WriteJSON(filepath.Join(dir, PeersFile), b)
}

// VerifyPeer notes that a person has compared a site's fingerprint with who is there, and not with the hub. A site that no
// sum has named yet is then taken with this key only. Errors: USAGE, PEER_UNVERIFIED when it is not that of the key
// known here, CONFLICT, and those of Peers.
func VerifyPeer(ctx context.Context, dir, name, typed, by string, now time.Time) (Peer, error) {
	print, err := federation.ParseFingerprint(name, typed)
	if err == nil {
		err = who(by)
	}
	var out Peer
	if err != nil {
		return out, err
	}
	err = changePeers(ctx, dir, nil, func(b *peerBook) error {
		i, known := b.find(name)
		if !known {
			if err := b.add(i, Peer{Name: name, Fingerprint: print}); err != nil {
				return err
			}
		}
		p := &b.Peers[i]
		if p.Fingerprint != print {
			return fault.New(fault.PeerUnverified, "the fingerprint is not that of the key which is known here as "+name+"'s, "+p.Fingerprint,
				"have it read out again; if it stays so, that site was set up again, or the hub has named a false key: see `consilium federate peers forget --help`")
		}
		p.VerifiedBy, p.VerifiedAt = by, now.UTC()
		out = *p
		return b.decided("federation.peer-verified", *p, by, now)
	})
	return out, err
}

// ForgetPeer lets go of a site's key: the next sum that names the site is a first one. Errors: USAGE, NOT_FOUND,
// CONFLICT, and those of Peers.
func ForgetPeer(ctx context.Context, dir, name, by string, now time.Time) (Peer, error) {
	var out Peer
	err := who(by)
	if err != nil {
		return out, err
	}
	err = changePeers(ctx, dir, nil, func(b *peerBook) error {
		i, known := b.find(name)
		if !known {
			return fault.New(fault.NotFound, "this site knows no "+name, "see `consilium federate peers`")
		}
		out = b.Peers[i]
		b.Peers = slices.Delete(b.Peers, i, i+1)
		return b.decided("federation.peer-forgotten", out, by, now)
	})
	return out, err
}

// decided leaves a person's decision for the audit log. Errors: CONFLICT.
func (b *peerBook) decided(action string, p Peer, by string, now time.Time) error {
	if len(b.Untold) >= maxUntold {
		return fault.New(fault.Conflict, fmt.Sprintf("%d decisions wait for the audit log", len(b.Untold)), "start `consilium federate site`, which writes them into it")
	}
	b.say(action, p.Job, now.UTC(), map[string]string{"peer": p.Name, "fingerprint": p.Fingerprint, "by": by})
	return nil
}

func who(by string) error {
	if by == "" || len(by) > maxWho {
		return fault.New(fault.Usage, fmt.Sprintf("who decides has a name of 1 to %d bytes", maxWho), "give it with --by")
	}
	return nil
}
