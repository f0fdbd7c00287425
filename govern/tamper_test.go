package govern

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/transparency-dev/tessera/api/layout"
	"pgregory.net/rapid"

	"consilium/fault"
)

// snapshot is a log's folder in memory.
type snapshot map[string][]byte

func take(t testing.TB, dir string) snapshot {
	t.Helper()
	s := snapshot{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		s[path[len(dir)+1:]], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lay writes a folder anew.
func (s snapshot) lay(t testing.TB, dir string) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for name, content := range s {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// checking is what *testing.T and *rapid.T share.
type checking interface {
	Context() context.Context
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Skip(args ...any)
}

// detects checks that verification notices that the file was changed.
func detects(t checking, l *Log, file string, content []byte, known ...string) {
	path := filepath.Join(l.dir, file)
	before, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if bytes.Equal(before, content) && content != nil {
		t.Skip("nothing was changed")
	}
	if content == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(t.Context(), l.dir, l.verifier, known...); fault.CodeOf(err) != fault.AuditBroken {
		t.Errorf("%s was changed and nobody noticed: %v", file, err)
	}
	if before == nil {
		err = os.Remove(path)
	} else {
		err = os.WriteFile(path, before, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// join makes a bundle of leaves.
func join(leaves [][]byte) []byte {
	var b []byte
	for _, leaf := range leaves {
		b = append(append(b, byte(len(leaf)>>8), byte(len(leaf))), leaf...)
	}
	return b
}

// every kind of tampering with a log of some thousand entries is found.
func TestTamperingIsFound(t *testing.T) {
	const entries = 1400 // 5 full bundles and a partial one
	dir := t.TempDir()
	l := open(t, dir, nil)
	fill(t, l, entries, 200)
	shut(t, l)
	verifyLog(t, l)
	whole := take(t, l.dir)
	var files []string
	for name, content := range whole {
		if len(content) > 0 {
			files = append(files, name)
		}
	}
	if len(files) != 6+6+1+3 {
		t.Fatalf("the log consists of %d files: %q", len(files), files)
	}

	t.Run("one bit", rapid.MakeCheck(func(t *rapid.T) {
		file := rapid.SampledFrom(files).Draw(t, "file")
		content := bytes.Clone(whole[file])
		content[rapid.IntRange(0, len(content)-1).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		detects(t, l, file, content)
	}))
	t.Run("file removed, cut, longer, or new", rapid.MakeCheck(func(t *rapid.T) {
		file := rapid.SampledFrom(files).Draw(t, "file")
		content := whole[file]
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			content = nil
		case 1:
			content = content[:rapid.IntRange(0, len(content)-1).Draw(t, "length")]
		case 2:
			content = append(bytes.Clone(content), rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "more")...)
		default:
			file += rapid.StringMatching(`[0-9a-z.]{1,5}`).Draw(t, "name")
		}
		detects(t, l, file, content)
	}))
	t.Run("entry dropped, doubled, swapped or replaced", rapid.MakeCheck(func(t *rapid.T) {
		index := rapid.Uint64Range(0, entries/width).Draw(t, "bundle")
		leaves, err := tree{dir: l.dir, size: entries}.leaves(index)
		if err != nil {
			t.Fatal(err)
		}
		i, j := rapid.IntRange(0, len(leaves)-1).Draw(t, "i"), rapid.IntRange(0, len(leaves)-1).Draw(t, "j")
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			leaves = append(leaves[:i:i], leaves[i+1:]...)
		case 1:
			leaves = append(leaves[:i+1:i+1], leaves[i:]...)
		case 2:
			leaves[i], leaves[j] = leaves[j], leaves[i]
		case 3:
			leaves[i] = leaves[j]
		default:
			leaves[i] = bytes.Replace(leaves[i], []byte(`"dr1"`), []byte(`"dr2"`), 1)
		}
		detects(t, l, layout.EntriesPath(index, layout.PartialTileSize(0, index, entries)), join(leaves))
	}))
	verifyLog(t, l) // all of it was put back
}

// of the files that are written anew all the time, each single bit counts.
func TestEveryBitOfTheSmallFiles(t *testing.T) {
	l := open(t, t.TempDir(), nil)
	fill(t, l, 3, 1)
	shut(t, l)
	for file, whole := range take(t, l.dir) {
		for i := range 8 * len(whole) {
			if file != checkpointFile && i%8 != 3 {
				continue // any one bit of a byte will do; base64 is what has bits that may be overlooked
			}
			content := bytes.Clone(whole)
			content[i/8] ^= 1 << (i % 8)
			detects(t, l, file, content)
		}
	}
}

// A folder replaced as a whole by its own past is in itself flawless. The
// checkpoint kept elsewhere finds it, and so does the node at its next start.
func TestTheCutTailIsFound(t *testing.T) {
	dir := t.TempDir()
	memory := &memory{}
	l := open(t, dir, memory)
	fill(t, l, 600, 100)
	shut(t, l)
	past := take(t, l.dir)
	l = open(t, dir, memory)
	fill(t, l, 300, 100)
	shut(t, l)
	last := memory.checkpoint
	past.lay(t, l.dir)
	verifyLog(t, l) // nothing inside it tells
	if _, err := Verify(t.Context(), l.dir, l.verifier, last); fault.CodeOf(err) != fault.AuditBroken {
		t.Fatal("the cut tail was not noticed: ", err)
	}
	if _, err := OpenLog(t.Context(), Options{DataDir: dir, Memory: memory}); fault.CodeOf(err) != fault.AuditBroken {
		t.Fatal("the node starts on a log that was cut: ", err)
	}
}

// Another history signed with the stolen key does not fit the checkpoint that
// was kept elsewhere.
func TestAnotherHistoryIsFound(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, nil)
	fill(t, l, 300, 50)
	shut(t, l)
	kept := l.Checkpoint()
	if err := os.RemoveAll(l.dir); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir, nil)
	fill(t, l, 400, 50)
	shut(t, l)
	verifyLog(t, l)
	if _, err := Verify(t.Context(), l.dir, l.verifier, kept.Text); fault.CodeOf(err) != fault.AuditBroken {
		t.Fatal("the other history was not noticed: ", err)
	}
}

func TestAnOlderFileAmongNewerOnesIsFound(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, nil)
	fill(t, l, 300, 100)
	shut(t, l)
	past := take(t, l.dir)
	l = open(t, dir, nil)
	fill(t, l, 500, 100)
	shut(t, l)
	now := take(t, l.dir)
	for name, content := range past {
		if bytes.Equal(content, now[name]) {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(l.dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(l.dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(t.Context(), l.dir, l.verifier); fault.CodeOf(err) != fault.AuditBroken {
			t.Errorf("the older %s was not noticed: %v", name, err)
		}
		now.lay(t, l.dir)
	}
	verifyLog(t, l)
}
