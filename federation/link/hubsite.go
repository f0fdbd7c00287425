package link

import (
	"context"
	"encoding/json"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"consilium/fault"
	"consilium/federation"
)

// hubSite is one site as the running hub has it.
type hubSite struct {
	name   string
	hub    *Hub
	conn   *nats.Conn
	down   *box
	inbox  *inbox
	done   *doneFile
	cancel context.CancelFunc
	work   sync.WaitGroup

	mu     sync.Mutex
	rec    *record
	heard  time.Time // by the clock that only goes forward
	seen   federation.Member
	born   time.Time // of the stream to the site
	warned string    // why it was last said not to fit
}

// take begins to serve a site.
func (h *Hub) take(ctx context.Context, rec *record) error {
	if err := h.publish(rec); err != nil {
		return err
	}
	conn, err := hubUser(h.server, rec)
	if err != nil {
		return err
	}
	s := &hubSite{name: rec.Name, hub: h, conn: conn, down: downBox(conn, apiHere), rec: rec}
	if err := s.streams(ctx); err != nil {
		conn.Close()
		return err
	}
	if s.done, err = openDone(filepath.Join(h.o.Dir, "done", rec.Name)); err != nil {
		conn.Close()
		return err
	}
	s.inbox = newInbox(rec.Name, upBox(conn, apiHere), s.done, h.log, h.mail, versionFits)
	if err := s.hear(); err != nil {
		conn.Close()
		s.done.close()
		return err
	}
	inner, cancel := context.WithCancel(h.ctx)
	s.cancel = cancel
	s.work.Go(func() { s.inbox.run(inner) })
	s.work.Go(func() { s.sweepLoop(inner) })
	h.mu.Lock()
	h.sites[rec.Name] = s
	h.mu.Unlock()
	return nil
}

// publish makes the embedded server know the account, or what has changed in it.
func (h *Hub) publish(rec *record) error {
	claims, text, err := h.authority.accountClaims(rec, h.o.Store)
	if err != nil {
		return err
	}
	if err := h.resolver.Store(rec.Account, text); err != nil {
		return badKey(err, "the account of "+rec.Name)
	}
	account, err := h.server.LookupAccount(rec.Account)
	if err != nil {
		return fault.Wrap(err, fault.QueueFailed, "the account of "+rec.Name+" cannot be used", "see the hub's log")
	}
	h.server.UpdateAccountClaims(account, claims)
	return nil
}

func (s *hubSite) streams(ctx context.Context) error {
	js, err := jetstream.New(s.conn)
	if err != nil {
		return fault.Wrap(err, fault.QueueFailed, "the hub's store does not answer", "see the hub's log")
	}
	ctx, cancel := context.WithTimeout(ctx, longWait)
	defer cancel()
	for name, prefix := range map[string]string{streamUp: prefixUp, streamDown: prefixDown} {
		stream, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
			Name: name, Subjects: []string{prefix + ".>"}, Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy,
			Discard: jetstream.DiscardNew, MaxBytes: s.hub.o.Store, MaxMsgs: 1 << 17, MaxAge: s.hub.o.Keep, MaxMsgSize: maxMessage,
			MaxConsumers: 1, AllowDirect: true,
		})
		if err != nil {
			if ctx.Err() != nil {
				return ended(ctx, "the store of "+s.name+" did not open")
			}
			return fault.Wrap(err, fault.QueueFailed, "the store of "+s.name+" cannot be opened", "check the free disk space; see the hub's log")
		}
		if name == streamDown {
			s.born = stream.CachedInfo().Created
		}
	}
	return nil
}

// hear listens to what the site says beside mail.
func (s *hubSite) hear() error {
	for subject, f := range map[string]nats.MsgHandler{
		bellUp:          func(*nats.Msg) { ring(s.inbox.wake) },
		subjectPresence: s.pulse,
		subjectRenew:    s.renew,
	} {
		sub, err := s.conn.Subscribe(subject, f)
		if err == nil {
			err = sub.SetPendingLimits(256, 1<<20)
		}
		if err != nil {
			return fault.Wrap(err, fault.QueueFailed, "the site "+s.name+" cannot be heard", "see the hub's log")
		}
	}
	if err := s.conn.FlushTimeout(shortWait); err != nil {
		return fault.Wrap(err, fault.QueueFailed, "the site "+s.name+" cannot be heard", "see the hub's log")
	}
	return nil
}

// close stops serving. Mail stays.
func (s *hubSite) close() {
	s.cancel()
	s.conn.Close()
	s.work.Wait()
	s.done.close()
}

func (s *hubSite) record() *record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rec
}

func (s *hubSite) pulse(m *nats.Msg) {
	p, ok := parsePulse(m.Data)
	if !ok {
		s.hub.log.Error("a pulse cannot be read", "site", s.name)
		return
	}
	now := s.hub.now()
	skew := p.Time.Sub(now)
	unfit := versionFits(p.Protocol)
	if unfit == nil {
		unfit = clockFits(skew)
	}
	s.note(p, now, unfit)
	s.mu.Lock()
	s.heard = time.Now()
	s.mu.Unlock()
	answer, err := json.Marshal(pulseAnswer{Refused: refuse(unfit), Time: now, Born: s.born, Full: s.hub.gauge.full()})
	if err == nil && m.Reply != "" {
		_ = m.Respond(answer)
	}
}

// note keeps what a site said of itself.
func (s *hubSite) note(p pulseMessage, now time.Time, unfit error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.Seen, s.seen.Protocol, s.seen.Version = now.UTC(), p.Protocol, p.Version
	s.seen.Skew, s.seen.Memory, s.seen.Doing = federation.Duration(p.Time.Sub(now)), p.Memory, p.Doing
	if word := string(fault.CodeOf(unfit)); word != s.warned {
		s.warned = word
		if unfit != nil {
			s.hub.log.Warn("a site does not fit", "site", s.name, "error", unfit)
		}
	}
}

// moved gives the bytes of all messages that went over the site's links since the hub started.
func (s *hubSite) moved() (sent, received int64) {
	stat, err := s.hub.server.AccountStatz(&server.AccountStatzOptions{Accounts: []string{s.rec.Account}, IncludeUnused: true})
	if err != nil || len(stat.Accounts) != 1 {
		return 0, 0
	}
	a := stat.Accounts[0]
	return a.Sent.Leafs.Bytes, a.Received.Leafs.Bytes
}

func (s *hubSite) member() federation.Member {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.seen
	m.Name, m.Key, m.Joined, m.Revoked = s.name, s.rec.Key, s.rec.Joined, s.rec.Revoked != nil
	m.Linked = !m.Revoked && !s.heard.IsZero() && time.Since(s.heard) < deaf
	m.Sent, m.Received = s.moved()
	return m
}

// kick ends the site's links.
func (s *hubSite) kick() {
	leafs, err := s.hub.server.Leafz(&server.LeafzOptions{Account: s.record().Account})
	if err != nil {
		return
	}
	for _, l := range leafs.Leafs {
		_ = s.hub.server.DisconnectClientByID(l.ID)
	}
}
