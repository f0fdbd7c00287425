// Package room is a link without a wire: a hub and its sites in one process, with mail in memory. Simulations use
// it, and tests of what happens when a link is cut or an end dies.
package room

import (
	"context"
	"crypto/ed25519"
	"slices"
	"sync"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// Room holds the mail of a hub and its sites.
type Room struct {
	mu    sync.Mutex
	sites map[string]*seat
	hub   *box
}

type seat struct {
	key    ed25519.PrivateKey
	box    *box
	member federation.Member
	cut    chan struct{} // not nil: the link is cut, closed when it is restored
}

// box is one end's mail: what waits, and what was handed out and is not done.
type box struct {
	waiting []*letter
	open    []*letter
	news    chan struct{} // closed and replaced when mail comes
}

type letter struct {
	from string
	mail federation.Mail
}

func newBox() *box { return &box{news: make(chan struct{})} }

func (b *box) put(l *letter) {
	b.waiting = append(b.waiting, l)
	close(b.news)
	b.news = make(chan struct{})
}

// New seats sites with the given names, each with a fresh key.
func New(names ...string) (*Room, error) {
	r := &Room{sites: map[string]*seat{}, hub: newBox()}
	for _, n := range names {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "no key could be made", "")
		}
		r.sites[n] = &seat{key: private, box: newBox(), member: federation.Member{Name: n, Key: public, Joined: time.Now(),
			Linked: true, Protocol: federation.Protocol, Version: "room"}}
	}
	return r, nil
}

// Key is a site's signing key.
func (r *Room) Key(site string) ed25519.PrivateKey { return r.sites[site].key }

// Hub is the hub's end.
func (r *Room) Hub() federation.HubEnd { return hubEnd{r} }

// Site is a site's end.
func (r *Room) Site(name string) federation.SiteEnd { return siteEnd{r, name} }

// Cut cuts a site's link: what either side sends waits.
func (r *Room) Cut(site string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sites[site]
	if s.cut == nil {
		s.cut, s.member.Linked, s.member.Seen = make(chan struct{}), false, time.Now()
	}
}

// Restore mends it. What was handed out and not done comes again, as after a restart.
func (r *Room) Restore(site string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sites[site]
	if s.cut != nil {
		close(s.cut)
		s.cut, s.member.Linked = nil, true
	}
	s.box.again()
}

// RestartHub hands the hub's unfinished mail out again.
func (r *Room) RestartHub() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hub.again()
}

func (b *box) again() {
	b.waiting, b.open = append(b.open, b.waiting...), nil
	close(b.news)
	b.news = make(chan struct{})
}

// receive hands out the next letter; while cut is not nil it holds the mail back.
func (r *Room) receive(ctx context.Context, b *box, s *seat) (federation.Delivery, error) {
	for {
		r.mu.Lock()
		news := b.news
		var cut chan struct{}
		if s != nil {
			cut = s.cut
		}
		if cut == nil && len(b.waiting) > 0 {
			l := b.waiting[0]
			b.waiting = b.waiting[1:]
			b.open = append(b.open, l)
			r.mu.Unlock()
			return federation.Delivery{From: l.from, Mail: l.mail, Done: func() error {
				r.mu.Lock()
				defer r.mu.Unlock()
				b.open = slices.DeleteFunc(b.open, func(x *letter) bool { return x == l })
				return nil
			}}, nil
		}
		r.mu.Unlock()
		if cut == nil {
			cut = news
		}
		select {
		case <-cut:
		case <-news:
		case <-ctx.Done():
			return federation.Delivery{}, fault.Wrap(ctx.Err(), fault.Interrupted, "no mail came", "")
		}
	}
}

// fits refuses what the real link refuses too.
func fits(m federation.Mail) error {
	if m.ID == "" || !federation.Word(m.Kind) {
		return fault.New(fault.Usage, "a mail cannot be sent: it has no ID or no kind", "")
	}
	return nil
}

type hubEnd struct{ r *Room }

func (h hubEnd) Members(context.Context) ([]federation.Member, error) {
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	var out []federation.Member
	for _, s := range h.r.sites {
		m := s.member
		if m.Linked {
			m.Seen = time.Now()
		}
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b federation.Member) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return out, nil
}

func (h hubEnd) Send(_ context.Context, site string, m federation.Mail) error {
	h.r.mu.Lock()
	defer h.r.mu.Unlock()
	if err := fits(m); err != nil {
		return err
	}
	s, ok := h.r.sites[site]
	if !ok {
		return fault.New(fault.NotFound, "there is no site "+site, "see `consilium federate status`")
	}
	s.member.Sent += int64(len(m.Body))
	s.box.put(&letter{mail: m})
	return nil
}

func (h hubEnd) Receive(ctx context.Context) (federation.Delivery, error) {
	return h.r.receive(ctx, h.r.hub, nil)
}

type siteEnd struct {
	r    *Room
	name string
}

func (s siteEnd) Name() string { return s.name }

func (s siteEnd) Send(ctx context.Context, m federation.Mail) error {
	if err := fits(m); err != nil {
		return err
	}
	for {
		s.r.mu.Lock()
		seat := s.r.sites[s.name]
		cut := seat.cut
		if cut == nil {
			seat.member.Received += int64(len(m.Body))
			s.r.hub.put(&letter{from: s.name, mail: m})
		}
		s.r.mu.Unlock()
		if cut == nil {
			return nil
		}
		select {
		case <-cut:
		case <-ctx.Done():
			return fault.Wrap(ctx.Err(), fault.PeerUnreachable, "the link to the hub is cut", "the mail is sent when it is back")
		}
	}
}

func (s siteEnd) Receive(ctx context.Context) (federation.Delivery, error) {
	s.r.mu.Lock()
	seat := s.r.sites[s.name]
	s.r.mu.Unlock()
	return s.r.receive(ctx, seat.box, seat)
}

func (s siteEnd) Report(doing string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.r.sites[s.name].member.Doing = doing
}
