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

// fragment is the head of a presentation data value; its size bytes come next.
type fragment struct {
	context       byte
	command, last bool
	size          uint32
}

// fragment reads up to the next presentation data value.
func (l *link) fragment(between bool) (fragment, error) {
	if l.left == 0 {
		kind, length, err := l.header(between)
		if err != nil {
			return fragment{}, err
		}
		if kind != pdu.TypePDataTF {
			return fragment{}, l.control(kind, length, between)
		}
		if length > l.maxIn {
			return fragment{}, violation(abortInvalid, "a P-DATA-TF of %d bytes, announced were %d", length, l.maxIn)
		}
		l.left = length
	}
	if l.left < 6 {
		return fragment{}, violation(abortInvalid, "a P-DATA-TF without a presentation data value")
	}
	var h [6]byte
	if _, err := io.ReadFull(l.in, h[:]); err != nil {
		return fragment{}, l.readError(err)
	}
	length := binary.BigEndian.Uint32(h[:])
	if length < 2 || length > l.left-4 {
		return fragment{}, violation(abortInvalid, "a presentation data value of %d bytes within %d", length, l.left-4)
	}
	l.left -= 4 + length
	return fragment{context: h[4], command: h[5]&1 != 0, last: h[5]&2 != 0, size: length - 2}, nil
}

// control deals with a PDU other than P-DATA-TF; the result is never nil.
func (l *link) control(kind byte, length uint32, between bool) error {
	switch kind {
	case pdu.TypeAAbort, pdu.TypeAReleaseRQ, pdu.TypeAReleaseRP:
	case pdu.TypeAAssociateRQ, pdu.TypeAAssociateAC, pdu.TypeAAssociateRJ:
		return violation(abortUnexpected, "%s within an association", pdu.TypeString(kind))
	default:
		return violation(abortUnrecognized, "no PDU has type %#02x", kind)
	}
	if length != 4 {
		return violation(abortInvalid, "%s of %d bytes", pdu.TypeString(kind), length)
	}
	var body [4]byte
	if _, err := io.ReadFull(l.in, body[:]); err != nil {
		return l.readError(err)
	}
	switch {
	case kind == pdu.TypeAAbort:
		return &peerAbort{pdu.AAbort{Source: body[2], Reason: body[3]}}
	case kind == pdu.TypeAReleaseRQ && between:
		return errReleased
	}
	return violation(abortUnexpected, "%s within a message", pdu.TypeString(kind))
}

// next reads a command set and the context that it came in.
func (l *link) next() (context byte, c command, err error) {
	l.cmd = l.cmd[:0]
	for i := 0; ; i++ {
		f, err := l.fragment(i == 0)
		if err != nil {
			return 0, c, err
		}
		switch {
		case !f.command:
			return 0, c, violation(abortUnexpected, "a data set without a command")
		case i > 0 && f.context != context:
			return 0, c, violation(abortInvalid, "a command set in two presentation contexts")
		case i == maxCommandFragments || len(l.cmd)+int(f.size) > maxCommand:
			return 0, c, violation(abortInvalid, "a command set beyond %d bytes or %d fragments", maxCommand, maxCommandFragments)
		}
		context = f.context
		start := len(l.cmd)
		l.cmd = append(l.cmd, make([]byte, f.size)...)
		if _, err := io.ReadFull(l.in, l.cmd[start:]); err != nil {
			return 0, c, l.readError(err)
		}
		if f.last {
			break
		}
	}
	c, err = decodeCommand(l.cmd)
	return context, c, err
}

// dataSet gives the data set that follows a command as a stream of at most max
// bytes; io.EOF is its regular end.
func (l *link) dataSet(context byte, max int64) *dataSet {
	return &dataSet{l: l, context: context, max: max}
}

type dataSet struct {
	l       *link
	context byte
	max     int64
	left    uint32 // of the present fragment
	last    bool
	empty   int
}

func (d *dataSet) Read(p []byte) (int, error) {
	for d.left == 0 {
		if d.last {
			return 0, io.EOF
		}
		f, err := d.l.fragment(false)
		switch {
		case err != nil:
			return 0, err
		case f.command:
			return 0, violation(abortUnexpected, "a command within a data set")
		case f.context != d.context:
			return 0, violation(abortInvalid, "a data set in another presentation context than its command")
		}
		if f.size == 0 {
			d.empty++
		}
		d.max -= int64(f.size)
		if d.max < 0 || d.empty > maxEmptyFragments {
			return 0, violation(abortUnspecified, "a data set longer than is taken")
		}
		d.left, d.last = f.size, f.last
	}
	n, err := d.l.in.Read(p[:min(len(p), int(d.left))])
	d.left -= uint32(n)
	if err != nil {
		return n, d.l.readError(err)
	}
	return n, nil
}
