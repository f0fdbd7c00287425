package access

import (
	"context"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// NeedsSetup says whether the node has no administrator who could sign in.
func (s *Service) NeedsSetup(ctx context.Context) (bool, error) {
	n, err := s.store.CountUsable(ctx, string(Admin))
	return n == 0, err
}

// FirstLink gives the secret of a link that makes the first administrator, ""
// when there is one already. It is printed once, at start; a later start makes
// the former link void.
func (s *Service) FirstLink(ctx context.Context) (string, error) {
	needed, err := s.NeedsSetup(ctx)
	if err != nil || !needed {
		return "", err
	}
	secret, link := newLink("", s.now())
	if err := s.store.Tx(ctx, func(tx *store.Tx) error { return tx.AddLink(ctx, link) }); err != nil {
		return "", err
	}
	return secret, nil
}

// NewLink gives a link by which the account's owner sets a new password. The
// present password stays good until then.
func (s *Service) NewLink(ctx context.Context, by Identity, id string) (string, error) {
	account, err := s.store.Account(ctx, id)
	if err != nil {
		return "", err
	}
	if account.Disabled || account.Issuer != "" {
		return "", fault.New(fault.Conflict, "the account is disabled, or signs in elsewhere", "enable it first; an account of the identity provider needs no link")
	}
	secret, link := newLink(account.ID, s.now())
	event := govern.Event{Actor: by.Name, Role: string(by.Role), Action: "account.linked", Object: account.Name}
	if err := s.act(ctx, event, func(tx *store.Tx) error { return tx.AddLink(ctx, link) }); err != nil {
		return "", err
	}
	return secret, nil
}

var errLink = fault.New(fault.AccessUnknown, "the link is not valid: used, replaced, or older than a day", "ask an administrator for a new one, or start the node again for the first administrator's")

// Redeem uses a one-time link: it makes the first administrator under the name,
// or sets the password of the link's account, whose name it must be. Then it
// signs in. Other sessions of the account end.
func (s *Service) Redeem(ctx context.Context, address, former, secret, name, password string) (Grant, error) {
	name = foldName(name)
	giveBack, wait := s.byAddress.take(s.now(), address)
	if wait > 0 {
		return Grant{}, errLimited(wait)
	}
	link, err := s.openLink(ctx, secret)
	if err != nil {
		if fault.CodeOf(err) == fault.AccessUnknown {
			s.refused(ctx, govern.Event{Actor: clip(name), Action: "link.used", Detail: map[string]string{"address": address}})
		}
		return Grant{}, err
	}
	giveBack()
	if err := checkName(name); err != nil {
		return Grant{}, err
	}
	if err := checkPassword(password, name); err != nil {
		return Grant{}, err // the link stays good: the person chooses another password
	}
	account, err := s.linked(ctx, link, name)
	if err != nil {
		return Grant{}, err
	}
	if account.Password, err = s.hasher.hash(ctx, password); err != nil {
		return Grant{}, err
	}
	event := govern.Event{Actor: account.Name, Role: account.Role, Action: "link.used", Detail: map[string]string{"address": address}}
	err = s.act(ctx, event, func(tx *store.Tx) error { return useLink(ctx, tx, link, account) })
	if err != nil {
		return Grant{}, err
	}
	s.byName.Forget(name)
	return s.grant(ctx, account, address, former, "link")
}

// openLink finds a link that may be used now.
func (s *Service) openLink(ctx context.Context, secret string) (store.Link, error) {
	if !wellFormed(secret) {
		return store.Link{}, errLink
	}
	link, err := s.store.Link(ctx, hashSecret(secret))
	if notFound(err) {
		return store.Link{}, errLink
	}
	if err != nil {
		return store.Link{}, err
	}
	now := s.now()
	if !now.Before(link.Expires) || link.Created.After(now.Add(skew)) {
		return store.Link{}, errLink
	}
	return link, nil
}

// linked gives the account as it will be once the link is used.
func (s *Service) linked(ctx context.Context, link store.Link, name string) (store.Account, error) {
	now := s.now()
	if link.Account == "" {
		return store.Account{ID: newID(), Name: name, Role: string(Admin), Created: now, Changed: now}, nil
	}
	account, err := s.store.Account(ctx, link.Account)
	if err != nil {
		return store.Account{}, err
	}
	if account.Name != name || account.Disabled {
		return store.Account{}, fault.New(fault.AccessUnknown, "the link is for another name", "type the name that the administrator gave you with the link")
	}
	account.Changed = now
	return account, nil
}

// useLink takes the link and writes the account, or neither.
func useLink(ctx context.Context, tx *store.Tx, link store.Link, account store.Account) error {
	if there, err := tx.EndLink(ctx, link.Hash); err != nil || !there {
		if err == nil {
			err = errLink
		}
		return err
	}
	if link.Account != "" {
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		return tx.EndSessions(ctx, account.ID, "")
	}
	if n, err := tx.CountUsable(ctx, string(Admin)); err != nil || n > 0 {
		if err == nil {
			err = errLink // somebody made one while the link was open
		}
		return err
	}
	return tx.AddAccount(ctx, account)
}
