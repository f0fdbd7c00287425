package dimse

import (
	"bytes"
	"context"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cocosip/go-dicom/pkg/network/pdu"

	"consilium/fault"
)

func TestChoose(t *testing.T) {
	const jpeg, ls, jpip = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.94"
	for want, proposals := range map[string][][]string{
		explicitLittle:            {{implicitLittle, explicitLittle}, {jpeg, explicitLittle}, {explicitLittle, ls}, {explicitBig, explicitLittle}, {"9.9", jpip, explicitLittle}},
		implicitLittle:            {{implicitLittle}, {jpeg, implicitLittle}, {implicitLittle, explicitBig}},
		ls:                        {{ls, explicitLittle}, {implicitLittle, ls}},
		jpeg:                      {{jpeg}, {jpip, jpeg}},
		"1.2.840.10008.1.2.4.999": {{"1.2.840.10008.1.2.4.999"}},
		"":                        {{}, {jpip}, {"9.9"}, {"1.2.840.10008.1.20"}, {"1.2.840.10008.1.2.6.2"}, {"1.2.840.10008.1.2.7.1"}, {"1.2.840.10008.1.2."}},
	} {
		for _, p := range proposals {
			if got := choose(p); got != want {
				t.Errorf("of %v: %q, want %q", p, got, want)
			}
		}
	}
}

func TestStores(t *testing.T) {
	c := &Config{Private: []string{"1.2.276.1"}}
	for class, want := range map[string]bool{ctImage: true, storagePrefix + "999.9": true, "1.2.276.1": true, "1.2.276.2": false, verification: false,
		storagePrefix + "200.4": false, storagePrefix + "201.2": false, "1.2.840.10008.5.1.4.1.2.2.1": false, storagePrefix: false, storagePrefix + "x": false} {
		if c.stores(class) != want {
			t.Errorf("stores(%q) = %v", class, !want)
		}
	}
	if n := len(usualClasses()); n >= maxContexts {
		t.Errorf("%d usual classes do not fit into one association", n)
	}
	for _, class := range usualClasses() {
		if !c.stores(class) {
			t.Errorf("%s is usual and not stored", class)
		}
	}
}

