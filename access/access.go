// Package access decides who is asking and what they may do: accounts,
// sessions, API tokens, sign-in by OpenID Connect, the four roles and the one
// table of what each may do. It keeps no secret in the clear: passwords are
// argon2id hashes, and of sessions, tokens and one-time links only SHA-256 is
// stored.
package access

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"consilium/clinical"
)

// Identity is who is asking. The zero value is nobody.
type Identity struct {
	ID       string // account
	Name     string // sign-in name
	FullName string // as it is written into a signed report
	Role     Role
	Token    string   // id of the API token that was used; "" for a session
	Session  string   // stored hash of the session that was used; "" for a token
	Actions  []Action // what an API token is narrowed to; empty = all that the role allows
	owner    Role     // role of a token's owner, which bounds it
}

// Known says whether somebody is signed in.
func (i Identity) Known() bool { return i.ID != "" }

// May says whether the identity may do the action. A token may do what its own
// role, its own list and its owner's present role all allow.
func (i Identity) May(action Action) bool {
	if !i.Known() || !Allowed(i.Role, action) {
		return false
	}
	if i.Token == "" {
		return true
	}
	return Allowed(i.owner, action) && (len(i.Actions) == 0 || slices.Contains(i.Actions, action))
}

// Purpose is the purpose for which the identity reads patient data.
func (i Identity) Purpose() clinical.Purpose { return Purpose(i.Role) }

// Allowed lists the actions that the identity may do, in the order of Actions.
func (i Identity) Allowed() []Action {
	may := make([]Action, 0, len(policy))
	for _, action := range Actions() {
		if i.May(action) {
			may = append(may, action)
		}
	}
	return may
}

type contextKey struct{}

// With gives a context that carries the identity.
func With(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// From gives the identity in the context, the zero value when nobody is signed in.
func From(ctx context.Context) Identity {
	id, _ := ctx.Value(contextKey{}).(Identity)
	return id
}

// clock is how the package asks for the time; tests move it.
type clock func() time.Time

func quiet(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}
