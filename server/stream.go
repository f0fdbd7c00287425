package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// within gives a request a deadline and a largest body. The connection's own
// deadlines move with every byte: who stalls is cut off, however long the whole
// may take.
func within(total time.Duration, most int64) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), total)
			defer cancel()
			control := http.NewResponseController(w)
			end := time.Now().Add(total)
			r = r.WithContext(ctx)
			if r.Body != nil && r.Body != http.NoBody {
				r.Body = &movingBody{ReadCloser: http.MaxBytesReader(w, r.Body, most), control: control, end: end}
				_ = control.SetReadDeadline(earlier(time.Now().Add(stall), end))
			}
			_ = control.SetWriteDeadline(time.Time{}) // the last request's, on a connection that is used again
			next.ServeHTTP(&movingWriter{ResponseWriter: w, control: control, end: end}, r)
		})
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// movingBody moves the read deadline with every read, and takes it away at the
// end: the server goes on reading to see whether the client leaves, and would
// take a passed deadline for that.
type movingBody struct {
	io.ReadCloser
	control *http.ResponseController
	end     time.Time
}

func (b *movingBody) Read(p []byte) (int, error) {
	_ = b.control.SetReadDeadline(earlier(time.Now().Add(stall), b.end))
	n, err := b.ReadCloser.Read(p)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

// movingWriter moves the write deadline with every write.
type movingWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	end     time.Time
}

func (w *movingWriter) Write(p []byte) (int, error) {
	_ = w.control.SetWriteDeadline(earlier(time.Now().Add(stall), w.end))
	return w.ResponseWriter.Write(p)
}

func (w *movingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
