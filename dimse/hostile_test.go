package dimse

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cocosip/go-dicom/pkg/network/pdu"
)

// begin sends a C-STORE-RQ and leaves the data set to the test.
func begin(t *testing.T, a *association) byte {
	t.Helper()
	id, _, _ := a.context(ctImage, "")
	c := command{field: fieldStore, id: a.id(), class: ctImage, instance: "1.2.3", hasData: true}
	if err := a.values(id, flagCommand, bytes.NewReader(c.encode())); err != nil {
		t.Fatal(err)
	}
	return id
}

// value is one presentation data value in a PDU of its own.
func value(context, flags byte, data []byte) []byte {
	b := append([]byte{pdu.TypePDataTF, 0}, binary.BigEndian.AppendUint32(nil, uint32(len(data)+6))...)
	b = binary.BigEndian.AppendUint32(b, uint32(len(data)+2))
	return append(append(b, context, flags), data...)
}

// aborted reads until the server's A-ABORT and gives its reason.
func aborted(t *testing.T, a *association) (byte, bool) {
	t.Helper()
	for {
		_, _, err := a.next()
		if abort, ok := err.(*peerAbort); ok {
			return abort.Reason, true
		}
		if err != nil {
			t.Errorf("no A-ABORT but %v", err)
			return 0, false
		}
	}
}

func TestHalfAnObject(t *testing.T) {
	count := newTally()
	peer := start(t, Config{Observe: count})
	for i, cut := range []int{0, 1, 100, 100_000} {
		a := ask(t, peer)
		id := begin(t, a)
		if err := a.write(value(id, 0, ctData("1.2.3", 1<<20)[:cut])); err != nil {
			t.Fatal(err)
		}
		_ = a.conn.Close()
		eventually(t, "the loss is noticed", func() bool { return count.ended(EndLost) == i+1 && count.refused(RefusedPartial) == i+1 })
		alive(t, peer)
	}
}

func TestEndlessObject(t *testing.T) {
	count := newTally()
	peer := start(t, Config{MaxObject: 1 << 20, Observe: count})
	a := ask(t, peer)
	id := begin(t, a)
	part := value(id, 0, make([]byte, 64<<10))
	copy(part[12:], ctData("1.2.3", 0))
	var err error
	for range 1000 { // the server stops reading long before
		if err = a.write(part); err != nil {
			break
		}
	}
	eventually(t, "the breach is noticed", func() bool { return count.ended(EndViolation) == 1 && count.refused(RefusedPartial) == 1 })
	alive(t, peer)
}

func TestBytesOfAnAssociation(t *testing.T) {
	peer := start(t, Config{MaxBytes: 2000})
	a := ask(t, peer)
	id, _, _ := a.context(verification, "")
	for range 100 {
		c := command{field: fieldEcho, id: a.id(), class: verification}
		if err := a.message(id, c, nil); err != nil {
			break
		}
		if _, _, err := a.response(c.id); err != nil {
			if abort, ok := err.(*peerAbort); !ok || abort.Reason != abortUnspecified {
				t.Error(err)
			}
			alive(t, peer)
			return
		}
	}
	t.Error("no limit")
}

