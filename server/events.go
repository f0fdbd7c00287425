package server

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"consilium/access"
	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
)

// Bounds of the streams of events.
const (
	streamBuffer = 64  // events that wait for one slow page, before it is cut off
	maxStreams   = 512 // pages that listen at once
	rowWithin    = 5 * time.Second
)

// hub tells every open page of changed studies. What a study looks like is
// asked once for each purpose, with that purpose's rights, however many listen.
type hub struct {
	s       *Server
	mu      sync.Mutex
	streams map[*stream]struct{}
}

// stream is one page that listens.
type stream struct {
	purpose clinical.Purpose
	events  chan []byte // closed when the page is too slow
}

func newHub(s *Server) *hub { return &hub{s: s, streams: map[*stream]struct{}{}} }

func (h *hub) join(purpose clinical.Purpose) (*stream, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.streams) >= maxStreams {
		return nil, fault.New(fault.AccessLimited, "too many pages listen already", "close some; the worklist works without")
	}
	c := &stream{purpose: purpose, events: make(chan []byte, streamBuffer)}
	h.streams[c] = struct{}{}
	h.s.metrics.streams.Set(float64(len(h.streams)))
	return c, nil
}

func (h *hub) leave(c *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.streams, c)
	h.s.metrics.streams.Set(float64(len(h.streams)))
}

// run passes changes on until ctx ends.
func (h *hub) run(ctx context.Context) {
	for study := range h.s.Node.Changes(ctx) {
		for purpose := range h.purposes() {
			h.tell(ctx, purpose, study)
		}
	}
}

func (h *hub) purposes() map[clinical.Purpose]bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[clinical.Purpose]bool{}
	for c := range h.streams {
		out[c.purpose] = true
	}
	return out
}

// tell sends one study's row to everybody of a purpose. Who may not see the study hears nothing.
func (h *hub) tell(ctx context.Context, purpose clinical.Purpose, study string) {
	ctx, cancel := context.WithTimeout(ctx, rowWithin)
	defer cancel()
	row, err := h.s.Node.Row(ctx, store.Reader{Purpose: purpose}, study)
	if err != nil {
		if code := fault.CodeOf(err); code != fault.NotFound && code != fault.ConsentWithheld {
			h.s.log.WarnContext(ctx, "a change could not be told", "error", err)
		}
		return
	}
	data, err := json.Marshal(row)
	if err != nil {
		h.s.log.ErrorContext(ctx, "a change could not be told", "error", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.streams {
		if c.purpose != purpose {
			continue
		}
		select {
		case c.events <- data:
		default: // too slow: it comes back and asks the worklist
			delete(h.streams, c)
			close(c.events)
			h.s.metrics.dropped.Inc()
			h.s.metrics.streams.Set(float64(len(h.streams)))
		}
	}
}

// events streams changed studies as server-sent events (HTML Living Standard
// 9.2): `event: study` with the row. A comment now and then keeps proxies from
// closing it; each time the caller's right is looked at again.
func (s *Server) events(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	id := access.From(ctx)
	c, err := s.hub.join(id.Purpose())
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	defer s.hub.leave(c)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{})
	send := func(text string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(stall))
		_, err := fmt.Fprint(w, text)
		return err == nil && control.Flush() == nil
	}
	beat := time.NewTicker(s.Heartbeat)
	defer beat.Stop()
	for alive := send("retry: 2000\n\n"); alive; {
		select {
		case <-ctx.Done():
			return
		case <-s.stopping:
			return
		case <-beat.C:
			alive = s.Access.Still(ctx, id) && send(": beat\n\n")
		case data, open := <-c.events:
			alive = open && send("event: study\ndata: "+string(data)+"\n\n")
		}
	}
}
