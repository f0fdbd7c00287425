package ontology

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gofrs/flock"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/fault"
)

func imported(t *testing.T) (dir string, b *Base) {
	t.Helper()
	dir = t.TempDir()
	var steps []string
	b, err := Import(context.Background(), dir, func(s string) { steps = append(steps, s) }, small...)
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) != 5 {
		t.Errorf("told of %q", steps)
	}
	return dir, b
}

func TestWhatWasImportedIsOpened(t *testing.T) {
	dir, b := imported(t)
	state, err := Check(dir)
	if err != nil || !state.Imported || state.Stale != nil {
		t.Fatal(state, err)
	}
	if d := cmp.Diff(b, state.Base, everything); d != "" {
		t.Error(d)
	}
	for _, path := range small {
		want, _ := os.ReadFile(path)
		i := slices.IndexFunc(b.Sources, func(s Source) bool { return s.Name == filepath.Base(path) })
		got, err := os.ReadFile(filepath.Join(dir, folder, originals, b.Sources[i].SHA256))
		if err != nil || !bytes.Equal(got, want) || b.Sources[i].Bytes != int64(len(want)) {
			t.Errorf("%s was not kept byte for byte: %v", path, err)
		}
	}
}

func TestNothingImportedGivesTheSample(t *testing.T) {
	state, err := Check(t.TempDir())
	if err != nil || state.Imported || !state.Base.Synthetic || !strings.HasPrefix(state.Base.Notice(), "SYNTHETIC") {
		t.Fatal(state, err)
	}
}

// A cache that was cut, changed, or made by another version or of other files is
// refused with its code, and built again.
func TestADamagedCacheIsBuiltAgain(t *testing.T) {
	dir, b := imported(t)
	path := filepath.Join(dir, folder, cacheName)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int) []byte { c := bytes.Clone(whole); c[at] ^= 1; return c }
	other, err := Sample()
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string][]byte{
		"empty": {}, "cut in its head": whole[:20], "cut": whole[:len(whole)-100], "longer": append(bytes.Clone(whole), 0),
		"magic": changed(0), "version": changed(8), "sources": changed(12), "length": changed(45), "payload": changed(len(whole) / 2), "checksum": changed(len(whole) - 1),
		"of other files": encodeCache(other),
	} {
		if err := os.WriteFile(path, c, 0o644); err != nil {
			t.Fatal(err)
		}
		got, stale, err := open(dir)
		if err != nil || fault.CodeOf(stale) != fault.StoreCorrupt {
			t.Fatalf("%s: stale %v, %v", name, stale, err)
		}
		if d := cmp.Diff(b, got, everything); d != "" {
			t.Errorf("%s: %s", name, d)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, whole) {
			t.Errorf("%s: the cache was not built again", name)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err != nil {
		t.Error("a missing cache:", err)
	}
}

func TestAChangedOriginalIsFound(t *testing.T) {
	dir, b := imported(t)
	home := filepath.Join(dir, folder)
	path := filepath.Join(home, originals, b.Sources[1].SHA256)
	text, _ := os.ReadFile(path)
	if err := os.WriteFile(path, bytes.Replace(text, []byte("3/4"), []byte("4/4"), 1), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(dir); fault.CodeOf(err) != fault.StoreCorrupt {
		t.Error("changed:", err)
	}
	if _, err := Open(dir); err != nil {
		t.Error("the cache is whole:", err)
	}
	if err := os.Remove(filepath.Join(home, cacheName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); fault.CodeOf(err) != fault.StoreCorrupt {
		t.Error("changed, and no cache:", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); fault.CodeOf(err) != fault.StoreCorrupt {
		t.Error("missing, and no cache:", err)
	}
	for _, list := range []string{"", "{", "[]", `[{"sha256":"../../etc/passwd"}]`} {
		if err := os.WriteFile(filepath.Join(home, manifestName), []byte(list), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); fault.CodeOf(err) != fault.StoreCorrupt {
			t.Errorf("list %q: %v", list, err)
		}
	}
	if _, err := Import(context.Background(), dir, nil, small...); err != nil {
		t.Fatal(err)
	}
	if _, err := Check(dir); err != nil {
		t.Error("imported again:", err)
	}
}

// An import that fails, at whatever point, leaves what was there.
func TestAFailedImportLeavesTheOldBase(t *testing.T) {
	dir, _ := imported(t)
	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte(`{"graphs":[`), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Import(context.Background(), dir, nil, bad, small[1]); fault.CodeOf(err) != fault.InputTruncated {
		t.Error(err)
	}
	for stop := range 5 { // cancelled at each of its steps
		ctx, cancel := context.WithCancel(context.Background())
		n := 0
		_, _ = Import(ctx, dir, func(string) {
			if n++; n > stop {
				cancel()
			}
		}, "sample/example.json", "sample/example.hpoa", "sample/genes_to_example.txt")
		cancel()
		if state, err := Check(dir); err != nil || (stop < 4 && state.Base.Synthetic) {
			t.Fatalf("stopped at %d: %v", stop, err)
		}
	}
	entries, err := os.ReadDir(filepath.Join(dir, folder, originals))
	if err != nil || len(entries) != 3 {
		t.Errorf("%d originals: %v", len(entries), err)
	}
}

func TestOneImportAtATime(t *testing.T) {
	dir, _ := imported(t)
	lock := flock.New(filepath.Join(dir, folder, lockName))
	if held, err := lock.TryLock(); !held || err != nil {
		t.Fatal(held, err)
	}
	defer func() { _ = lock.Unlock() }()
	if _, err := Import(context.Background(), dir, nil, small...); fault.CodeOf(err) != fault.Conflict {
		t.Error(err)
	}
}

// Every base comes back from its cache as it was.
func TestTheCacheKeepsEveryBase(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := anyDraft(t)
		d.version = rapid.String().Draw(t, "version")
		d.alias = map[string]alias{"X:1": {status: Alternative, to: d.terms[0].ID}, "X:2": {status: Obsolete, consider: []string{"X:1", "X:9"}}}
		o, err := d.build()
		if err != nil {
			t.Fatal(err)
		}
		b := &Base{Ontology: o, Diseases: anyDiseases(t, o), Synthetic: rapid.Bool().Draw(t, "synthetic")}
		got, err := decodeCache(encodeCache(b), nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, got, everything); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAFileThatChangesDuringItsImportIsRefused(t *testing.T) {
	text, err := os.ReadFile(small[1])
	if err != nil {
		t.Fatal(err)
	}
	moving := filepath.Join(t.TempDir(), "moving.hpoa")
	if err := os.WriteFile(moving, text, 0o644); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, err = Import(context.Background(), dir, func(step string) {
		if strings.HasPrefix(step, "keeping") {
			_ = os.WriteFile(moving, append(text, '\n'), 0o644)
		}
	}, small[2], moving)
	if fault.CodeOf(err) != fault.Conflict {
		t.Error(err)
	}
	if b, err := Open(dir); err != nil || !b.Synthetic {
		t.Error("something was imported:", err)
	}
}
