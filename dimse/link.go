package dimse

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cocosip/go-dicom/pkg/network/pdu"
)

// Reasons of an A-ABORT by the service provider (PS3.8 table 9-26).
const (
	abortUnspecified  = pdu.AbortReasonServiceProviderNotSpecified
	abortUnrecognized = pdu.AbortReasonServiceProviderUnrecognizedPDU
	abortUnexpected   = pdu.AbortReasonServiceProviderUnexpectedPDU
	abortInvalid      = pdu.AbortReasonServiceProviderInvalidPDUParam
)

// protocolError is a peer's breach of the protocol or of a limit. It is
// answered with A-ABORT.
type protocolError struct {
	reason byte
	what   string
}

func (e *protocolError) Error() string { return e.what }

func violation(reason byte, format string, a ...any) error {
	return &protocolError{reason, fmt.Sprintf(format, a...)}
}

// peerAbort is an A-ABORT that the peer sent.
type peerAbort struct{ pdu.AAbort }

func (e *peerAbort) Error() string {
	return "the peer aborted: " + e.SourceString() + ", " + e.ReasonString()
}

var (
	errReleased = errors.New("the peer released the association") // the regular end
	errEnding   = errors.New("this side is shutting down")
	errLost     = errors.New("the connection ended within the association")
	past        = time.Unix(1, 0)
)

// link is one transport connection. It reads and writes PDUs within limits and
// deadlines; one goroutine uses it, but for end and
// message.
type link struct {
	ctx    context.Context // ends every wait at once
	conn   net.Conn
	in     *bufio.Reader
	maxIn  uint32 // longest P-DATA-TF that we announced
	maxOut uint32 // longest that the peer takes
	left   uint32 // bytes of the present P-DATA-TF not read yet
	bytes  int64  // that this association may still send
	idle   time.Duration
	until  time.Time // the association's last moment
	out    []byte
	cmd    []byte
	detach func() bool

	sending sync.Mutex // C-CANCEL comes from another goroutine

	mu     sync.Mutex
	quiet  bool // waiting between two messages
	ending bool
}

func newLink(ctx context.Context, conn net.Conn, maxIn uint32, maxBytes int64, idle, total time.Duration) *link {
	l := &link{ctx: ctx, conn: conn, in: bufio.NewReaderSize(conn, 16<<10), maxIn: maxIn, maxOut: minPDU, bytes: maxBytes, idle: idle, until: time.Now().Add(total)}
	l.detach = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
	return l
}

// end asks the association to stop at the next pause between two messages.
func (l *link) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true
	if l.quiet {
		_ = l.conn.SetReadDeadline(past)
	}
}

// pause marks the wait between two messages, in which end may interrupt.
func (l *link) pause(on bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.quiet = on
	if l.ending && on {
		return errEnding
	}
	return nil
}

// await sets the deadline of the next read. The order matters: after a cancel
// either the check sees it, or the cancel's own deadline comes after ours.
func (l *link) await() error {
	deadline := time.Now().Add(l.idle)
	if deadline.After(l.until) {
		deadline = l.until
	}
	if err := l.conn.SetReadDeadline(deadline); err != nil {
		return err
	}
	return l.ctx.Err()
}

// header reads the six bytes that start a PDU. between tells that no message
// is under way.
func (l *link) header(between bool) (kind byte, length uint32, err error) {
	if err := l.await(); err != nil {
		return 0, 0, err
	}
	if between {
		if err := l.pause(true); err != nil {
			return 0, 0, err
		}
	}
	var h [6]byte
	_, err = io.ReadFull(l.in, h[:])
	if between {
		_ = l.pause(false)
	}
	if err != nil {
		return 0, 0, l.readError(err)
	}
	kind, length = h[0], binary.BigEndian.Uint32(h[2:])
	l.bytes -= 6 + int64(length)
	if l.bytes < 0 {
		return 0, 0, violation(abortUnspecified, "the association sent more bytes than one may")
	}
	if uint32(l.in.Buffered()) < length { // the body gets a time of its own
		if err := l.await(); err != nil {
			return 0, 0, err
		}
	}
	return kind, length, nil
}

// readError says why a read or write failed. The end of the connection is never
// an io.EOF: that is the end of a data set.
func (l *link) readError(err error) error {
	if ctxErr := l.ctx.Err(); ctxErr != nil {
		return ctxErr
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errLost
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ending && errors.Is(err, os.ErrDeadlineExceeded) {
		return errEnding
	}
	return err
}
