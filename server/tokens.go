package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/store"
)

// Token is an API token as the API tells of it: never the secret.
type Token struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Role     access.Role     `json:"role" enum:"viewer,reader,researcher,admin"`
	Actions  []access.Action `json:"actions" doc:"what it is narrowed to; empty = all of the role"`
	Created  time.Time       `json:"created"`
	Expires  time.Time       `json:"expires"`
	LastUsed *time.Time      `json:"lastUsed" doc:"null = never"`
}

func tokenOf(t store.Token) Token {
	out := Token{ID: t.ID, Name: t.Name, Role: access.Role(t.Role), Actions: []access.Action{}, Created: t.Created, Expires: t.Expires, LastUsed: orNil(t.LastUsed)}
	for _, a := range t.Actions {
		out.Actions = append(out.Actions, access.Action(a))
	}
	return out
}

// NewToken asks for an API token.
type NewToken struct {
	Name    string          `json:"name" maxLength:"64"`
	Role    access.Role     `json:"role" enum:"viewer,reader,researcher,admin"`
	Actions []access.Action `json:"actions,omitempty" maxItems:"64"`
	Expires *time.Time      `json:"expires,omitempty" doc:"at most a year from now; left out = 90 days"`
}

// NewSecret is a token with its secret, shown once.
type NewSecret struct {
	Token  Token  `json:"token"`
	Secret string `json:"secret" doc:"goes into Authorization: Bearer; it is not shown again"`
}

func (s *Server) tokenRoutes(api huma.API) {
	created := on("POST", "/api/v1/tokens", "tokens", "Make an API token of one's own", access.TokenOwn)
	created.status = http.StatusCreated
	handle(s, api, on("GET", "/api/v1/tokens", "tokens", "List one's own API tokens", access.TokenOwn), s.listTokens)
	handle(s, api, created, s.addToken)
	handle(s, api, on("DELETE", "/api/v1/tokens/{id}", "tokens", "Delete an API token of one's own", access.TokenOwn), s.endToken)
}

func (s *Server) listTokens(ctx context.Context, _ *none) (*body[list[Token]], error) {
	tokens, err := s.Access.Tokens(ctx, access.From(ctx))
	return listed(tokens, tokenOf), err
}

func (s *Server) addToken(ctx context.Context, in *body[NewToken]) (*body[NewSecret], error) {
	ask := access.NewToken{Name: in.Body.Name, Role: in.Body.Role, Actions: in.Body.Actions}
	if in.Body.Expires != nil {
		ask.Expires = *in.Body.Expires
	}
	t, secret, err := s.Access.AddToken(ctx, access.From(ctx), ask)
	return &body[NewSecret]{NewSecret{tokenOf(t), secret}}, err
}

func (s *Server) endToken(ctx context.Context, in *AccountPath) (*none, error) {
	return nil, s.Access.EndToken(ctx, access.From(ctx), in.ID)
}
