package link

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"consilium/fault"
	"consilium/federation"
)

// SiteOptions says which folder a site comes from.
type SiteOptions struct {
	Dir      string           // the folder that Join made
	Hub      string           // "" = the address of the join
	Proxy    string           // "" = the proxy of the join; "none" = none
	Log      *slog.Logger     // nil = none
	Now      func() time.Time // nil = time.Now
	Version  string           // of this program, shown at the hub
	Protocol int              // 0 = federation.Protocol

	slow time.Duration // how soon a refused site asks again; 0 = askSlow
}

// Site is a site's end of the link: a federation.SiteEnd.
type Site struct {
	keep     *keeping
	log      *slog.Logger
	now      func() time.Time
	proxy    *url.URL
	version  string
	protocol int
	release  func()
	slow     time.Duration // between asking a hub that has said no

	leafMu sync.Mutex
	leaf   *server.Server // nil while the hub has no place for this site

	conn  *nats.Conn
	up    *box
	inbox *inbox
	done  *doneFile
	mail  chan arrived
	gauge *gauge // the hub's disk

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	nudge  chan struct{}

	mu       sync.Mutex
	state    linkState
	changed  chan struct{} // closed when state changes
	doing    string
	returned []arrived
	closed   bool
}

// linkState is how things stand with the hub.
type linkState struct {
	linked  bool            // the hub answered the last pulse, over the connection that is still up
	trouble error           // why the hub does not work with this site; it changes only when somebody acts
	session context.Context // ends when the connection does
	end     context.CancelCauseFunc
	link    uint64 // the connection's number in the embedded server; 0 = none
	born    time.Time
}

var _ federation.SiteEnd = (*Site)(nil)

