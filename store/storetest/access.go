package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"consilium/fault"
	"consilium/store"
)

var morning = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// account makes an account whose text would harm a careless query.
func account(name string) store.Account {
	return store.Account{ID: "id-" + name, Name: name, FullName: `O'Hara "x"; DROP TABLE accounts; -- <b>`, Role: "admin", Password: "$argon2id$x", Created: morning, Changed: morning}
}

func write(t *testing.T, s *store.Store, f func(ctx context.Context, tx *store.Tx) error) error {
	t.Helper()
	ctx := within(t)
	return s.Tx(ctx, func(tx *store.Tx) error { return f(ctx, tx) })
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("error %v, want %s", err, code)
	}
}

func accounts(t *testing.T, s *store.Store) {
	ctx := within(t)
	anna, outside := account("anna"), account("bert")
	outside.Issuer, outside.Subject, outside.Password = "https://idp.example", "42", ""
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddAccount(ctx, anna) }))
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddAccount(ctx, outside) }))

	for what, twin := range map[string]store.Account{
		"name":    func() store.Account { a := account("anna"); a.ID = "other"; return a }(),
		"subject": func() store.Account { a := outside; a.ID, a.Name = "other", "carl"; return a }(),
	} {
		if err := write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddAccount(ctx, twin) }); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("a second account of the same %s: %v", what, err)
		}
	}
	for what, read := range map[string]func() (store.Account, error){
		"id":   func() (store.Account, error) { return s.Account(ctx, anna.ID) },
		"name": func() (store.Account, error) { return s.AccountNamed(ctx, "anna") },
	} {
		got, err := read()
		must(t, err)
		if diff := cmp.Diff(anna, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", what, diff)
		}
	}
	got, err := s.AccountOf(ctx, "https://idp.example", "42")
	must(t, err)
	if got.ID != outside.ID {
		t.Errorf("by subject: %+v", got)
	}
	_, err = s.AccountOf(ctx, "", "") // local accounts have no issuer, and are nobody's subject
	is(t, err, fault.NotFound)
	_, err = s.AccountNamed(ctx, "' OR '1'='1")
	is(t, err, fault.NotFound)

	anna.Role, anna.Disabled, anna.LastSeen = "viewer", true, morning.Add(time.Hour)
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.SaveAccount(ctx, anna) }))
	list, err := s.Accounts(ctx)
	must(t, err)
	if diff := cmp.Diff([]store.Account{anna, outside}, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	if n, err := s.CountUsable(ctx, "admin"); err != nil || n != 1 {
		t.Errorf("%d usable administrators, %v", n, err)
	}
	is(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.SaveAccount(ctx, store.Account{ID: "nobody"}) }), fault.NotFound)
}

func sessions(t *testing.T, s *store.Store) {
	ctx := within(t)
	anna := account("anna")
	session := func(hash string) store.Session {
		return store.Session{Hash: hash, Account: anna.ID, Address: "192.0.2.1", Created: morning, Seen: morning, Expires: morning.Add(time.Hour)}
	}
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error {
		must(t, tx.AddAccount(ctx, anna))
		for _, hash := range []string{"one", "two", "three"} {
			must(t, tx.AddSession(ctx, session(hash)))
		}
		return tx.TouchSession(ctx, "one", morning.Add(time.Minute))
	}))
	got, owner, err := s.Session(ctx, "one")
	must(t, err)
	want := session("one")
	want.Seen = morning.Add(time.Minute)
	if diff := cmp.Diff(want, got); diff != "" || owner.Name != "anna" {
		t.Errorf("session of %s (-want +got):\n%s", owner.Name, diff)
	}
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.EndSession(ctx, "two") }))
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.EndSessions(ctx, anna.ID, "three") }))
	for hash, live := range map[string]bool{"one": false, "two": false, "three": true} {
		if _, _, err := s.Session(ctx, hash); (err == nil) != live {
			t.Errorf("session %s: %v", hash, err)
		}
	}
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.SweepAccess(ctx, morning.Add(2*time.Hour)) }))
	_, _, err = s.Session(ctx, "three")
	is(t, err, fault.NotFound)
}

func tokens(t *testing.T, s *store.Store) {
	ctx := within(t)
	anna, bert := account("anna"), account("bert")
	token := store.Token{ID: "t1", Hash: "h1", Account: anna.ID, Name: "CT 2", Role: "reader", Actions: []string{"study.view", "dicomweb.read"}, Created: morning, Expires: morning.Add(time.Hour)}
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error {
		must(t, tx.AddAccount(ctx, anna))
		must(t, tx.AddAccount(ctx, bert))
		return tx.AddToken(ctx, token)
	}))
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error {
		return tx.TouchToken(ctx, "t1", morning.Add(time.Minute))
	}))
	token.LastUsed = morning.Add(time.Minute)
	got, owner, err := s.Token(ctx, "h1")
	must(t, err)
	if diff := cmp.Diff(token, got); diff != "" || owner.ID != anna.ID {
		t.Errorf("token of %s (-want +got):\n%s", owner.ID, diff)
	}
	list, err := s.Tokens(ctx, anna.ID)
	must(t, err)
	if diff := cmp.Diff([]store.Token{token}, list); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
	is(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.EndToken(ctx, bert.ID, "t1") }), fault.NotFound)
	must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error {
		if n, err := tx.CountTokens(ctx, anna.ID); n != 1 || err != nil {
			t.Errorf("%d tokens, %v", n, err)
		}
		return tx.EndToken(ctx, anna.ID, "t1")
	}))
	_, _, err = s.Token(ctx, "h1")
	is(t, err, fault.NotFound)
}

func links(t *testing.T, s *store.Store) {
	ctx := within(t)
	link := func(hash, account string) store.Link {
		return store.Link{Hash: hash, Account: account, Created: morning, Expires: morning.Add(time.Hour)}
	}
	for _, l := range []store.Link{link("old", "a"), link("other", "b"), link("new", "a")} {
		must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error { return tx.AddLink(ctx, l) }))
	}
	_, err := s.Link(ctx, "old") // replaced
	is(t, err, fault.NotFound)
	got, err := s.Link(ctx, "new")
	must(t, err)
	if diff := cmp.Diff(link("new", "a"), got); diff != "" {
		t.Errorf("link (-want +got):\n%s", diff)
	}
	for i, want := range []bool{true, false} { // single use
		must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error {
			there, err := tx.EndLink(ctx, "new")
			if there != want {
				t.Errorf("use %d finds the link: %v", i+1, there)
			}
			return err
		}))
	}
	if _, err := s.Link(ctx, "other"); err != nil {
		t.Errorf("another account's link is gone: %v", err)
	}
}

func settings(t *testing.T, s *store.Store) {
	ctx := within(t)
	_, err := s.Setting(ctx, "node")
	is(t, err, fault.NotFound)
	for _, text := range []string{`{"a":1}`, `{"a":2}`} {
		must(t, write(t, s, func(ctx context.Context, tx *store.Tx) error {
			return tx.SetSetting(ctx, "node", []byte(text), morning)
		}))
		got, err := s.Setting(ctx, "node")
		must(t, err)
		if string(got) != text {
			t.Errorf("setting %s, want %s", got, text)
		}
	}
}
