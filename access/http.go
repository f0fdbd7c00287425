package access

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"consilium/fault"
	"consilium/govern"
)

// Names that browser and programs use.
const (
	SessionCookie = "consilium_session"
	stateCookie   = "consilium_oidc"
	CSRFHeader    = "X-CSRF-Token"
	statePath     = "/auth/oidc/"
)

// Refuse writes an error as the answer. Package server has the one that the API uses.
type Refuse func(http.ResponseWriter, *http.Request, error)

// Authenticate is middleware that finds out who asks, by bearer token or by
// session cookie, and puts the Identity into the request's context. A wrong
// bearer token is refused at once; a cookie that has ended counts as none.
// Requests that may change something and carry a session need its CSRF token.
func (s *Service) Authenticate(refuse Refuse) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			id, err := s.identify(r)
			if err != nil {
				refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(With(r.Context(), id)))
		})
	}
}

func (s *Service) identify(r *http.Request) (Identity, error) {
	if secret, ok := bearer(r); ok {
		return s.identifyToken(r, secret)
	}
	cookie := cookieValue(r, SessionCookie)
	if cookie == "" {
		return Identity{}, nil
	}
	id, err := s.BySession(r.Context(), cookie)
	if fault.CodeOf(err) == fault.AccessUnknown {
		return Identity{}, nil
	}
	if err != nil {
		return Identity{}, err
	}
	if !safe(r.Method) && !sameSecret(r.Header.Get(CSRFHeader), csrfOf(cookie)) {
		s.refused(r.Context(), govern.Event{Actor: id.Name, Role: string(id.Role), Action: "csrf.checked", Detail: map[string]string{"address": Address(r), "method": r.Method}})
		return Identity{}, fault.New(fault.AccessDenied, "the request does not carry the session's CSRF token", "reload the page; programs use an API token instead of a session")
	}
	return id, nil
}

func (s *Service) identifyToken(r *http.Request, secret string) (Identity, error) {
	address := Address(r)
	id, err := s.ByToken(r.Context(), address, secret)
	if fault.CodeOf(err) != fault.AccessUnknown {
		return id, err
	}
	// Only wrong tokens cost: a busy gateway with a good one is never held back here.
	if ok, wait := s.byAddress.Allow(s.now(), address); !ok {
		return Identity{}, errLimited(wait)
	}
	s.refused(r.Context(), govern.Event{Action: "token.used", Detail: map[string]string{"address": address}})
	return Identity{}, err
}

func bearer(r *http.Request) (string, bool) {
	scheme, secret, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(secret), ok && strings.EqualFold(scheme, "Bearer")
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// Check says whether who asks may do the action, and records when a known one may not.
func (s *Service) Check(ctx context.Context, action Action) error {
	id := From(ctx)
	switch {
	case id.May(action):
		return nil
	case !id.Known():
		return errNobody
	}
	s.refused(ctx, govern.Event{Actor: id.Name, Role: string(id.Role), Action: "access.denied", Detail: map[string]string{"asked": string(action)}})
	return fault.New(fault.AccessDenied, "your role may not do this ("+string(action)+")", "ask an administrator for another role, or somebody who has it")
}

// Require is middleware for handlers that are not ours: who asks needs the
// action that the request amounts to.
func (s *Service) Require(refuse Refuse, action func(*http.Request) Action) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := s.Check(r.Context(), action(r)); err != nil {
				refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// Address is the client's, as the connection has it; of an IPv6 network the
// /64, which is what one client holds.
func Address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return clip(host)
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() && !ip.IsLoopback() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

// Cookie gives the value of the session cookie, "" when there is none.
func Cookie(r *http.Request) string { return cookieValue(r, SessionCookie) }

// StateOf gives the value of the cookie that a sign-in by OpenID left, "" when there is none.
func StateOf(r *http.Request) string { return cookieValue(r, stateCookie) }

func cookieValue(r *http.Request, name string) string {
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

// CSRF gives the token that belongs to a session cookie.
func CSRF(cookie string) string {
	if !wellFormed(cookie) {
		return ""
	}
	return csrfOf(cookie)
}

// SetCookie is the cookie of a grant. secure says that the connection is TLS. It
// has an age and no date: the browser's clock may differ from ours.
func (g Grant) SetCookie(secure bool) *http.Cookie {
	return &http.Cookie{Name: SessionCookie, Value: g.Secret, Path: "/", MaxAge: int(g.Life / time.Second), HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}

// DropCookie is the cookie that takes a session out of the browser.
func DropCookie(secure bool) *http.Cookie {
	return &http.Cookie{Name: SessionCookie, Path: "/", MaxAge: -1, HttpOnly: true, Secure: secure, SameSite: http.SameSiteStrictMode}
}

// StateCookie keeps the state of a sign-in by OpenID in the browser that began
// it; "" takes it out. It is Lax: the way back from the provider begins at
// another site.
func StateCookie(state string, secure bool) *http.Cookie {
	c := &http.Cookie{Name: stateCookie, Value: state, Path: statePath, MaxAge: int(flowLife / time.Second), HttpOnly: true, Secure: secure, SameSite: http.SameSiteLaxMode}
	if state == "" {
		c.MaxAge = -1
	}
	return c
}
