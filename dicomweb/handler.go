// Package dicomweb serves and uses DICOM over HTTP (PS3.18): search (QIDO-RS),
// retrieve (WADO-RS), store (STOW-RS) and the worklist (UPS-RS), as a handler
// over the store and as a client of other archives.
package dicomweb

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"consilium/fault"
	"consilium/store"
)

// Config says what the handler serves, and what it asks others to do.
type Config struct {
	Store *store.Store

	// Receive takes over a complete Part 10 file that lies in Spool; nil
	// refuses to store. from is "stow".
	Receive func(ctx context.Context, path, from string) (store.Instance, error)
	Spool   string // folder on the file system of the data directory

	// Reader says what for the caller reads; nil = care.
	Reader func(r *http.Request) store.Reader

	// Observe is told of every study that a caller is shown ("study.viewed"),
	// gets ("study.exported") or sends ("study.stored"), before the answer is
	// written; its error refuses the request. For a search the study is "".
	Observe func(ctx context.Context, action, study string) error

	Root string       // path that the handler is mounted at, for links in answers: "/dicomweb"
	Log  *slog.Logger // nil = silent

	MaxObject  int64         // bytes of one stored object; 0 = DefaultMaxObject
	MaxRequest int64         // bytes of one request that stores; 0 = DefaultMaxRequest
	Idle       time.Duration // longest pause of a peer while it sends or reads; 0 = DefaultIdle
}

// Limits when Config names none.
const (
	DefaultMaxObject  = 2 << 30
	DefaultMaxRequest = 16 << 30
	DefaultIdle       = time.Minute
	maxParts          = 10_000    // objects in one request
	maxBody           = 1 << 20   // of a request that carries JSON
	maxDecoded        = 512 << 20 // bytes of pixels that one object may decode to
)

type handler struct {
	Config
	recent *recent
}

// Handler serves the routes of PS3.18 below its mount point: /studies...,
// /series, /instances and /workitems....
func Handler(c Config) http.Handler {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Reader == nil {
		c.Reader = func(*http.Request) store.Reader { return store.Care }
	}
	if c.Observe == nil {
		c.Observe = func(context.Context, string, string) error { return nil }
	}
	if c.MaxObject <= 0 {
		c.MaxObject = DefaultMaxObject
	}
	if c.MaxRequest <= 0 {
		c.MaxRequest = DefaultMaxRequest
	}
	if c.Idle <= 0 {
		c.Idle = DefaultIdle
	}
	h := &handler{c, newRecent()}
	r := chi.NewRouter()
	r.NotFound(h.route(func(http.ResponseWriter, *http.Request) error {
		return fault.New(fault.NotFound, "there is no such resource", "see docs/dicomweb.md for those that there are")
	}))
	r.MethodNotAllowed(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusMethodNotAllowed, fault.New(fault.Usage, "this resource does not take this method", "see docs/dicomweb.md"))
	})
	h.search(r)
	h.retrieve(r)
	h.workitems(r)
	r.Post("/studies", h.route(h.storeObjects))
	r.Post("/studies/{study}", h.route(h.storeObjects))
	return r
}

// route wraps a handler that can fail: identifiers are checked first, every
// read and write has a deadline that moves while the peer does, and an error
// becomes a coded answer.
func (h *handler) route(f func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := &paced{ResponseWriter: w, control: http.NewResponseController(w), idle: h.Idle}
		r.Body = &pacedBody{ReadCloser: r.Body, paced: p}
		err := checkPath(r)
		if err == nil {
			err = f(p, r)
		}
		if err == nil {
			return
		}
		h.Log.InfoContext(r.Context(), "DICOMweb request refused", "method", r.Method, "code", string(fault.CodeOf(err)))
		if p.started {
			panic(http.ErrAbortHandler) // the answer is cut: the peer must not take it for whole
		}
		writeProblem(w, statusOf(err), fault.Of(err))
	}
}

// checkPath refuses identifiers that are none before anything is done with them.
func checkPath(r *http.Request) error {
	for _, name := range []string{"study", "series", "instance", "workitem"} {
		if v := chi.URLParam(r, name); v != "" && !store.ValidUID(v) {
			return fault.New(fault.InputMalformed, "the "+name+" UID in the path is none", "a UID is up to 64 digits and dots")
		}
	}
	return nil
}

// link is the address of a resource of this handler, as the caller reaches it.
func (h *handler) link(r *http.Request, path string) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + h.Root + path
}
