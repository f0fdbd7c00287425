package store_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"consilium/fault"
	"consilium/store"
	"consilium/store/storetest"
)

const crashDirEnv = "CONSILIUM_TEST_CRASH_DIR"

// TestCrashChild is the process that TestCrash kills; it does nothing by itself.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv(crashDirEnv)
	if dir == "" {
		t.Skip("a part of TestCrash")
	}
	s := storetest.Open(t, store.Options{DataDir: dir})
	seed := rand.Uint32()
	for n := 0; ; n++ {
		i := storetest.Instance(int(seed), 1, n)
		content := bytes.Repeat([]byte(i.SOP), 1+rand.IntN(5000))
		var err error
		if i.Blob, i.Size, err = s.PutBlob(context.Background(), bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddInstance(context.Background(), i); err != nil {
			t.Fatal(err)
		}
		fmt.Printf("stored %s %s\n", i.SOP, i.Blob) // what a peer would be told
	}
}

// TestCrash kills a process that stores, at random moments, and looks whether
// everything that it said was stored is there and whole.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]string{}
	for range 20 {
		c := exec.Command(os.Args[0], "-test.run=^TestCrashChild$", "-test.v")
		c.Env = append(os.Environ(), crashDirEnv+"="+dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(10*time.Second, func() { c.Process.Kill() })
		lines, after := bufio.NewScanner(out), 1+rand.IntN(40)
		for lines.Scan() {
			var sop, blob string
			if n, _ := fmt.Sscanf(lines.Text(), "stored %s %s", &sop, &blob); n != 2 {
				continue
			}
			acknowledged[sop] = blob
			if after--; after == 0 {
				time.AfterFunc(rand.N(3*time.Millisecond), func() { c.Process.Signal(syscall.SIGKILL) })
			}
		}
		c.Wait()
		if after > 0 {
			t.Fatalf("the child ended by itself: %s", lines.Text())
		}
	}
	s := storetest.Open(t, store.Options{DataDir: dir})
	ctx := context.Background()
	for sop, blob := range acknowledged {
		i, err := s.Instance(ctx, store.Care, sop)
		if err != nil || i.Blob != blob {
			t.Errorf("%s was stored and is lost: %v", sop, err)
			continue
		}
		if err := s.VerifyBlob(ctx, blob); err != nil {
			t.Errorf("%s: %v", sop, err)
		}
	}
	countsAgree(t, s)
	if left, _ := filepath.Glob(filepath.Join(dir, "blobs", "tmp", "*")); len(left) > 0 {
		t.Errorf("unfinished blobs are left: %q", left)
	}
	t.Logf("%d objects acknowledged over 20 kills, all there", len(acknowledged))
}

