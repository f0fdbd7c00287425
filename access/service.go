package access

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"time"

	"consilium/fault"
	"consilium/govern"
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
	Flush    func(context.Context) error // moves pending events into the audit log; nil = the node does it at its next start
	Log      *slog.Logger                // nil = discard
	Now      func() time.Time            // nil = time.Now
	Idle     time.Duration               // 0 = DefaultIdle
	Absolute time.Duration               // 0 = DefaultAbsolute
	OIDC     *OIDC                       // nil = local accounts only

	params hashParams // costs; tests make them small
}

// Service signs in, keeps sessions and tokens, and manages accounts.
type Service struct {
	store    *store.Store
	flush    func(context.Context) error
	log      *slog.Logger
	now      clock
	idle     time.Duration
	absolute time.Duration
	hasher   *hasher
	oidc     *provider

	byName    *Limiter // wrong passwords for one name
	byAddress *Limiter // wrong secrets from one address
	byFlow    *Limiter // sign-ins by OpenID begun from one address
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
		store: c.Store, flush: c.Flush, log: quiet(c.Log), now: c.Now,
		idle: c.Idle, absolute: c.Absolute, hasher: newHasher(c.params),
		// Ten guesses, then one a minute for a name from everywhere together:
		// a dictionary is hopeless, and an owner who is attacked waits a minute at most.
		byName:    NewLimiter(time.Minute, 10, 10_000),
		byAddress: NewLimiter(10*time.Second, 30, 10_000),
		byFlow:    NewLimiter(time.Second, 100, 10_000),
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

// act makes a change and writes it down, in one transaction: neither takes place
// without the other. The audit log has the event soon after (see Config.Flush).
func (s *Service) act(ctx context.Context, e govern.Event, change func(tx *store.Tx) error) error {
	err := s.store.Tx(ctx, func(tx *store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return s.Note(ctx, tx, e)
	})
	if err == nil {
		s.Moved(ctx)
	}
	return err
}

// refused writes a refusal down. It was refused in any case: when that fails, the log is told.
func (s *Service) refused(ctx context.Context, e govern.Event) {
	e.Outcome = "refused"
	ctx = context.WithoutCancel(ctx) // who hangs up is written down all the same
	if err := s.store.Tx(ctx, func(tx *store.Tx) error { return s.Note(ctx, tx, e) }); err != nil {
		s.log.ErrorContext(ctx, "a refusal could not be recorded", "action", e.Action, "error", err)
		return
	}
	s.Moved(ctx)
}

// Note puts an event into a transaction, from where the node moves it into the
// audit log. Call Moved when the transaction is over.
func (s *Service) Note(ctx context.Context, tx *store.Tx, e govern.Event) error {
	e.Time = s.now().UTC()
	id := newID()
	detail := map[string]string{"event": id}
	maps.Copy(detail, e.Detail)
	e.Detail = detail
	text, err := json.Marshal(e)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "an audit event cannot be written", "please report it")
	}
	return tx.AddEvent(ctx, store.PendingEvent{ID: id, Made: e.Time, Body: text})
}

// Moved asks for the pending events to be moved. They are safe where they are.
func (s *Service) Moved(ctx context.Context) {
	if s.flush == nil {
		return
	}
	if err := s.flush(ctx); err != nil {
		s.log.WarnContext(ctx, "events wait for the audit log", "error", err)
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

// Act makes a change that is none of access's own, with its audit event, in one transaction.
func (s *Service) Act(ctx context.Context, by Identity, action, object string, detail map[string]string, change func(tx *store.Tx) error) error {
	return s.act(ctx, govern.Event{Actor: by.Name, Role: string(by.Role), Action: action, Object: object, Detail: detail}, change)
}

// Tell writes an event down in the name of who asks, before what it tells of is sent.
func (s *Service) Tell(ctx context.Context, by Identity, e govern.Event) error {
	e.Actor, e.Role = by.Name, string(by.Role)
	return s.act(ctx, e, func(*store.Tx) error { return nil })
}
