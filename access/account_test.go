package access

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"consilium/fault"
	"consilium/store"
)

func TestFirstLink(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	if needed, err := b.NeedsSetup(ctx); err != nil || !needed {
		t.Fatalf("an empty node needs no setup: %v", err)
	}
	old, _ := b.FirstLink(ctx)
	secret, _ := b.FirstLink(ctx) // the node was started again
	for what, c := range map[string]struct{ secret, name, password string }{
		"a guess": {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "root", goodPassword}, "nothing": {"", "root", goodPassword}, "the replaced link": {old, "root", goodPassword},
	} {
		_, err := b.Redeem(ctx, "192.0.2.1", "", c.secret, c.name, c.password)
		if fault.CodeOf(err) != fault.AccessUnknown {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err := b.Redeem(ctx, "192.0.2.1", "", secret, "root", "short")
	wantCode(t, err, fault.Usage)
	_, err = b.Redeem(ctx, "192.0.2.1", "", secret, "<b>root</b>", goodPassword)
	wantCode(t, err, fault.Usage)
	g, err := b.Redeem(ctx, "192.0.2.1", "", secret, "root", goodPassword)
	if err != nil || g.Identity.Role != Admin {
		t.Fatalf("the link does not make an administrator: %v", err)
	}
	_, err = b.Redeem(ctx, "192.0.2.1", "", secret, "second", goodPassword)
	wantCode(t, err, fault.AccessUnknown)
	if again, err := b.FirstLink(ctx); again != "" || err != nil {
		t.Errorf("a node with an administrator gives another first link: %v", err)
	}
}

func TestLinkEnds(t *testing.T) {
	for what, c := range map[string]struct {
		move time.Duration
		code fault.Code
	}{"a minute before": {24*time.Hour - time.Minute, ""}, "after a day": {24 * time.Hour, fault.AccessUnknown}, "clock set back": {-time.Hour, fault.AccessUnknown}} {
		b := newBench(t)
		secret, _ := b.FirstLink(t.Context())
		b.move(c.move)
		_, err := b.Redeem(t.Context(), "192.0.2.1", "", secret, "root", goodPassword)
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", what, err, c.code)
		}
	}
}

// TestLinkRace: of many who use one link at once, one gets in.
func TestLinkRace(t *testing.T) {
	b := newBench(t)
	secret, _ := b.FirstLink(t.Context())
	var in atomic.Int32
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			name := "root" + string(rune('a'+i))
			if _, err := b.Redeem(t.Context(), "192.0.2.1", "", secret, name, goodPassword); err == nil {
				in.Add(1)
			}
		})
	}
	wait.Wait()
	accounts, _ := b.Accounts(t.Context())
	if in.Load() != 1 || len(accounts) != 1 {
		t.Errorf("%d got in, %d accounts", in.Load(), len(accounts))
	}
}

