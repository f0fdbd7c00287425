package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// tokenPrefix lets secret scanners find a token that was committed somewhere.
const tokenPrefix = "consilium_"

// Bounds of API tokens.
const (
	maxTokenLife = 366 * 24 * time.Hour
	maxTokens    = 50 // for one account
)

// NewToken asks for an API token.
type NewToken struct {
	Name    string
	Role    Role
	Actions []Action  // narrows the role; empty = all of it
	Expires time.Time // zero = in 90 days
}

// AddToken makes a token for the identity's own account. The secret is given
// once. A token is never worth more than who makes it.
func (s *Service) AddToken(ctx context.Context, by Identity, ask NewToken) (store.Token, string, error) {
	if by.Token != "" {
		return store.Token{}, "", fault.New(fault.AccessDenied, "a token does not make tokens", "sign in and make it yourself")
	}
	now := s.now()
	if ask.Expires.IsZero() {
		ask.Expires = now.Add(90 * 24 * time.Hour)
	}
	if err := checkToken(by, ask, now); err != nil {
		return store.Token{}, "", err
	}
	secret, _ := newSecret()
	secret = tokenPrefix + secret
	token := store.Token{ID: newID(), Hash: hashSecret(secret), Account: by.ID, Name: ask.Name, Role: string(ask.Role), Created: now, Expires: ask.Expires}
	for _, action := range ask.Actions {
		token.Actions = append(token.Actions, string(action))
	}
	event := govern.Event{Actor: by.Name, Role: string(by.Role), Action: "token.created", Object: token.ID, Detail: map[string]string{
		"name": token.Name, "given": token.Role, "expires": token.Expires.UTC().Format(time.RFC3339)}}
	err := s.act(ctx, event, func(tx *store.Tx) error {
		held, err := tx.CountTokens(ctx, by.ID)
		if err != nil {
			return err
		}
		if held >= maxTokens {
			return fault.New(fault.Conflict, fmt.Sprintf("the account has %d tokens already", held), "delete those that nobody uses")
		}
		return tx.AddToken(ctx, token)
	})
	if err != nil {
		return store.Token{}, "", err
	}
	return token, secret, nil
}

func checkToken(by Identity, ask NewToken, now time.Time) error {
	if _, err := ParseRole(string(ask.Role)); err != nil {
		return err
	}
	if ask.Name == "" {
		return fault.New(fault.Usage, "the token has no name", "say what will use it")
	}
	if err := checkText("token's name", ask.Name, maxTokenName); err != nil {
		return err
	}
	if !ask.Expires.After(now) || ask.Expires.After(now.Add(maxTokenLife)) {
		return fault.New(fault.Usage, "the token's end is not within a year from now", "choose an earlier end; a token can be made again")
	}
	for _, action := range ask.Actions {
		if !slices.Contains(Actions(), action) {
			return fault.New(fault.Usage, fmt.Sprintf("there is no action %q", clip(string(action))), "take the actions from /api/v1/session")
		}
	}
	// A researcher's purpose is narrower than a reader's, so anybody whose role
	// allows the same actions may hand it out.
	for _, action := range Actions() {
		if Allowed(ask.Role, action) && !Allowed(by.Role, action) && (len(ask.Actions) == 0 || slices.Contains(ask.Actions, action)) {
			return fault.New(fault.AccessDenied, fmt.Sprintf("your role may not do %s, so a token of yours cannot", action), "choose another role, or narrow the token's actions")
		}
	}
	if Purpose(by.Role) != Purpose(ask.Role) && by.Role == Researcher {
		return fault.New(fault.AccessDenied, "a researcher's token reads for research", "choose the role researcher")
	}
	return nil
}

// Tokens lists the tokens of the identity's account.
func (s *Service) Tokens(ctx context.Context, by Identity) ([]store.Token, error) {
	return s.store.Tokens(ctx, by.ID)
}

// EndToken deletes a token of the identity's account.
func (s *Service) EndToken(ctx context.Context, by Identity, id string) error {
	event := govern.Event{Actor: by.Name, Role: string(by.Role), Action: "token.deleted", Object: clip(id)}
	return s.act(ctx, event, func(tx *store.Tx) error { return tx.EndToken(ctx, by.ID, id) })
}

// ByToken gives who a bearer token acts for.
func (s *Service) ByToken(ctx context.Context, address, secret string) (Identity, error) {
	bare, ok := strings.CutPrefix(secret, tokenPrefix)
	if !ok || !wellFormed(bare) {
		return Identity{}, errToken
	}
	return s.byToken(ctx, hashSecret(secret), address)
}

var errToken = fault.New(fault.AccessUnknown, "the API token is not valid: wrong, deleted or past its end", "make a new one in the settings")

func (s *Service) byToken(ctx context.Context, hash, address string) (Identity, error) {
	token, account, err := s.store.Token(ctx, hash)
	if notFound(err) {
		return Identity{}, errToken
	}
	if err != nil {
		return Identity{}, err
	}
	now := s.now()
	if account.Disabled || !now.Before(token.Expires) || token.Created.After(now.Add(skew)) {
		return Identity{}, errToken
	}
	if now.Sub(token.LastUsed) >= seenEvery {
		s.touch(ctx, "token", func(tx *store.Tx) error { return tx.TouchToken(ctx, token.ID, now) })
	}
	id := s.identity(account)
	id.owner, id.Role = id.Role, Role(token.Role)
	id.Token, id.Session = token.ID, hash
	for _, action := range token.Actions {
		id.Actions = append(id.Actions, Action(action))
	}
	return id, nil
}
