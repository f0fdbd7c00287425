package access

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"consilium/fault"
	"consilium/store"
)

// Durations that a site may change in Config.
const (
	DefaultIdle     = 30 * time.Minute // a session that is not used ends
	DefaultAbsolute = 12 * time.Hour   // and after a shift in any case
	linkLife        = 24 * time.Hour
	seenEvery       = time.Minute     // how exactly "last used" is kept
	skew            = 2 * time.Minute // how far the clock may have been set back
)

// Config is what New needs.
type Config struct {
	Store    *store.Store
	Recorder Recorder         // nil = nothing is recorded; for tests and verbs without a log
	Log      *slog.Logger     // nil = discard
	Now      func() time.Time // nil = time.Now
	Idle     time.Duration    // 0 = DefaultIdle
	Absolute time.Duration    // 0 = DefaultAbsolute
	OIDC     *OIDC            // nil = local accounts only

	params hashParams // costs; tests make them small
}

// Service signs in, keeps sessions and tokens, and manages accounts.
type Service struct {
	store    *store.Store
	recorder Recorder
	log      *slog.Logger
	now      clock
	idle     time.Duration
	absolute time.Duration
	hasher   *hasher
	oidc     *provider

	byName    *Limiter // wrong passwords for one name
	byAddress *Limiter // wrong secrets from one address
}

// New makes a service. The OpenID provider, when there is one, is asked for its
// description when the first person signs in by it, so that the node starts without it.
func New(c Config) (*Service, error) {
	if c.Store == nil {
		return nil, fault.New(fault.Internal, "access without a store", "please report it")
	}
	if c.params == (hashParams{}) {
		c.params = presentParams
	}
	s := &Service{
		store: c.Store, recorder: c.Recorder, log: quiet(c.Log), now: c.Now,
		idle: c.Idle, absolute: c.Absolute, hasher: newHasher(c.params),
		// Ten guesses, then one a minute for a name from everywhere together:
		// a dictionary is hopeless, and an owner who is attacked waits a minute at most.
		byName:    NewLimiter(time.Minute, 10, 10_000),
		byAddress: NewLimiter(10*time.Second, 30, 10_000),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.idle <= 0 {
		s.idle = DefaultIdle
	}
	if s.absolute <= 0 {
		s.absolute = DefaultAbsolute
	}
	if c.OIDC != nil {
		p, err := newProvider(*c.OIDC, s.now)
		if err != nil {
			return nil, err
		}
		s.oidc = p
	}
	return s, nil
}

// record writes an event into the audit log. The act it tells of must not take
// place when this fails.
func (s *Service) record(ctx context.Context, e Event) error {
	if s.recorder == nil {
		return nil
	}
	if err := s.recorder.RecordAccess(ctx, e); err != nil {
		return fault.Wrap(err, fault.AuditBroken, "the audit log does not take the event", "an administrator has to look at the node's log; nothing was changed")
	}
	return nil
}

// act makes a change and records it: neither takes place without the other. The
// store may run a change twice, the log hears of it once.
func (s *Service) act(ctx context.Context, e Event, change func(tx *store.Tx) error) error {
	e.Outcome = "ok"
	recorded := false
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := change(tx); err != nil || recorded {
			return err
		}
		if err := s.record(ctx, e); err != nil {
			return err
		}
		recorded = true
		return nil
	})
	if err != nil && recorded { // the commit failed after the log was told
		e.Outcome = "failed"
		if err := s.record(context.WithoutCancel(ctx), e); err != nil {
			s.log.ErrorContext(ctx, "a failed change could not be recorded", "action", e.Action, "error", err)
		}
	}
	return err
}

// refused records a refusal. It was refused in any case: a failing audit log is only told.
func (s *Service) refused(ctx context.Context, e Event) {
	e.Outcome = "refused"
	if err := s.record(ctx, e); err != nil {
		s.log.ErrorContext(ctx, "a refusal could not be recorded", "action", e.Action, "error", err)
	}
}

func (s *Service) identity(a store.Account) Identity {
	return Identity{ID: a.ID, Name: a.Name, FullName: a.FullName, Role: Role(a.Role)}
}

// notFound says whether the store has no such thing.
func notFound(err error) bool {
	var e *fault.Error
	return errors.As(err, &e) && e.Code == fault.NotFound
}

var errSecret = fault.New(fault.AccessUnknown, "name or password is wrong", "check both; an administrator can give you a new link")

func errLimited(wait time.Duration) error {
	return fault.New(fault.AccessLimited, "too many attempts", "wait "+wait.Round(time.Second).String()+" and try again")
}
