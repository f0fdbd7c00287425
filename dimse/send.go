package dimse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"time"

	"github.com/cocosip/go-dicom/pkg/network/pdu"
)

// write sends bytes within the write deadline.
func (l *link) write(b []byte) error {
	if err := l.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	if err := l.ctx.Err(); err != nil {
		return err
	}
	if _, err := l.conn.Write(b); err != nil {
		return l.readError(err)
	}
	return nil
}

// writePDU sends one of the association's own PDUs.
func (l *link) writePDU(kind byte, body []byte) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	b := append(l.out[:0], kind, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(len(body)))
	l.out = append(b, body...)
	return l.write(l.out)
}

// Bits of the message control header (PS3.8 annex E.2).
const (
	flagCommand byte = 1
	flagLast    byte = 2
)

// message sends a command set and, if c.hasData, the data set from r.
func (l *link) message(context byte, c command, r io.Reader) error {
	l.sending.Lock()
	defer l.sending.Unlock()
	if err := l.values(context, flagCommand, bytes.NewReader(c.encode())); err != nil || !c.hasData {
		return err
	}
	return l.values(context, 0, r)
}

// values sends what r gives as presentation data values, one a PDU, each of an
// even length. Memory is one PDU, whatever r holds.
func (l *link) values(context, flags byte, r io.Reader) error {
	const head = 12 // six bytes each of PDU and presentation data value
	size := int(min(l.maxOut, DefaultMaxPDU)-6) &^ 1
	if cap(l.out) < head+size {
		l.out = make([]byte, head+size)
	}
	in := bufio.NewReaderSize(r, 4<<10)
	for {
		n, err := io.ReadFull(in, l.out[head:head+size])
		if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
			return err
		}
		_, err = in.Peek(1)
		if err != nil && err != io.EOF {
			return err
		}
		last := err == io.EOF
		if last {
			flags |= flagLast
		}
		b := l.out[:head+n]
		b[0], b[1] = pdu.TypePDataTF, 0
		binary.BigEndian.PutUint32(b[2:], uint32(n+6))
		binary.BigEndian.PutUint32(b[6:], uint32(n+2))
		b[10], b[11] = context, flags
		if err := l.write(b); err != nil || last {
			return err
		}
	}
}

// abort sends A-ABORT and gives the peer a moment to read it: a socket closed
// with unread bytes would reset the connection and lose it.
func (l *link) abort(source, reason byte) {
	l.detach()
	_ = l.conn.SetDeadline(time.Now().Add(lingerTime))
	_, _ = l.conn.Write([]byte{pdu.TypeAAbort, 0, 0, 0, 0, 4, 0, 0, source, reason})
	l.linger()
}

// linger waits until the peer closes, for a moment and some bytes, and closes.
func (l *link) linger() {
	l.detach()
	_ = l.conn.SetDeadline(time.Now().Add(lingerTime))
	if c, ok := l.conn.(interface{ CloseWrite() error }); ok {
		_ = c.CloseWrite()
	}
	_, _ = io.CopyN(io.Discard, l.in, lingerBytes)
	_ = l.conn.Close()
}
