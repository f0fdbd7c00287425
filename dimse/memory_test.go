package dimse

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"testing"
)

// zeros never end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestMemoryDoesNotGrow sends one object of 256 MiB: sender and receiver
// together may allocate a few blocks, whatever the size.
func TestMemoryDoesNotGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("writes 256 MiB")
	}
	const size = 256 << 20
	head := append(appendMeta(nil, ctImage, "1.2.3", explicitLittle), ctData("1.2.3", 0)...)
	binary.LittleEndian.PutUint32(head[len(head)-4:], size)
	var got Received
	peer := start(t, Config{Receive: func(_ context.Context, r Received) error { got = r; return nil }})
	big := Source{Name: "big", Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(head), io.LimitReader(zeros{}, size))), nil
	}}
	alive(t, peer)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Store(t.Context(), peer, []Source{big}, nil); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if got.Size != int64(len(head)+size) {
		t.Errorf("%d bytes arrived", got.Size)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d KiB were allocated for %d MiB", grown>>10, size>>20)
	} else {
		t.Logf("%d KiB were allocated for %d MiB", grown>>10, size>>20)
	}
}

func BenchmarkStore(b *testing.B) {
	s, err := NewServer(Config{Spool: b.TempDir(), Receive: func(context.Context, Received) error { return nil }})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	peer, stop := serve(b, s, listener)
	defer stop()
	file := append(appendMeta(nil, ctImage, "1.2.3", explicitLittle), ctData("1.2.3", 512*512*2)...)
	sources := make([]Source, b.N)
	for i := range sources {
		sources[i] = Source{Name: "image", Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(file)), nil }}
	}
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	b.ResetTimer()
	if _, err := Store(b.Context(), peer, sources, nil); err != nil {
		b.Fatal(err)
	}
}
