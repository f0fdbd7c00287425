package hl7

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/fault"
)

// listener runs a server for a test; events gives what it took in.
func listener(t *testing.T, c Config) (address string, events func() []Event) {
	t.Helper()
	var mu sync.Mutex
	var taken []Event
	inner := c.Handle
	c.Address = "127.0.0.1:0"
	c.Handle = func(ctx context.Context, e Event) error {
		mu.Lock()
		taken = append(taken, e)
		mu.Unlock()
		if inner != nil {
			return inner(ctx, e)
		}
		return nil
	}
	s, err := Listen(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the listener does not end")
		}
	})
	return s.Addr().String(), func() []Event {
		mu.Lock()
		defer mu.Unlock()
		return taken
	}
}

func dial(t *testing.T, address string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn, bufio.NewReader(conn)
}

// ask sends raw bytes and reads the acknowledgement.
func ask(t *testing.T, conn net.Conn, r *bufio.Reader, raw string) Message {
	t.Helper()
	if _, err := conn.Write([]byte(raw)); err != nil {
		t.Fatal(err)
	}
	answer, err := readFrame(r, func() {})
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, string(answer))
}

func mllp(text string) string { return string(frame([]byte(text))) }

func TestAcknowledgements(t *testing.T) {
	failing := errors.New("the database is gone: secret detail")
	address, events := listener(t, Config{Handle: func(_ context.Context, e Event) error {
		switch e.Control {
		case "FAIL":
			return failing
		case "PANIC":
			panic("secret")
		}
		return nil
	}})
	conn, r := dial(t, address)
	for _, c := range []struct{ text, code string }{
		{admission, Accept},
		{admission, Accept}, // again: acknowledged, not handled
		{strings.Replace(admission, "CTRL1", "FAIL", 1), Error},
		{strings.Replace(admission, "CTRL1", "FAIL", 1), Error}, // a failed one is tried again
		{strings.Replace(admission, "CTRL1", "PANIC", 1), Error},
		{strings.Replace(admission, "ADT^A01", "SIU^S12", 1), Reject},
		{strings.Replace(admission, "CTRL1", "", 1), Reject},
		{"garbage", Reject},
		{order, Accept},
	} {
		ack := ask(t, conn, r, mllp(c.text))
		if ack.Of("MSA", 1, 1) != c.code || ack.Of("MSH", 9, 1) != "ACK" || strings.Contains(string(ack.Bytes()), "secret") {
			t.Errorf("%.80q is answered with %q", c.text, ack.Bytes())
		}
		if m, err := Parse([]byte(c.text)); err == nil && ack.Of("MSA", 2, 1) != m.Control() {
			t.Errorf("%q is not the control ID", ack.Of("MSA", 2, 1))
		}
	}
	if got := len(events()); got != 5 {
		t.Errorf("%d events were handled, not 5", got)
	}
	if ack := ask(t, conn, r, mllp(admission)); ack.Of("MSH", 9, 2) != "A01" || ack.Of("MSH", 5, 1) != "KIS" || ack.Of("MSH", 12, 1) != "2.5.1" {
		t.Errorf("%q", ack.Bytes())
	}
}

func TestFrames(t *testing.T) {
	address, events := listener(t, Config{})
	conn, r := dial(t, address)
	noisy := "\r\n\x0b" + strings.Replace(admission, "WARD7", "WARD\x1c7", 1) + "\x1c\r\r" // an FS inside is text; noise between frames is passed over
	if ack := ask(t, conn, r, noisy); ack.Of("MSA", 1, 1) != Accept {
		t.Errorf("%q", ack.Bytes())
	}
	if ack := ask(t, conn, r, mllp(order)); ack.Of("MSA", 1, 1) != Accept {
		t.Errorf("%q", ack.Bytes())
	}
	half, _ := dial(t, address)
	if _, err := half.Write([]byte("\x0bMSH|^~\\&|half")); err != nil {
		t.Fatal(err)
	}
	half.Close()
	http, hr := dial(t, address)
	if ack := ask(t, http, hr, "GET / HTTP/1.1\r\n"+strings.Repeat("x", 2*maxNoise)); ack.Of("MSA", 1, 1) != Reject {
		t.Errorf("%q", ack.Bytes())
	}
	if _, err := hr.ReadByte(); err != io.EOF && err == nil {
		t.Error("the connection is still open")
	}
	if got := len(events()); got != 2 {
		t.Errorf("%d events", got)
	}
}

func TestLimits(t *testing.T) {
	address, _ := listener(t, Config{MaxConnections: 2, Deadline: 100 * time.Millisecond, Idle: 10 * time.Second})
	slow, sr := dial(t, address)
	if _, err := slow.Write([]byte("\x0bMSH|")); err != nil { // begun, and never ended
		t.Fatal(err)
	}
	if _, err := sr.ReadByte(); err == nil {
		t.Error("a message that never ends was answered")
	}
	big, br := dial(t, address)
	go io.Copy(big, strings.NewReader("\x0bMSH|^~\\&|"+strings.Repeat("x", MaxMessage+10))) // the other side may hang up in between
	if raw, err := readFrame(br, func() {}); err == nil && !strings.Contains(string(raw), "AR") {
		t.Errorf("%q", raw)
	}
	first, fr := dial(t, address)
	second, sr2 := dial(t, address)
	deadline := time.Now().Add(5 * time.Second)
	for ask2(first, fr) != nil || ask2(second, sr2) != nil { // until the slots of the two before are free
		if time.Now().After(deadline) {
			t.Fatal("two connections are not served")
		}
		first.Close()
		second.Close()
		first, fr = dial(t, address)
		second, sr2 = dial(t, address)
	}
	third, tr := dial(t, address)
	if ask2(third, tr) == nil {
		t.Error("a third connection was served")
	}
}

// ask2 says whether a connection is served.
func ask2(conn net.Conn, r *bufio.Reader) error {
	if _, err := conn.Write([]byte(mllp(order))); err != nil {
		return err
	}
	_, err := readFrame(r, func() {})
	return err
}

func TestSend(t *testing.T) {
	address, events := listener(t, Config{Handle: func(_ context.Context, e Event) error {
		if e.Kind == Orders {
			return fault.New(fault.StoreFailed, "no", "")
		}
		return nil
	}})
	ack, err := Send(t.Context(), Peer{Address: address}, parse(t, admission))
	if err != nil || ack.Of("MSA", 1, 1) != Accept || len(events()) != 1 {
		t.Fatal(err)
	}
	if _, err = Send(t.Context(), Peer{Address: address}, parse(t, order)); fault.CodeOf(err) != fault.PeerRefused || !strings.Contains(err.Error(), "AE") {
		t.Error(err)
	}
	if _, err = Send(t.Context(), Peer{Address: "127.0.0.1:1"}, parse(t, order)); fault.CodeOf(err) != fault.PeerUnreachable {
		t.Error(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err = Send(ctx, Peer{Address: silent.Addr().String()}, parse(t, order)); fault.CodeOf(err) != fault.PeerUnreachable {
		t.Error(err)
	}
}
