package link

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// again opens a hub in the folder and at the address of one that was closed.
func again(t testing.TB, h *Hub) *Hub {
	t.Helper()
	o := h.o
	o.Listen = h.Addresses()[0]
	return openHub(t, o)
}

func TestRejoinAfterHubRestart(t *testing.T) {
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	linked(t, s)
	var slowest time.Duration
	for range 3 {
		closed(t, h)
		until(t, "the cut", func() bool { return !s.Linked() })
		start := time.Now()
		h = again(t, h)
		opened := time.Since(start)
		until(t, "the member", func() bool { return member(t, h, "north").Linked })
		linked(t, s)
		took := time.Since(start)
		t.Logf("the hub opened in %v; the site was back %v after that began", opened.Round(time.Millisecond), took.Round(time.Millisecond))
		slowest = max(slowest, took)
	}
	if slowest > 2*time.Second {
		t.Errorf("the site was back after %v, more than 2 s", slowest)
	}
}

func member(t testing.TB, h *Hub, name string) federation.Member {
	t.Helper()
	all, err := h.Members(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("no member %s", name)
	return federation.Member{}
}

// The hub is closed three times while a mail is on its way. Each mail comes once, whole and in order.
func TestHubRestartsMidMail(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	linked(t, s)
	const mails = 4
	size := func(i int) int { return 12*pieceBytes + i*100_001 }
	ctx := soon(t)
	sent := make(chan error, 1)
	go func() {
		for i := range mails {
			if err := s.Send(ctx, federation.Mail{ID: fmt.Sprint("m", i), Kind: "update", Body: pattern(size(i), byte(i))}); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	next := 0
	for _, i := range []int{0, 1, 3} { // the mail in the midst of which the hub is closed
		for next < i {
			checkMail(t, receive(t, h), &next, size)
		}
		m, err := newHead(federation.Mail{ID: fmt.Sprint("m", i), Kind: "update", Body: pattern(size(i), byte(i))}, 1)
		if err != nil {
			t.Fatal(err)
		}
		box := h.named("north").inbox.box
		stands := func(subject string) bool { got, err := box.at(ctx, subject); return err == nil && got != nil }
		until(t, "the first pieces", func() bool { return stands(m.pieceSubject(prefixUp, 3)) })
		t.Logf("closed within mail %d: %v", i, !stands(m.headSubject(prefixUp)))
		closed(t, h)
		h = again(t, h)
	}
	for next < mails {
		checkMail(t, receive(t, h), &next, size)
	}
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	nothingMore(t, h)
}

func checkMail(t *testing.T, d federation.Delivery, next *int, size func(int) int) {
	t.Helper()
	if d.ID != fmt.Sprint("m", *next) || !bytes.Equal(d.Body, pattern(size(*next), byte(*next))) {
		t.Fatalf("got mail %s of %d bytes, want m%d", d.ID, len(d.Body), *next)
	}
	if err := d.Done(); err != nil {
		t.Fatal(err)
	}
	*next++
}

// nothingMore sends a last mail around and sees that nothing came before it.
func nothingMore(t *testing.T, h *Hub) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if d, err := h.Receive(ctx); err == nil {
		t.Fatalf("mail %s came once too often", d.ID)
	}
}

func TestUndoneMailComesAgainAfterRestart(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	dir := joined(t, h, "north")
	s := openSite(t, SiteOptions{Dir: dir})
	for i := range 3 {
		if err := h.Send(soon(t), "north", federation.Mail{ID: fmt.Sprint("m", i), Kind: "round", Body: pattern(300_000, byte(i))}); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(soon(t), federation.Mail{ID: fmt.Sprint("m", i), Kind: "update", Body: pattern(300_000, byte(i))}); err != nil {
			t.Fatal(err)
		}
	}
	for _, end := range []receiver{s, h} { // the first is done, the second is not, the third was not handed out
		if d := receive(t, end); d.ID != "m0" || d.Done() != nil {
			t.Fatalf("got %s", d.ID)
		}
		if d := receive(t, end); d.ID != "m1" {
			t.Fatalf("got %s", d.ID)
		}
	}
	closed(t, s)
	closed(t, h)
	h = again(t, h)
	s = openSite(t, SiteOptions{Dir: dir})
	for _, end := range []receiver{s, h} {
		for _, want := range []string{"m1", "m2"} {
			d := receive(t, end)
			if d.ID != want {
				t.Fatalf("got %s, want %s", d.ID, want)
			}
			if err := d.Done(); err != nil {
				t.Fatal(err)
			}
		}
	}
	nothingMore(t, h)
}

type receiver interface {
	Receive(context.Context) (federation.Delivery, error)
}

func TestSameMailTwiceIsOne(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	m := federation.Mail{ID: "same", Kind: "update", Body: pattern(600_000, 1)}
	other := m
	other.Body = pattern(600_000, 2) // made anew, under the ID of one that is on its way
	for _, mail := range []federation.Mail{m, m, other} {
		if err := s.Send(soon(t), mail); err != nil {
			t.Fatal(err)
		}
	}
	d := receive(t, h)
	if !bytes.Equal(d.Body, m.Body) {
		t.Fatal("not the first of them")
	}
	nothingMore(t, h)
	if err := d.Done(); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(soon(t), m); err != nil { // after it was dealt with
		t.Fatal(err)
	}
	nothingMore(t, h)
	closed(t, h)
	h = again(t, h)
	nothingMore(t, h)
	if err := s.Send(soon(t), m); err != nil {
		t.Fatal(err)
	}
	nothingMore(t, h)
}

// A Done while the link is cut counts.
func TestDoneWhileCut(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	dir := joined(t, h, "north")
	s := openSite(t, SiteOptions{Dir: dir})
	if err := h.Send(soon(t), "north", federation.Mail{ID: "one", Kind: "round"}); err != nil {
		t.Fatal(err)
	}
	d := receive(t, s)
	closed(t, h)
	if err := d.Done(); err != nil {
		t.Fatal(err)
	}
	closed(t, s)
	h = again(t, h)
	s = openSite(t, SiteOptions{Dir: dir})
	if err := h.Send(soon(t), "north", federation.Mail{ID: "two", Kind: "round"}); err != nil {
		t.Fatal(err)
	}
	if d := receive(t, s); d.ID != "two" {
		t.Errorf("got %s", d.ID)
	}
}

func TestSendWaitsForTheLink(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	dir := joined(t, h, "north")
	closed(t, h)
	s := openSite(t, SiteOptions{Dir: dir})
	short, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	wantCode(t, s.Send(short, federation.Mail{ID: "early", Kind: "update"}), fault.Timeout)
	_, err := s.Receive(short)
	wantCode(t, err, fault.Timeout)
	sent := make(chan error, 1)
	go func() { sent <- s.Send(soon(t), federation.Mail{ID: "patient", Kind: "update"}) }()
	h = again(t, h)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
	if d := receive(t, h); d.ID != "patient" {
		t.Errorf("got %s", d.ID)
	}
}
