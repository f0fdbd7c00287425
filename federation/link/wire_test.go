package link

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"consilium/fault"
	"consilium/federation"
)

// proxy is an HTTP proxy that knows CONNECT and asks for a password, as those of hospitals do.
type proxy struct {
	listener net.Listener
	tunnels  atomic.Int64
	refused  atomic.Int64
	bytes    atomic.Int64
	work     sync.WaitGroup
}

func newProxy(t testing.TB) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l}
	p.work.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			p.work.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); p.work.Wait() })
	return p
}

func (p *proxy) serve(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	r := bufio.NewReader(conn)
	q, err := http.ReadRequest(r)
	if err != nil {
		return
	}
	if q.Method != http.MethodConnect || q.Header.Get("Proxy-Authorization") != "Basic bm9ydGg6aGFsbA==" {
		p.refused.Add(1)
		_, _ = io.WriteString(conn, "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
		return
	}
	inner, err := net.Dial("tcp", q.Host)
	if err != nil {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	p.tunnels.Add(1)
	_, _ = io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n")
	p.work.Go(func() {
		n, _ := io.Copy(conn, inner)
		p.bytes.Add(n)
		_, _ = conn.Close(), inner.Close()
	})
	n, _ := io.Copy(inner, r)
	p.bytes.Add(n)
	_, _ = conn.Close(), inner.Close()
}

// url gives the proxy's address with the password that it asks for: north:hall.
func (p *proxy) url() string { return "http://north:hall@" + p.listener.Addr().String() }

func TestWaysToTheHub(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir(), WebSocket: "127.0.0.1:0"})
	for name, c := range map[string]struct {
		hub   string
		proxy bool
	}{
		"straight":                    {h.Addresses()[0], false},
		"second-port":                 {h.Addresses()[1], false},
		"websocket":                   {"wss://" + h.Addresses()[1], false},
		"websocket-on-the-first-port": {"wss://" + h.Addresses()[0], false},
		"proxy":                       {h.Addresses()[0], true},
		"websocket-through-a-proxy":   {"wss://" + h.Addresses()[1], true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProxy(t)
			dir := joined(t, h, name, func(o *JoinOptions) {
				o.Hub = c.hub
				if c.proxy {
					o.Proxy = p.url()
				}
			})
			s := openSite(t, SiteOptions{Dir: dir})
			linked(t, s)
			body := pattern(2*pieceBytes+5, 3)
			if err := s.Send(soon(t), federation.Mail{ID: name, Kind: "update", Body: body}); err != nil {
				t.Fatal(err)
			}
			d := receive(t, h)
			if d.From != name || !bytes.Equal(d.Body, body) {
				t.Errorf("got %s of %s, %d bytes", d.ID, d.From, len(d.Body))
			}
			if err := d.Done(); err != nil {
				t.Fatal(err)
			}
			if err := h.Send(soon(t), name, federation.Mail{ID: name, Kind: "round", Body: body}); err != nil {
				t.Fatal(err)
			}
			if d := receive(t, s); !bytes.Equal(d.Body, body) {
				t.Error("the site got another body")
			}
			closed(t, s)
			if got := p.tunnels.Load(); (got >= 2) != c.proxy {
				t.Errorf("%d tunnels through the proxy", got)
			}
			until(t, "the count", func() bool {
				m := member(t, h, name)
				return m.Sent > int64(len(body)) && m.Received > int64(len(body))
			})
		})
	}
}

