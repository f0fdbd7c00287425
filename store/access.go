package store

import (
	"context"
	"strings"
	"time"

	"consilium/fault"
)

// Account is somebody who may sign in. Accounts are never deleted, only
// disabled: the audit log names them.
type Account struct {
	ID       string
	Name     string // sign-in name, folded, unique
	FullName string
	Role     string
	Password string // PHC string of argon2id; "" = cannot sign in by password
	Issuer   string // OpenID Connect issuer and subject; "" = local
	Subject  string
	Disabled bool
	Created  time.Time
	Changed  time.Time
	LastSeen time.Time // last sign-in; zero = never
}

// Session is one signed-in browser. Hash is SHA-256 of its secret.
type Session struct {
	Hash    string
	Account string
	Address string
	Created time.Time
	Seen    time.Time
	Expires time.Time
}

// Token lets a program act for an account. Hash is SHA-256 of its secret.
type Token struct {
	ID       string
	Hash     string
	Account  string
	Name     string
	Role     string
	Actions  []string // what it is narrowed to; empty = all of the role
	Created  time.Time
	Expires  time.Time
	LastUsed time.Time // zero = never
}

// Link sets an account's password once. Account "" = it makes the first administrator.
type Link struct {
	Hash    string
	Account string
	Created time.Time
	Expires time.Time
}

const (
	accountColumns = "a.id, a.name, a.full_name, a.role, a.password, a.issuer, a.subject, a.disabled, a.created_us, a.changed_us, a.seen_us"
	sessionColumns = "s.hash, s.account_id, s.address, s.created_us, s.seen_us, s.expires_us"
	tokenColumns   = "t.id, t.hash, t.account_id, t.name, t.role, t.actions, t.created_us, t.expires_us, t.used_us"
	noAccount      = "there is no such account"
	maxListed      = 10_000 // accounts and tokens that one answer lists
)

func scanAccount(r scanner) (Account, error) {
	var row accountRow
	err := r.Scan(row.dest()...)
	return row.account(), err
}

// accountRow is an account as its columns hold it.
type accountRow struct {
	Account
	disabled               int
	created, changed, seen int64
}

func (r *accountRow) dest() []any {
	return []any{&r.ID, &r.Name, &r.FullName, &r.Role, &r.Password, &r.Issuer, &r.Subject, &r.disabled, &r.created, &r.changed, &r.seen}
}

func (r *accountRow) account() Account {
	r.Disabled, r.Created, r.Changed, r.LastSeen = r.disabled != 0, at(r.created), at(r.changed), at(r.seen)
	return r.Account
}

// Account gives the account of an id, or NOT_FOUND.
func (s *Store) Account(ctx context.Context, id string) (Account, error) {
	return one(ctx, s, noAccount, scanAccount, "SELECT "+accountColumns+" FROM accounts a WHERE a.id = ?", id)
}

// Account is Store.Account within the transaction.
func (t *Tx) Account(ctx context.Context, id string) (Account, error) {
	return one(ctx, t, noAccount, scanAccount, "SELECT "+accountColumns+" FROM accounts a WHERE a.id = ?", id)
}

// AccountNamed gives the account of a sign-in name, or NOT_FOUND.
func (s *Store) AccountNamed(ctx context.Context, name string) (Account, error) {
	return one(ctx, s, noAccount, scanAccount, "SELECT "+accountColumns+" FROM accounts a WHERE a.name = ?", clean(name))
}

// AccountOf gives the account of an OpenID Connect subject, or NOT_FOUND.
func (s *Store) AccountOf(ctx context.Context, issuer, subject string) (Account, error) {
	return one(ctx, s, noAccount, scanAccount, "SELECT "+accountColumns+" FROM accounts a WHERE a.issuer = ? AND a.subject = ? AND a.issuer <> ''", clean(issuer), clean(subject))
}

// Accounts lists every account by name.
func (s *Store) Accounts(ctx context.Context) ([]Account, error) {
	return all(ctx, s, "accounts cannot be listed", scanAccount, "SELECT "+accountColumns+" FROM accounts a ORDER BY a.name LIMIT ?", maxListed)
}

// CountUsable counts the accounts of a role that are not disabled and can sign in.
func (s *Store) CountUsable(ctx context.Context, role string) (int, error) {
	return countUsable(ctx, s, role)
}

// CountUsable is Store.CountUsable within the transaction.
func (t *Tx) CountUsable(ctx context.Context, role string) (int, error) {
	return countUsable(ctx, t, role)
}