func TestAccounts(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	root := b.admin()
	anna := b.person(root.Identity, "anna", Reader)
	_, _, err := b.AddAccount(ctx, root.Identity, NewAccount{Name: "ANNA ", Role: Viewer})
	wantCode(t, err, fault.Conflict)
	_, _, err = b.AddAccount(ctx, root.Identity, NewAccount{Name: "bert", Role: "god"})
	wantCode(t, err, fault.Usage)
	_, _, err = b.AddAccount(ctx, root.Identity, NewAccount{Name: "bert", Role: Viewer, FullName: "a\nb"})
	wantCode(t, err, fault.Usage)

	// A link is for its own account only.
	_, link, _ := b.AddAccount(ctx, root.Identity, NewAccount{Name: "carl", Role: Viewer})
	_, err = b.Redeem(ctx, "192.0.2.1", "", link, "root", goodPassword)
	wantCode(t, err, fault.AccessUnknown)

	// A new role ends the sessions that had the former.
	role := Viewer
	if _, err := b.ChangeAccount(ctx, root.Identity, anna.Identity.ID, Change{Role: &role}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.BySession(ctx, anna.Secret); err == nil {
		t.Error("a session keeps its former role")
	}
	// A new link sets a new password and ends sessions.
	anna, _ = b.Login(ctx, "192.0.2.1", "", "anna", goodPassword)
	link, err = b.NewLink(ctx, root.Identity, anna.Identity.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Redeem(ctx, "192.0.2.1", "", link, "anna", "entirely new sentence"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.BySession(ctx, anna.Secret); err == nil {
		t.Error("a session outlives the password")
	}
	for _, action := range []string{"account.created", "account.changed", "account.linked"} {
		if !b.recorded("root", action, "") {
			t.Errorf("%s was not written down", action)
		}
	}
	_, err = b.ChangeAccount(ctx, root.Identity, "no such id", Change{})
	wantCode(t, err, fault.NotFound)
}

func TestDisabled(t *testing.T) {
	for what, end := range map[string]func(b *bench, by Identity, id string) error{
		"disabled": func(b *bench, by Identity, id string) error {
			yes := true
			_, err := b.ChangeAccount(b.t.Context(), by, id, Change{Disabled: &yes})
			return err
		},
		"closed": func(b *bench, by Identity, id string) error { return b.CloseAccount(b.t.Context(), by, id) },
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			ctx := t.Context()
			root := b.admin()
			anna := b.person(root.Identity, "anna", Reader)
			_, token, err := b.AddToken(ctx, anna.Identity, NewToken{Name: "gateway", Role: Reader})
			if err != nil {
				t.Fatal(err)
			}
			if err := end(b, root.Identity, anna.Identity.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := b.BySession(ctx, anna.Secret); err == nil {
				t.Error("the session lives on")
			}
			if _, err := b.ByToken(ctx, "192.0.2.1", token); err == nil {
				t.Error("the token lives on")
			}
			_, err = b.Login(ctx, "192.0.2.1", "", "anna", goodPassword)
			wantCode(t, err, fault.AccessUnknown)
		})
	}
}

func TestLastAdministrator(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	root := b.admin()
	yes, viewer := true, Viewer
	_, err := b.ChangeAccount(ctx, root.Identity, root.Identity.ID, Change{Disabled: &yes})
	wantCode(t, err, fault.Conflict)
	_, err = b.ChangeAccount(ctx, root.Identity, root.Identity.ID, Change{Role: &viewer})
	wantCode(t, err, fault.Conflict)
	wantCode(t, b.CloseAccount(ctx, root.Identity, root.Identity.ID), fault.Conflict)
	// One who has not used the link yet could not manage anything.
	_, link, _ := b.AddAccount(ctx, root.Identity, NewAccount{Name: "second", Role: Admin})
	wantCode(t, b.CloseAccount(ctx, root.Identity, root.Identity.ID), fault.Conflict)
	if _, err := b.Redeem(ctx, "192.0.2.1", "", link, "second", goodPassword); err != nil {
		t.Fatal(err)
	}
	if err := b.CloseAccount(ctx, root.Identity, root.Identity.ID); err != nil {
		t.Error(err)
	}
}

// TestUnrecordedDoesNotHappen: what cannot be written down is not done.
func TestUnrecordedDoesNotHappen(t *testing.T) {
	b := newBench(t)
	root := b.admin()
	err := b.Act(t.Context(), root.Identity, "settings.changed", "", nil, func(tx *store.Tx) error {
		if err := tx.SetSetting(t.Context(), "x", []byte("{}"), b.clock()); err != nil {
			return err
		}
		return fault.New(fault.StoreFailed, "later in the same change", "")
	})
	wantCode(t, err, fault.StoreFailed)
	if _, err := b.store.Setting(t.Context(), "x"); !notFound(err) {
		t.Error("half a change was kept")
	}
	for _, e := range b.events() {
		if e.Action == "settings.changed" {
			t.Error("a change that did not happen was written down")
		}
	}
}

func TestTokens(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	root := b.admin()
	anna := b.person(root.Identity, "anna", Reader)
	token, secret, err := b.AddToken(ctx, anna.Identity, NewToken{Name: "CT gateway", Role: Reader, Actions: []Action{DICOMwebWrite}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := b.ByToken(ctx, "192.0.2.1", secret)
	if err != nil || !id.May(DICOMwebWrite) || id.May(StudyView) || id.Name != "anna" || id.Token != token.ID {
		t.Errorf("token gives %+v, %v", id, err)
	}
	if kept, _ := b.Tokens(ctx, anna.Identity); len(kept) != 1 || kept[0].LastUsed.IsZero() {
		t.Errorf("tokens %+v: last use is missing", kept)
	}
	for what, c := range map[string]struct {
		by   Identity
		ask  NewToken
		code fault.Code
	}{
		"above one's own role":     {anna.Identity, NewToken{Name: "x", Role: Admin}, fault.AccessDenied},
		"narrowed to one's own":    {anna.Identity, NewToken{Name: "x", Role: Admin, Actions: []Action{StudyList}}, ""},
		"without a name":           {anna.Identity, NewToken{Role: Reader}, fault.Usage},
		"in the past":              {anna.Identity, NewToken{Name: "x", Role: Reader, Expires: b.clock()}, fault.Usage},
		"for ever":                 {anna.Identity, NewToken{Name: "x", Role: Reader, Expires: b.clock().Add(10 * 365 * 24 * time.Hour)}, fault.Usage},
		"of an action that is not": {anna.Identity, NewToken{Name: "x", Role: Reader, Actions: []Action{"all"}}, fault.Usage},
		"made by a token":          {id, NewToken{Name: "x", Role: Reader}, fault.AccessDenied},
	} {
		if _, _, err := b.AddToken(ctx, c.by, c.ask); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %q", what, err, c.code)
		}
	}
	wantCode(t, b.EndToken(ctx, root.Identity, token.ID), fault.NotFound) // another's
	if err := b.EndToken(ctx, anna.Identity, token.ID); err != nil {
		t.Fatal(err)
	}
	_, err = b.ByToken(ctx, "192.0.2.1", secret) // played again after its end
	wantCode(t, err, fault.AccessUnknown)
}

func TestTokenEnds(t *testing.T) {
	for what, c := range map[string]struct {
		move time.Duration
		live bool
	}{"before": {time.Hour - time.Second, true}, "after": {time.Hour, false}, "clock set back": {-time.Hour, false}} {
		b := newBench(t)
		root := b.admin()
		_, secret, err := b.AddToken(t.Context(), root.Identity, NewToken{Name: "x", Role: Admin, Expires: b.clock().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		b.move(c.move)
		if id, err := b.ByToken(t.Context(), "192.0.2.1", secret); (err == nil) != c.live || (err == nil && !b.Still(t.Context(), id)) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestResearcherToken: a researcher gets no token that reads for care.
func TestResearcherToken(t *testing.T) {
	b := newBench(t)
	root := b.admin()
	rita := b.person(root.Identity, "rita", Researcher)
	_, _, err := b.AddToken(t.Context(), rita.Identity, NewToken{Name: "x", Role: Viewer, Actions: []Action{StudyView}})
	wantCode(t, err, fault.AccessDenied)
	if _, _, err := b.AddToken(t.Context(), rita.Identity, NewToken{Name: "x", Role: Researcher}); err != nil {
		t.Error(err)
	}
}

func TestTooManyTokens(t *testing.T) {
	b := newBench(t)
	root := b.admin()
	for range maxTokens {
		if _, _, err := b.AddToken(t.Context(), root.Identity, NewToken{Name: "x", Role: Admin}); err != nil {
			t.Fatal(err)
		}
	}
	_, _, err := b.AddToken(t.Context(), root.Identity, NewToken{Name: "x", Role: Admin})
	wantCode(t, err, fault.Conflict)
}