func TestProxyThatRefuses(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	p := newProxy(t)
	code, err := Invite(h.o.Dir, "north", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	err = Join(soon(t), JoinOptions{Dir: t.TempDir(), Hub: h.Addresses()[0], Code: code, Proxy: "http://" + p.listener.Addr().String()})
	wantCode(t, err, fault.PeerUnreachable)
	if !strings.Contains(err.Error(), "407") {
		t.Errorf("%v does not say what the proxy said", err)
	}
	for _, bad := range []string{"socks5://x:1", "http://", "::"} {
		wantCode(t, Join(soon(t), JoinOptions{Dir: t.TempDir(), Hub: h.Addresses()[0], Code: code, Proxy: bad}), fault.Usage)
	}
}

// A site that does with its credentials what it likes, over NATS itself, reaches nothing of its neighbour.
func TestSitesCannotReachEachOther(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	victim := openSite(t, SiteOptions{Dir: joined(t, h, "victim")})
	thief := openSite(t, SiteOptions{Dir: joined(t, h, "thief")})
	linked(t, victim)
	linked(t, thief)
	const secret = "_INBOX.only.of.the.victim"
	if _, err := victim.conn.Subscribe(secret, func(*nats.Msg) { t.Error("the victim got what the thief published") }); err != nil {
		t.Fatal(err)
	}
	heard, err := thief.conn.SubscribeSync("_INBOX.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := thief.conn.Publish(secret, []byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := victim.conn.Publish("_INBOX.of.anybody", []byte("secret")); err != nil {
		t.Fatal(err)
	}
	if err := h.Send(soon(t), "victim", federation.Mail{ID: "private", Kind: "round", Body: []byte("secret")}); err != nil {
		t.Fatal(err)
	}
	if err := victim.Send(soon(t), federation.Mail{ID: "private", Kind: "update", Body: []byte("secret")}); err != nil {
		t.Fatal(err)
	}
	// What the thief's server was told of others' interest: nothing but its own account's.
	leafs, err := thief.leaf.Leafz(&server.LeafzOptions{Subscriptions: true})
	if err != nil || len(leafs.Leafs) != 1 {
		t.Fatal(err)
	}
	for _, subject := range leafs.Leafs[0].Subs {
		if strings.Contains(subject, "victim") {
			t.Errorf("the thief sees the victim's interest in %s", subject)
		}
	}
	// Nor does it find the victim's mail with the calls that it is allowed, which end in its own account.
	for _, b := range []*box{thief.inbox.box, downBox(thief.conn, apiAtHub)} {
		m, err := b.get(soon(t), map[string]any{"seq": 1, "next_by_subj": ">"})
		if m != nil || err != nil {
			t.Errorf("the thief read %v, %v", m, err)
		}
	}
	if err := thief.inbox.box.purge(soon(t), ">"); err != nil {
		t.Error(err)
	}
	// Calls that no site is allowed: not even within its own account. A leaf node that asks for them loses its link.
	for _, call := range []string{"STREAM.NAMES", "STREAM.INFO." + streamDown, "STREAM.DELETE." + streamDown,
		"STREAM.CREATE.MORE", "STREAM.UPDATE." + streamUp, "STREAM.MSG.GET." + streamUp, "CONSUMER.CREATE." + streamUp, "INFO"} {
		short, cancel := context.WithTimeout(soon(t), 100*time.Millisecond)
		if m, err := thief.conn.RequestWithContext(short, apiAtHub+call, []byte("{}")); err == nil {
			t.Errorf("%s was answered: %s", call, m.Data)
		}
		cancel()
	}
	if d := receive(t, victim); string(d.Body) != "secret" {
		t.Error("the victim's mail is gone")
	}
	if d := receive(t, h); d.From != "victim" || string(d.Body) != "secret" {
		t.Errorf("the hub got %s of %s", d.ID, d.From)
	}
	for {
		m, err := heard.NextMsg(time.Millisecond)
		if err != nil {
			break
		}
		if strings.Contains(string(m.Data), "secret") {
			t.Errorf("the thief heard %s", m.Subject)
		}
	}
}

// Mail is refused when the store is full, says so, and goes on when there is room.
func TestStoreFull(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir(), Store: 2 << 20})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	linked(t, s)
	body := pattern(900_000, 1)
	for i, send := range []func(federation.Mail) error{
		func(m federation.Mail) error { return s.Send(soon(t), m) },
		func(m federation.Mail) error { return h.Send(soon(t), "north", m) },
	} {
		for n := range 2 {
			if err := send(federation.Mail{ID: fmt.Sprint(i, "-", n), Kind: "update", Body: body}); err != nil {
				t.Fatal(err)
			}
		}
		wantCode(t, send(federation.Mail{ID: fmt.Sprint(i, "-2"), Kind: "update", Body: body}), fault.StoreFull)
	}
	for i, end := range []receiver{h, s} {
		for n := range 2 {
			d := receive(t, end)
			if d.ID != fmt.Sprint(i, "-", n) || !bytes.Equal(d.Body, body) {
				t.Fatalf("got %s", d.ID)
			}
			if err := d.Done(); err != nil {
				t.Fatal(err)
			}
		}
	}
	until(t, "room", func() bool { return h.named("north").inbox.settled() && s.inbox.settled() })
	if err := s.Send(soon(t), federation.Mail{ID: "0-2", Kind: "update", Body: body}); err != nil {
		t.Error(err)
	}
	if err := h.Send(soon(t), "north", federation.Mail{ID: "1-2", Kind: "update", Body: body}); err != nil {
		t.Error(err)
	}
}

