package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"consilium/fault"
	"consilium/federation"
)

// HubOptions says where a hub keeps its things and where it listens.
type HubOptions struct {
	Dir       string           // the hub's folder
	Listen    string           // host:port; "" = 127.0.0.1:4747. Port 0 takes a free one
	WebSocket string           // another host:port with the same services; WebSocket works on both once it is set
	Name      string           // shown in logs
	Log       *slog.Logger     // nil = none
	Now       func() time.Time // nil = time.Now
	Life      time.Duration    // of certificates; 0 = 30 days
	Store     int64            // bytes of undelivered mail for each direction of each site; 0 = 4 GiB
	Reserve   int64            // room that is left on the disk; 0 = 512 MiB
	Keep      time.Duration    // how long undelivered mail is kept; 0 = 30 days
}

const (
	defaultListen = "127.0.0.1:4747"
	defaultStore  = 4 << 30
	leastStore    = 64 << 10
)

func (o HubOptions) filled() HubOptions {
	if o.Listen == "" {
		o.Listen = defaultListen
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Life <= 0 {
		o.Life = defaultLife
	}
	if o.Store <= 0 {
		o.Store = defaultStore
	}
	o.Store = max(o.Store, leastStore)
	if o.Reserve <= 0 {
		o.Reserve = defaultReserve
	}
	if o.Keep <= 0 {
		o.Keep = defaultLife
	}
	return o
}

// Hub is the hub's end of the link: a federation.HubEnd.
type Hub struct {
	o         HubOptions
	log       *slog.Logger
	now       func() time.Time
	roster    *roster
	authority *authority
	server    *server.Server
	resolver  *server.MemAccResolver
	deskTLS   *tls.Config
	fronts    []*front
	release   func()

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	mail   chan arrived

	gauge   *gauge
	starved bool // watch's own: a write may have failed

	mu      sync.Mutex
	sites   map[string]*hubSite
	closed  bool
	admitMu sync.Mutex // one change of the roster at a time
}

var _ federation.HubEnd = (*Hub)(nil)

// OpenHub starts a hub, with all sites that have joined it. ctx bounds the start.
// Errors: CONFLICT, IO, USAGE, STORE_CORRUPT, QUEUE_FAILED.
func OpenHub(ctx context.Context, o HubOptions) (*Hub, error) {
	h := &Hub{o: o.filled(), sites: map[string]*hubSite{}, mail: make(chan arrived), gauge: newGauge()}
	h.log, h.now, h.roster = h.o.Log, h.o.Now, &roster{dir: h.o.Dir}
	h.ctx, h.cancel = context.WithCancel(context.Background())
	if err := h.open(ctx); err != nil {
		h.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return h, nil
}

func (h *Hub) open(ctx context.Context) (err error) {
	if h.authority, err = openAuthority(h.o.Dir, h.now()); err != nil {
		return err
	}
	if h.release, err = holdDir(h.o.Dir); err != nil {
		return err
	}
	own := &serving{a: h.authority, now: h.now, life: h.o.Life}
	h.deskTLS = h.tlsConfig(own, alpnDesk, tls.RequestClientCert)
	if err := h.startServer(own); err != nil {
		return err
	}
	names, err := h.roster.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		rec, err := h.roster.site(name)
		if err == nil {
			err = h.take(ctx, rec)
		}
		if err != nil { // one bad record does not keep the others out
			h.log.Error("a site cannot be served", "site", name, "error", err)
		}
		if ctx.Err() != nil {
			return fault.Wrap(ctx.Err(), fault.Interrupted, "the hub was stopped while it started", "")
		}
	}
	h.room()
	h.work.Go(h.watch)
	return h.listen(ctx)
}

// tlsConfig is TLS 1.3, without tickets: each connection shows its certificate anew.
func (h *Hub) tlsConfig(own *serving, protocol string, auth tls.ClientAuthType) *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(h.authority.cert)
	c := &tls.Config{
		MinVersion: tls.VersionTLS13, GetCertificate: own.get, ClientAuth: auth, ClientCAs: pool,
		NextProtos: []string{protocol}, SessionTicketsDisabled: true, Time: h.now,
	}
	if auth == tls.RequireAndVerifyClientCert {
		c.VerifyConnection = func(s tls.ConnectionState) error {
			err := h.letIn(s.PeerCertificates[0].Subject.CommonName, s.PeerCertificates)
			if err != nil {
				h.log.Warn("a connection was refused", "error", err)
			}
			return err
		}
	}
	return c
}