func TestSlowPeers(t *testing.T) {
	count := newTally()
	peer := start(t, Config{Associate: 50 * time.Millisecond, Idle: 50 * time.Millisecond, Total: 300 * time.Millisecond, Observe: count})
	silent, err := net.Dial("tcp", peer.Address) // never asks
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	eventually(t, "the silent one is dropped", func() bool { return count.refused(RefusedRequest) == 1 })

	idle := ask(t, peer) // asks, then nothing
	if reason, ok := aborted(t, idle); ok && reason != abortUnspecified {
		t.Errorf("reason %d", reason)
	}
	eventually(t, "the idle one is dropped", func() bool { return count.ended(EndTimeout) == 1 })

	slow := ask(t, peer) // a byte now and then
	id := begin(t, slow)
	part := value(id, 0, make([]byte, 1000))
	for _, b := range part {
		if slow.write([]byte{b}) != nil || count.ended(EndTimeout) == 2 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	eventually(t, "the slow one is dropped", func() bool { return count.ended(EndTimeout) == 2 })

	busy := ask(t, peer) // alive, but longer than an association may last
	for {
		context, _, _ := busy.context(verification, "")
		c := command{field: fieldEcho, id: busy.id(), class: verification}
		if busy.message(context, c, nil) != nil {
			break
		}
		if _, _, err := busy.response(c.id); err != nil {
			break
		}
	}
	eventually(t, "the endless one is dropped", func() bool { return count.ended(EndTimeout) == 3 })
	alive(t, peer)
}

func TestBreachesOfTheProtocol(t *testing.T) {
	peer := start(t, Config{MaxPDU: 16 << 10})
	echo := (&command{field: fieldEcho, id: 1, class: verification}).encode()
	store := (&command{field: fieldStore, id: 1, class: ctImage, instance: "1.2.3", hasData: true}).encode()
	answer := (&command{field: fieldEcho | responseBit, id: 1, class: verification}).encode()
	header := func(kind byte, length uint32) []byte { return binary.BigEndian.AppendUint32([]byte{kind, 0}, length) }
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	for name, c := range map[string]struct {
		bytes  []byte
		reason byte
	}{
		"unknown PDU":                 {header(0x42, 0), abortUnrecognized},
		"second association request":  {header(pdu.TypeAAssociateRQ, 0), abortUnexpected},
		"PDU longer than announced":   {header(pdu.TypePDataTF, 16<<10+1), abortInvalid},
		"PDU of 4 GiB":                {header(pdu.TypePDataTF, 1<<32-1), abortInvalid},
		"PDU without value":           {header(pdu.TypePDataTF, 0), abortInvalid},
		"PDU of 5 bytes":              {header(pdu.TypePDataTF, 5), abortInvalid},
		"value longer than its PDU":   {join(header(pdu.TypePDataTF, 6), []byte{0, 0, 0, 3, 3, 3}), abortInvalid},
		"value shorter than its head": {join(header(pdu.TypePDataTF, 6), []byte{0, 0, 0, 1, 3, 3}), abortInvalid},
		"unknown context":             {value(99, flagCommand|flagLast, echo), abortInvalid},
		"data without command":        {value(1, flagLast, echo), abortUnexpected},
		"no command":                  {value(3, flagCommand|flagLast, []byte("hello, this is no command")), abortInvalid},
		"command in two contexts":     {join(value(3, flagCommand, echo[:20]), value(1, flagCommand|flagLast, echo[20:])), abortInvalid},
		"endless command":             {bytes.Repeat(value(3, flagCommand, make([]byte, 1<<10)), 20), abortInvalid},
		"endless empty command":       {bytes.Repeat(value(3, flagCommand, nil), 100), abortInvalid},
		"command within data":         {join(value(1, flagCommand|flagLast, store), value(1, flagCommand|flagLast, store)), abortUnexpected},
		"data in another context":     {join(value(1, flagCommand|flagLast, store), value(3, flagLast, store)), abortInvalid},
		"empty data without end":      {join(value(1, flagCommand|flagLast, store), bytes.Repeat(value(1, 0, nil), 100)), abortUnspecified},
		"release within a message":    {join(value(1, flagCommand|flagLast, store), header(pdu.TypeAReleaseRQ, 4), make([]byte, 4)), abortUnexpected},
		"release of wrong length":     {header(pdu.TypeAReleaseRQ, 5), abortInvalid},
		"answer to nothing":           {value(3, flagCommand|flagLast, answer), abortUnexpected},
		"C-STORE without data set":    {value(1, flagCommand|flagLast, (&command{field: fieldStore, id: 1, class: ctImage, instance: "1.2"}).encode()), abortInvalid},
		"C-ECHO with a data set":      {value(3, flagCommand|flagLast, (&command{field: fieldEcho, id: 1, class: verification, hasData: true}).encode()), abortUnexpected},
	} {
		a := ask(t, peer)
		if err := a.write(c.bytes); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if reason, ok := aborted(t, a); !ok || reason != c.reason {
			t.Errorf("%s: aborted %v with reason %d, want %d", name, ok, reason, c.reason)
		}
		_ = a.conn.Close()
	}
	for name, raw := range map[string]*pdu.RawPDU{
		"P-DATA first":     {Type: pdu.TypePDataTF, Data: make([]byte, 6)},
		"empty request":    {Type: pdu.TypeAAssociateRQ},
		"request of noise": {Type: pdu.TypeAAssociateRQ, Data: bytes.Repeat([]byte{0x50}, 500)},
	} {
		if got := exchange(t, peer, raw); len(got) != 10 || got[0] != pdu.TypeAAbort || got[8] != pdu.AbortSourceServiceProvider {
			t.Errorf("%s: % x", name, got)
		}
	}
	if got := exchange(t, peer, &pdu.RawPDU{Type: 'G', Data: []byte("ET / HTTP/1.1\r\n\r\n")}); len(got) != 10 || got[9] != abortUnrecognized {
		t.Errorf("HTTP: % x", got)
	}
	alive(t, peer)
}

// recorded is a good association as its bytes: echo, two objects of that many
// bytes of pixels, storage commitment, release.
func recorded(tb testing.TB, size int) []byte {
	tb.Helper()
	rq := pdu.NewAAssociateRQ()
	rq.CalledAETitle, rq.CallingAETitle = "CONSILIUM", "TEST"
	rq.PresentationContexts = []pdu.PresentationContextRQ{{ID: 1, AbstractSyntax: ctImage, TransferSyntaxes: plain}, {ID: 3, AbstractSyntax: verification, TransferSyntaxes: plain}, {ID: 5, AbstractSyntax: commitmentPush, TransferSyntaxes: plain}}
	raw, err := rq.Encode()
	if err != nil {
		tb.Fatal(err)
	}
	var b bytes.Buffer
	if err := raw.Write(&b); err != nil {
		tb.Fatal(err)
	}
	b.Write(value(3, flagCommand|flagLast, (&command{field: fieldEcho, id: 1, class: verification}).encode()))
	for i, sop := range []string{"1.2.3", "1.2.4"} {
		b.Write(value(1, flagCommand|flagLast, (&command{field: fieldStore, id: uint16(i + 2), class: ctImage, instance: sop, hasData: true}).encode()))
		data := ctData(sop, size)
		b.Write(value(1, 0, data[:100]))
		b.Write(value(1, flagLast, data[100:]))
	}
	b.Write(value(5, flagCommand|flagLast, (&command{field: fieldAction, id: 9, class: commitmentPush, instance: commitmentInstance, kind: actionRequest, hasData: true}).encode()))
	list, err := (Commitment{Transaction: "1.2.9", Committed: []Reference{{ctImage, "1.2.3"}}}).object()
	if err != nil {
		tb.Fatal(err)
	}
	encoded, err := encode(list, explicitLittle)
	if err != nil {
		tb.Fatal(err)
	}
	body, _ := io.ReadAll(encoded)
	b.Write(value(5, flagLast, body))
	b.Write([]byte{pdu.TypeAReleaseRQ, 0, 0, 0, 0, 4, 0, 0, 0, 0})
	return b.Bytes()
}

// mutate changes a few bytes, lengths or stretches.
func mutate(random *rand.Rand, good []byte) []byte {
	b := bytes.Clone(good)
	for range 1 + random.IntN(4) {
		if len(b) < 8 {
			break
		}
		at := random.IntN(len(b) - 4)
		span := min(random.IntN(200), len(b)-at)
		switch random.IntN(7) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b[at] = byte(random.IntN(256))
		case 2:
			binary.BigEndian.PutUint32(b[at:], []uint32{0, 1, 2, 5, 0x7fffffff, 0xffffffff, 1 << 17}[random.IntN(7)])
		case 3:
			b = append(b[:at], b[at+span:]...)
		case 4:
			b = append(b[:at+span:at+span], b[at:]...)
		case 5:
			b = b[:at]
		case 6:
			for i := range span {
				b[at+i] = byte(random.IntN(256))
			}
		}
	}
	return b
}

