package dimse

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"consilium/fault"
)

// Server is the provider's side: it takes objects in.
type Server struct {
	config  Config
	callers []caller

	active atomic.Int64 // accepted associations
	open   atomic.Int64 // connections
	served atomic.Bool

	mu       sync.Mutex
	links    map[*link]bool
	wg       sync.WaitGroup
	stopping chan struct{} // closed when Serve's context ends
}

// refusing is how many connections beyond MaxAssociations are heard out to be
// told that there are too many; the ones beyond are closed unheard.
const refusing = 32

// NewServer checks the configuration and clears what a killed process left in
// the spool folder.
func NewServer(c Config) (*Server, error) {
	if err := c.fill(); err != nil {
		return nil, err
	}
	callers, err := parseCallers(c.Callers)
	if err != nil {
		return nil, err
	}
	if err := clean(c.Spool); err != nil {
		return nil, err
	}
	return &Server{config: c, callers: callers, links: map[*link]bool{}, stopping: make(chan struct{})}, nil
}

// ListenAndServe serves on Config.Address until ctx ends.
func (s *Server) ListenAndServe(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.config.Address)
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot listen on "+s.config.Address, "choose a free port, or one that this user may open")
	}
	return s.Serve(ctx, listener)
}

// Serve accepts associations until ctx ends; then it lets those under way
// finish their present message within Config.Grace, aborts what is left and
// returns nil. Every goroutine has ended by then. It closes the listener, and a
// Server serves once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer listener.Close()
	if err := s.checkExposure(listener.Addr()); err != nil {
		return err
	}
	if s.served.Swap(true) {
		return fault.New(fault.Internal, "a DICOM server serves once", "make another")
	}
	stopListening := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stopListening()
	hard, kill := context.WithCancel(context.WithoutCancel(ctx))
	defer kill()
	s.config.Log.Info("DICOM listener ready", "address", listener.Addr().String(), "ae", s.config.AETitle, "tls", s.config.TLS != nil)
	err := s.accept(ctx, hard, listener)
	s.stop(kill)
	return err
}

// accept hands connections out until ctx ends or the listener fails for good.
func (s *Server) accept(ctx, hard context.Context, listener net.Listener) error {
	pause := 5 * time.Millisecond
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if conn != nil {
				_ = conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return fault.Wrap(err, fault.IO, "the DICOM listener was closed", "start the node again")
		case err != nil: // out of file descriptors, or a connection that was gone already
			s.config.Log.Warn("a connection could not be accepted", "error", err)
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			pause = min(2*pause, time.Second)
			continue
		}
		pause = 5 * time.Millisecond
		if s.open.Add(1) > int64(s.config.MaxAssociations+refusing) {
			s.open.Add(-1)
			s.config.Observe.Refused(RefusedCongestion)
			_ = conn.Close()
			continue
		}
		s.wg.Go(func() {
			defer s.open.Add(-1)
			s.converse(hard, conn)
		})
	}
}

// stop ends all associations: idle ones now, the others after their message,
// or when the grace is over.
func (s *Server) stop(kill func()) {
	close(s.stopping)
	s.mu.Lock()
	for l := range s.links {
		l.end()
	}
	s.links = nil // later ones end at once
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { s.wg.Wait(); close(done) }()
	timer := time.NewTimer(s.config.Grace)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		kill()
		<-done
	}
}

func (s *Server) add(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.links == nil {
		l.end()
		return
	}
	s.links[l] = true
}

func (s *Server) remove(l *link) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.links, l)
}

// checkExposure refuses a door without a guard: whoever reaches the port could
// put objects into the node.
func (s *Server) checkExposure(at net.Addr) error {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || tcp.IP.IsLoopback() || len(s.callers) > 0 || s.config.TLS != nil && requiresClient(s.config.TLS) {
		return nil
	}
	return fault.New(fault.Usage, "the DICOM listener on "+at.String()+" would take objects from anybody",
		`list the callers ("AE@address"; "*" for any), or demand client certificates`)
}
