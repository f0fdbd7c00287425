package access

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// OIDC describes a site's identity provider.
type OIDC struct {
	Issuer       string          // as the provider's discovery document names it
	ClientID     string          // what this node is called there
	ClientSecret string          // "" for a public client; PKCE is used in any case
	Redirect     string          // this node's callback, https://node.example/auth/oidc/callback
	Scopes       []string        // beyond openid and profile
	GroupClaim   string          // claim with the person's groups; "" = "groups"
	Roles        map[string]Role // group -> role; who is in none of them may not sign in
	Client       *http.Client    // nil = one with a deadline
}

// Bounds of the OpenID flow.
const (
	flowLife  = 10 * time.Minute // from leaving for the provider to coming back
	maxFlows  = 1000             // people on their way at once; the oldest are forgotten
	oidcSkew  = time.Minute      // by which the provider's clock may differ from ours
	oidcReply = 10 * time.Second // every answer of the provider
	tokenAge  = 15 * time.Minute // an ID token issued longer ago is not from this sign-in
)

// provider is the identity provider, with the sign-ins that are on their way.
type provider struct {
	config OIDC
	now    clock

	mu       sync.Mutex
	known    *oidc.Provider // its description, fetched when first needed
	flows    map[string]flow
	inOrder  []string // states, oldest first
	verifier *oidc.IDTokenVerifier
}

// flow is one sign-in on its way. It is taken once: a callback that is played
// again finds nothing.
type flow struct {
	nonce    string
	pkce     string
	deadline time.Time
}

func newProvider(c OIDC, now clock) (*provider, error) {
	for what, raw := range map[string]string{"issuer": c.Issuer, "redirect address": c.Redirect} {
		u, err := url.Parse(raw)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())) {
			return nil, fault.New(fault.Usage, "the OpenID "+what+" is not an https address", "give the whole address; http is accepted on this machine only")
		}
	}
	if c.ClientID == "" || len(c.Roles) == 0 {
		return nil, fault.New(fault.Usage, "OpenID sign-in needs a client id and at least one group with a role", "set both, or leave OpenID out")
	}
	for _, role := range c.Roles {
		if _, err := ParseRole(string(role)); err != nil {
			return nil, err
		}
	}
	if c.GroupClaim == "" {
		c.GroupClaim = "groups"
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: oidcReply}
	}
	return &provider{config: c, now: now, flows: map[string]flow{}}, nil
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// discover gives the provider's description, asking for it until it was had once.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, *oidc.IDTokenVerifier, error) {
	p.mu.Lock()
	known, verifier := p.known, p.verifier
	p.mu.Unlock()
	if known != nil {
		return known, verifier, nil
	}
	// The library keeps this context for fetching keys later: it must not end with the request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.config.Client), p.config.Issuer)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.PeerUnreachable, "the identity provider does not describe itself", "try again, or sign in with a local account")
	}
	verifier = found.Verifier(&oidc.Config{
		ClientID:             p.config.ClientID,
		SupportedSigningAlgs: []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.EdDSA},
		Now:                  func() time.Time { return p.now().Add(-oidcSkew) },
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.verifier = found, verifier
	return found, verifier, nil
}

func (p *provider) oauth(found *oidc.Provider) *oauth2.Config {
	return &oauth2.Config{
		ClientID: p.config.ClientID, ClientSecret: p.config.ClientSecret, RedirectURL: p.config.Redirect,
		Endpoint: found.Endpoint(), Scopes: append([]string{oidc.ScopeOpenID, "profile"}, p.config.Scopes...),
	}
}

// HasOIDC says whether an identity provider is configured.
func (s *Service) HasOIDC() bool { return s.oidc != nil }

// StartOIDC begins a sign-in at the identity provider: the address to send the
// browser to, and a state that the browser must bring back, kept in a cookie.
func (s *Service) StartOIDC(ctx context.Context, address string) (location, state string, err error) {
	if s.oidc == nil {
		return "", "", errNoOIDC
	}
	if ok, wait := s.byFlow.Allow(s.now(), address); !ok {
		return "", "", errLimited(wait)
	}
	found, _, err := s.oidc.discover(ctx)
	if err != nil {
		return "", "", err
	}
	state, _ = newSecret()
	nonce, _ := newSecret()
	f := flow{nonce: nonce, pkce: oauth2.GenerateVerifier(), deadline: s.now().Add(flowLife)}
	s.oidc.put(state, f)
	return s.oidc.oauth(found).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(f.pkce)), state, nil
}

func (p *provider) put(state string, f flow) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.inOrder) >= maxFlows {
		delete(p.flows, p.inOrder[0])
		p.inOrder = p.inOrder[1:]
	}
	p.flows[state] = f
	p.inOrder = append(p.inOrder, state)
}

func (p *provider) take(state string) (flow, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f, ok := p.flows[state]
	delete(p.flows, state)
	if i := slices.Index(p.inOrder, state); i >= 0 {
		p.inOrder = slices.Delete(p.inOrder, i, i+1)
	}
	return f, ok && p.now().Before(f.deadline)
}

// Callback is what the browser brings back from the provider.
type Callback struct {
	Address string
	Former  string // session cookie that came along
	Cookie  string // state out of the browser's own cookie
	State   string // state out of the address
	Code    string
	Error   string // the provider's own refusal
}

var (
	errNoOIDC = fault.New(fault.NotFound, "no identity provider is configured", "sign in with a local account")
	errFlow   = fault.New(fault.AccessUnknown, "this sign-in was not begun here, is over, or was used already", "begin again on the sign-in page")
)

