package access

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/fault"
)

func TestLogin(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.admin()
	g, err := b.Login(ctx, "192.0.2.7", "", " ROOT ", goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	if g.Identity.Name != "root" || g.Identity.Role != Admin || g.Secret == "" || g.CSRF == "" || g.CSRF == g.Secret {
		t.Errorf("grant %+v", g)
	}
	id, err := b.BySession(ctx, g.Secret)
	if err != nil || id.ID != g.Identity.ID {
		t.Errorf("session gives %+v, %v", id, err)
	}
	if !b.recorded("root", "login", "") {
		t.Error("the sign-in was not written down")
	}
	for _, c := range []struct{ name, password string }{
		{"root", "wrong"}, {"root", ""}, {"nobody", goodPassword}, {"", ""}, {"' OR 1=1 --", "' OR 1=1 --"}, {"<script>", "x"},
		{strings.Repeat("x", 1000), "x"}, {"root", strings.Repeat("x", 100000)}, {"ro\x00ot", goodPassword}, {"root\xff", goodPassword},
	} {
		_, err := b.Login(ctx, "192.0.2.7", "", c.name, c.password)
		wantCode(t, err, fault.AccessUnknown)
	}
	if !b.recorded("root", "login", "refused") {
		t.Error("the refusal was not written down")
	}
}

// TestNothingIsStoredInTheClear reads the whole database for what we handed out.
func TestNothingIsStoredInTheClear(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	g := b.admin()
	_, secret, err := b.AddToken(ctx, g.Identity, NewToken{Name: "pacs", Role: Admin})
	if err != nil {
		t.Fatal(err)
	}
	_, link, err := b.AddAccount(ctx, g.Identity, NewAccount{Name: "anna", Role: Reader})
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	accounts, _ := b.Accounts(ctx)
	tokens, _ := b.Tokens(ctx, g.Identity)
	session, _, _ := b.store.Session(ctx, hashSecret(g.Secret))
	fmt.Fprint(&kept, accounts, tokens, session, b.events())
	for what, s := range map[string]string{"password": goodPassword, "session": g.Secret, "csrf": g.CSRF, "token": secret, "link": link} {
		if strings.Contains(kept.String(), s) {
			t.Errorf("the %s is kept in the clear", what)
		}
	}
}

func TestSessionEnds(t *testing.T) {
	tests := []struct {
		what string
		do   func(b *bench, g Grant)
		live bool
	}{
		{"at once", func(*bench, Grant) {}, true},
		{"just before idle", func(b *bench, _ Grant) { b.move(DefaultIdle - time.Second) }, true},
		{"idle", func(b *bench, _ Grant) { b.move(DefaultIdle) }, false},
		{"used all day", func(b *bench, g Grant) {
			for range 11 * 60 / 20 {
				b.move(20 * time.Minute)
				_, _ = b.BySession(b.t.Context(), g.Secret)
			}
		}, true},
		{"past its absolute end", func(b *bench, g Grant) {
			for range 12 * 60 / 20 {
				b.move(20 * time.Minute)
				_, _ = b.BySession(b.t.Context(), g.Secret)
			}
		}, false},
		{"logout", func(b *bench, g Grant) { _ = b.Logout(b.t.Context(), g.Identity) }, false},
		{"clock set back a little", func(b *bench, _ Grant) { b.move(-time.Minute) }, true},
		{"clock set back an hour", func(b *bench, _ Grant) { b.move(-time.Hour) }, false},
		{"signed in again in the same browser", func(b *bench, g Grant) {
			_, _ = b.Login(b.t.Context(), "192.0.2.1", g.Secret, "root", goodPassword)
		}, false},
		{"signed in elsewhere", func(b *bench, _ Grant) { _, _ = b.Login(b.t.Context(), "192.0.2.2", "", "root", goodPassword) }, true},
	}
	for _, c := range tests {
		t.Run(c.what, func(t *testing.T) {
			b := newBench(t)
			g := b.admin()
			c.do(b, g)
			_, err := b.BySession(t.Context(), g.Secret)
			if (err == nil) != c.live {
				t.Errorf("session: %v, want live %v", err, c.live)
			}
			if still := b.Still(t.Context(), g.Identity); still != c.live {
				t.Errorf("Still gives %v, want %v", still, c.live)
			}
		})
	}
}

// TestFixation: a session that an attacker planted is never the one signed in.
func TestFixation(t *testing.T) {
	b := newBench(t)
	root := b.admin()
	planted := b.person(root.Identity, "mallory", Viewer)
	g, err := b.Login(t.Context(), "192.0.2.9", planted.Secret, "root", goodPassword)
	if err != nil || g.Secret == planted.Secret {
		t.Fatalf("the planted session was taken: %v", err)
	}
	if _, err := b.BySession(t.Context(), planted.Secret); err == nil {
		t.Error("the planted session lives on")
	}
	if _, err := b.Login(t.Context(), "192.0.2.9", "a made-up cookie", "root", goodPassword); err != nil {
		t.Errorf("a made-up cookie hinders signing in: %v", err)
	}
}

func TestForeignSecrets(t *testing.T) {
	b := newBench(t)
	g := b.admin()
	for _, s := range []string{"", "x", g.Secret + "x", g.Secret[:len(g.Secret)-1], hashSecret(g.Secret), strings.Repeat("A", 43), "' or '1'='1", "../../../../etc/passwd", strings.Repeat("A", 1<<20)} {
		_, err := b.BySession(t.Context(), s)
		wantCode(t, err, fault.AccessUnknown)
		_, err = b.ByToken(t.Context(), "192.0.2.1", tokenPrefix+s)
		wantCode(t, err, fault.AccessUnknown)
	}
}

func TestGuessing(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	b.admin()
	limited := 0
	for i := range 40 {
		// From many addresses: the name's own allowance must hold.
		_, err := b.Login(ctx, fmt.Sprintf("198.51.100.%d", i), "", "root", "wrong password number")
		if fault.CodeOf(err) == fault.AccessLimited {
			limited++
		}
	}
	if limited != 30 {
		t.Errorf("%d of 40 guesses were held back, want 30", limited)
	}
	_, err := b.Login(ctx, "192.0.2.1", "", "root", goodPassword)
	wantCode(t, err, fault.AccessLimited)
	b.move(time.Minute)
	if _, err := b.Login(ctx, "192.0.2.1", "", "root", goodPassword); err != nil {
		t.Errorf("the owner waits longer than a minute: %v", err)
	}
	refused := 0
	for _, e := range b.events() {
		if e.Action == "login" && e.Outcome == "refused" {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d refusals in the audit log, want 10: what is held back must not flood it", refused)
	}
}

func TestGuessingFromOneAddress(t *testing.T) {
	b := newBench(t)
	limited := 0
	for i := range 50 {
		_, err := b.Login(t.Context(), "198.51.100.1", "", fmt.Sprintf("name%d", i), "wrong")
		if fault.CodeOf(err) == fault.AccessLimited {
			limited++
		}
	}
	if limited != 20 {
		t.Errorf("%d of 50 names tried were held back, want 20", limited)
	}
}

func TestRehash(t *testing.T) {
	b := newBench(t)
	b.admin()
	before, _ := b.store.AccountNamed(t.Context(), "root")
	b.hasher = newHasher(hashParams{memory: 128, passes: 2, threads: 1})
	if _, err := b.Login(t.Context(), "192.0.2.1", "", "root", goodPassword); err != nil {
		t.Fatal(err)
	}
	after, _ := b.store.AccountNamed(t.Context(), "root")
	if before.Password == after.Password || !strings.Contains(after.Password, "m=128,t=2") {
		t.Errorf("hash stays %s", after.Password)
	}
	if _, err := b.Login(t.Context(), "192.0.2.1", "", "root", goodPassword); err != nil {
		t.Errorf("the new hash does not fit: %v", err)
	}
}

func TestConfirm(t *testing.T) {
	b := newBench(t)
	g := b.admin()
	if err := b.Confirm(t.Context(), "192.0.2.1", g.Identity, goodPassword); err != nil {
		t.Error(err)
	}
	wantCode(t, b.Confirm(t.Context(), "192.0.2.1", g.Identity, "wrong"), fault.AccessDenied)
	if !b.recorded("root", "password.confirmed", "refused") {
		t.Error("a wrong password at signing was not written down")
	}
}

func TestChangePassword(t *testing.T) {
	b := newBench(t)
	ctx := t.Context()
	here := b.admin()
	elsewhere, _ := b.Login(ctx, "192.0.2.2", "", "root", goodPassword)
	wantCode(t, b.ChangePassword(ctx, "192.0.2.1", here.Identity, "wrong", "another good sentence"), fault.AccessDenied)
	wantCode(t, b.ChangePassword(ctx, "192.0.2.1", here.Identity, goodPassword, "short"), fault.Usage)
	if err := b.ChangePassword(ctx, "192.0.2.1", here.Identity, goodPassword, "another good sentence"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.BySession(ctx, here.Secret); err != nil {
		t.Error("one's own session ended")
	}
	if _, err := b.BySession(ctx, elsewhere.Secret); err == nil {
		t.Error("a session elsewhere lives on")
	}
	_, err := b.Login(ctx, "192.0.2.1", "", "root", goodPassword)
	wantCode(t, err, fault.AccessUnknown)
}

// TestCrowdOfLogins signs in many at once: each gets a session of its own.
func TestCrowdOfLogins(t *testing.T) {
	b := newBench(t)
	b.admin()
	var wait sync.WaitGroup
	secrets := make(chan string, 20)
	for i := range 8 {
		wait.Go(func() {
			g, err := b.Login(t.Context(), fmt.Sprintf("192.0.2.%d", i), "", "root", goodPassword)
			if err != nil {
				t.Error(err)
			}
			secrets <- g.Secret
		})
	}
	wait.Wait()
	close(secrets)
	seen := map[string]bool{}
	for s := range secrets {
		if seen[s] {
			t.Error("two sessions have one secret")
		}
		seen[s] = true
	}
}

func TestSweep(t *testing.T) {
	b := newBench(t)
	g := b.admin()
	b.move(DefaultAbsolute + time.Hour)
	if err := b.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.store.Session(t.Context(), hashSecret(g.Secret)); !notFound(err) {
		t.Errorf("the session is still there: %v", err)
	}
}

// TestClinicBehindOneAddress: only wrong secrets cost, so that a shift's change
// behind one proxy is no attack.
func TestClinicBehindOneAddress(t *testing.T) {
	b := newBench(t)
	b.admin()
	for i := range 100 {
		if _, err := b.Login(t.Context(), "10.0.0.1", "", "root", goodPassword); err != nil {
			t.Fatalf("sign-in %d: %v", i+1, err)
		}
	}
	held := 0
	for i := range 40 {
		if _, err := b.Login(t.Context(), "10.0.0.1", "", fmt.Sprintf("name%d", i), "wrong"); fault.CodeOf(err) == fault.AccessLimited {
			held++
		}
	}
	if held != 10 {
		t.Errorf("after that, %d of 40 wrong ones were held back, want 10", held)
	}
}