func TestNothingPlainOnTheHubsDisk(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	marker := []byte("the-patients-marker-0123456789")
	for _, size := range []int{100, 2 * pieceBytes} {
		body := bytes.Repeat(append(marker, ' '), size/len(marker)+1)
		m := federation.Mail{ID: fmt.Sprint("the-patients-marker-id", size), Kind: "update", Job: "the-patients-marker-job", Body: body}
		if err := s.Send(soon(t), m); err != nil {
			t.Fatal(err)
		}
		if err := h.Send(soon(t), "north", m); err != nil {
			t.Fatal(err)
		}
	}
	closed(t, s)
	closed(t, h)
	files, size := 0, 0
	err := filepath.WalkDir(h.o.Dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		files, size = files+1, size+len(text)
		if bytes.Contains(text, []byte("the-patients-marker")) {
			t.Errorf("%s holds mail in plain", path)
		}
		return err
	})
	if err != nil || size < 4*pieceBytes {
		t.Fatalf("%d bytes in %d files: nothing was looked at (%v)", size, files, err)
	}
	t.Logf("%d files, %d bytes", files, size)
	h = again(t, h)
	if d := receive(t, h); !bytes.Contains(d.Body, marker) {
		t.Error("the mail cannot be read back")
	}
}

// Mail that is none, is foreign or broken is thrown away, and what is behind it comes.
func TestBrokenMailDoesNotBlock(t *testing.T) {
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	linked(t, s)
	put := func(subject string, data []byte) {
		t.Helper()
		if err := s.up.put(soon(t), subject, data); err != nil {
			t.Fatal(err)
		}
	}
	body := pattern(3*pieceBytes, 1)
	whole := func(id string) (head, []byte) {
		hd, err := newHead(federation.Mail{ID: id, Kind: "update", Body: body}, federation.Protocol)
		if err != nil {
			t.Fatal(err)
		}
		text, err := hd.marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		return hd, text
	}
	put("up.x.y.h", []byte("no mail at all"))
	put("up.x.z.h", nil)
	_, text := whole("foreign")
	put("up.x.w.h", text) // under the name of another
	hd, text := whole("no pieces")
	put(hd.headSubject(prefixUp), text)
	hd, text = whole("short piece")
	for i := range 3 {
		put(hd.pieceSubject(prefixUp, i), body[:pieceBytes-i])
	}
	put(hd.headSubject(prefixUp), text)
	hd, text = whole("changed piece")
	for i := range 3 {
		put(hd.pieceSubject(prefixUp, i), body[:pieceBytes])
	}
	put(hd.headSubject(prefixUp), text)
	hd, _ = whole("huge")
	hd.Size, hd.Pieces = federation.MaxUpdateBytes, federation.MaxUpdateBytes/pieceBytes
	text, err := hd.marshal(nil)
	if err != nil {
		t.Fatal(err)
	}
	put(hd.headSubject(prefixUp), text)
	hd.ID, hd.Protocol = "old", tooOld
	if text, err = hd.marshal(nil); err != nil {
		t.Fatal(err)
	}
	put(hd.headSubject(prefixUp), text)
	if err := s.Send(soon(t), federation.Mail{ID: "good", Kind: "update", Body: body}); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, id := range []string{"no pieces", "short piece", "changed piece", "huge"} {
		d, err := h.Receive(soon(t))
		if err == nil {
			_, err = d.Load(soon(t))
		}
		if d.ID != id || fault.CodeOf(err) != fault.UpdateRefused {
			t.Fatalf("%s: %v", d.ID, err)
		}
	}
	d := receive(t, h)
	runtime.ReadMemStats(&after)
	if d.ID != "good" || !bytes.Equal(d.Body, body) {
		t.Fatalf("got %s", d.ID)
	}
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 200<<20 {
		t.Errorf("a head alone made the hub take %d MiB", grown>>20)
	}
	if err := d.Done(); err != nil {
		t.Fatal(err)
	}
	// A broken mail can be sent again, whole.
	if err := s.Send(soon(t), federation.Mail{ID: "changed piece", Kind: "update", Body: body}); err != nil {
		t.Fatal(err)
	}
	if d := receive(t, h); d.ID != "changed piece" || !bytes.Equal(d.Body, body) {
		t.Errorf("got %s", d.ID)
	}
}

