package dicomweb

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
)

// parts writes a multipart/related answer.
type parts struct{ *multipart.Writer }

func newParts(w http.ResponseWriter, media string) *parts {
	p := &parts{multipart.NewWriter(w)}
	w.Header().Set("Content-Type", fmt.Sprintf(`multipart/related; type=%q; boundary=%s`, media, p.Boundary()))
	w.Header().Set("Cache-Control", "no-store")
	return p
}

func (p *parts) next(media, location string) (io.Writer, error) {
	header := textproto.MIMEHeader{"Content-Type": {media}}
	if location != "" {
		header.Set("Content-Location", location)
	}
	return p.CreatePart(header)
}

// partReader reads multipart content and knows a cut one: mime/multipart tells
// the end of the content like the last boundary when a header is cut.
type partReader struct {
	*multipart.Reader
	tail *tail
}

func newPartReader(r io.Reader, boundary string) *partReader {
	t := &tail{r: r, end: []byte("--" + boundary + "--")}
	return &partReader{multipart.NewReader(t, boundary), t}
}

// next gives the next part; io.EOF after the last boundary, and only there.
func (p *partReader) next() (*multipart.Part, error) {
	part, err := p.NextRawPart()
	if err == io.EOF && !bytes.Contains(p.tail.kept, p.tail.end) {
		err = io.ErrUnexpectedEOF
	}
	return part, err
}

// tail keeps the last bytes that passed: more than mime/multipart reads ahead.
type tail struct {
	r    io.Reader
	end  []byte
	kept []byte
}

const (
	tailSize    = 16 << 10
	maxBoundary = 200 // RFC 2046 allows 70
)

func (t *tail) Read(b []byte) (int, error) {
	n, err := t.r.Read(b)
	t.kept = append(t.kept, b[:n]...)
	if over := len(t.kept) - tailSize; over > 4*tailSize { // move seldom
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return n, err
}