func (h *Hub) startServer(own *serving) error {
	operator, system, err := h.authority.operatorClaims()
	if err != nil {
		return err
	}
	h.resolver = &server.MemAccResolver{}
	text, err := h.authority.systemClaims(system)
	if err != nil {
		return err
	}
	if err := h.resolver.Store(system, text); err != nil {
		return badKey(err, "the system account")
	}
	store := h.storeConfig()
	o := &server.Options{
		ServerName: hubName, DontListen: true, NoSigs: true, NoLog: true,
		TrustedOperators: operators(operator), SystemAccount: system, AccountResolver: h.resolver,
		MaxPayload: maxMessage, MaxControlLine: 4096, WriteDeadline: longWait,
		JetStream: true, JetStreamDomain: store.Domain, StoreDir: store.StoreDir, SyncAlways: store.SyncAlways,
		JetStreamMaxStore: store.MaxStore, JetStreamMaxMemory: store.MaxMemory,
		JetStreamKey: h.authority.store, JetStreamCipher: server.AES,
	}
	o.LeafNode = server.LeafNodeOpts{
		Host: "127.0.0.1", Port: -1, NoAdvertise: true, IsolateLeafnodeInterest: true, AuthTimeout: shortWait.Seconds(),
		TLSConfig: h.tlsConfig(own, alpnLeaf, tls.RequireAndVerifyClientCert), TLSTimeout: shortWait.Seconds(), TLSHandshakeFirst: true,
		Compression: server.CompressionOpts{Mode: server.CompressionOff}, WriteDeadline: longWait,
	}
	if h.o.WebSocket != "" {
		o.Websocket = server.WebsocketOpts{Host: "127.0.0.1", Port: -1, HandshakeTimeout: 2 * shortWait, AuthTimeout: shortWait.Seconds(),
			TLSConfig: h.tlsConfig(own, alpnWeb, tls.RequireAndVerifyClientCert)}
	}
	if h.server, err = startEmbedded(o, h.log); err != nil {
		return err
	}
	if !h.server.JetStreamEnabled() {
		return fault.New(fault.QueueFailed, "the hub's store in "+h.o.Dir+" cannot be opened", "check permissions and free disk space")
	}
	return nil
}

// listen opens the public port, when everything behind it is ready.
func (h *Hub) listen(ctx context.Context) error {
	inner, err := h.server.Varz(nil)
	if err != nil {
		return fault.Wrap(err, fault.QueueFailed, "the hub's inner listener did not open", "see the hub's log")
	}
	leaf, web := loopback(inner.LeafNode.Port), ""
	if h.o.WebSocket != "" {
		web = loopback(inner.Websocket.Port)
	}
	for _, a := range []string{h.o.Listen, h.o.WebSocket} {
		if a == "" {
			continue
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", a)
		if err != nil {
			return fault.Wrap(err, fault.IO, "the hub cannot listen on "+a, "see whether another program uses the port; choose another address with --listen")
		}
		h.fronts = append(h.fronts, openFront(l, leaf, web, h.serveDesk))
	}
	return nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// Addresses gives where the hub listens: Listen, and WebSocket where there is one.
func (h *Hub) Addresses() []string {
	var out []string
	for _, f := range h.fronts {
		out = append(out, f.listener.Addr().String())
	}
	return out
}

// Close stops the hub. Mail that was not dealt with stays on its disk.
func (h *Hub) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	h.mu.Unlock()
	h.cancel()
	for _, f := range h.fronts {
		f.close()
	}
	for _, s := range h.all() {
		s.close()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.work.Wait()
		if h.server != nil {
			h.server.Shutdown()
			h.server.WaitForShutdown()
		}
		if h.release != nil {
			h.release()
		}
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Timeout, "the hub did not stop in time", "")
	}
}

func (h *Hub) all() []*hubSite {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*hubSite, 0, len(h.sites))
	for _, s := range h.sites {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *hubSite) int { return strings.Compare(a.name, b.name) })
	return out
}

func (h *Hub) named(name string) *hubSite {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.sites[name]
}

// Members lists the sites that have joined, by name.
func (h *Hub) Members(context.Context) ([]federation.Member, error) {
	var out []federation.Member
	for _, s := range h.all() {
		out = append(out, s.member())
	}
	return out, nil
}

// Send returns when the mail is on the hub's disk. Errors: NOT_FOUND, SITE_REVOKED, STORE_FULL, USAGE.
func (h *Hub) Send(ctx context.Context, site string, m federation.Mail) error {
	s := h.named(site)
	if s == nil {
		return fault.New(fault.NotFound, "no site "+site+" has joined this hub", "see `consilium federate status` for the names")
	}
	if s.record().Revoked != nil {
		return fault.New(fault.SiteRevoked, "the site "+site+" was shut out", "invite it again, or leave it out")
	}
	p, err := newParcel(m, federation.Protocol)
	if err != nil {
		return err
	}
	return h.over(ctx, func(ctx context.Context) error {
		return h.gauge.within(ctx, func(ctx context.Context) error { return p.send(ctx, s.down) })
	})
}

// over runs f until it went through, as long as the hub is open.
func (h *Hub) over(ctx context.Context, f func(context.Context) error) error {
	return retry(ctx, func(ctx context.Context) error {
		if h.ctx.Err() != nil {
			return fault.New(fault.Interrupted, "the hub was closed", "")
		}
		inner, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stop := context.AfterFunc(h.ctx, func() { cancel(errLink) })
		defer stop()
		return f(inner)
	})
}

// Receive waits for the next mail of any site. A mail that was stored before its site was revoked still comes. A body
// in pieces stays on the disk until it is read, so that a hub does not hold what it has not come to yet.
func (h *Hub) Receive(ctx context.Context) (federation.Delivery, error) {
	select {
	case a := <-h.mail:
		return a.delivery(h.over), nil
	case <-ctx.Done():
		return federation.Delivery{}, ended(ctx, "no mail came")
	case <-h.ctx.Done():
		return federation.Delivery{}, fault.New(fault.Interrupted, "the hub was closed", "")
	}
}