func TestMembersAndReport(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north"), Version: "v1.2"})
	linked(t, s)
	s.Report("training\nround 3")
	until(t, "the report", func() bool { return member(t, h, "north").Doing == "traininground 3" })
	m := member(t, h, "north")
	if m.Version != "v1.2" || m.Protocol != federation.Protocol || !m.Linked || m.Memory <= 0 || time.Duration(m.Skew).Abs() > time.Minute || m.Joined.IsZero() {
		t.Errorf("%+v", m)
	}
	closed(t, s)
	until(t, "silence", func() bool { return !member(t, h, "north").Linked })
	wantCode(t, h.Send(soon(t), "nobody", federation.Mail{ID: "x", Kind: "round"}), fault.NotFound)
	wantCode(t, h.Send(soon(t), "north", federation.Mail{ID: "x", Kind: "No Word"}), fault.Usage)
	short, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := h.Receive(short)
	wantCode(t, err, fault.Interrupted)
}

func TestNothingIsLeftRunning(t *testing.T) {
	run := func() {
		h := openHub(t, HubOptions{Dir: t.TempDir(), WebSocket: "127.0.0.1:0"})
		s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
		linked(t, s)
		goesOn(t, h, s)
		closed(t, s)
		closed(t, h)
		closed(t, h) // twice is no error
		_, err := s.Receive(soon(t))
		wantCode(t, err, fault.Interrupted)
		_, err = h.Receive(soon(t))
		wantCode(t, err, fault.Interrupted)
		wantCode(t, s.Send(soon(t), federation.Mail{ID: "late", Kind: "update"}), fault.Interrupted)
		wantCode(t, h.Send(soon(t), "north", federation.Mail{ID: "late", Kind: "round"}), fault.Interrupted)
	}
	run() // what the libraries start once
	ours := func() (int, string) {
		buf := make([]byte, 4<<20)
		stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
		n, all := 0, ""
		for _, stack := range stacks {
			if strings.Contains(stack, "nats-io") || strings.Contains(stack, "federation/link.(") {
				n, all = n+1, all+stack+"\n\n"
			}
		}
		return n, all
	}
	before, _ := ours()
	run()
	ctx, cancel := context.WithTimeout(context.Background(), shortWait)
	defer cancel()
	for n, all := ours(); n > before; n, all = ours() {
		if !sleep(ctx, 10*time.Millisecond) {
			t.Fatalf("%d goroutines before, %d after:\n%s", before, n, all)
		}
	}
}