// FinishOIDC ends a sign-in: state, code, PKCE, signature, audience, nonce and
// times must all hold, and one of the person's groups must have a role. The
// account is made at the first time and takes the present role at every time.
func (s *Service) FinishOIDC(ctx context.Context, c Callback) (Grant, error) {
	if s.oidc == nil {
		return Grant{}, errNoOIDC
	}
	f, ok := s.oidc.take(c.State)
	if !ok || !sameSecret(c.Cookie, c.State) {
		s.refused(ctx, govern.Event{Action: "login", Detail: map[string]string{"address": c.Address, "method": "openid", "reason": "state"}})
		return Grant{}, errFlow
	}
	person, err := s.oidc.redeem(ctx, f, c)
	if err != nil {
		s.refused(ctx, govern.Event{Action: "login", Detail: map[string]string{"address": c.Address, "method": "openid", "reason": string(fault.CodeOf(err))}})
		return Grant{}, err
	}
	account, err := s.welcome(ctx, person)
	if err != nil {
		s.refused(ctx, govern.Event{Actor: clip(person.name), Action: "login", Detail: map[string]string{"address": c.Address, "method": "openid", "subject": clip(person.subject)}})
		return Grant{}, err
	}
	return s.grant(ctx, account, c.Address, c.Former, "openid")
}

// person is whom the provider vouches for.
type person struct {
	subject, name, fullName string
	role                    Role // "" = in no group that has one
}

// redeem trades the code for an ID token and checks it.
func (p *provider) redeem(ctx context.Context, f flow, c Callback) (person, error) {
	if c.Error != "" || c.Code == "" {
		return person{}, fault.New(fault.AccessUnknown, "the identity provider refused: "+clip(c.Error), "begin again on the sign-in page")
	}
	found, verifier, err := p.discover(ctx)
	if err != nil {
		return person{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.config.Client), oidcReply)
	defer cancel()
	tokens, err := p.oauth(found).Exchange(ctx, c.Code, oauth2.VerifierOption(f.pkce))
	if err != nil {
		// The library's error may quote the answer, which may hold a secret: it is not passed on.
		return person{}, fault.New(fault.PeerRefused, "the identity provider does not take the code", "begin again on the sign-in page")
	}
	raw, _ := tokens.Extra("id_token").(string)
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return person{}, fault.Wrap(err, fault.AccessUnknown, "the identity provider's token does not hold", "begin again; if it stays so, compare the clocks and the client id")
	}
	now := p.now()
	if !sameSecret(token.Nonce, f.nonce) || token.IssuedAt.After(now.Add(skew)) || token.IssuedAt.Before(now.Add(-tokenAge)) {
		return person{}, errFlow
	}
	return p.read(token)
}

// read takes subject, name and role out of a token that holds.
func (p *provider) read(token *oidc.IDToken) (person, error) {
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		return person{}, fault.Wrap(err, fault.PeerRefused, "the identity provider's token cannot be read", "report it to who runs the provider")
	}
	text := func(name string) string { s, _ := claims[name].(string); return strings.TrimSpace(s) }
	who := person{subject: token.Subject, name: foldName(text("preferred_username")), fullName: text("name")}
	if checkName(who.name) != nil {
		who.name = foldName(text("email"))
	}
	if checkText("full name", who.fullName, maxFullName) != nil {
		who.fullName = ""
	}
	var groups []string
	switch v := claims[p.config.GroupClaim].(type) {
	case string:
		groups = []string{v}
	case []any:
		for _, g := range v {
			if s, ok := g.(string); ok {
				groups = append(groups, s)
			}
		}
	}
	// Who is in several groups gets the role that was named first here, so that the answer is always the same.
	for _, role := range []Role{Admin, Reader, Researcher, Viewer} {
		for _, g := range groups {
			if p.config.Roles[g] == role && who.role == "" {
				who.role = role
			}
		}
	}
	return who, nil
}

// welcome finds or makes the account of a person. It never takes over a local
// account of the same name: who may write the provider's directory would own it.
func (s *Service) welcome(ctx context.Context, who person) (store.Account, error) {
	if who.role == "" {
		return store.Account{}, fault.New(fault.AccessDenied, "none of your groups has a role here", "ask an administrator to add you to a group")
	}
	issuer := s.oidc.config.Issuer
	account, err := s.store.AccountOf(ctx, issuer, who.subject)
	now := s.now()
	if notFound(err) {
		if err := checkName(who.name); err != nil {
			return store.Account{}, err
		}
		account = store.Account{ID: newID(), Name: who.name, FullName: who.fullName, Role: string(who.role), Issuer: issuer, Subject: who.subject, Created: now, Changed: now}
		event := govern.Event{Actor: who.name, Role: string(who.role), Action: "account.created", Object: who.name, Detail: map[string]string{"given": string(who.role), "issuer": issuer}}
		err = s.act(ctx, event, func(tx *store.Tx) error { return tx.AddAccount(ctx, account) })
		return account, err
	}
	if err != nil {
		return store.Account{}, err
	}
	if account.Disabled {
		return store.Account{}, fault.New(fault.AccessDenied, "the account is disabled here", "ask an administrator")
	}
	if account.Role == string(who.role) && account.FullName == who.fullName {
		return account, nil
	}
	event := govern.Event{Actor: account.Name, Role: string(who.role), Action: "account.changed", Object: account.Name, Detail: map[string]string{"given": string(who.role), "issuer": issuer}}
	err = s.act(ctx, event, func(tx *store.Tx) error {
		former := account.Role
		account.Role, account.FullName, account.Changed = string(who.role), who.fullName, now
		if err := tx.SaveAccount(ctx, account); err != nil || former == account.Role {
			return err
		}
		return tx.EndSessions(ctx, account.ID, "")
	})
	return account, err
}
