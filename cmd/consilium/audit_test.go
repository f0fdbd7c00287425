package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// TestAudit goes through the verbs on a log that a node left behind.
func TestAudit(t *testing.T) {
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	log, err := govern.OpenLog(t.Context(), govern.Options{DataDir: dir, Memory: s})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []govern.Event{{Action: "login", Actor: "ann"}, {Action: "study.viewed", Actor: "ann", Patient: "P1\x1b[31m", Study: "1.2"}, {Action: "report.signed", Actor: "bob", Patient: "P2"}} {
		if _, err := log.Append(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	verb := func(want int, args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		if got := run(context.Background(), append(args, "--data-dir", dir), &out, &errs); got != want {
			t.Fatalf("%v ends with %d: %s%s", args, got, out.String(), errs.String())
		}
		return out.String() + errs.String()
	}
	if _, err := log.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	early := verb(fault.ExitOK, "audit", "checkpoint") // beside the running node
	kept := filepath.Join(t.TempDir(), "early.checkpoint")
	if err := os.WriteFile(kept, []byte(early), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(t.Context(), govern.Event{Action: "logout", Actor: "ann"}); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if out := verb(fault.ExitOK, "audit", "verify", "--known", kept); !strings.Contains(out, "4 entries") || !strings.Contains(out, "agrees with 2 checkpoints") {
		t.Fatal(out)
	}
	if out := verb(fault.ExitOK, "audit", "list", "--actor", "ann"); strings.Count(out, "ann") != 3 || strings.Contains(out, "\x1b") || strings.Contains(out, "bob") {
		t.Fatal(out)
	}
	if out := verb(fault.ExitOK, "audit", "checkpoint", "--since", kept); !strings.Contains(out, "continues the one") {
		t.Fatal(out)
	}
	exported := filepath.Join(t.TempDir(), "audit.jsonl")
	verb(fault.ExitOK, "audit", "export", exported)
	text, err := os.ReadFile(exported)
	if err != nil || bytes.Count(text, []byte("\n")) != 4 {
		t.Fatal(string(text), err)
	}
	var first govern.Entry
	if err := json.Unmarshal(bytes.SplitN(text, []byte("\n"), 2)[0], &first); err != nil || first.Action != "login" {
		t.Fatal(first, err)
	}
	bundle := filepath.Join(dir, govern.LogDir, "tile", "entries", "000.p", "4")
	content, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(bundle, bytes.Replace(content, []byte("bob"), []byte("eve"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := verb(fault.ExitNode, "audit", "verify"); !strings.Contains(out, "AUDIT_BROKEN") || !strings.Contains(out, "entry 2") {
		t.Fatal(out)
	}
	verb(fault.ExitUsage, "audit", "list", "--since", "yesterday")
	verb(fault.ExitInput, "audit", "verify", "--log", filepath.Join(dir, "nowhere"))
}
