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
	b = element(b, 0x00100010, "PN", "SYNTHETIC^TEST")
	b = element(b, 0x0020000D, "UI", sop+".1")
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
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.refuse != nil {
		return i.refuse
	}
	b, err := os.ReadFile(r.Path)
	if err != nil {
		return err
	}
	if i.data == nil {
		i.data = map[string][]byte{}
	}
	i.got = append(i.got, r)
	i.data[r.SOP] = b
	return nil
}

// tally counts what an Observer is told.
type tally struct {
	mu       sync.Mutex
	open     int
	ends     map[End]int
	refusals map[Refusal]int
	received int
}

func (c *tally) Opened() { c.mu.Lock(); c.open++; c.mu.Unlock() }
func (c *tally) Closed(end End, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ends == nil {
		c.ends = map[End]int{}
	}
	c.open--
	c.ends[end]++
}
func (c *tally) Received(int64, time.Duration) { c.mu.Lock(); c.received++; c.mu.Unlock() }
func (c *tally) Refused(why Refusal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusals == nil {
		c.refusals = map[Refusal]int{}
	}
	c.refusals[why]++
}

// start runs a server on a loopback port until the test ends.
func start(t *testing.T, c Config) Peer {
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
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the server did not stop")
		}
		if left, _ := os.ReadDir(c.Spool); len(left) > 0 {
			t.Errorf("%d files were left in the spool folder", len(left))
		}
	})
	return Peer{Address: listener.Addr().String(), AETitle: s.config.AETitle, CallingAE: "TEST", Timeout: 10 * time.Second}
}

func TestEchoAndStore(t *testing.T) {
	var in inbox
	peer := start(t, Config{Receive: in.receive})
	if err := Echo(t.Context(), peer); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	sizes := map[string]int{"1.2.1": 0, "1.2.2": 1000, "1.2.3": blockSize, "1.2.4": 3 << 20, "1.2.5": DefaultMaxPDU - 6}
	var sources []Source
	for sop, size := range sizes {
		sources = append(sources, File(ctFile(t, dir, sop, size)))
	}
	sent, err := Store(t.Context(), peer, sources, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sent {
		want, _ := os.ReadFile(filepath.Join(dir, s.Name))
		if !bytes.Equal(in.data[s.SOP], want) {
			t.Errorf("%s arrived changed", s.SOP)
		}
	}
	if len(in.got) != len(sizes) || in.got[0].CallingAE != "TEST" || in.got[0].TransferSyntax != explicitLittle || in.got[0].Address != "127.0.0.1" {
		t.Errorf("received %+v", in.got)
	}
}
