package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// TestBackupVerb takes a node's directory through a backup by the verbs, with an
// audit log in it that must verify afterwards.
func TestBackupVerb(t *testing.T) {
	dir := t.TempDir()
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.PutBlob(ctx, strings.NewReader("synthetic, and an orphan")); err != nil {
		t.Fatal(err)
	}
	defer s.Close() // the node runs on
	log, err := govern.OpenLog(ctx, govern.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if _, err := log.Append(ctx, govern.Event{Actor: "test", Action: "login", Outcome: "ok"}); err != nil {
			t.Fatal(err)
		}
	}
	verb := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(ctx, args, &out, &errs); got != want {
			t.Fatalf("%q ends with %d, want %d: %s", args, got, want, errs.String())
		}
		return out.String() + errs.String()
	}
	file, back := filepath.Join(t.TempDir(), "b"), filepath.Join(t.TempDir(), "new")
	if out := verb(fault.ExitOK, "backup", file, "--data-dir", dir); !strings.Contains(out, "written") {
		t.Error(out)
	}
	verb(fault.ExitInput, "backup", file, "--data-dir", dir)
	verb(fault.ExitInput, "backup", file+"2", "--data-dir", t.TempDir())
	if err := log.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if out := verb(fault.ExitOK, "restore", file, "--data-dir", back); !strings.Contains(out, "restored") {
		t.Error(out)
	}
	verb(fault.ExitInput, "restore", file, "--data-dir", back)
	verb(fault.ExitOK, "audit", "verify", "--data-dir", back)
	if again, err := govern.OpenLog(ctx, govern.Options{DataDir: back}); err != nil {
		t.Error(err)
	} else if index, err := again.Append(ctx, govern.Event{Actor: "test", Action: "login", Outcome: "ok"}); err != nil || index != 300 {
		t.Errorf("the restored log goes on at %d, %v", index, err)
	} else if err := again.Close(ctx); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	verb(fault.ExitNode, "restore", file, "--data-dir", back+"2")
}
