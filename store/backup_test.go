package store_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
	"consilium/store/storetest"
)

// filled is a store with studies, blobs, consent, a workitem and other files.
func filled(t *testing.T, o store.Options) *store.Store {
	t.Helper()
	s := storetest.Open(t, o)
	ctx := context.Background()
	for n := range 30 {
		i := storetest.Instance(1+n/3, 1, n)
		i.Patient.Name = "Müller^<b>&'\"\\\n" + i.Patient.Name
		var err error
		if i.Blob, i.Size, err = s.PutBlob(ctx, strings.NewReader("synthetic "+i.SOP)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddInstance(ctx, i); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Tx(ctx, func(tx *store.Tx) error {
		return tx.ReplaceConsent(ctx, "SYN1", []store.ConsentRule{{Purpose: clinical.PurposeCare, From: storetest.Received}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.AddWorkitem(ctx, store.Workitem{UID: "1.2.3", State: store.WorkScheduled, Body: []byte(`{"00100010":"ä"}`)}); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"audit/checkpoint": "synthetic", "audit/tile/0/000": "tile", "keys/audit.key": "secret", "spool/half": "no", "queue/x": "no"} {
		path := filepath.Join(s.DataDir(), name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// contents is everything of a store that a reader can see.
func contents(t *testing.T, s *store.Store) (out []any) {
	t.Helper()
	ctx := context.Background()
	studies, total, err := s.Studies(ctx, store.Care, store.StudyQuery{Text: "müller"})
	if err != nil || total != 9 { // ten, one is withheld
		t.Fatalf("%d studies, %v", total, err)
	}
	for _, study := range studies {
		list, err := s.Instances(ctx, store.Care, study.UID, "")
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range list {
			if err := s.VerifyBlob(ctx, i.Blob); err != nil {
				t.Error(err)
			}
		}
		out = append(out, study, list)
	}
	item, err := s.Workitem(ctx, store.Care, "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"audit/checkpoint", "audit/tile/0/000", "keys/audit.key"} {
		b, err := os.ReadFile(filepath.Join(s.DataDir(), name))
		if err != nil {
			t.Error(err)
		}
		out = append(out, string(b))
	}
	return append(out, item)
}

// TestBackup takes a store through a backup.
func TestBackup(t *testing.T) {
	sqlite := func() string { return "" }
	move(t, "SQLite", sqlite, sqlite)
}

// move takes a store through a backup, from one address to another.
func move(t *testing.T, name string, from, into func() string) {
	t.Run(name, func(t *testing.T) {
		ctx := context.Background()
		s := filled(t, store.Options{URL: from()})
		file := filepath.Join(t.TempDir(), "backup")
		var last int64
		info, err := s.Backup(ctx, file, store.Copying{Progress: func(done, total int64) { last = done }})
		if err != nil || info.Objects != 30 || info.Bytes != last || last == 0 {
			t.Fatalf("%+v, %d, %v", info, last, err)
		}
		if mode, err := os.Stat(file); err != nil || mode.Mode() != 0o600 {
			t.Errorf("%v, %v", mode.Mode(), err)
		}
		if _, err := s.Backup(ctx, file, store.Copying{}); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("a backup is overwritten: %v", err)
		}
		to := store.Options{DataDir: filepath.Join(t.TempDir(), "new"), URL: into()}
		if _, err := store.Restore(ctx, file, to, store.Copying{}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Restore(ctx, file, to, store.Copying{}); fault.CodeOf(err) != fault.Conflict {
			t.Errorf("a restore overwrites: %v", err)
		}
		back := storetest.Open(t, to)
		if d := cmp.Diff(contents(t, s), contents(t, back)); d != "" {
			t.Error(d)
		}
		for _, name := range []string{"spool/half", "queue/x"} {
			if _, err := os.Stat(filepath.Join(to.DataDir, name)); err == nil {
				t.Errorf("%s is in the backup", name)
			}
		}
		if added, err := back.AddInstance(ctx, storetest.Instance(99, 1, 1)); !added || err != nil { // counters go on
			t.Errorf("%v, %v", added, err)
		}
	})
}

// TestBackupDamaged: a backup that was cut or changed anywhere is refused, and
// nothing of it stays.
func TestBackupDamaged(t *testing.T) {
	s := filled(t, store.Options{})
	dir := t.TempDir()
	file := filepath.Join(dir, "backup")
	if _, err := s.Backup(context.Background(), file, store.Copying{}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what string, content []byte) {
		t.Helper()
		bad := filepath.Join(dir, "bad")
		if err := os.WriteFile(bad, content, 0o600); err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		_, err := store.Restore(context.Background(), bad, store.Options{DataDir: filepath.Join(parent, "new")}, store.Copying{})
		if fault.CodeOf(err) != fault.StoreCorrupt {
			t.Errorf("%s: %v", what, err)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%s: %v is left", what, left)
		}
	}
	refused("empty", nil)
	refused("garbage", bytes.Repeat([]byte("x"), 1000))
	for k := 1; k < 10; k++ {
		refused("cut", whole[:len(whole)*k/10])
		changed := bytes.Clone(whole)
		changed[len(whole)*k/10] ^= 0x20
		refused("changed", changed)
	}
}

// TestBackupInterrupted leaves no file.
func TestBackupInterrupted(t *testing.T) {
	s := filled(t, store.Options{})
	ctx, cancel := context.WithCancel(context.Background())
	dir := t.TempDir()
	n := 0
	_, err := s.Backup(ctx, filepath.Join(dir, "backup"), store.Copying{Progress: func(int64, int64) {
		if n++; n == 5 {
			cancel()
		}
	}})
	if fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestBackupWhileWriting: a backup taken while others write is one moment of the store.
func TestBackupWhileWriting(t *testing.T) {
	s := filled(t, store.Options{})
	beside := storetest.Open(t, store.Options{DataDir: s.DataDir(), Shared: true}) // as the verb opens it
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		for n := 0; ctx.Err() == nil; n++ {
			i := storetest.Instance(1000+n/5, 1, n)
			var err error
			if i.Blob, i.Size, err = s.PutBlob(context.Background(), io.LimitReader(strings.NewReader(strings.Repeat(i.SOP, 50)), 2000)); err == nil {
				_, err = s.AddInstance(context.Background(), i)
			}
			if err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}()
	file := filepath.Join(t.TempDir(), "backup")
	_, err := beside.Backup(context.Background(), file, store.Copying{})
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	to := store.Options{DataDir: filepath.Join(t.TempDir(), "new")}
	if _, err := store.Restore(context.Background(), file, to, store.Copying{}); err != nil {
		t.Fatal(err)
	}
	countsAgree(t, storetest.Open(t, to))
}

// leave is what a test does not copy.
func leave(name string) bool { return name == "part/mail" || name == "part/lock" }

// part is a data directory without a node, with one file that is not copied.
func part(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"part/keep": "kept", "part/mail/1": "not", "part/lock": "", "keys/a": "key", "other": "kept too"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestBackupFiles: a directory without a node is backed up and restored by the same format.
func TestBackupFiles(t *testing.T) {
	ctx, dir := context.Background(), part(t)
	file := filepath.Join(t.TempDir(), "backup")
	if _, err := store.BackupFiles(ctx, dir, file, store.Copying{Leave: leave}); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "new")
	finished := ""
	finish := func(dir string, _ store.BackupInfo) error {
		finished = dir
		return os.WriteFile(filepath.Join(dir, "mark"), nil, 0o600)
	}
	if _, err := store.Restore(ctx, file, store.Options{DataDir: to}, store.Copying{Finish: finish}); err != nil {
		t.Fatal(err)
	}
	if finished == to || finished == "" {
		t.Errorf("finished %q, which is not before it appears", finished)
	}
	var got []string
	err := filepath.WalkDir(to, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, strings.TrimPrefix(path, to+"/"))
		}
		return err
	})
	if d := cmp.Diff([]string{"keys/a", "mark", "other", "part/keep"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	if _, err := store.Restore(ctx, file, store.Options{DataDir: to + "2", Bucket: "s3://b"}, store.Copying{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a place for a node, without one: %v", err)
	}
	parent := t.TempDir()
	refuse := store.Copying{Finish: func(string, store.BackupInfo) error { return fault.New(fault.IO, "a test", "") }}
	if _, err := store.Restore(ctx, file, store.Options{DataDir: filepath.Join(parent, "new")}, refuse); fault.CodeOf(err) != fault.IO {
		t.Errorf("got %v", err)
	}
	if left, _ := os.ReadDir(parent); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if err := os.Mkdir(filepath.Join(dir, "blobs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := store.BackupFiles(ctx, dir, file+"2", store.Copying{}); fault.CodeOf(err) != fault.InputMissing {
		t.Errorf("a node without its index: %v", err)
	}
}

// TestRestoreLeaves: what an older program put into a backup, and what is not copied today, is passed over.
func TestRestoreLeaves(t *testing.T) {
	ctx, dir := context.Background(), part(t)
	file := filepath.Join(t.TempDir(), "backup")
	if _, err := store.BackupFiles(ctx, dir, file, store.Copying{}); err != nil {
		t.Fatal(err)
	}
	inside := func(name string) bool { return strings.HasPrefix(name, "part/mail/") || leave(name) }
	to := filepath.Join(t.TempDir(), "new")
	if _, err := store.Restore(ctx, file, store.Options{DataDir: to}, store.Copying{Leave: inside}); err != nil {
		t.Fatal(err)
	}
	for name, there := range map[string]bool{"part/keep": true, "part/mail": false, "part/lock": false} {
		if _, err := os.Stat(filepath.Join(to, name)); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}
