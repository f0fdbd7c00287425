package access

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"consilium/fault"
)

// who answers with the identity that came through the middleware.
func who(b *bench) http.Handler {
	refuse := func(w http.ResponseWriter, _ *http.Request, err error) {
		w.Header().Set("Code", string(fault.CodeOf(err)))
		w.WriteHeader(http.StatusForbidden)
	}
	return b.Authenticate(refuse)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Who", From(r.Context()).Name)
	}))
}

func TestAuthenticate(t *testing.T) {
	b := newBench(t)
	root := b.admin()
	anna := b.person(root.Identity, "anna", Reader)
	_, token, err := b.AddToken(t.Context(), root.Identity, NewToken{Name: "x", Role: Admin})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		what, method, cookie, csrf, auth string
		who                              string
		code                             fault.Code
	}{
		{"nobody reads", "GET", "", "", "", "", ""},
		{"nobody writes", "POST", "", "", "", "", ""},
		{"session reads", "GET", root.Secret, "", "", "root", ""},
		{"session writes", "POST", root.Secret, root.CSRF, "", "root", ""},
		{"session writes without token", "POST", root.Secret, "", "", "", fault.AccessDenied},
		{"session writes with another session's token", "DELETE", root.Secret, anna.CSRF, "", "", fault.AccessDenied},
		{"session writes with its own secret", "PUT", root.Secret, root.Secret, "", "", fault.AccessDenied},
		{"an unknown method counts as writing", "PROPFIND", root.Secret, "", "", "", fault.AccessDenied},
		{"a session that is none", "POST", "x", "x", "", "", ""},
		{"a bearer token needs no CSRF", "POST", "", "", "Bearer " + token, "root", ""},
		{"the scheme in small letters", "GET", "", "", "bearer " + token, "root", ""},
		{"a wrong bearer token", "GET", "", "", "Bearer nonsense", "", fault.AccessUnknown},
		{"a wrong bearer token beside a good session", "GET", root.Secret, "", "Bearer nonsense", "", fault.AccessUnknown},
		{"a session as bearer token", "GET", "", "", "Bearer " + root.Secret, "", fault.AccessUnknown},
		{"a bearer token as session", "GET", token, "", "", "", ""},
		{"name and password", "GET", "", "", "Basic cm9vdDpyb290", "", ""},
	}
	for _, c := range tests {
		r := httptest.NewRequest(c.method, "/", nil)
		if c.cookie != "" {
			r.AddCookie(&http.Cookie{Name: SessionCookie, Value: c.cookie})
		}
		if c.csrf != "" {
			r.Header.Set(CSRFHeader, c.csrf)
		}
		if c.auth != "" {
			r.Header.Set("Authorization", c.auth)
		}
		w := httptest.NewRecorder()
		who(b).ServeHTTP(w, r)
		if w.Header().Get("Who") != c.who || w.Header().Get("Code") != string(c.code) {
			t.Errorf("%s: who %q code %q, want %q %q", c.what, w.Header().Get("Who"), w.Header().Get("Code"), c.who, c.code)
		}
	}
	if !b.recorded("root", "csrf.checked", "refused") {
		t.Error("a missing CSRF token was not written down")
	}
}

func TestWrongTokensAreHeldBack(t *testing.T) {
	b := newBench(t)
	root := b.admin()
	_, token, _ := b.AddToken(t.Context(), root.Identity, NewToken{Name: "x", Role: Admin})
	ask := func(auth string) string {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "203.0.113.5:1234"
		r.Header.Set("Authorization", "Bearer "+auth)
		w := httptest.NewRecorder()
		who(b).ServeHTTP(w, r)
		return w.Header().Get("Code")
	}
	for range 30 {
		ask("wrong")
	}
	if code := ask("wrong"); code != string(fault.AccessLimited) {
		t.Errorf("the 31st wrong token: %q", code)
	}
	if code := ask(token); code != "" {
		t.Errorf("a good token is held back for the wrong ones of its neighbour: %q", code)
	}
}

func TestCheck(t *testing.T) {
	b := newBench(t)
	root := b.admin()
	wantCode(t, b.Check(t.Context(), StudyList), fault.AccessUnknown)
	ctx := With(t.Context(), root.Identity)
	if err := b.Check(ctx, UserManage); err != nil {
		t.Error(err)
	}
	wantCode(t, b.Check(ctx, ReportSign), fault.AccessDenied)
	if !b.recorded("root", "access.denied", "refused") {
		t.Error("the refusal was not written down")
	}
}

func TestAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:99": "192.0.2.1", "[::ffff:192.0.2.1]:99": "192.0.2.1", "[2001:db8:1:2:3:4:5:6]:99": "2001:db8:1:2::/64", "[::1]:99": "::1", "[fe80::1%eth0]:1": "fe80::/64", "pipe": "pipe",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		if got := Address(r); got != want {
			t.Errorf("%s gives %s, want %s", remote, got, want)
		}
	}
}

func TestCookies(t *testing.T) {
	g := Grant{Secret: "s", Life: time.Hour}
	if c := g.SetCookie(true); !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.MaxAge != 3600 {
		t.Errorf("session cookie %+v", c)
	}
	if c := StateCookie("s", true); !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != statePath {
		t.Errorf("state cookie %+v", c)
	}
	if c := DropCookie(false); c.MaxAge >= 0 {
		t.Errorf("cookie %+v does not go away", c)
	}
}
