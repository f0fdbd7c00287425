package server

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"consilium/access"
	"consilium/fault"
)

// The middleware that every request passes, outermost first: identify, log,
// recover, headers, proxies, host, cross-origin, rate.

type requestKey struct{}

// requestID names a request in the log and in error answers. It is never taken
// from outside, where it could carry somebody's name into our log.
func requestID(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}

// routeOf gives the pattern of a request: a path may hold a patient's number.
func routeOf(r *http.Request) string {
	if c := chi.RouteContext(r.Context()); c != nil {
		if pattern := c.RoutePattern(); pattern != "" {
			return pattern
		}
	}
	return "none"
}

// watch gives the request its id, logs its end without path, query or body, measures it,
// and turns a panic into an answer.
func (s *Server) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.ToLower(rand.Text()[:16])
		who := new(access.Identity)
		ctx := context.WithValue(context.WithValue(r.Context(), requestKey{}, id), whoKey{}, who)
		ctx = context.WithValue(ctx, chi.RouteCtxKey, chi.NewRouteContext())
		r = r.WithContext(ctx)
		seen := &seenWriter{ResponseWriter: w}
		w.Header().Set("X-Request-Id", id)
		began := time.Now()
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler { //nolint:errorlint // it is this very value
					panic(p)
				}
				s.log.ErrorContext(ctx, "a handler panicked", "request", id, "route", routeOf(r), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if seen.status == 0 {
					s.refuse(seen, r, fault.New(fault.Internal, "a handler panicked", "please report it"))
				}
			}
			took := time.Since(began)
			s.metrics.request(r, routeOf(r), seen.code(), took)
			s.log.InfoContext(ctx, "request", "request", id, "method", method(r), "route", routeOf(r), "status", seen.code(),
				"bytes", seen.bytes, "took", took.Round(time.Microsecond), "address", access.Address(r), "account", who.Name, "token", who.Token)
		}()
		next.ServeHTTP(seen, r)
	})
}

// method is the request's method, one of the known ones: the log and the metrics take no free text.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

type whoKey struct{}

// remember lets the access log know who it was: middleware further in finds out.
func remember(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if who, ok := r.Context().Value(whoKey{}).(*access.Identity); ok {
			*who = access.From(r.Context())
		}
		next.ServeHTTP(w, r)
	})
}

// seenWriter notes status and size of an answer.
type seenWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (w *seenWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *seenWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += int64(n)
	return n, err
}

func (w *seenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *seenWriter) code() int {
	if w.status == 0 {
		return http.StatusOK
	}
	return w.status
}

// contentPolicy lets the page load its own files only. WebAssembly and blob
// workers are what the viewer's codecs run in.
const contentPolicy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; media-src 'self' blob:; " +
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// headers sets what a browser shall refuse to do with our answers.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		h.Set("Cache-Control", "no-store") // what may be kept says so itself
		if secure(r) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

type secureKey struct{}

// secure says whether the browser's connection is TLS, here or at a trusted proxy.
func secure(r *http.Request) bool {
	by, _ := r.Context().Value(secureKey{}).(bool)
	return by || r.TLS != nil
}

// proxyCheck believes forwarding headers of known proxies only.
type proxyCheck struct{ from []netip.Prefix }

func newProxyCheck(list []string) (*proxyCheck, error) {
	c := &proxyCheck{}
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, addressErr := netip.ParseAddr(text)
			if addressErr != nil {
				return nil, fault.New(fault.Usage, fmt.Sprintf("%q is no address of a proxy", text), "give an address or a network such as 10.0.0.0/8")
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		c.from = append(c.from, p)
	}
	return c, nil
}

func (c *proxyCheck) trusts(a netip.Addr) bool {
	return slices.ContainsFunc(c.from, func(p netip.Prefix) bool { return p.Contains(a.Unmap()) })
}

// wrap puts the client's own address into the request: the last one in
// X-Forwarded-For that is not a trusted proxy. Whatever stands before it, the
// client may have written itself.
func (c *proxyCheck) wrap(next http.Handler) http.Handler {
	if len(c.from) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err == nil && c.trusts(peer.Addr()) {
			r = r.WithContext(context.WithValue(r.Context(), secureKey{}, r.Header.Get("X-Forwarded-Proto") == "https"))
			hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
			for _, hop := range slices.Backward(hops) {
				a, err := netip.ParseAddr(strings.TrimSpace(hop))
				if err != nil {
					break
				}
				r.RemoteAddr = netip.AddrPortFrom(a, 0).String()
				if !c.trusts(a) {
					break
				}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// hostCheck refuses requests for names that are not ours: a page elsewhere whose
// name was pointed at this address (DNS rebinding) sends its own name.
type hostCheck struct{ names map[string]bool }

func newHostCheck(names []string) *hostCheck {
	c := &hostCheck{names: map[string]bool{"localhost": true}}
	if own, err := os.Hostname(); err == nil {
		c.names[strings.ToLower(own)] = true
	}
	for _, n := range names {
		c.names[strings.ToLower(strings.TrimSuffix(n, "."))] = true
	}
	return c
}

// ours says whether the Host header names this node. An address is always
// accepted: rebinding needs a name.
func (c *hostCheck) ours(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return c.names[strings.ToLower(strings.TrimSuffix(host, "."))]
}

func (s *Server) checkHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.hosts.ours(r.Host) {
			s.refuse(w, r, &problem{status: http.StatusMisdirectedRequest, Told: told{Code: fault.AccessDenied,
				What: "this node is not reached by that name", Do: "use its address, or start it with --host NAME"}})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// crossOrigin refuses requests that another site's page makes a browser send,
// by Sec-Fetch-Site and Origin. It holds for sign-in too, which has no session
// and so no CSRF token yet.
func (s *Server) crossOrigin(next http.Handler) http.Handler {
	check := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := check.Check(r); err != nil {
			s.refuse(w, r, fault.New(fault.AccessDenied, "the request comes from another site's page", "use the node's own page; programs send no Origin"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// rates bounds how much one client may ask: a person's page with a stack of
// slices is far below, a program gone wild is not.
type rates struct{ known, unknown *access.Limiter }

func newRates() rates {
	return rates{known: access.NewLimiter(2*time.Millisecond, 2000, 10_000), unknown: access.NewLimiter(50*time.Millisecond, 100, 10_000)}
}

func (s *Server) limitRate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := access.From(r.Context())
		limiter, key := s.rates.unknown, access.Address(r)
		if id.Known() {
			limiter, key = s.rates.known, id.ID+" "+id.Token
		}
		if ok, wait := limiter.Allow(s.now(), key); !ok {
			w.Header().Set("Retry-After", fmt.Sprint(int(wait/time.Second)+1))
			s.refuse(w, r, fault.New(fault.AccessLimited, "too many requests", "ask more slowly"))
			return
		}
		next.ServeHTTP(w, r)
	})
}
