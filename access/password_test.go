package access

import (
	"context"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"consilium/fault"
)

func TestHash(t *testing.T) {
	h := newHasher(cheap)
	ctx := t.Context()
	a, err := h.hash(ctx, "correct horse battery")
	if err != nil {
		t.Fatal(err)
	}
	b, _ := h.hash(ctx, "correct horse battery")
	if a == b {
		t.Error("two hashes of one password are equal: no salt")
	}
	if !strings.HasPrefix(a, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Errorf("hash %s does not carry its costs", a)
	}
	for password, want := range map[string]bool{"correct horse battery": true, "correct horse batterY": false, "": false} {
		if fits, stale, err := h.verify(ctx, password, a); err != nil || fits != want || stale {
			t.Errorf("%q: fits %v stale %v %v", password, fits, stale, err)
		}
	}
	if fits, _, err := h.verify(ctx, "", ""); fits || err != nil {
		t.Errorf("no account: fits %v, %v", fits, err)
	}
	if _, stale, _ := newHasher(hashParams{memory: 128, passes: 1, threads: 1}).verify(ctx, "correct horse battery", a); !stale {
		t.Error("a hash with former costs is not stale")
	}
	// One password typed on two keyboards: composed, and as letter and accent.
	composed, _ := h.hash(ctx, "caf\u00e9 caf\u00e9 caf\u00e9")
	if fits, _, _ := h.verify(ctx, "cafe\u0301 cafe\u0301 cafe\u0301", composed); !fits {
		t.Error("the same characters in another form are another password")
	}
}

// TestPresentParams holds the costs to OWASP's floor.
func TestPresentParams(t *testing.T) {
	if p := presentParams; p.memory < 19*1024 || p.passes < 2 || p.threads != 1 {
		t.Errorf("%+v is below OWASP's argon2id m=19456, t=2, p=1", p)
	}
}

// TestHostileHash gives the parser hashes that a damaged or altered database may hold.
func TestHostileHash(t *testing.T) {
	h := newHasher(cheap)
	good, _ := h.hash(t.Context(), "x")
	for _, bad := range []string{
		"plain", "$argon2id$", "$2a$10$abcdefghijklmnopqrstuv",
		strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=4294967295", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=4000000000", 1),
		strings.Replace(good, "p=1", "p=0", 1), strings.Replace(good, "p=1", "p=255", 1), strings.Replace(good, "m=64", "m=-64", 1), good[:len(good)-40], good + "$x",
	} {
		if fits, _, err := h.verify(t.Context(), "x", bad); fits || fault.CodeOf(err) != fault.StoreCorrupt {
			t.Errorf("%s: fits %v, %v", bad, fits, err)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	good, _ := newHasher(cheap).hash(f.Context(), "x")
	for _, s := range []string{good, "", "$argon2id$v=19$m=1,t=1,p=1$$", "$argon2id$v=19$m=99999999999,t=1,p=1$AAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, salt, key, err := parseHash(s)
		if err == nil && (p.memory > maxHashMemory || p.passes > maxHashPasses || p.threads > maxHashLanes || len(salt) > 64 || len(key) > 64) {
			t.Errorf("%q asks for %+v", s, p)
		}
	})
}

// TestCrowd: when every slot is taken, one more waits no longer than its deadline.
func TestCrowd(t *testing.T) {
	h := newHasher(cheap)
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	_, _, err := h.verify(ctx, "x", "")
	wantCode(t, err, fault.AccessLimited)
}

func TestCheckPassword(t *testing.T) {
	for password, ok := range map[string]bool{
		goodPassword: true, "vier ganz andere Worte": true, "Zweiundvierzig-Äpfel": true, "パスワードは十二文字以上です": true, "kx93jfn2lq0d": true,
		"short": false, "elevenchars": false, "password1234": false, "Password2026!": false, "qwertyuiop123": false, "123456789012": false,
		"aaaaaaaaaaaa": false, "abababababab": false, "abcdefghijkl": false, "consilium2026": false, "radiology1234": false,
		"anna.schmidt": false, "anna.schmidt1": false, "anna.schmidt and more words": true,
		strings.Repeat("long ", 60): false, "null\x00null\x00null": false, "not utf8 \xff\xfe\xfd": false,
	} {
		if err := checkPassword(password, "anna.schmidt"); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", password, err, ok)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"ab": true, "anna.schmidt": true, "a-b_c@hospital.example": true, "7of9": true,
		"": false, "a": false, ".hidden": false, "-dash": false, "anna schmidt": false, "Anna": false, "änna": false,
		"' or 1=1 --": false, "<script>alert(1)</script>": false, "../../etc/passwd": false, "a\nb": false, strings.Repeat("a", 65): false,
	} {
		if err := checkName(name); (err == nil) != ok {
			t.Errorf("%q: %v, want ok %v", name, err, ok)
		}
	}
}

// TestLimiter: whatever the times of the attempts, no window lets more through than burst and refill allow.
func TestLimiter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		burst := rapid.IntRange(1, 5).Draw(t, "burst")
		l := NewLimiter(time.Second, burst, 10)
		start := time.Unix(1_000_000, 0)
		now, through := start, 0
		for range rapid.IntRange(1, 60).Draw(t, "attempts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 1500).Draw(t, "gap")) * time.Millisecond)
			if ok, wait := l.Allow(now, "k"); ok {
				through++
			} else if wait <= 0 || wait > time.Second {
				t.Fatalf("refused with a wait of %v", wait)
			}
		}
		if most := burst + int(now.Sub(start)/time.Second) + 1; through > most {
			t.Fatalf("%d came through in %v with burst %d", through, now.Sub(start), burst)
		}
	})
}

func TestLimiterIsBounded(t *testing.T) {
	l := NewLimiter(time.Hour, 1, 3)
	now := time.Unix(0, 0)
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		l.Allow(now, key)
	}
	if len(l.keys) != 3 || l.used.Len() != 3 {
		t.Errorf("%d keys are held, want 3", len(l.keys))
	}
	if ok, _ := l.Allow(now, "f"); ok {
		t.Error("a key that is held was forgotten")
	}
	if ok, _ := l.Allow(now.Add(-time.Hour), "f"); ok {
		t.Error("a clock that was set back gives a token")
	}
}

func BenchmarkPresentHash(b *testing.B) {
	h := newHasher(presentParams)
	for b.Loop() {
		_, _ = h.hash(b.Context(), goodPassword)
	}
}
