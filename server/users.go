package server

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"consilium/access"
	"consilium/store"
)

// User is an account as the API tells of it.
type User struct {
	ID       string      `json:"id"`
	Name     string      `json:"name"`
	FullName string      `json:"fullName"`
	Role     access.Role `json:"role" enum:"viewer,reader,researcher,admin"`
}

// Account is a User as an administrator sees it.
type Account struct {
	User
	Disabled bool       `json:"disabled"`
	Outside  bool       `json:"outside" doc:"signs in at the identity provider, which also gives the role"`
	Ready    bool       `json:"ready" doc:"has a password, or signs in outside; false = its link was not used yet"`
	Created  time.Time  `json:"created"`
	LastSeen *time.Time `json:"lastSeen" doc:"last sign-in; null = never"`
}

func accountOf(a store.Account) Account {
	return Account{User: User{ID: a.ID, Name: a.Name, FullName: a.FullName, Role: access.Role(a.Role)},
		Disabled: a.Disabled, Outside: a.Issuer != "", Ready: a.Password != "" || a.Issuer != "", Created: a.Created, LastSeen: orNil(a.LastSeen)}
}

func orNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// list is an answer with many of one kind.
type list[T any] struct {
	Items []T `json:"items"`
}

func listed[S, T any](from []S, as func(S) T) *body[list[T]] {
	out := &body[list[T]]{list[T]{Items: make([]T, len(from))}}
	for i, v := range from {
		out.Body.Items[i] = as(v)
	}
	return out
}

// NewAccount asks for an account.
type NewAccount struct {
	Name     string      `json:"name" maxLength:"64"`
	FullName string      `json:"fullName,omitempty" maxLength:"64" doc:"as it shall stand in signed reports"`
	Role     access.Role `json:"role" enum:"viewer,reader,researcher,admin"`
}

// Linked is an account with its one-time link, shown once.
type Linked struct {
	Account Account `json:"user"`
	Link    string  `json:"link" doc:"address that sets the password: once, within a day. Hand it to its owner by another way"`
}

// AccountChange alters an account; what is left out stays.
type AccountChange struct {
	FullName *string      `json:"fullName,omitempty" maxLength:"64"`
	Role     *access.Role `json:"role,omitempty" enum:"viewer,reader,researcher,admin"`
	Disabled *bool        `json:"disabled,omitempty"`
}

// AccountPath names an account or a token.
type AccountPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (s *Server) userRoutes(api huma.API) {
	users, user := "/api/v1/users", "/api/v1/users/{id}"
	created := on("POST", users, "users", "Make an account and its one-time link", access.UserManage)
	created.status = http.StatusCreated
	handle(s, api, on("GET", users, "users", "List accounts", access.UserManage), s.listUsers)
	handle(s, api, created, s.addUser)
	handle(s, api, on("PATCH", user, "users", "Change name, role or disable", access.UserManage), s.changeUser)
	handle(s, api, on("DELETE", user, "users", "Close an account for good; its name stays taken", access.UserManage), s.closeUser)
	handle(s, api, on("POST", user+"/link", "users", "Give a one-time link for a new password", access.UserManage), s.linkUser)
}

func (s *Server) listUsers(ctx context.Context, _ *none) (*body[list[Account]], error) {
	accounts, err := s.Access.Accounts(ctx)
	return listed(accounts, accountOf), err
}

func (s *Server) addUser(ctx context.Context, in *body[NewAccount]) (*body[Linked], error) {
	a, secret, err := s.Access.AddAccount(ctx, access.From(ctx), access.NewAccount{Name: in.Body.Name, FullName: in.Body.FullName, Role: in.Body.Role})
	return &body[Linked]{Linked{accountOf(a), linkPath(secret)}}, err
}

func (s *Server) changeUser(ctx context.Context, in *struct {
	AccountPath
	Body AccountChange
}) (*body[Account], error) {
	a, err := s.Access.ChangeAccount(ctx, access.From(ctx), in.ID, access.Change{FullName: in.Body.FullName, Role: in.Body.Role, Disabled: in.Body.Disabled})
	return &body[Account]{accountOf(a)}, err
}

func (s *Server) closeUser(ctx context.Context, in *AccountPath) (*none, error) {
	return nil, s.Access.CloseAccount(ctx, access.From(ctx), in.ID)
}

func (s *Server) linkUser(ctx context.Context, in *AccountPath) (*body[Link], error) {
	secret, err := s.Access.NewLink(ctx, access.From(ctx), in.ID)
	return &body[Link]{Link{linkPath(secret)}}, err
}

// Link is a one-time link.
type Link struct {
	Link string `json:"link"`
}

// linkPath is the page's address of a one-time link, below the node's own. The
// secret stands behind #: browsers send that to nobody, so it is in no log.
func linkPath(secret string) string { return "/setup#" + secret }

// SetupAddress is the whole address of a one-time link at a node's base address.
func SetupAddress(base, secret string) string { return base + linkPath(secret) }
