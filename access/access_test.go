package access

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// cheap makes tests quick; the real costs are measured in password_test.go.
var cheap = hashParams{memory: 64, passes: 1, threads: 1}

const goodPassword = "four unrelated words 7"

// bench is a service on a store of its own, with a clock that the test moves.
type bench struct {
	*Service
	t     *testing.T
	store *store.Store
	mu    sync.Mutex
	at    time.Time
}

func (b *bench) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.at
}

func (b *bench) move(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.at = b.at.Add(d)
}

func newBench(t *testing.T, change ...func(*Config)) *bench {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	b := &bench{t: t, store: st, at: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)}
	c := Config{Store: st, Now: b.clock, params: cheap}
	for _, f := range change {
		f(&c)
	}
	if b.Service, err = New(c); err != nil {
		t.Fatal(err)
	}
	return b
}

// admin makes the first administrator by its link.
func (b *bench) admin() Grant {
	b.t.Helper()
	secret, err := b.FirstLink(b.t.Context())
	if err != nil || secret == "" {
		b.t.Fatalf("first link %q: %v", secret, err)
	}
	g, err := b.Redeem(b.t.Context(), "192.0.2.1", "", secret, "root", goodPassword)
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

// person makes an account with a password and signs it in.
func (b *bench) person(by Identity, name string, role Role) Grant {
	b.t.Helper()
	_, link, err := b.AddAccount(b.t.Context(), by, NewAccount{Name: name, Role: role})
	if err != nil {
		b.t.Fatal(err)
	}
	g, err := b.Redeem(b.t.Context(), "192.0.2.1", "", link, name, goodPassword)
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

// events gives what was written down, oldest first.
func (b *bench) events() []govern.Event {
	b.t.Helper()
	pending, err := b.store.PendingEvents(context.Background(), 1000)
	if err != nil {
		b.t.Fatal(err)
	}
	var out []govern.Event
	for _, p := range pending {
		var e govern.Event
		if err := json.Unmarshal(p.Body, &e); err != nil {
			b.t.Fatal(err)
		}
		out = append(out, e)
	}
	return out
}

// recorded says whether an event of that kind was written down.
func (b *bench) recorded(actor, action, outcome string) bool {
	for _, e := range b.events() {
		if e.Actor == actor && e.Action == action && e.Outcome == outcome {
			return true
		}
	}
	return false
}

// wantCode fails unless the error has the code ("" = no error).
func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("error %v, want code %q", err, code)
	}
}

func TestIdentityMay(t *testing.T) {
	reader := Identity{ID: "1", Role: Reader}
	tests := []struct {
		what   string
		id     Identity
		action Action
		want   bool
	}{
		{"nobody", Identity{Role: Admin}, StudyList, false},
		{"reader signs", reader, ReportSign, true},
		{"reader manages no accounts", reader, UserManage, false},
		{"unknown role", Identity{ID: "1", Role: "root"}, StudyList, false},
		{"unknown action", Identity{ID: "1", Role: Admin}, "everything", false},
		{"token of a reader", Identity{ID: "1", Role: Reader, Token: "t", owner: Reader}, StudyUpload, true},
		{"token whose owner fell to viewer", Identity{ID: "1", Role: Reader, Token: "t", owner: Viewer}, StudyUpload, false},
		{"narrowed token, inside", Identity{ID: "1", Role: Reader, Token: "t", owner: Reader, Actions: []Action{DICOMwebWrite}}, DICOMwebWrite, true},
		{"narrowed token, outside", Identity{ID: "1", Role: Reader, Token: "t", owner: Reader, Actions: []Action{DICOMwebWrite}}, StudyList, false},
		{"token narrowed beyond its role", Identity{ID: "1", Role: Viewer, Token: "t", owner: Admin, Actions: []Action{UserManage}}, UserManage, false},
	}
	for _, c := range tests {
		if got := c.id.May(c.action); got != c.want {
			t.Errorf("%s: %v, want %v", c.what, got, c.want)
		}
	}
}

func ExampleAllowed() {
	fmt.Println(Allowed(Reader, ReportSign), Allowed(Admin, ReportSign), Purpose(Researcher))
	// Output: true false research
}

func TestClip(t *testing.T) {
	got := clip("a\nb\x00" + strings.Repeat("x", 100))
	if strings.ContainsAny(got, "\n\x00") || len(got) > 70 {
		t.Errorf("clip gives %q", got)
	}
}