// feed lets the server converse with a peer that says these bytes, listens and
// goes.
func feed(tb testing.TB, s *Server, b []byte) {
	tb.Helper()
	done := make(chan struct{})
	go func() { s.converse(context.Background(), stream{bytes.NewReader(b)}); close(done) }()
	select {
	case <-done:
	case <-time.After(20 * time.Second):
		tb.Fatalf("the association hangs: % x", b)
	}
}

// stream is a connection on which a peer said all at once.
type stream struct{ *bytes.Reader }

func (stream) Write(b []byte) (int, error)      { return len(b), nil }
func (stream) Close() error                     { return nil }
func (stream) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (stream) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (stream) SetDeadline(time.Time) error      { return nil }
func (stream) SetReadDeadline(time.Time) error  { return nil }
func (stream) SetWriteDeadline(time.Time) error { return nil }

func hostileServer(tb testing.TB) (*Server, string) {
	spool := tb.TempDir()
	s, err := NewServer(Config{Spool: spool, MaxObject: 1 << 20, Idle: 5 * time.Second,
		Receive: func(_ context.Context, r Received) error {
			if !validUID(r.SOP) || !validUID(r.Class) {
				tb.Errorf("received %+v", r)
			}
			return nil
		},
		Commit: func(_ context.Context, _ string, refs []Reference) ([]Reason, error) {
			return make([]Reason, len(refs)), nil
		},
		Committed: func(context.Context, string, Commitment) error { return nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s, spool
}

func openFiles(tb testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Skip("no /proc here")
	}
	return len(entries)
}

func TestMutatedAssociations(t *testing.T) {
	count := 10_000
	if testing.Short() {
		count = 300
	}
	s, spool := hostileServer(t)
	told := newTally()
	s.config.Observe = told
	good := recorded(t, 3000)
	feed(t, s, good)
	if told.received != 2 || told.ended(EndReleased) != 1 {
		t.Fatalf("the recording itself: %d received, %v, %v", told.received, told.ends, told.refusals)
	}
	routines, files := runtime.NumGoroutine(), openFiles(t)
	for i := range count {
		feed(t, s, mutate(rand.New(rand.NewPCG(uint64(i), 7)), good))
	}
	eventually(t, "as many goroutines as before", func() bool { return runtime.NumGoroutine() <= routines })
	eventually(t, "as many files as before", func() bool { return openFiles(t) <= files })
	if left, _ := os.ReadDir(spool); len(left) > 0 {
		t.Errorf("%d files were left", len(left))
	}
	if told.ended(EndDefect) > 0 || told.open != 0 || s.active.Load() != 0 {
		t.Errorf("%d defects, %d open, %d active", told.ended(EndDefect), told.open, s.active.Load())
	}
	feed(t, s, good)
	t.Logf("%d mutants: %d objects received; ends %v; refusals %v", count, told.received, told.ends, told.refusals)
}

func FuzzAssociation(f *testing.F) {
	good := recorded(f, 10)
	f.Add(good)
	for i := range 20 {
		f.Add(mutate(rand.New(rand.NewPCG(uint64(i), 1)), good))
	}
	s, _ := hostileServer(f)
	told := newTally()
	s.config.Observe = told
	f.Fuzz(func(t *testing.T, b []byte) {
		feed(t, s, b)
		if told.ended(EndDefect) > 0 {
			t.Error("a panic")
		}
	})
}

// FuzzPDU reads bytes as the PDUs of an association: commands and data sets
// within their bounds, or an error.
func FuzzPDU(f *testing.F) {
	good := recorded(f, 10)
	request := 6 + int(binary.BigEndian.Uint32(good[2:]))
	f.Add(good[request:])
	f.Add([]byte{pdu.TypeAAbort, 0, 0, 0, 0, 4, 0, 0, 2, 1})
	f.Add(value(1, flagLast, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		l := newLink(t.Context(), stream{bytes.NewReader(b)}, 16<<10, 1<<20, time.Minute, time.Minute)
		defer l.detach()
		for {
			id, c, err := l.next()
			if err != nil {
				return
			}
			if !c.hasData {
				continue
			}
			n, err := io.Copy(io.Discard, l.dataSet(id, 10_000))
			if n > 10_000 {
				t.Fatalf("%d bytes", n)
			}
			if err != nil {
				return
			}
		}
	})
}
