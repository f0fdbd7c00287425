package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"consilium/fault"
)

// idp is a mock identity provider: discovery and keys by go-oidc's own test
// server, the token endpoint here. It checks what a real one checks.
type idp struct {
	*httptest.Server
	t     *testing.T
	key   *ecdsa.PrivateKey
	mu    sync.Mutex
	codes map[string]idpCode // what a code was given for
}

type idpCode struct {
	challenge string
	claims    map[string]any
}

func newIDP(t *testing.T) *idp {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	meta := &oidctest.Server{PublicKeys: []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: "k1", Algorithm: oidc.ES256}}, Algorithms: []string{oidc.ES256}}
	p := &idp{t: t, key: key, codes: map[string]idpCode{}}
	mux := http.NewServeMux()
	mux.Handle("/", meta)
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	meta.SetIssuer(p.URL)
	return p
}

func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	code, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	if !known || base64.RawURLEncoding.EncodeToString(sum[:]) != code.challenge {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"secret detail of the provider"}`))
		return
	}
	claims, _ := json.Marshal(code.claims)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"access_token": "a", "token_type": "Bearer", "expires_in": 60,
		"id_token": oidctest.SignIDToken(p.key, "k1", oidc.ES256, string(claims))})
}

// approve is a person signing in at the provider: it gives state and code that
// the browser brings back. change alters the claims of the ID token.
func (p *idp) approve(location string, at time.Time, change func(map[string]any)) (state, code string) {
	u, err := url.Parse(location)
	if err != nil {
		p.t.Fatal(err)
	}
	q := u.Query()
	if q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" {
		p.t.Fatalf("the request lacks code flow, PKCE, nonce or state: %s", location)
	}
	claims := map[string]any{"iss": p.URL, "aud": q.Get("client_id"), "sub": "subject-1", "nonce": q.Get("nonce"),
		"iat": at.Unix(), "exp": at.Add(5 * time.Minute).Unix(), "preferred_username": "Anna.Schmidt", "name": "Dr. Anna Schmidt", "groups": []string{"staff", "radiology"}}
	if change != nil {
		change(claims)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	code = rand.Text()
	p.codes[code] = idpCode{challenge: q.Get("code_challenge"), claims: maps.Clone(claims)}
	return q.Get("state"), code
}

func oidcBench(t *testing.T) (*bench, *idp) {
	p := newIDP(t)
	b := newBench(t, func(c *Config) {
		c.OIDC = &OIDC{Issuer: p.URL, ClientID: "consilium", ClientSecret: "s3cret", Redirect: "http://localhost:8080/auth/oidc/callback",
			Roles: map[string]Role{"radiology": Reader, "it": Admin}}
	})
	return b, p
}

// signIn goes once around.
func signIn(b *bench, p *idp, change func(map[string]any)) (Grant, Callback, error) {
	b.t.Helper()
	location, cookie, err := b.StartOIDC(b.t.Context(), "192.0.2.1")
	if err != nil {
		b.t.Fatal(err)
	}
	state, code := p.approve(location, b.clock(), change)
	c := Callback{Address: "192.0.2.1", Cookie: cookie, State: state, Code: code}
	g, err := b.FinishOIDC(b.t.Context(), c)
	return g, c, err
}

func TestOIDC(t *testing.T) {
	b, p := oidcBench(t)
	g, played, err := signIn(b, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	if g.Identity.Name != "anna.schmidt" || g.Identity.FullName != "Dr. Anna Schmidt" || g.Identity.Role != Reader {
		t.Errorf("identity %+v", g.Identity)
	}
	if _, err := b.FinishOIDC(t.Context(), played); fault.CodeOf(err) != fault.AccessUnknown {
		t.Errorf("a callback played again: %v", err)
	}
	// The second time it is the same account, with today's role; the former role's sessions end.
	again, _, err := signIn(b, p, func(c map[string]any) { c["groups"] = []string{"it", "radiology"} })
	if err != nil || again.Identity.ID != g.Identity.ID || again.Identity.Role != Admin {
		t.Errorf("the second time %+v, %v", again.Identity, err)
	}
	if _, err := b.BySession(t.Context(), g.Secret); err == nil {
		t.Error("a session keeps the role that the provider took away")
	}
	_, err = b.Login(t.Context(), "192.0.2.1", "", "anna.schmidt", "")
	wantCode(t, err, fault.AccessUnknown) // has no password here
}

func TestOIDCRefuses(t *testing.T) {
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	for what, c := range map[string]struct {
		claims func(map[string]any)
		code   fault.Code
	}{
		"nonce of another sign-in": {func(c map[string]any) { c["nonce"] = "x" }, fault.AccessUnknown},
		"another node's token":     {func(c map[string]any) { c["aud"] = "other" }, fault.AccessUnknown},
		"another issuer":           {func(c map[string]any) { c["iss"] = "https://evil.example" }, fault.AccessUnknown},
		"expired":                  {func(c map[string]any) { c["exp"] = c["iat"].(int64) - 120 }, fault.AccessUnknown},
		"expired by our clock's skew": {func(c map[string]any) {
			c["exp"] = c["iat"].(int64) - 30
		}, ""},
		"issued long ago":         {func(c map[string]any) { c["iat"] = c["iat"].(int64) - 3600 }, fault.AccessUnknown},
		"issued in the future":    {func(c map[string]any) { c["iat"] = c["iat"].(int64) + 3600 }, fault.AccessUnknown},
		"in no group":             {func(c map[string]any) { delete(c, "groups") }, fault.AccessDenied},
		"in a group without role": {func(c map[string]any) { c["groups"] = []any{"cleaners", 7, nil} }, fault.AccessDenied},
		"a group as plain text":   {func(c map[string]any) { c["groups"] = "radiology" }, ""},
		"a name that is no name": {func(c map[string]any) {
			c["preferred_username"], c["email"] = "<script>", "'; DROP TABLE accounts; --"
		}, fault.Usage},
		"a full name of markup": {func(c map[string]any) { c["name"] = "a\x00b\n<script>" }, ""},
	} {
		t.Run(what, func(t *testing.T) {
			b, p := oidcBench(t)
			_, _, err := signIn(b, p, c.claims)
			wantCode(t, err, c.code)
		})
	}
	t.Run("a foreign key", func(t *testing.T) {
		b, p := oidcBench(t)
		p.key = other
		_, _, err := signIn(b, p, nil)
		wantCode(t, err, fault.AccessUnknown)
	})
}

func TestOIDCState(t *testing.T) {
	b, p := oidcBench(t)
	location, cookie, err := b.StartOIDC(t.Context(), "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	state, code := p.approve(location, b.clock(), nil)
	for what, c := range map[string]Callback{
		"in a browser that did not begin it": {Cookie: "", State: state, Code: code},
		"with a state of nobody":             {Cookie: "x", State: "x", Code: code},
		"with nothing":                       {},
	} {
		_, err := b.FinishOIDC(t.Context(), c)
		if fault.CodeOf(err) != fault.AccessUnknown {
			t.Errorf("%s: %v", what, err)
		}
	}
	// The first of these took the state: even the right browser begins again.
	_, err = b.FinishOIDC(t.Context(), Callback{Cookie: cookie, State: state, Code: code})
	wantCode(t, err, fault.AccessUnknown)

	location, cookie, _ = b.StartOIDC(t.Context(), "192.0.2.1")
	state, code = p.approve(location, b.clock(), nil)
	b.move(flowLife)
	_, err = b.FinishOIDC(t.Context(), Callback{Cookie: cookie, State: state, Code: code})
	wantCode(t, err, fault.AccessUnknown)

	_, cookie, _ = b.StartOIDC(t.Context(), "192.0.2.1")
	_, err = b.FinishOIDC(t.Context(), Callback{Cookie: cookie, State: cookie, Error: "access_denied"})
	wantCode(t, err, fault.AccessUnknown)

	_, cookie, _ = b.StartOIDC(t.Context(), "192.0.2.1")
	_, err = b.FinishOIDC(t.Context(), Callback{Cookie: cookie, State: cookie, Code: "stolen from elsewhere"})
	wantCode(t, err, fault.PeerRefused)
}

// TestOIDCTakesNoLocalAccount: a person of the provider does not become the
// local account of the same name.
func TestOIDCTakesNoLocalAccount(t *testing.T) {
	b, p := oidcBench(t)
	root := b.admin()
	b.person(root.Identity, "anna.schmidt", Admin)
	_, _, err := signIn(b, p, nil)
	wantCode(t, err, fault.Conflict)
}

func TestOIDCDisabledHere(t *testing.T) {
	b, p := oidcBench(t)
	root := b.admin()
	g, _, err := signIn(b, p, nil)
	if err != nil {
		t.Fatal(err)
	}
	yes := true
	if _, err := b.ChangeAccount(t.Context(), root.Identity, g.Identity.ID, Change{Disabled: &yes}); err != nil {
		t.Fatal(err)
	}
	_, _, err = signIn(b, p, nil)
	wantCode(t, err, fault.AccessDenied)
}

func TestOIDCFlowsAreBounded(t *testing.T) {
	p, err := newProvider(OIDC{Issuer: "https://idp.example", ClientID: "x", Redirect: "https://node.example/cb", Roles: map[string]Role{"a": Viewer}}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	for range maxFlows + 100 {
		p.put(rand.Text(), flow{deadline: time.Now().Add(time.Hour)})
	}
	if len(p.flows) != maxFlows || len(p.inOrder) != maxFlows {
		t.Errorf("%d flows are held", len(p.flows))
	}
}

func TestOIDCConfig(t *testing.T) {
	good := OIDC{Issuer: "https://idp.example", ClientID: "x", Redirect: "https://node.example/auth/oidc/callback", Roles: map[string]Role{"a": Viewer}}
	for what, change := range map[string]func(*OIDC){
		"plain http":  func(c *OIDC) { c.Issuer = "http://idp.example" },
		"no address":  func(c *OIDC) { c.Redirect = "/callback" },
		"no client":   func(c *OIDC) { c.ClientID = "" },
		"no role":     func(c *OIDC) { c.Roles = nil },
		"a bad role":  func(c *OIDC) { c.Roles = map[string]Role{"a": "god"} },
		"a bad issue": func(c *OIDC) { c.Issuer = "::" },
	} {
		c := good
		change(&c)
		if _, err := newProvider(c, time.Now); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := newProvider(good, time.Now); err != nil {
		t.Error(err)
	}
}

// TestOIDCProviderDown: the node runs without its provider, and says what is wrong.
func TestOIDCProviderDown(t *testing.T) {
	b, p := oidcBench(t)
	p.Close()
	_, _, err := b.StartOIDC(t.Context(), "192.0.2.1")
	wantCode(t, err, fault.PeerUnreachable)
}