func TestCallers(t *testing.T) {
	list, err := parseCallers([]string{"CT1", "MR1@192.0.2.7", "*@10.0.0.0/8", "US1@2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ae, from string
		want     bool
	}{
		{"CT1", "198.51.100.1:1", true}, {"MR1", "192.0.2.7:1", true}, {"MR1", "192.0.2.8:1", false}, {"X", "10.1.2.3:1", true},
		{"X", "[::ffff:10.1.2.3]:1", true}, {"X", "11.1.2.3:1", false}, {"US1", "[2001:db8::1]:1", true}, {"ct1", "198.51.100.1:1", false},
	} {
		addr, _ := net.ResolveTCPAddr("tcp", c.from)
		if admits(list, c.ae, addr) != c.want {
			t.Errorf("%s from %s: %v", c.ae, c.from, !c.want)
		}
	}
	for _, bad := range []string{"", "@10.0.0.1", "A@", "A@x", "A@10.0.0.0/99", "SEVENTEENLETTERSX", `A\B`, " A"} {
		if _, err := parseCallers([]string{bad}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNoOpenDoor(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewServer(Config{Spool: t.TempDir(), Receive: new(inbox).receive})
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, s.Serve(t.Context(), outward{listener}), fault.Usage)
}

// outward claims to listen on every interface.
type outward struct{ net.Listener }

func (outward) Addr() net.Addr { return &net.TCPAddr{Port: 104} }

func TestBadConfig(t *testing.T) {
	good := Config{Spool: t.TempDir(), Receive: new(inbox).receive}
	for name, change := range map[string]func(*Config){
		"AE title": func(c *Config) { c.AETitle = "MUCH TOO LONG A TITLE" },
		"receiver": func(c *Config) { c.Receive = nil },
		"spool":    func(c *Config) { c.Spool = "" },
		"PDU":      func(c *Config) { c.MaxPDU = 100 },
		"callers":  func(c *Config) { c.Callers = []string{"A@B@C"} },
	} {
		c := good
		change(&c)
		if _, err := NewServer(c); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSpoolIsCleaned(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"cstore-1.part", "cstore-x.part", "other"} {
		if err := os.WriteFile(dir+"/"+name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := NewServer(Config{Spool: dir, Receive: new(inbox).receive}); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 || left[0].Name() != "other" {
		t.Errorf("left: %v", left)
	}
}

func TestRejections(t *testing.T) {
	count := newTally()
	peer := start(t, Config{Callers: []string{"TEST"}, Observe: count})
	wrong := peer
	wrong.AETitle = "NOBODY"
	err := Echo(t.Context(), wrong)
	wantCode(t, err, fault.PeerRefused)
	if !strings.Contains(err.Error(), "called-AE-title") {
		t.Error(err)
	}
	wrong = peer
	wrong.CallingAE = "STRANGER"
	err = Echo(t.Context(), wrong)
	wantCode(t, err, fault.PeerRefused)
	if !strings.Contains(err.Error(), "calling-AE-title") {
		t.Error(err)
	}
	if count.refused(RefusedCalled) != 1 || count.refused(RefusedCaller) != 1 {
		t.Errorf("counted %v", count.refusals)
	}
	rq := pdu.NewAAssociateRQ()
	rq.CalledAETitle, rq.CallingAETitle = peer.AETitle, "TEST"
	rq.PresentationContexts = []pdu.PresentationContextRQ{{ID: 1, AbstractSyntax: verification, TransferSyntaxes: plain}}
	for name, change := range map[string]struct {
		apply func()
		want  rejection
	}{
		"application context": {func() { rq.ApplicationContext = "1.2.3" }, rejectContext},
		"protocol version":    {func() { rq.ProtocolVersion = 2 }, rejectVersion},
		"short PDUs":          {func() { rq.UserInformation.MaximumLength = 16 }, rejectLimit},
	} {
		rq.ApplicationContext, rq.ProtocolVersion, rq.UserInformation.MaximumLength = applicationContext, 1, 16384
		change.apply()
		raw, _ := rq.Encode()
		if got := exchange(t, peer, raw); !bytes.Equal(got, []byte{pdu.TypeAAssociateRJ, 0, 0, 0, 0, 4, 0, change.want.result, change.want.source, change.want.reason}) {
			t.Errorf("%s: % x", name, got)
		}
	}
	alive(t, peer)
}

// exchange sends one PDU on a fresh connection and gives the first 10 bytes back.
func exchange(t *testing.T, p Peer, raw *pdu.RawPDU) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", p.Address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if err := raw.Write(conn); err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 10)
	n, _ := conn.Read(b)
	return b[:n]
}

func TestTooManyAssociations(t *testing.T) {
	count := newTally()
	peer := start(t, Config{MaxAssociations: 2, Observe: count})
	var held []*association
	for range 2 {
		a, err := peer.associate(t.Context(), []proposal{{class: verification, syntaxes: plain}})
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, a)
	}
	err := Echo(t.Context(), peer)
	wantCode(t, err, fault.PeerRefused)
	if !strings.Contains(err.Error(), "temporary-congestion") || count.refused(RefusedCongestion) != 1 {
		t.Error(err, count.refusals)
	}
	held[0].close()
	eventually(t, "room for one more", func() bool { return Echo(t.Context(), peer) == nil })
	held[1].close()
}

// ask opens an association for CT images and leaves the rest to the test.
func ask(t *testing.T, p Peer) *association {
	t.Helper()
	a, err := p.associate(t.Context(), []proposal{{class: ctImage, syntaxes: []string{explicitLittle}}, {class: verification, syntaxes: plain}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.detach(); _ = a.conn.Close() })
	return a
}

func TestStatuses(t *testing.T) {
	var in inbox
	count := newTally()
	peer := start(t, Config{Receive: in.receive, Observe: count})
	a := ask(t, peer)
	store := command{field: fieldStore, class: ctImage, instance: "1.2.3", hasData: true}
	as := func(change func(*command)) command { c := store; change(&c); return c }
	for _, c := range []struct {
		name   string
		c      command
		data   []byte
		refuse error
		want   uint16
	}{
		{"another instance", store, ctData("1.2.4", 10), nil, statusMismatch},
		{"another class", as(func(c *command) { c.class = storagePrefix + "4" }), ctData("1.2.3", 10), nil, statusNoSuchClass},
		{"no instance", as(func(c *command) { c.instance = "../x" }), ctData("1.2.3", 10), nil, statusInvalidInstance},
		{"nonsense", store, make([]byte, 1<<20), nil, statusUnderstand},
		{"empty", store, nil, nil, statusUnderstand},
		{"disk full", store, ctData("1.2.3", 1<<20), fault.New(fault.StoreFull, "full", ""), statusResources},
		{"another object of that UID", store, ctData("1.2.3", 10), fault.New(fault.Conflict, "there", ""), statusDuplicate},
		{"not allowed", store, ctData("1.2.3", 10), fault.New(fault.AccessDenied, "no", ""), statusNotAuthorised},
		{"database", store, ctData("1.2.3", 10), fault.New(fault.StoreFailed, "no", ""), statusProcessing},
		{"malformed", store, ctData("1.2.3", 10), fault.New(fault.InputMalformed, "SYNTHETIC^NAME", ""), statusUnderstand},
		{"query", as(func(c *command) { c.field = fieldFind }), ctData("1.2.3", 10), nil, statusUnrecognised},
		{"good after all", store, ctData("1.2.3", 10), nil, statusSuccess},
	} {
		in.refuse = c.refuse
		c.c.id = a.id()
		id, _, _ := a.context(ctImage, "")
		if err := a.message(id, c.c, bytes.NewReader(c.data)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		_, r, err := a.response(c.c.id)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if r.status != c.want || strings.Contains(r.comment, "SYNTHETIC") {
			t.Errorf("%s: %s %q, want %04X", c.name, statusText(r.status), r.comment, c.want)
		}
	}
	a.close()
	if in.count() != 1 || count.refused(RefusedMismatch) != 2 || count.refused(RefusedStore) != 5 || count.refused(RefusedMalformed) != 3 || count.refused(RefusedOperation) != 1 {
		t.Errorf("%d received, counted %v", in.count(), count.refusals)
	}
}

// TestDiskFull fills the file system under the spool folder.
func TestDiskFull(t *testing.T) {
	dir := smallDisk(t, 1<<20)
	count := newTally()
	peer := start(t, Config{Spool: dir, Observe: count})
	source := t.TempDir()
	sent, err := Store(t.Context(), peer, []Source{File(ctFile(t, source, "1.2.3", 4<<20)), File(ctFile(t, source, "1.2.4", 1000))}, nil)
	wantCode(t, err, fault.PeerRefused)
	if sent[0].Status != statusResources || sent[1].Err != nil || count.refused(RefusedStore) != 1 {
		t.Errorf("%+v", sent)
	}
}

func TestGracefulStop(t *testing.T) {
	spool, entered, leave := t.TempDir(), make(chan struct{}), make(chan struct{})
	s, err := NewServer(Config{Spool: spool, Receive: func(context.Context, Received) error { close(entered); <-leave; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	peer := Peer{Address: listener.Addr().String(), AETitle: "CONSILIUM", Timeout: 10 * time.Second}
	idle, busy := ask(t, peer), ask(t, peer)
	id, _, _ := busy.context(ctImage, "")
	if err := busy.message(id, command{field: fieldStore, id: 1, class: ctImage, instance: "1.2.3", hasData: true}, bytes.NewReader(ctData("1.2.3", 10))); err != nil {
		t.Fatal(err)
	}
	<-entered
	stop()
	if _, _, err := idle.next(); !strings.Contains(err.Error(), "aborted") {
		t.Errorf("the idle association ended with %v", err)
	}
	_ = idle.conn.Close()
	close(leave)
	if _, r, err := busy.response(1); err != nil || r.status != statusSuccess {
		t.Errorf("the busy association's object: %v, %v", r.status, err)
	}
	if _, _, err := busy.next(); err == nil || !strings.Contains(err.Error(), "aborted") {
		t.Errorf("the busy association ended with %v", err)
	}
	_ = busy.conn.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantCode(t, Echo(t.Context(), peer), fault.PeerUnreachable)
}

// TestStopDespiteReceiver: a receiver that hangs is told by its context.
func TestStopDespiteReceiver(t *testing.T) {
	entered := make(chan struct{})
	s, err := NewServer(Config{Spool: t.TempDir(), Grace: 10 * time.Millisecond, Receive: func(ctx context.Context, _ Received) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}})
	if err != nil {
		t.Fatal(err)
	}
	listener, _ := net.Listen("tcp", "127.0.0.1:0")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	go func() {
		_, _ = Store(context.Background(), Peer{Address: listener.Addr().String(), AETitle: "CONSILIUM"}, []Source{File(ctFile(t, t.TempDir(), "1.2.3", 10))}, nil)
	}()
	<-entered
	stop()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the server does not stop")
	}
}

// TestDefectStaysInside: a panic of the receiver ends its association only.
func TestDefectStaysInside(t *testing.T) {
	count := newTally()
	peer := start(t, Config{Observe: count, Receive: func(context.Context, Received) error { panic("a defect") }})
	_, err := Store(t.Context(), peer, []Source{File(ctFile(t, t.TempDir(), "1.2.3", 10))}, nil)
	wantCode(t, err, fault.PeerRefused)
	alive(t, peer)
	eventually(t, "the defect is counted", func() bool { return count.ended(EndDefect) == 1 })
}
