package access

import (
	"context"
	"fmt"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// NewAccount asks for an account.
type NewAccount struct {
	Name     string
	FullName string
	Role     Role
}

// Change says what to alter about an account; nil leaves it as it is.
type Change struct {
	FullName *string
	Role     *Role
	Disabled *bool
}

// Accounts lists the accounts by name.
func (s *Service) Accounts(ctx context.Context) ([]store.Account, error) {
	return s.store.Accounts(ctx)
}

// AddAccount makes an account and a one-time link by which its owner sets the
// password. Nobody else ever knows it.
func (s *Service) AddAccount(ctx context.Context, by Identity, ask NewAccount) (store.Account, string, error) {
	ask.Name = foldName(ask.Name)
	if err := checkName(ask.Name); err != nil {
		return store.Account{}, "", err
	}
	if err := checkText("full name", ask.FullName, maxFullName); err != nil {
		return store.Account{}, "", err
	}
	if _, err := ParseRole(string(ask.Role)); err != nil {
		return store.Account{}, "", err
	}
	now := s.now()
	account := store.Account{ID: newID(), Name: ask.Name, FullName: ask.FullName, Role: string(ask.Role), Created: now, Changed: now}
	secret, link := newLink(account.ID, now)
	event := govern.Event{Actor: by.Name, Role: string(by.Role), Action: "account.created", Object: account.Name, Detail: map[string]string{"given": account.Role}}
	err := s.act(ctx, event, func(tx *store.Tx) error {
		if err := tx.AddAccount(ctx, account); err != nil {
			return err
		}
		return tx.AddLink(ctx, link)
	})
	if err != nil {
		return store.Account{}, "", err
	}
	return account, secret, nil
}

// ChangeAccount alters an account. Its sessions end when its role changes or it
// is disabled. The last administrator stays one.
func (s *Service) ChangeAccount(ctx context.Context, by Identity, id string, c Change) (store.Account, error) {
	if err := c.check(); err != nil {
		return store.Account{}, err
	}
	account, err := s.store.Account(ctx, id)
	if err != nil {
		return store.Account{}, err
	}
	event := govern.Event{Actor: by.Name, Role: string(by.Role), Action: "account.changed", Object: account.Name, Detail: c.detail()}
	err = s.act(ctx, event, func(tx *store.Tx) error {
		if account, err = tx.Account(ctx, id); err != nil {
			return err
		}
		former := account
		c.apply(&account)
		account.Changed = s.now()
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		if former.Role == string(Admin) && !former.Disabled {
			if err := leavesAdmin(ctx, tx); err != nil {
				return err
			}
		}
		if account.Role == former.Role && !account.Disabled {
			return nil
		}
		if account.Disabled {
			if err := tx.EndLinks(ctx, id); err != nil {
				return err
			}
		}
		return tx.EndSessions(ctx, id, "")
	})
	return account, err
}

func (c Change) check() error {
	if c.Role != nil {
		if _, err := ParseRole(string(*c.Role)); err != nil {
			return err
		}
	}
	if c.FullName != nil {
		return checkText("full name", *c.FullName, maxFullName)
	}
	return nil
}

func (c Change) apply(a *store.Account) {
	if c.FullName != nil {
		a.FullName = *c.FullName
	}
	if c.Role != nil {
		a.Role = string(*c.Role)
	}
	if c.Disabled != nil {
		a.Disabled = *c.Disabled
	}
}

func (c Change) detail() map[string]string {
	d := map[string]string{}
	if c.Role != nil {
		d["given"] = string(*c.Role)
	}
	if c.Disabled != nil {
		d["disabled"] = fmt.Sprint(*c.Disabled)
	}
	if c.FullName != nil {
		d["fullName"] = "changed"
	}
	return d
}

// leavesAdmin refuses a change after which nobody could manage the node.
func leavesAdmin(ctx context.Context, tx *store.Tx) error {
	left, err := tx.CountUsable(ctx, string(Admin))
	if err == nil && left == 0 {
		return fault.New(fault.Conflict, "this is the last administrator", "make another account an administrator first")
	}
	return err
}

// CloseAccount disables an account for good: its password, sessions, tokens and
// links are gone. Its name stays taken, because the audit log speaks of it.
func (s *Service) CloseAccount(ctx context.Context, by Identity, id string) error {
	account, err := s.store.Account(ctx, id)
	if err != nil {
		return err
	}
	event := govern.Event{Actor: by.Name, Role: string(by.Role), Action: "account.closed", Object: account.Name}
	return s.act(ctx, event, func(tx *store.Tx) error {
		admin := account.Role == string(Admin) && !account.Disabled
		account.Disabled, account.Password, account.Changed = true, "", s.now()
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		if admin {
			if err := leavesAdmin(ctx, tx); err != nil {
				return err
			}
		}
		for _, end := range []func() error{
			func() error { return tx.EndSessions(ctx, id, "") },
			func() error { return tx.EndTokens(ctx, id) },
			func() error { return tx.EndLinks(ctx, id) },
		} {
			if err := end(); err != nil {
				return err
			}
		}
		return nil
	})
}

// ChangePassword sets one's own password. Every other session of the account ends.
func (s *Service) ChangePassword(ctx context.Context, address string, id Identity, old, password string) error {
	if err := s.Confirm(ctx, address, id, old); err != nil {
		return err
	}
	if err := checkPassword(password, id.Name); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return err
	}
	return s.act(ctx, govern.Event{Actor: id.Name, Role: string(id.Role), Action: "password.changed"}, func(tx *store.Tx) error {
		account, err := tx.Account(ctx, id.ID)
		if err != nil {
			return err
		}
		account.Password, account.Changed = hash, s.now()
		if err := tx.SaveAccount(ctx, account); err != nil {
			return err
		}
		return tx.EndSessions(ctx, id.ID, id.Session)
	})
}

func newLink(account string, now time.Time) (string, store.Link) {
	secret, hash := newSecret()
	return secret, store.Link{Hash: hash, Account: account, Created: now, Expires: now.Add(linkLife)}
}

// AccountNamed gives the account of a sign-in name.
func (s *Service) AccountNamed(ctx context.Context, name string) (store.Account, error) {
	return s.store.AccountNamed(ctx, foldName(name))
}
