package server

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"time"

	"consilium/fault"
)

// Listen says where and how the server is reached.
type Listen struct {
	Address    string // "127.0.0.1:8080" when ""
	CertFile   string // TLS certificate and key, read again when they change
	KeyFile    string
	SelfSigned string // data directory, where the node keeps a certificate of its own making; "" = none
	Plain      bool   // HTTP without TLS beyond this machine: behind a proxy that has TLS
}

// DefaultAddress is reached from this machine only.
const DefaultAddress = "127.0.0.1:8080"

const (
	headersWithin = 10 * time.Second // a client sends its headers
	idleWithin    = 2 * time.Minute  // a connection waits for the next request
	maxHeaders    = 64 << 10
	sweepEvery    = 10 * time.Minute
	// StopWithin is how long requests may take to end when the node stops.
	StopWithin = 10 * time.Second
)

// Run serves until ctx ends, which is no error: streams end at once, requests
// get StopWithin. ready is told the base address once connections are taken.
func (s *Server) Run(ctx context.Context, l Listen, ready func(base string)) error {
	if l.Address == "" {
		l.Address = DefaultAddress
	}
	config, err := s.tlsConfig(l)
	if err != nil {
		return err
	}
	if config == nil && !l.Plain && !loopbackAddress(l.Address) {
		return fault.New(fault.Usage, "the page would be open to the network without TLS", "give --tls-cert and --tls-key, or --tls-self-signed, or listen on 127.0.0.1; behind a proxy with TLS use --allow-plain-http")
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", l.Address)
	if err != nil {
		return fault.Wrap(err, fault.IO, "the address "+l.Address+" cannot be listened on", "choose another with --listen, or stop what uses it")
	}
	base := "http://"
	if config != nil {
		base = "https://"
		config.NextProtos = []string{"h2", "http/1.1"}
		listener = tls.NewListener(listener, config)
	}
	if ready != nil {
		ready(base + shownAddress(listener.Addr().String()))
	}
	return s.serve(ctx, listener)
}

func (s *Server) serve(ctx context.Context, listener net.Listener) error {
	server := &http.Server{
		Handler: s.handler, ReadHeaderTimeout: headersWithin, IdleTimeout: idleWithin, MaxHeaderBytes: maxHeaders,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug), // broken connections and failed handshakes: the other side's
	}
	background, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.hub.run(background)
	go s.sweep(background)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return fault.Wrap(err, fault.IO, "the server ended", "look at the log")
	case <-ctx.Done():
	}
	s.stop.Do(func() { close(s.stopping) })
	grace, cancelGrace := context.WithTimeout(context.WithoutCancel(ctx), StopWithin)
	defer cancelGrace()
	if err := server.Shutdown(grace); err != nil {
		s.log.Warn("requests were cut off at the end", "error", err)
		return errors.Join(server.Close())
	}
	return nil
}

// sweep deletes sessions and links that are over.
func (s *Server) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.Access.Sweep(ctx); err != nil {
				s.log.WarnContext(ctx, "old sessions were not deleted", "error", err)
			}
		}
	}
}

func loopbackAddress(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// shownAddress is an address that a browser on this machine can open.
func shownAddress(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); err == nil && (ip.IsUnspecified() || ip.IsLoopback()) {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
