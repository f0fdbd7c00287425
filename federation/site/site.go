// Package site is a hospital's side of a federation: it judges what is proposed by the site's own policy, asks a
// person, trains on its own examples, answers rounds, takes part in secure sums, and decides in the end which model
// it keeps. Whatever leaves the house leaves here, and is an audit entry.
package site

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/local"
	"consilium/federation/privacy"
	"consilium/govern"
)

// PolicyFile is a site's policy, in its folder.
const PolicyFile = "policy.json"

// LedgerFile is a site's privacy ledger, in its folder.
const LedgerFile = "privacy.ledger"

// Options of a site.
type Options struct {
	Dir     string
	End     federation.SiteEnd
	Key     ed25519.PrivateKey      // signs answers
	Sets    []dataset.Set           // a job is answered from the first that fits it
	Permit  func(group string) bool // consent of the example's patient, asked anew every round; nil: all are permitted
	Audit   func(ctx context.Context, e govern.Event) error
	Log     *slog.Logger
	Now     func() time.Time
	Backend string
	Library string
	Edge    func(ctx context.Context, d federation.Delivery) error // takes mail whose kind begins with "edge-"
	Look    time.Duration                                          // how often the folder is looked at for decisions; 0 = 200 ms
}

// Site answers a hub.
type Site struct {
	o      Options
	ledger *privacy.Ledger
	mu     sync.Mutex
	tasks  map[string]*task
	wg     sync.WaitGroup
	peers  os.FileInfo // of peers.json, when people's decisions in it were last told to the audit log
}

// Open makes a site on its folder. Jobs that it has agreed to go on when it runs.
func Open(o Options) (*Site, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Look == 0 {
		o.Look = 200 * time.Millisecond
	}
	s := &Site{o: o, tasks: map[string]*task{}}
	var err error
	if s.ledger, err = privacy.OpenLedger(filepath.Join(o.Dir, LedgerFile)); err != nil {
		return nil, err
	}
	ids, err := folder.Jobs(o.Dir)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if t, err := s.load(id); err == nil {
			s.tasks[id] = t
		} else {
			o.Log.Warn("a job cannot be read", "job", id, "err", err)
		}
	}
	return s, nil
}

// Run works until ctx ends.
func (s *Site) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		s.wg.Wait()
		s.closeAll()
	}()
	if err := s.remind(ctx); err != nil {
		return err
	}
	failed := make(chan error, 1)
	s.wg.Go(func() { failed <- s.receive(ctx) })
	look := time.NewTicker(s.o.Look)
	defer look.Stop()
	for {
		s.decisions(ctx)
		s.tellPeers(ctx)
		select {
		case <-look.C:
		case err := <-failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

// remind sends the answers of jobs under way once more: the process may have ended between writing one and sending it.
func (s *Site) remind(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		if t.over() {
			continue
		}
		if err := t.answerAgain(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Site) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tasks {
		if t.learner != nil {
			if err := t.learner.Close(); err != nil {
				s.o.Log.Warn("closing", "job", t.job.ID, "err", err)
			}
		}
	}
	if err := s.ledger.Close(); err != nil {
		s.o.Log.Warn("closing the ledger", "err", err)
	}
}

func (s *Site) receive(ctx context.Context) error {
	for {
		d, err := s.o.End.Receive(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil && !s.unlinked(ctx, err) {
			return err
		}
		if err == nil {
			s.deliver(ctx, d)
		}
	}
}

// rest is how long a site waits before it asks again for a link that the hub refuses: the reason may be mended there
// or here, a certificate renewed, a clock set.
const rest = 5 * time.Second

// unlinked says whether an error is of the link alone, and waits before the next try.
func (s *Site) unlinked(ctx context.Context, err error) bool {
	switch fault.CodeOf(err) {
	case fault.SiteRevoked, fault.CertificateBad, fault.VersionUnfit, fault.ClockSkew, fault.HubMistaken, fault.PeerUnreachable, fault.Timeout:
	default:
		return false
	}
	s.o.Log.Warn("the link", "err", err)
	wait := time.NewTimer(rest)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	return true
}

func (s *Site) deliver(ctx context.Context, d federation.Delivery) {
	if strings.HasPrefix(d.Kind, "edge-") && s.o.Edge != nil {
		s.wg.Go(func() {
			if err := s.o.Edge(ctx, d); err != nil {
				s.o.Log.Warn("mail for the edge desk", "err", err)
			}
		})
		return
	}
	if d.Kind == federation.MailProposal {
		if err := s.proposal(ctx, d); err != nil {
			s.o.Log.Warn("a proposal", "job", d.Job, "err", err)
			s.note(ctx, d.Job, "federation.proposal-refused", map[string]string{"why": err.Error()}, fault.CodeOf(err))
			s.complain(ctx, d, err)
		}
		s.done(d)
		return
	}
	s.mu.Lock()
	t := s.tasks[d.Job]
	s.mu.Unlock()
	if t == nil {
		s.note(ctx, d.Job, "federation.mail-refused", map[string]string{"kind": d.Kind, "why": "no such job is known here"}, fault.NotFound)
		s.done(d)
		return
	}
	switch d.Kind {
	case federation.MailRound, federation.MailSettle:
		t.ask(ctx, d)
	case federation.MailSum:
		t.sum(ctx, d)
	case federation.MailEnd:
		t.end(ctx, d)
	default:
		s.done(d)
	}
}

// complain tells the hub why a proposal got no answer. It goes out beside the mail loop, which a cut link must not stop.
func (s *Site) complain(ctx context.Context, d federation.Delivery, why error) {
	m := federation.Mail{ID: d.ID + "/trouble", Kind: federation.MailTrouble, Job: d.Job, Body: []byte(told(why))}
	s.wg.Go(func() {
		if err := s.o.End.Send(ctx, m); err != nil && ctx.Err() == nil {
			s.o.Log.Warn("mail to the hub", "err", err)
		}
	})
}

func (s *Site) done(d federation.Delivery) {
	if err := d.Done(); err != nil {
		s.o.Log.Warn("mail was dealt with and may come again", "kind", d.Kind, "err", err)
	}
}

func (s *Site) note(ctx context.Context, job, action string, detail map[string]string, outcome fault.Code) {
	if s.o.Audit == nil {
		return
	}
	e := govern.Event{Time: s.o.Now(), Actor: s.o.End.Name(), Action: action, Object: job, Detail: detail, Outcome: string(outcome)}
	if err := s.o.Audit(context.WithoutCancel(ctx), e); err != nil {
		s.o.Log.Error("audit", "action", action, "err", err)
	}
}

// learner opens the first of the site's data sets that is what the job asks for. Errors: DATA_UNFIT, and those of local.New.
func (s *Site) learner(j federation.Job) (*local.Learner, error) {
	err := error(fault.New(fault.DataUnfit, "this site has no data set to train on", "start it with --data"))
	for _, set := range s.o.Sets {
		var l *local.Learner
		l, err = local.New(j, set, local.Options{Backend: s.o.Backend, Library: s.o.Library, Dir: filepath.Join(folder.JobDir(s.o.Dir, j.ID), "learner"),
			Site: s.o.End.Name(), Permit: s.o.Permit, Ledger: s.ledger, Now: s.o.Now, Seed: seedOf(s.o.End.Name())})
		if err == nil {
			return l, nil
		}
		if fault.CodeOf(err) != fault.DataUnfit {
			break
		}
	}
	return nil, err
}

// seedOf gives every site its own order of examples.
func seedOf(name string) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range []byte(name) {
		h = (h ^ uint64(b)) * 1099511628211
	}
	return h
}
