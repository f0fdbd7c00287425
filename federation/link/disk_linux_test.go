package link

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"consilium/fault"
	"consilium/federation"
)

// smallDisk is a disk of so many bytes, where this user may mount one.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skip("no small disk can be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill takes the room on a disk, down to so many bytes, and gives what takes it back.
func fill(t *testing.T, dir string, leave uint64) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "filler")
	room, ok := freeBytes(dir)
	if !ok || room < leave {
		t.Fatal("no room to fill")
	}
	if err := os.WriteFile(path, make([]byte, room-leave), 0o600); err != nil {
		t.Fatal(err)
	}
	return func() { _ = os.Remove(path) }
}

func TestDiskFull(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, 32<<20)
	h := openHub(t, HubOptions{Dir: dir, Reserve: 8 << 20})
	s := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	linked(t, s)
	before := federation.Mail{ID: "before", Kind: "update", Body: pattern(3*pieceBytes, 1)}
	if err := s.Send(soon(t), before); err != nil {
		t.Fatal(err)
	}
	if err := h.Send(soon(t), "north", before); err != nil {
		t.Fatal(err)
	}
	free := fill(t, dir, 0)
	late := federation.Mail{ID: "late", Kind: "update", Body: pattern(3*pieceBytes, 2)}
	// The first may be caught by the disk itself, the next by the hub's watch; it is one code.
	wantCode(t, s.Send(soon(t), late), fault.StoreFull)
	until(t, "the watch", func() bool { return h.gauge.full() && s.gauge.full() })
	wantCode(t, s.Send(soon(t), late), fault.StoreFull)
	wantCode(t, h.Send(soon(t), "north", late), fault.StoreFull)
	free()
	until(t, "room", func() bool { return !h.gauge.full() && !s.gauge.full() })
	until(t, "the mail", func() bool { return s.Send(soon(t), late) == nil })
	if err := h.Send(soon(t), "north", late); err != nil {
		t.Fatal(err)
	}
	for _, end := range []receiver{h, s} {
		for _, want := range []federation.Mail{before, late} {
			d := receive(t, end)
			if d.ID != want.ID || !bytes.Equal(d.Body, want.Body) {
				t.Fatalf("got %s", d.ID)
			}
			if err := d.Done(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
