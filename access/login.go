package access

import (
	"context"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// Grant is a sign-in that succeeded. Secret is the session's cookie value and is never stored.
type Grant struct {
	Identity Identity
	Secret   string
	CSRF     string
	Life     time.Duration // at most
}

// Login signs in with name and password from an address. former is the session
// cookie that came along ("" = none): it ends, so that a session planted in
// somebody's browser is never the one that is signed in. Unknown names, wrong
// passwords and disabled accounts get one answer, after the same time.
func (s *Service) Login(ctx context.Context, address, former, name, password string) (Grant, error) {
	name = foldName(name)
	now := s.now()
	succeeded, err := s.attempt(ctx, now, address, name)
	if err != nil {
		return Grant{}, err
	}
	if len(password) > maxPassword {
		return Grant{}, errSecret
	}
	var account store.Account
	if checkName(name) == nil { // no other name was ever given
		if account, err = s.store.AccountNamed(ctx, name); err != nil && !notFound(err) {
			return Grant{}, err
		}
	}
	stored := account.Password
	if account.Disabled {
		stored = ""
	}
	fits, stale, err := s.hasher.verify(ctx, password, stored)
	if err != nil {
		return Grant{}, err
	}
	if !fits {
		s.refused(ctx, govern.Event{Actor: clip(name), Role: account.Role, Action: "login", Detail: map[string]string{"address": address}})
		return Grant{}, errSecret
	}
	succeeded()
	if stale {
		if account.Password, err = s.hasher.hash(ctx, password); err != nil {
			return Grant{}, err
		}
	}
	return s.grant(ctx, account, address, former, "password")
}

// attempt takes one guess from the name's and the address's allowance. succeeded
// gives both back: a clinic behind one address signs in freely, and only wrong
// secrets cost.
func (s *Service) attempt(ctx context.Context, now time.Time, address, name string) (succeeded func(), err error) {
	giveBack, wait := s.byAddress.take(now, address)
	if wait > 0 {
		return nil, errLimited(wait)
	}
	if ok, wait := s.byName.Allow(now, clip(name)); !ok {
		s.log.WarnContext(ctx, "sign-in held back: too many attempts for one name", "address", address)
		return nil, errLimited(wait)
	}
	return func() { giveBack(); s.byName.Forget(clip(name)) }, nil
}

// grant opens a new session for an account, ends the former one of this browser
// and records the sign-in.
func (s *Service) grant(ctx context.Context, account store.Account, address, former, method string) (Grant, error) {
	now := s.now()
	secret, hash := newSecret()
	session := store.Session{Hash: hash, Account: account.ID, Address: address, Created: now, Seen: now, Expires: now.Add(s.absolute)}
	account.LastSeen = now
	event := govern.Event{Actor: account.Name, Role: account.Role, Action: "login", Detail: map[string]string{"address": address, "method": method}}
	err := s.act(ctx, event, func(tx *store.Tx) error {
		if wellFormed(former) {
			if err := tx.EndSession(ctx, hashSecret(former)); err != nil {
				return err
			}
		}
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		return tx.AddSession(ctx, session)
	})
	if err != nil {
		return Grant{}, err
	}
	id := s.identity(account)
	id.Session = hash
	return Grant{Identity: id, Secret: secret, CSRF: csrfOf(secret), Life: s.absolute}, nil
}

// Confirm asks for the password once more, before a signature. Accounts without
// a password of their own cannot confirm by one.
func (s *Service) Confirm(ctx context.Context, address string, id Identity, password string) error {
	succeeded, err := s.attempt(ctx, s.now(), address, id.Name)
	if err != nil {
		return err
	}
	account, err := s.store.Account(ctx, id.ID)
	if err != nil {
		return err
	}
	stored := account.Password
	if account.Disabled || len(password) > maxPassword {
		stored = ""
	}
	fits, _, err := s.hasher.verify(ctx, password, stored)
	if err != nil {
		return err
	}
	if !fits {
		s.refused(ctx, govern.Event{Actor: id.Name, Role: string(id.Role), Action: "password.confirmed", Detail: map[string]string{"address": address}})
		return fault.New(fault.AccessDenied, "the password is wrong", "check it and try again")
	}
	succeeded()
	return nil
}

// Logout ends the session of an identity.
func (s *Service) Logout(ctx context.Context, id Identity) error {
	if id.Session == "" {
		return nil
	}
	return s.act(ctx, govern.Event{Actor: id.Name, Role: string(id.Role), Action: "logout"}, func(tx *store.Tx) error {
		return tx.EndSession(ctx, id.Session)
	})
}
