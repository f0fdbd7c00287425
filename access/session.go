package access

import (
	"context"
	"log/slog"
	"time"

	"consilium/fault"
	"consilium/store"
)

var errNobody = fault.New(fault.AccessUnknown, "nobody is signed in, or the session has ended", "sign in")

// BySession gives who holds a session cookie.
func (s *Service) BySession(ctx context.Context, secret string) (Identity, error) {
	if !wellFormed(secret) {
		return Identity{}, errNobody
	}
	return s.byHash(ctx, hashSecret(secret))
}

// Still says whether the identity may go on: its session or token has not ended,
// its account is not disabled, its role has not changed. Long answers ask again.
func (s *Service) Still(ctx context.Context, id Identity) bool {
	var now Identity
	var err error
	if id.Token != "" {
		now, err = s.byToken(ctx, id.Session, "")
	} else {
		now, err = s.byHash(ctx, id.Session)
	}
	return err == nil && now.Role == id.Role
}

func (s *Service) byHash(ctx context.Context, hash string) (Identity, error) {
	session, account, err := s.store.Session(ctx, hash)
	if notFound(err) {
		return Identity{}, errNobody
	}
	if err != nil {
		return Identity{}, err
	}
	now := s.now()
	if account.Disabled || !live(now, session, s.idle) {
		return Identity{}, errNobody
	}
	if now.Sub(session.Seen) >= seenEvery {
		s.touch(ctx, "session", func(tx *store.Tx) error { return tx.TouchSession(ctx, hash, now) })
	}
	id := s.identity(account)
	id.Session = hash
	return id, nil
}

// live says whether a session is within its idle and absolute ends. A session
// from the future means that the clock was set back; it would otherwise live
// longer by as much.
func live(now time.Time, s store.Session, idle time.Duration) bool {
	return now.Before(s.Expires) && now.Sub(s.Seen) < idle && !s.Created.After(now.Add(skew)) && !s.Seen.After(now.Add(skew))
}

// touch writes down a last use. Who cannot be written down may still read.
func (s *Service) touch(ctx context.Context, what string, write func(*store.Tx) error) {
	if err := s.store.Tx(ctx, write); err != nil {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a last use could not be kept", slog.String("of", what), slog.Any("error", err))
	}
}

// Sweep deletes sessions and links whose time is over. The node calls it now and then.
func (s *Service) Sweep(ctx context.Context) error {
	return s.store.Tx(ctx, func(tx *store.Tx) error { return tx.SweepAccess(ctx, s.now()) })
}
