package server

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/clinical"
	"consilium/fault"
)

// Session is who is signed in, and what they may do.
type Session struct {
	User       *User           `json:"user" doc:"null when nobody is signed in"`
	CSRF       string          `json:"csrf" doc:"goes into X-CSRF-Token with everything that is no GET"`
	Login      Ways            `json:"login"`
	Setup      bool            `json:"setup" doc:"the node has no administrator yet: open the one-time link that it printed"`
	Version    string          `json:"version"`
	Disclaimer string          `json:"disclaimer"`
	Actions    []access.Action `json:"actions"`
}

// Ways to sign in.
type Ways struct {
	Local bool `json:"local"`
	OIDC  bool `json:"oidc"`
}

// Credentials sign in.
type Credentials struct {
	Name     string `json:"name" maxLength:"64"`
	Password string `json:"password" maxLength:"256"`
}

// Redemption uses a one-time link.
type Redemption struct {
	Token    string `json:"token" maxLength:"64" doc:"the part of the link after #"`
	Name     string `json:"name" maxLength:"64"`
	Password string `json:"password" maxLength:"256"`
}

// NewPassword changes one's own password.
type NewPassword struct {
	Old      string `json:"old" maxLength:"256"`
	Password string `json:"password" maxLength:"256"`
}

func (s *Server) sessionRoutes(api huma.API) {
	handle(s, api, on("GET", "/api/v1/session", "session", "Who is signed in, and what they may do", ""), s.session)
	handle(s, api, on("POST", "/api/v1/login", "session", "Sign in with name and password", ""), s.login)
	handle(s, api, on("POST", "/api/v1/setup", "session", "Use a one-time link: first administrator, or a new password", ""), s.setup)
	handle(s, api, on("POST", "/api/v1/logout", "session", "Sign out", ""), s.logout)
	handle(s, api, on("PUT", "/api/v1/password", "session", "Change one's own password", access.TokenOwn), s.changePassword)
}

func (s *Server) session(ctx context.Context, _ *none) (*body[Session], error) {
	id := access.From(ctx)
	csrf := ""
	if id.Known() && id.Token == "" {
		csrf = access.CSRF(access.Cookie(exchangeOf(ctx).r))
	}
	return s.describeSession(ctx, id, csrf)
}

func (s *Server) describeSession(ctx context.Context, id access.Identity, csrf string) (*body[Session], error) {
	setup := false
	if !id.Known() {
		var err error
		if setup, err = s.Access.NeedsSetup(ctx); err != nil {
			return nil, err
		}
	}
	out := Session{CSRF: csrf, Login: Ways{Local: true, OIDC: s.Access.HasOIDC()}, Setup: setup, Version: s.Version, Disclaimer: clinical.Disclaimer, Actions: id.Allowed()}
	if id.Known() {
		out.User = &User{ID: id.ID, Name: id.Name, FullName: id.FullName, Role: id.Role}
	}
	return &body[Session]{out}, nil
}

// enter sets the cookie of a grant and describes the session.
func (s *Server) enter(ctx context.Context, g access.Grant) (*body[Session], error) {
	e := exchangeOf(ctx)
	http.SetCookie(e.w, g.SetCookie(secure(e.r)))
	return s.describeSession(ctx, g.Identity, g.CSRF)
}

func (s *Server) login(ctx context.Context, in *body[Credentials]) (*body[Session], error) {
	r := exchangeOf(ctx).r
	g, err := s.Access.Login(ctx, access.Address(r), access.Cookie(r), in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return s.enter(ctx, g)
}

func (s *Server) setup(ctx context.Context, in *body[Redemption]) (*body[Session], error) {
	r := exchangeOf(ctx).r
	g, err := s.Access.Redeem(ctx, access.Address(r), access.Cookie(r), in.Body.Token, in.Body.Name, in.Body.Password)
	if err != nil {
		return nil, err
	}
	return s.enter(ctx, g)
}

func (s *Server) logout(ctx context.Context, _ *none) (*none, error) {
	e := exchangeOf(ctx)
	if err := s.Access.Logout(ctx, access.From(ctx)); err != nil {
		return nil, err
	}
	http.SetCookie(e.w, access.DropCookie(secure(e.r)))
	return nil, nil
}

func (s *Server) changePassword(ctx context.Context, in *body[NewPassword]) (*none, error) {
	id := access.From(ctx)
	if id.Token != "" {
		return nil, fault.New(fault.AccessDenied, "a token does not change passwords", "sign in")
	}
	return nil, s.Access.ChangePassword(ctx, access.Address(exchangeOf(ctx).r), id, in.Body.Old, in.Body.Password)
}

// startOIDC sends the browser to the identity provider.
func (s *Server) startOIDC(w http.ResponseWriter, r *http.Request) {
	location, state, err := s.Access.StartOIDC(r.Context(), access.Address(r))
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	http.SetCookie(w, access.StateCookie(state, secure(r)))
	http.Redirect(w, r, location, http.StatusFound)
}

// finishOIDC takes the browser back from the identity provider. What went wrong
// is told by the page: a person, not a program, is at the other end.
func (s *Server) finishOIDC(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	http.SetCookie(w, access.StateCookie("", secure(r)))
	g, err := s.Access.FinishOIDC(r.Context(), access.Callback{Address: access.Address(r), Former: access.Cookie(r),
		Cookie: access.StateOf(r), State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error")})
	if err != nil {
		p := problemOf(err)
		s.noteFailure(r, p)
		http.Redirect(w, r, "/?refused="+string(p.Told.Code), http.StatusFound)
		return
	}
	http.SetCookie(w, g.SetCookie(secure(r)))
	http.Redirect(w, r, "/", http.StatusFound)
}
