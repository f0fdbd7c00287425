package link

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// front is the hub's public port. It reads the first message of TLS, in which the caller names its protocol in clear,
// and passes the connection on, undecrypted. It decides nothing: who is let in is decided behind it.
type front struct {
	listener net.Listener
	leaf     string // address of the leaf node listener
	web      string // of the WebSocket listener; "" = none
	desk     func(net.Conn)
	slots    chan struct{} // bounds connections
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup
}

const (
	maxConnections = 4096
	maxHello       = 32 << 10
)

func openFront(listener net.Listener, leaf, web string, desk func(net.Conn)) *front {
	f := &front{listener: listener, leaf: leaf, web: web, desk: desk, slots: make(chan struct{}, maxConnections)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.work.Go(f.accept)
	return f
}

func (f *front) close() {
	f.cancel()
	_ = f.listener.Close()
	f.work.Wait()
}

func (f *front) accept() {
	for {
		conn, err := f.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			select { // too many open files, most likely: some end
			case <-f.ctx.Done():
				return
			case <-time.After(100 * time.Millisecond):
				continue
			}
		}
		select {
		case f.slots <- struct{}{}:
			f.work.Go(func() {
				defer func() { <-f.slots }()
				f.serve(conn)
			})
		default:
			_ = conn.Close()
		}
	}
}

func (f *front) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(f.ctx, func() { _ = conn.Close() })
	defer stop()
	_ = conn.SetDeadline(time.Now().Add(shortWait))
	protocols, first, err := peekHello(conn)
	if err != nil {
		return // not TLS, or too slow
	}
	_ = conn.SetDeadline(time.Time{})
	switch {
	case slices.Contains(protocols, alpnDesk):
		f.desk(&replayed{Conn: conn, first: first})
	case slices.Contains(protocols, alpnLeaf):
		f.pass(conn, first, f.leaf)
	case slices.Contains(protocols, alpnWeb) && f.web != "":
		f.pass(conn, first, f.web)
	}
}

// pass copies both ways until one side ends.
func (f *front) pass(conn net.Conn, first []byte, address string) {
	dialer := net.Dialer{Timeout: shortWait}
	inner, err := dialer.DialContext(f.ctx, "tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = inner.Close() }()
	stop := context.AfterFunc(f.ctx, func() { _ = inner.Close() })
	defer stop()
	if _, err := inner.Write(first); err != nil {
		return
	}
	done := make(chan struct{})
	f.work.Go(func() {
		defer close(done)
		_, _ = io.Copy(conn, inner)
		_, _ = conn.Close(), inner.Close()
	})
	_, _ = io.Copy(inner, conn)
	_, _ = conn.Close(), inner.Close()
	<-done
}

var errPeeked = errors.New("seen enough")

// peekHello lets the TLS library read the ClientHello, from a connection that cannot be written to, and gives the
// protocols named in it and the bytes that were read.
func peekHello(conn net.Conn) (protocols []string, first []byte, err error) {
	var seen bytes.Buffer
	var found bool
	peek := tls.Server(readOnly{io.TeeReader(io.LimitReader(conn, maxHello), &seen)}, &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			protocols, found = slices.Clone(hello.SupportedProtos), true
			return nil, errPeeked
		},
	})
	err = peek.Handshake()
	if found {
		return protocols, seen.Bytes(), nil
	}
	return nil, nil, err
}

// readOnly is as much of a connection as the TLS library needs to read a ClientHello.
type readOnly struct{ r io.Reader }

func (c readOnly) Read(p []byte) (int, error)       { return c.r.Read(p) }
func (c readOnly) Write([]byte) (int, error)        { return 0, io.ErrClosedPipe }
func (c readOnly) Close() error                     { return nil }
func (c readOnly) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c readOnly) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c readOnly) SetDeadline(time.Time) error      { return nil }
func (c readOnly) SetReadDeadline(time.Time) error  { return nil }
func (c readOnly) SetWriteDeadline(time.Time) error { return nil }

// replayed is a connection whose first bytes were read already.
type replayed struct {
	net.Conn
	first []byte
}

func (c *replayed) Read(p []byte) (int, error) {
	if len(c.first) > 0 {
		n := copy(p, c.first)
		c.first = c.first[n:]
		return n, nil
	}
	return c.Conn.Read(p)
}
