package dimse

import (
	"encoding/binary"
	"io"

	"github.com/cocosip/go-dicom/pkg/network/pdu"
)

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
