package dimse

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime/debug"
	"time"

	"github.com/cocosip/go-dicom/pkg/network/pdu"
)

// session is one association that the server accepted.
type session struct {
	*link
	server   *Server
	config   *Config
	log      *slog.Logger
	contexts map[byte]presentation
	calling  string
	address  string
	counted  bool // in Server.active
	opened   time.Time
	end      End
	reports  map[uint16]Commitment // that the peer has not confirmed
	lastID   uint16                // of our own requests
	block    []byte                // for reading data sets, made when the first one comes
}

// presentation is an accepted presentation context.
type presentation struct{ class, syntax string }

// converse serves one connection from handshake to close. Whatever happens in
// it, happens to this connection only.
func (s *Server) converse(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	l := newLink(ctx, conn, s.config.MaxPDU, s.config.MaxBytes, s.config.Associate, s.config.Associate)
	address := addressOf(conn.RemoteAddr()).String()
	v := &session{link: l, server: s, config: &s.config, address: address, log: s.config.Log.With("peer", address)}
	defer v.leave()
	s.add(l)
	defer s.remove(l)
	if !v.handshake() || !v.accept() {
		return
	}
	v.opened = time.Now()
	s.config.Observe.Opened()
	l.idle, l.until = s.config.Idle, v.opened.Add(s.config.Total)
	err := v.serve()
	v.end = v.close(err)
	v.log.Info("association ended", "end", string(v.end), "took", time.Since(v.opened), "error", reasonOf(v.end, err))
	v.deliverReports()
}

// leave gives back what the association held, after a defect too.
func (v *session) leave() {
	if r := recover(); r != nil { // a defect of ours or of the library must not end the process
		v.log.Error("an association failed by a defect", "panic", r, "stack", string(debug.Stack()))
		v.end = EndDefect
		v.abort(pdu.AbortSourceServiceProvider, abortUnspecified)
	}
	v.detach()
	if v.counted {
		v.server.active.Add(-1)
	}
	if !v.opened.IsZero() {
		v.config.Observe.Closed(v.end, time.Since(v.opened))
	}
}

func reasonOf(end End, err error) any {
	if end == EndReleased {
		return nil
	}
	return err
}

// handshake turns the connection into a TLS one where that is asked for.
func (v *session) handshake() bool {
	if v.config.TLS == nil {
		return true
	}
	conn := tls.Server(v.conn, v.config.TLS)
	ctx, cancel := context.WithDeadline(v.ctx, v.until)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		v.config.Observe.Refused(RefusedHandshake)
		v.log.Warn("TLS handshake failed", "error", handshakeText(err))
		return false
	}
	v.mu.Lock() // end reads conn
	v.conn = conn
	v.mu.Unlock()
	v.in.Reset(conn)
	return true
}

// serve answers messages until the association ends; the result is never nil.
func (v *session) serve() error {
	for {
		id, c, err := v.next()
		if err != nil {
			return err
		}
		context, known := v.contexts[id]
		if !known {
			return violation(abortInvalid, "a message in presentation context %d, which was not accepted", id)
		}
		if err := v.dispatch(id, context, c); err != nil {
			return err
		}
	}
}

// dispatch answers one message.
func (v *session) dispatch(id byte, p presentation, c command) error {
	switch {
	case c.field == fieldEcho && p.class == verification:
		if c.hasData {
			return violation(abortUnexpected, "a C-ECHO with a data set")
		}
		return v.reply(id, c.answer(statusSuccess, ""))
	case c.field == fieldStore && v.config.stores(p.class):
		return v.store(id, p, c)
	case c.field == fieldAction && p.class == commitmentPush && v.config.Commit != nil:
		return v.commit(id, p, c)
	case c.field == fieldEventReport && p.class == commitmentPush && v.config.Committed != nil:
		return v.committed(id, p, c)
	case c.field == fieldEventReport|responseBit:
		delete(v.reports, c.id)
		return v.skip(id, c)
	case c.field == fieldCancel: // nothing here can be cancelled
		return v.skip(id, c)
	case c.isResponse():
		return violation(abortUnexpected, "a response to nothing that was asked")
	}
	v.config.Observe.Refused(RefusedOperation)
	if err := v.skip(id, c); err != nil {
		return err
	}
	return v.reply(id, c.answer(statusUnrecognised, ""))
}

func (v *session) reply(id byte, r command) error { return v.message(id, r, nil) }

// skip reads the data set of a message that is of no use.
func (v *session) skip(id byte, c command) error {
	if !c.hasData {
		return nil
	}
	_, err := io.Copy(io.Discard, v.dataSet(id, maxIdentifier))
	return err
}

// close says the last word that fits how the association ended.
func (v *session) close(err error) End {
	var broken *protocolError
	var aborted *peerAbort
	switch {
	case errors.Is(err, errReleased):
		if v.writePDU(pdu.TypeAReleaseRP, make([]byte, 4)) == nil {
			v.linger()
		}
		return EndReleased
	case errors.As(err, &aborted):
		return EndAborted
	case errors.As(err, &broken):
		v.abort(pdu.AbortSourceServiceProvider, broken.reason)
		return EndViolation
	case errors.Is(err, errEnding), errors.Is(err, context.Canceled):
		v.abort(pdu.AbortSourceServiceUser, 0)
		return EndShutdown
	case errors.Is(err, os.ErrDeadlineExceeded):
		v.abort(pdu.AbortSourceServiceProvider, abortUnspecified)
		return EndTimeout
	}
	return EndLost
}
