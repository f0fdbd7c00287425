package dicomweb

import (
	"io"
	"net/http"
	"time"
)

// paced is a response whose peer may be slow, but not stand still: each piece
// that is written gets a deadline of its own.
type paced struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	started bool // something of the answer is under way
	until   time.Time
}

// Unwrap lets http.ResponseController find the connection.
func (p *paced) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *paced) WriteHeader(status int) {
	p.started = true
	p.ResponseWriter.WriteHeader(status)
}

func (p *paced) Write(b []byte) (int, error) {
	p.started = true
	p.extend(p.control.SetWriteDeadline)
	return p.ResponseWriter.Write(b)
}

// extend moves a deadline when half of it is gone. A connection that knows no
// deadlines, as in tests, goes without.
func (p *paced) extend(set func(time.Time) error) {
	if now := time.Now(); p.until.Sub(now) < p.idle/2 {
		p.until = now.Add(p.idle)
		_ = set(p.until)
	}
}

// pacedBody is a request body with such deadlines.
type pacedBody struct {
	io.ReadCloser
	paced *paced
	read  paced // its own clock
}

func (b *pacedBody) Read(p []byte) (int, error) {
	b.read.idle = b.paced.idle
	b.read.extend(b.paced.control.SetReadDeadline)
	return b.ReadCloser.Read(p)
}
