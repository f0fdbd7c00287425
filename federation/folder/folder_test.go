package folder_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"consilium/fault"
	"consilium/federation/folder"
)

func TestWriteReplacesWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "jobs", "a", "x.json")
	// A crash has left half of a longer file: nothing of it may show.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", []byte(`{"n": 123456789`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{7, 8} {
		if err := folder.WriteJSON(path, map[string]int{"n": n}); err != nil {
			t.Fatal(err)
		}
		var got map[string]int
		if err := folder.ReadJSON(path, 100, &got); err != nil || got["n"] != n {
			t.Errorf("%v, %v", got, err)
		}
	}
	if _, err := os.Stat(path + ".new"); !os.IsNotExist(err) {
		t.Errorf("something is left: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestCreateOnce has many writers make one file: the first one's stays, and nothing else is left.
func TestCreateOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	path := filepath.Join(dir, "identity.key")
	long := bytes.Repeat([]byte("k"), 1<<16)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			mine := append([]byte{byte('0' + i)}, long...)
			if err := folder.Create(path, mine); err != nil {
				t.Error(err)
			}
			got, err := os.ReadFile(path)
			if err != nil || len(got) != len(mine) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
		})
	}
	wait.Wait()
	first, err := folder.Read(path, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := folder.Create(path, []byte("late")); err != nil {
		t.Fatal(err)
	}
	if got, err := folder.Read(path, 1<<20); err != nil || !bytes.Equal(got, first) {
		t.Errorf("replaced: %v", err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// TestWriteFails leaves the old file, and nothing half written that takes room.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := os.MkdirAll(filepath.Join(path, "in the way"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := folder.Write(path, []byte("new")); fault.CodeOf(err) != fault.IO {
		t.Error(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 1 {
		t.Errorf("%v, %v", files, err)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.json")
	var into map[string]int
	if err := folder.ReadJSON(path, 10, &into); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	for text, want := range map[string]fault.Code{`{"n": 1234567}`: fault.InputTooLarge, `{"n"`: fault.StoreCorrupt, `{} {}`: fault.StoreCorrupt} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := folder.ReadJSON(path, 10, &into); fault.CodeOf(err) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, id := range []string{"../x", "", "A"} {
		if _, err := folder.Job(dir, id); fault.CodeOf(err) != fault.Usage {
			t.Errorf("job %q: %v", id, err)
		}
	}
	if _, err := folder.Job(dir, "none"); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	if ids, err := folder.Jobs(dir); err != nil || len(ids) != 0 {
		t.Errorf("%v, %v", ids, err)
	}
}
