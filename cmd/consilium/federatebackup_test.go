package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/link"
	"consilium/store"
)

// verb runs the program and gives what it printed.
func verb(t *testing.T, want int, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), args, &out, &errs); got != want {
		t.Fatalf("%q ends with %d, want %d: %s", args, got, want, errs.String())
	}
	return out.String() + errs.String()
}

// closed closes one end of a link.
func closed(t *testing.T, end interface{ Close(context.Context) error }) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := end.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestBackupOfAFederation: one verb backs up a running hub and a running site, with a node beside it and without; put
// back, they find each other without joining again.
func TestBackupOfAFederation(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	dir := t.TempDir()
	at := func(name ...string) string { return filepath.Join(append([]string{dir}, name...)...) }
	verb(t, fault.ExitInput, "backup", at("none"), "--data-dir", at("nobody"))
	hub, err := link.OpenHub(ctx, link.HubOptions{Dir: at("hub", "federation"), Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	address := hub.Addresses()[0]
	code, err := link.Invite(at("hub", "federation"), "ward", time.Hour)
	if err == nil {
		err = link.Join(ctx, link.JoinOptions{Dir: at("site", "federation"), Hub: address, Code: code})
	}
	if err != nil {
		t.Fatal(err)
	}
	site, err := link.OpenSite(ctx, link.SiteOptions{Dir: at("site", "federation")})
	if err != nil {
		t.Fatal(err)
	}
	if err := hub.Send(ctx, "ward", federation.Mail{ID: "1", Kind: federation.MailEnd}); err != nil { // lies in the hub's store
		t.Fatal(err)
	}
	write(t, at("site", "federation", "privacy.ledger"), "a ledger\n")
	write(t, at("site", "federation", "privacy.ledger.lock"), "")
	if out := verb(t, fault.ExitOK, "backup", at("hub.backup"), "--data-dir", at("hub")); !strings.Contains(out, "of a hub") {
		t.Error(out)
	}
	verb(t, fault.ExitOK, "backup", at("site.backup"), "--data-dir", at("site"))
	node, err := store.Open(ctx, store.Options{DataDir: at("site")})
	if err != nil {
		t.Fatal(err)
	}
	defer node.Close()
	verb(t, fault.ExitOK, "backup", at("both.backup"), "--data-dir", at("site"))
	closed(t, site)
	closed(t, hub)

	if out := verb(t, fault.ExitOK, "restore", at("hub.backup"), "--data-dir", at("hub2")); !strings.Contains(out, "revoke them once more") {
		t.Error(out)
	}
	if out := verb(t, fault.ExitOK, "restore", at("site.backup"), "--data-dir", at("site2")); !strings.Contains(out, "counts as spent") {
		t.Error(out)
	}
	verb(t, fault.ExitOK, "restore", at("both.backup"), "--data-dir", at("both2"))
	verb(t, fault.ExitOK, "restore", at("both.backup"), "--data-dir", at("moved"), "--nothing-since")
	for name, there := range map[string]bool{
		"hub2/federation/store": false, "hub2/federation/lock": false, "hub2/federation/authority.json": true, "hub2/federation/restored.json": true,
		"site2/federation/privacy.ledger": true, "site2/federation/privacy.ledger.lock": false, "site2/federation/restored.json": true, "site2/" + store.IndexFile: false,
		"both2/federation/identity.key": true, "both2/" + store.IndexFile: true, "both2/federation/restored.json": true,
		"moved/federation/identity.key": true, "moved/federation/restored.json": false,
	} {
		if _, err := os.Stat(at(name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	linkAgain(t, at("hub2", "federation"), at("both2", "federation"), address)
}

// linkAgain opens hub and site and waits until they are linked.
func linkAgain(t *testing.T, atHub, atSite, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	hub, err := link.OpenHub(ctx, link.HubOptions{Dir: atHub, Listen: address})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, hub)
	site, err := link.OpenSite(ctx, link.SiteOptions{Dir: atSite})
	if err != nil {
		t.Fatal(err)
	}
	defer closed(t, site)
	if err := site.Send(ctx, federation.Mail{ID: "2", Kind: federation.MailAnswer}); err != nil {
		t.Fatal("the site does not come back: ", err)
	}
	d, err := hub.Receive(ctx)
	if err != nil || d.From != "ward" || d.ID != "2" {
		t.Errorf("%+v, %v", d.Mail, err)
	}
}

// TestRestoreOfAnOlderBackup: a program before this one copied the store of a running hub file by file. It is passed
// over. What a backup says of an earlier restore is replaced.
func TestRestoreOfAnOlderBackup(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"authority.json", "store/jetstream/1.blk", "jobs/j/job.json", "members.json"} {
		write(t, filepath.Join(dir, "old", "federation", name), "{}")
	}
	past := time.Now().Add(-time.Hour).UTC()
	if err := folder.MarkRestored(filepath.Join(dir, "old", "federation"), folder.Restored{At: past, Made: past}); err != nil {
		t.Fatal(err)
	}
	file, back := filepath.Join(dir, "backup"), filepath.Join(dir, "new")
	if _, err := store.BackupFiles(t.Context(), filepath.Join(dir, "old"), file, store.Copying{}); err != nil {
		t.Fatal(err)
	}
	verb(t, fault.ExitOK, "restore", file, "--data-dir", back)
	for name, there := range map[string]bool{"authority.json": true, "jobs/j/job.json": true, "store": false, "members.json": false} {
		if _, err := os.Stat(filepath.Join(back, "federation", name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r, err := folder.WasRestored(filepath.Join(back, "federation")); err != nil || !r.At.After(r.Made) || !r.Made.After(past) {
		t.Errorf("%+v, %v", r, err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
