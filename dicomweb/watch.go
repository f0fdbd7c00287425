package dicomweb

import (
	"cmp"
	"context"
	"io"
	"time"

	"consilium/fault"
)

// watch ends a request whose peer stands still: every byte that passes sets
// the clock back.
type watch struct {
	idle   time.Duration
	timer  *time.Timer
	cancel context.CancelCauseFunc
	ctx    context.Context
}

func (c *Client) watched(ctx context.Context) (context.Context, *watch) {
	w := &watch{idle: cmp.Or(c.Idle, DefaultIdle)}
	w.ctx, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(w.idle, func() {
		w.cancel(fault.New(fault.Timeout, "the DICOMweb server stood still", "try again; look at the network"))
	})
	return w.ctx, w
}

func (w *watch) stop() {
	w.timer.Stop()
	w.cancel(nil)
}

// error tells that the watch, or the caller, ended the request, if so.
func (w *watch) error(err error) error {
	if err == nil || w.ctx.Err() == nil {
		return err
	}
	cause := context.Cause(w.ctx)
	if fault.CodeOf(cause) == fault.Timeout {
		return cause
	}
	if cause == context.DeadlineExceeded {
		return fault.Wrap(err, fault.Timeout, "the DICOMweb server took too long", "try again with more time")
	}
	return fault.Wrap(err, fault.Interrupted, "the request to the DICOMweb server was ended", "")
}

func (w *watch) reader(r io.Reader) io.Reader { return &watchedReader{w, r} }

type watchedReader struct {
	*watch
	r io.Reader
}

func (r *watchedReader) Read(b []byte) (int, error) {
	n, err := r.r.Read(b)
	if n > 0 {
		r.timer.Reset(r.idle)
	}
	return n, err
}
