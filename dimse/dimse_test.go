package dimse

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"consilium/fault"
)

// element writes one explicit VR little endian element with a short length.
func element(b []byte, tag uint32, vr, value string) []byte {
	if len(value)%2 == 1 {
		value += "\x00"
	}
	b = binary.LittleEndian.AppendUint16(b, uint16(tag>>16))
	b = binary.LittleEndian.AppendUint16(b, uint16(tag))
	b = append(b, vr...)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

const ctImage = "1.2.840.10008.5.1.4.1.1.2"

// ctData is a SYNTHETIC data set with size bytes of pixels.
func ctData(sop string, size int) []byte {
	b := element(nil, 0x00080016, "UI", ctImage)
	b = element(b, 0x00080018, "UI", sop)
	b = element(b, 0x00080020, "DA", "20260101")
	b = element(b, 0x00100010, "PN", "SYNTHETIC^TEST")
	b = element(b, 0x00100020, "LO", "SYNTHETIC-1")
	b = element(b, 0x0020000D, "UI", "1.2.3.4")
	b = element(b, 0x0020000E, "UI", "1.2.3.4.5")
	b = append(b, 0xE0, 0x7F, 0x10, 0x00, 'O', 'W', 0, 0)
	b = binary.LittleEndian.AppendUint32(b, uint32(size))
	return append(b, make([]byte, size)...)
}

func ctFile(t *testing.T, dir, sop string, size int) string {
	t.Helper()
	path := filepath.Join(dir, sop+".dcm")
	b := appendMeta(nil, ctImage, sop, explicitLittle)
	if err := os.WriteFile(path, append(b, ctData(sop, size)...), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// inbox keeps what a server received.
type inbox struct {
	mu     sync.Mutex
	got    []Received
	data   map[string][]byte
	refuse error
}

func (i *inbox) receive(_ context.Context, r Received) error {
	b, err := os.ReadFile(r.Path)
	if err != nil {
		return err
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse != nil {
		return i.refuse
	}
	if i.data == nil {
		i.data = map[string][]byte{}
	}
	i.got = append(i.got, r)
	i.data[r.SOP] = b
	return nil
}

func (i *inbox) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.got)
}

// tally counts what an Observer is told.
type tally struct {
	mu       sync.Mutex
	open     int
	ends     map[End]int
	refusals map[Refusal]int
	received int
}

func newTally() *tally { return &tally{ends: map[End]int{}, refusals: map[Refusal]int{}} }

func (c *tally) Opened()                         { c.mu.Lock(); c.open++; c.mu.Unlock() }
func (c *tally) Closed(end End, _ time.Duration) { c.mu.Lock(); c.open--; c.ends[end]++; c.mu.Unlock() }
func (c *tally) Received(int64, time.Duration)   { c.mu.Lock(); c.received++; c.mu.Unlock() }
func (c *tally) Refused(why Refusal)             { c.mu.Lock(); c.refusals[why]++; c.mu.Unlock() }

func (c *tally) ended(end End) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ends[end]
}

func (c *tally) refused(why Refusal) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.refusals[why]
}

// eventually polls until ok or ten seconds have passed.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Errorf("never: %s", what)
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// start runs a server on a loopback port until the test ends. By then no file
// may be left in its spool folder.
func start(t *testing.T, c Config) Peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return serveOn(t, c, listener)
}

func serveOn(t *testing.T, c Config, listener net.Listener) Peer {
	t.Helper()
	if c.Spool == "" {
		c.Spool = t.TempDir()
	}
	if c.Receive == nil {
		c.Receive = new(inbox).receive
	}
	s, err := NewServer(c)
	if err != nil {
		t.Fatal(err)
	}
	p, stop := serve(t, s, listener)
	t.Cleanup(func() {
		stop()
		if left, _ := os.ReadDir(c.Spool); len(left) > 0 {
			t.Errorf("%d files were left in the spool folder", len(left))
		}
	})
	return p
}

// serve runs s until stop is called.
func serve(tb testing.TB, s *Server, listener net.Listener) (p Peer, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	return Peer{Address: listener.Addr().String(), AETitle: s.config.AETitle, CallingAE: "TEST", Timeout: 10 * time.Second}, func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				tb.Error(err)
			}
		case <-time.After(30 * time.Second):
			tb.Error("the server did not stop")
		}
	}
}

// alive fails the test if the server does not answer C-ECHO.
func alive(t *testing.T, p Peer) {
	t.Helper()
	if err := Echo(t.Context(), p); err != nil {
		t.Errorf("the server does not answer any more: %v", err)
	}
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

func TestEchoAndStore(t *testing.T) {
	var in inbox
	count := newTally()
	peer := start(t, Config{Receive: in.receive, Observe: count})
	if err := Echo(t.Context(), peer); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sizes := map[string]int{"1.2.1": 0, "1.2.2": 1000, "1.2.3": blockSize, "1.2.4": 3 << 20, "1.2.5": DefaultMaxPDU - 6}
	var sources []Source
	for sop, size := range sizes {
		sources = append(sources, File(ctFile(t, dir, sop, size)))
	}
	heard := 0
	sent, err := Store(t.Context(), peer, sources, func(Sent) { heard++ })
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sent {
		want, _ := os.ReadFile(filepath.Join(dir, s.Name))
		if !bytes.Equal(in.data[s.SOP], want) {
			t.Errorf("%s arrived changed", s.SOP)
		}
	}
	if len(in.got) != len(sizes) || heard != len(sizes) || in.got[0].CallingAE != "TEST" || in.got[0].TransferSyntax != explicitLittle || in.got[0].Address != "127.0.0.1" {
		t.Errorf("received %+v", in.got)
	}
	eventually(t, "two releases", func() bool { return count.ended(EndReleased) == 2 })
	if count.received != len(sizes) || count.open != 0 {
		t.Errorf("counted %d objects, %d open associations", count.received, count.open)
	}
}

// TestStoreMany sends more classes than one association has contexts, some
// files that are none, and one class that the server does not take.
func TestStoreMany(t *testing.T) {
	var in inbox
	peer := start(t, Config{Receive: in.receive})
	memory := func(name string, b []byte) Source {
		return Source{Name: name, Open: func() (readCloser, error) { return nopCloser{bytes.NewReader(b)}, nil }}
	}
	var sources []Source
	for i := range 300 {
		class, sop := storagePrefix+itoa(i+1), "1.2."+itoa(i+1)
		b := appendMeta(nil, class, sop, explicitLittle)
		b = element(element(b, 0x00080016, "UI", class), 0x00080018, "UI", sop)
		sources = append(sources, memory(sop, b))
	}
	foreign := element(element(appendMeta(nil, "1.2.3", "1.2.9", explicitLittle), 0x00080016, "UI", "1.2.3"), 0x00080018, "UI", "1.2.9")
	sources = append(sources, memory("private", foreign), memory("text", []byte("no DICOM")), memory("cut", appendMeta(nil, ctImage, "1.2", explicitLittle)), File("/does/not/exist"))
	sent, err := Store(t.Context(), peer, sources, nil)
	wantCode(t, err, fault.PeerRefused)
	for i, s := range sent {
		if (s.Err == nil) != (i < 300) {
			t.Errorf("%s: %v", s.Name, s.Err)
		}
	}
	for i, code := range map[int]fault.Code{300: fault.PeerRefused, 301: fault.InputMalformed, 302: fault.InputMalformed, 303: fault.InputMissing} {
		wantCode(t, sent[i].Err, code)
	}
	if in.count() != 300 {
		t.Errorf("%d objects arrived", in.count())
	}
}