// countsAgree: the counts of studies are those of their instances, and every
// instance has its blob.
func countsAgree(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	studies, _, err := s.Studies(ctx, store.Care, store.StudyQuery{Limit: store.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	for _, study := range studies {
		list, err := s.Instances(ctx, store.Care, study.UID, "")
		if err != nil || len(list) != study.Instances {
			t.Errorf("study %s counts %d objects and has %d; %v", study.UID, study.Instances, len(list), err)
		}
		for _, i := range list {
			if r, err := s.OpenBlob(ctx, i.Blob); err != nil {
				t.Error(err)
			} else {
				r.Close()
			}
		}
	}
}

// TestFullDisk fills a small file system: what cannot be kept is refused with
// STORE_FULL and leaves nothing behind, and the store works again when there is room.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("no small file system can be mounted: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := storetest.Open(t, store.Options{DataDir: dir})
	ctx := context.Background()
	reserve := filepath.Join(dir, "reserve")
	if err := os.WriteFile(reserve, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	content := make([]byte, 200_000)
	file := func(n int) error {
		i := storetest.Instance(1+n%7, 1, n)
		copy(content, i.SOP)
		var err error
		if i.Blob, i.Size, err = s.PutBlob(ctx, bytes.NewReader(content)); err != nil {
			return err
		}
		_, err = s.AddInstance(ctx, i)
		return err
	}
	n, err := 0, error(nil)
	for ; err == nil && n < 100; n++ {
		err = file(n)
	}
	if fault.CodeOf(err) != fault.StoreFull {
		t.Fatalf("a full disk is %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "blobs", "tmp", "*")); len(left) > 0 {
		t.Errorf("unfinished blobs are left: %q", left)
	}
	// The index alone on a full disk.
	if err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 4<<20), 0o600); err == nil {
		t.Fatal("the file system is not full")
	}
	err = nil
	for k := 1000; err == nil && k < 3000; k++ {
		_, err = s.AddInstance(ctx, storetest.Instance(k, 1, 1))
	}
	if fault.CodeOf(err) != fault.StoreFull {
		t.Fatalf("an index on a full disk is %v", err)
	}
	if _, _, err := s.Studies(ctx, store.Care, store.StudyQuery{}); err != nil {
		t.Errorf("a full disk cannot be read: %v", err)
	}
	if err := os.Remove(reserve); err != nil {
		t.Fatal(err)
	}
	if _, err := s.AddInstance(ctx, storetest.Instance(5000, 1, 1)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

// TestCorruptIndex: after an unclean stop a damaged index is told, not used.
func TestCorruptIndex(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 300 {
		if _, err := s.AddInstance(context.Background(), storetest.Instance(n+1, 1, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, store.IndexFile)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := 40960; at < len(b); at += 8192 {
		copy(b[at:], strings.Repeat("\xAA", 512))
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "running"), nil, 0o600); err != nil { // as a killed process leaves it
		t.Fatal(err)
	}
	_, err = store.Open(context.Background(), store.Options{DataDir: dir})
	if fault.CodeOf(err) != fault.StoreCorrupt {
		t.Errorf("a damaged index opens with %v", err)
	}
}

// TestCorruptBlob: a blob that changed on disk is told.
func TestCorruptBlob(t *testing.T) {
	s := storetest.SQLite(t)
	content := []byte("synthetic")
	digest, _, err := s.PutBlob(context.Background(), bytes.NewReader(content))
	if sum := sha256.Sum256(content); err != nil || digest != hex.EncodeToString(sum[:]) {
		t.Fatal(digest, err)
	}
	path := filepath.Join(s.DataDir(), "blobs", digest[:2], digest[2:])
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("Synthetic"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.VerifyBlob(context.Background(), digest); fault.CodeOf(err) != fault.StoreCorrupt {
		t.Errorf("a changed blob passes: %v", err)
	}
}

// TestOneNode: a second node on one directory is refused, a verb that looks in is not.
func TestOneNode(t *testing.T) {
	dir := t.TempDir()
	s := storetest.Open(t, store.Options{DataDir: dir})
	if _, err := store.Open(context.Background(), store.Options{DataDir: dir}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second node: %v", err)
	}
	beside := storetest.Open(t, store.Options{DataDir: dir, Shared: true})
	i := storetest.Instance(1, 1, 1)
	if _, err := beside.AddInstance(context.Background(), i); err != nil {
		t.Error(err)
	}
	if _, err := s.Study(context.Background(), store.Care, i.Study); err != nil {
		t.Error(err)
	}
}

// TestNothingWaits: a closed context ends every call at once.
func TestNothingWaits(t *testing.T) {
	s := storetest.SQLite(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, addErr := s.AddInstance(ctx, storetest.Instance(1, 1, 1))
	_, _, listErr := s.Studies(ctx, store.Care, store.StudyQuery{})
	_, _, putErr := s.PutBlob(ctx, io.LimitReader(rand.NewChaCha8([32]byte{}), 1<<20))
	for _, err := range []error{addErr, listErr, putErr} {
		if fault.CodeOf(err) != fault.Interrupted {
			t.Errorf("got %v", err)
		}
	}
}