// OpenSite starts a site's link. It does not wait for the hub: the link comes up when it can, and comes up again.
// Errors: NOT_FOUND, STORE_CORRUPT, CONFLICT, USAGE, QUEUE_FAILED.
func OpenSite(ctx context.Context, o SiteOptions) (*Site, error) {
	keep, err := openKeeping(o.Dir)
	if err != nil {
		return nil, err
	}
	if o.Hub != "" {
		if keep.hub, err = parseAddress(o.Hub); err != nil {
			return nil, err
		}
	}
	s := &Site{keep: keep, log: o.Log, now: o.Now, version: o.Version, protocol: protocolOf(o.Protocol), mail: make(chan arrived), gauge: newGauge(),
		changed: make(chan struct{}), nudge: make(chan struct{}, 1), slow: o.slow}
	if s.slow <= 0 {
		s.slow = askSlow
	}
	proxy := keep.proxy
	if o.Proxy != "" {
		proxy = o.Proxy
	}
	if proxy == "none" {
		proxy = ""
	}
	if s.proxy, err = parseProxy(proxy); err != nil {
		return nil, err
	}
	if s.log == nil {
		s.log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if s.now == nil {
		s.now = time.Now
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if err := s.open(); err != nil {
		_ = s.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return s, nil
}

func (s *Site) open() (err error) {
	if s.release, err = holdDir(s.keep.dir); err != nil {
		return err
	}
	if s.done, err = openDone(filepath.Join(s.keep.dir, "done")); err != nil {
		return err
	}
	if err := s.resume(); err != nil {
		return err
	}
	s.conn, err = nats.Connect("", nats.InProcessServer(inProcess{s}), nats.Name(s.keep.site), nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnect), nats.ReconnectBufSize(-1))
	if err != nil {
		return fault.Wrap(err, fault.QueueFailed, "the embedded server does not answer", "please report it")
	}
	s.up = upBox(s.conn, apiAtHub)
	s.inbox = newInbox("hub", downBox(s.conn, apiAtHub), s.done, s.log, s.mail, func(int) error { return nil })
	if _, err := s.conn.Subscribe(bellDown, func(*nats.Msg) { ring(s.inbox.wake) }); err != nil {
		return fault.Wrap(err, fault.QueueFailed, "the embedded server does not answer", "please report it")
	}
	s.work.Go(func() { s.inbox.run(s.ctx) })
	s.work.Go(s.watchLink)
	s.work.Go(s.beat)
	return nil
}

// Name is the site's name at the hub.
func (s *Site) Name() string { return s.keep.site }

// Linked says whether the hub answered the last pulse.
func (s *Site) Linked() bool { return s.link().linked }

// Trouble says why the hub does not work with this site, nil when it does or when the link is only cut:
// SITE_REVOKED, CERTIFICATE_BAD, VERSION_UNFIT, CLOCK_SKEW, HUB_MISTAKEN. Send and Receive fail with it as long as it
// lasts, at once: who calls them in a loop should wait in between.
func (s *Site) Trouble() error { return s.link().trouble }

func (s *Site) link() linkState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state
}

// Report tells the hub, with the next pulse, what the site is doing. It never waits.
func (s *Site) Report(doing string) {
	s.mu.Lock()
	was := s.doing
	s.doing = cut(doing, maxDoing)
	s.mu.Unlock()
	if was != doing {
		ring(s.nudge)
	}
}

// gate waits until the hub is there and gives a context that ends with the connection.
func (s *Site) gate(ctx context.Context) (context.Context, error) {
	for {
		s.mu.Lock()
		state, changed, closed := s.state, s.changed, s.closed
		s.mu.Unlock()
		switch {
		case closed:
			return nil, fault.New(fault.Interrupted, "the link was closed", "")
		case state.trouble != nil:
			return nil, state.trouble
		case state.linked:
			return state.session, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ended(ctx, "the hub could not be reached")
		case <-s.ctx.Done():
			return nil, fault.New(fault.Interrupted, "the link was closed", "")
		}
	}
}

// over runs f over the link, again and again until it went through.
func (s *Site) over(ctx context.Context, f func(context.Context) error) error {
	return retry(ctx, func(ctx context.Context) error {
		session, err := s.gate(ctx)
		if err != nil {
			return err
		}
		inner, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stop := context.AfterFunc(session, func() { cancel(errLink) })
		defer stop()
		return f(inner)
	})
}

// Send returns when the mail is on the hub's disk. While the link is cut it waits, until ctx ends.
// Errors: STORE_FULL, TIMEOUT, INTERRUPTED, USAGE, and those of Trouble.
func (s *Site) Send(ctx context.Context, m federation.Mail) error {
	p, err := newParcel(m, s.protocol)
	if err != nil {
		return err
	}
	return s.over(ctx, func(ctx context.Context) error {
		return s.gauge.within(ctx, func(ctx context.Context) error { return p.send(ctx, s.up) })
	})
}

// Receive waits for the next mail of the hub. Errors: TIMEOUT, INTERRUPTED, and those of Trouble.
func (s *Site) Receive(ctx context.Context) (federation.Delivery, error) {
	for {
		a, err := s.arrival(ctx)
		if err != nil {
			return federation.Delivery{}, err
		}
		var d federation.Delivery
		if err = s.over(ctx, func(context.Context) error { return nil }); err == nil { // nothing while the hub refuses this site
			d, err = a.delivery(s.over).Load(ctx)
		}
		switch {
		case err == nil:
			return d, nil
		case errors.Is(err, errBroken):
			continue
		}
		s.mu.Lock()
		s.returned = append(s.returned, a)
		s.mu.Unlock()
		return federation.Delivery{}, err
	}
}

func (s *Site) arrival(ctx context.Context) (arrived, error) {
	for {
		s.mu.Lock()
		if len(s.returned) > 0 && s.state.trouble == nil {
			a := s.returned[0]
			s.returned = s.returned[1:]
			s.mu.Unlock()
			return a, nil
		}
		trouble, changed, closed := s.state.trouble, s.changed, s.closed
		s.mu.Unlock()
		switch {
		case closed:
			return arrived{}, fault.New(fault.Interrupted, "the link was closed", "")
		case trouble != nil:
			return arrived{}, trouble
		}
		select {
		case a := <-s.mail:
			return a, nil
		case <-changed:
		case <-ctx.Done():
			return arrived{}, ended(ctx, "no mail came")
		case <-s.ctx.Done():
			return arrived{}, fault.New(fault.Interrupted, "the link was closed", "")
		}
	}
}

// Close ends the link. Mail that was not dealt with stays at the hub.
func (s *Site) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		if s.conn != nil {
			s.conn.Close()
		}
		s.work.Wait()
		s.pause()
		if s.done != nil {
			s.done.close()
		}
		if s.release != nil {
			s.release()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Timeout, "the link did not close in time", "")
	}
}