func countUsable(ctx context.Context, q querier, role string) (int, error) {
	return one(ctx, q, "accounts cannot be counted", value[int], "SELECT COUNT(*) FROM accounts WHERE role = ? AND disabled = 0 AND (password <> '' OR issuer <> '')", role)
}

// AddAccount adds an account. CONFLICT when the name or the subject has one.
func (t *Tx) AddAccount(ctx context.Context, a Account) error {
	_, err := t.exec(ctx, `INSERT INTO accounts (id, name, full_name, role, password, issuer, subject, disabled, created_us, changed_us, seen_us)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, a.ID, clean(a.Name), clean(a.FullName), a.Role, a.Password, clean(a.Issuer), clean(a.Subject),
		bit(a.Disabled), micros(a.Created), micros(a.Changed), micros(a.LastSeen))
	if err != nil && codeOf(err) == constraint {
		return fault.Wrap(err, fault.Conflict, "there is an account of this name", "choose another name; names of closed accounts stay taken")
	}
	return failed(err, "the account was not stored")
}

// SaveAccount writes what may change about an account. NOT_FOUND when there is none.
func (t *Tx) SaveAccount(ctx context.Context, a Account) error {
	n, err := t.exec(ctx, "UPDATE accounts SET full_name = ?, role = ?, password = ?, disabled = ?, changed_us = ?, seen_us = ? WHERE id = ?",
		clean(a.FullName), a.Role, a.Password, bit(a.Disabled), micros(a.Changed), micros(a.LastSeen), a.ID)
	return changedOne(n, err, noAccount)
}

// changedOne says NOT_FOUND when a change met no row.
func changedOne(n int64, err error, what string) error {
	if err == nil && n == 0 {
		return fault.New(fault.NotFound, what, "list them and choose one")
	}
	return failed(err, what)
}

// Session gives a session and its account, or NOT_FOUND. Whether it has ended is the caller's to judge.
func (s *Store) Session(ctx context.Context, hash string) (Session, Account, error) {
	type both struct {
		Session
		Account Account
	}
	found, err := one(ctx, s, "there is no such session", func(r scanner) (both, error) {
		var b both
		var a accountRow
		var created, seen, expires int64
		err := r.Scan(append([]any{&b.Hash, &b.Session.Account, &b.Address, &created, &seen, &expires}, a.dest()...)...)
		b.Created, b.Seen, b.Expires, b.Account = at(created), at(seen), at(expires), a.account()
		return b, err
	}, "SELECT "+sessionColumns+", "+accountColumns+" FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.hash = ?", hash)
	return found.Session, found.Account, err
}

// AddSession adds a session.
func (t *Tx) AddSession(ctx context.Context, s Session) error {
	_, err := t.exec(ctx, "INSERT INTO sessions (hash, account_id, address, created_us, seen_us, expires_us) VALUES (?, ?, ?, ?, ?, ?)",
		s.Hash, s.Account, clean(s.Address), micros(s.Created), micros(s.Seen), micros(s.Expires))
	return failed(err, "the session was not stored")
}

// TouchSession writes down when a session was last used.
func (t *Tx) TouchSession(ctx context.Context, hash string, now time.Time) error {
	_, err := t.exec(ctx, "UPDATE sessions SET seen_us = ? WHERE hash = ?", micros(now), hash)
	return failed(err, "the session was not stored")
}

// EndSession deletes a session; one that is not there is no error.
func (t *Tx) EndSession(ctx context.Context, hash string) error {
	_, err := t.exec(ctx, "DELETE FROM sessions WHERE hash = ?", hash)
	return failed(err, "the session was not ended")
}

// EndSessions deletes the sessions of an account, except one ("" = none excepted).
func (t *Tx) EndSessions(ctx context.Context, account, except string) error {
	_, err := t.exec(ctx, "DELETE FROM sessions WHERE account_id = ? AND hash <> ?", account, except)
	return failed(err, "the sessions were not ended")
}

func scanToken(r scanner) (Token, error) {
	var row tokenRow
	err := r.Scan(row.dest()...)
	return row.token(), err
}

// tokenRow is a token as its columns hold it.
type tokenRow struct {
	Token
	actions                string
	created, expires, used int64
}

func (r *tokenRow) dest() []any {
	return []any{&r.ID, &r.Hash, &r.Account, &r.Name, &r.Role, &r.actions, &r.created, &r.expires, &r.used}
}

func (r *tokenRow) token() Token {
	r.Actions, r.Created, r.Expires, r.LastUsed = strings.Fields(r.actions), at(r.created), at(r.expires), at(r.used)
	return r.Token
}

// Token gives the token of a hash and its account, or NOT_FOUND. Whether it has ended is the caller's to judge.
func (s *Store) Token(ctx context.Context, hash string) (Token, Account, error) {
	type both struct {
		token   Token
		account Account
	}
	found, err := one(ctx, s, "there is no such token", func(r scanner) (both, error) {
		var token tokenRow
		var account accountRow
		err := r.Scan(append(token.dest(), account.dest()...)...)
		return both{token.token(), account.account()}, err
	}, "SELECT "+tokenColumns+", "+accountColumns+" FROM tokens t JOIN accounts a ON a.id = t.account_id WHERE t.hash = ?", hash)
	return found.token, found.account, err
}

// Tokens lists the tokens of an account by name.
func (s *Store) Tokens(ctx context.Context, account string) ([]Token, error) {
	return all(ctx, s, "tokens cannot be listed", scanToken, "SELECT "+tokenColumns+" FROM tokens t WHERE t.account_id = ? ORDER BY t.name, t.id LIMIT ?", account, maxListed)
}

// CountTokens counts the tokens of an account.
func (t *Tx) CountTokens(ctx context.Context, account string) (int, error) {
	return one(ctx, t, "tokens cannot be counted", value[int], "SELECT COUNT(*) FROM tokens WHERE account_id = ?", account)
}

// AddToken adds a token.
func (t *Tx) AddToken(ctx context.Context, k Token) error {
	_, err := t.exec(ctx, "INSERT INTO tokens (id, hash, account_id, name, role, actions, created_us, expires_us, used_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
		k.ID, k.Hash, k.Account, clean(k.Name), k.Role, strings.Join(k.Actions, " "), micros(k.Created), micros(k.Expires), micros(k.LastUsed))
	return failed(err, "the token was not stored")
}

// TouchToken writes down when a token was last used.
func (t *Tx) TouchToken(ctx context.Context, id string, now time.Time) error {
	_, err := t.exec(ctx, "UPDATE tokens SET used_us = ? WHERE id = ?", micros(now), id)
	return failed(err, "the token was not stored")
}

// EndToken deletes one token of an account. NOT_FOUND when the account has no such token.
func (t *Tx) EndToken(ctx context.Context, account, id string) error {
	n, err := t.exec(ctx, "DELETE FROM tokens WHERE account_id = ? AND id = ?", account, clean(id))
	return changedOne(n, err, "the account has no such token")
}

// EndTokens deletes every token of an account.
func (t *Tx) EndTokens(ctx context.Context, account string) error {
	_, err := t.exec(ctx, "DELETE FROM tokens WHERE account_id = ?", account)
	return failed(err, "the tokens were not ended")
}

// AddLink adds a link; former links of the same account end.
func (t *Tx) AddLink(ctx context.Context, l Link) error {
	if _, err := t.exec(ctx, "DELETE FROM links WHERE account_id = ?", l.Account); err != nil {
		return failed(err, "the link was not stored")
	}
	_, err := t.exec(ctx, "INSERT INTO links (hash, account_id, created_us, expires_us) VALUES (?, ?, ?, ?)", l.Hash, l.Account, micros(l.Created), micros(l.Expires))
	return failed(err, "the link was not stored")
}

// Link gives the link of a hash, or NOT_FOUND.
func (s *Store) Link(ctx context.Context, hash string) (Link, error) {
	return one(ctx, s, "there is no such link", func(r scanner) (l Link, err error) {
		var created, expires int64
		err = r.Scan(&l.Hash, &l.Account, &created, &expires)
		l.Created, l.Expires = at(created), at(expires)
		return l, err
	}, "SELECT hash, account_id, created_us, expires_us FROM links WHERE hash = ?", hash)
}

// EndLink deletes a link and says whether it was there: of two who use it at
// once, one is told yes.
func (t *Tx) EndLink(ctx context.Context, hash string) (bool, error) {
	n, err := t.exec(ctx, "DELETE FROM links WHERE hash = ?", hash)
	return n == 1, failed(err, "the link was not used")
}

// EndLinks deletes the links of an account.
func (t *Tx) EndLinks(ctx context.Context, account string) error {
	_, err := t.exec(ctx, "DELETE FROM links WHERE account_id = ?", account)
	return failed(err, "the links were not ended")
}

// SweepAccess deletes sessions and links that ended before a time.
func (t *Tx) SweepAccess(ctx context.Context, before time.Time) error {
	for _, text := range []string{"DELETE FROM sessions WHERE expires_us < ?", "DELETE FROM links WHERE expires_us < ?"} {
		if _, err := t.exec(ctx, text, micros(before)); err != nil {
			return failed(err, "old sessions were not deleted")
		}
	}
	return nil
}
