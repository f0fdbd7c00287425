package link

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// TestMain lets many tests wait at the same time: that is what they do most.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// patience bounds every wait of the tests.
const patience = 30 * time.Second

func soon(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func testLog(t testing.TB) *slog.Logger {
	if os.Getenv("LINK_LOG") == "" {
		return nil
	}
	return slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// openHub starts a hub on a free port of the loopback interface.
func openHub(t testing.TB, o HubOptions) *Hub {
	t.Helper()
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	if o.Log == nil {
		o.Log = testLog(t)
	}
	h, err := OpenHub(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, h) })
	return h
}

type closer interface{ Close(context.Context) error }

func closed(t testing.TB, c closer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
}

// joined lets a site join and gives its folder.
func joined(t testing.TB, h *Hub, name string, change ...func(*JoinOptions)) string {
	t.Helper()
	code, err := Invite(h.o.Dir, name, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	o := JoinOptions{Dir: t.TempDir(), Hub: h.Addresses()[0], Code: code, Now: h.now, Version: "test"}
	for _, f := range change {
		f(&o)
	}
	if err := Join(soon(t), o); err != nil {
		t.Fatal(err)
	}
	return o.Dir
}

func openSite(t testing.TB, o SiteOptions) *Site {
	t.Helper()
	if o.Log == nil {
		o.Log = testLog(t)
	}
	s, err := OpenSite(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, s) })
	return s
}

// until waits for something that another goroutine or process brings about.
func until(t testing.TB, what string, f func() bool) {
	t.Helper()
	ctx := soon(t)
	for !f() {
		if !sleep(ctx, 5*time.Millisecond) {
			t.Fatal("in vain waited for: " + what)
		}
	}
}

func linked(t testing.TB, s *Site) {
	t.Helper()
	until(t, "the link of "+s.Name(), s.Linked)
}

func wantCode(t testing.TB, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
	if e := fault.Of(err); e != nil && e.Do == "" && code != fault.Interrupted {
		t.Errorf("%v says no way out", err)
	}
}

// pattern is a body without repetition: pieces out of place show.
func pattern(n int, seed byte) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

func receive(t testing.TB, end interface {
	Receive(context.Context) (federation.Delivery, error)
}) federation.Delivery {
	t.Helper()
	d, err := end.Receive(soon(t))
	if err == nil {
		d, err = d.Load(soon(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestMailBothWays(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	linked(t, s)
	largest := 64 << 20
	if testing.Short() {
		largest = 20 << 20 // more than memory is given for on trust
	}
	for i, size := range []int{0, 1, pieceBytes, pieceBytes + 1, 5*pieceBytes + 17, largest} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			body := pattern(size, byte(i))
			up := federation.Mail{ID: fmt.Sprint("up-", size), Kind: "update", Job: "hearts", Round: 3, Attempt: 2, Body: body}
			start := time.Now()
			if err := s.Send(soon(t), up); err != nil {
				t.Fatal(err)
			}
			sent := time.Since(start)
			d := receive(t, h)
			if d.From != "north" || d.ID != up.ID || d.Kind != up.Kind || d.Job != up.Job || d.Round != 3 || d.Attempt != 2 || !bytes.Equal(d.Body, body) {
				t.Fatalf("the hub got another mail: %q of %s, %d bytes", d.ID, d.From, len(d.Body))
			}
			if err := d.Done(); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes upwards: on disk after %v, read after %v", size, sent.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
			start = time.Now()
			if err := h.Send(soon(t), "north", federation.Mail{ID: fmt.Sprint("down-", size), Kind: "round", Body: body}); err != nil {
				t.Fatal(err)
			}
			sent = time.Since(start)
			d = receive(t, s)
			if d.From != "hub" || d.ID != fmt.Sprint("down-", size) || !bytes.Equal(d.Body, body) {
				t.Fatalf("the site got another mail: %q, %d bytes", d.ID, len(d.Body))
			}
			if err := d.Done(); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes downwards: on disk after %v, read after %v", size, sent.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
		})
	}
	until(t, "an empty store", func() bool { return s.inbox.settled() && h.named("north").inbox.settled() })
	for _, b := range []*box{h.named("north").down, h.named("north").inbox.box} {
		if m, err := b.get(soon(t), map[string]any{"seq": 1, "next_by_subj": b.prefix + ".>"}); m != nil || err != nil {
			t.Errorf("%s still holds mail that was dealt with (%v)", b.stream, err)
		}
	}
}

func (in *inbox) settled() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.owed) == 0
}

// clock is a clock that a test can set.
type clock struct{ ahead atomic.Int64 }

func (c *clock) Now() time.Time      { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) add(d time.Duration) { c.ahead.Add(int64(d)) }
