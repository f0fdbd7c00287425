package evidence

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"consilium/fault"
)

const childVariable = "CONSILIUM_EVIDENCE_CHILD"

// TestMain lets the test binary be the writer that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childVariable); dir != "" {
		if err := write(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// crashDocuments are those of a round: each round changes a third and keeps the rest.
func crashDocuments(round int) []Document {
	var out []Document
	for i := range 1200 {
		version := 0
		if i%3 == round%3 {
			version = round
		}
		out = append(out, Document{ID: fmt.Sprintf("doc%d", i), Source: fmt.Sprintf("source%d", i%7),
			Text: fmt.Sprintf("unique%d speaks of version%d. Common words follow here. %s", i, version, strings.Repeat("More text about joints and hearts. ", i%5))})
	}
	return out
}

// write goes through rounds of adding, changing and deleting.
func write(dir string) error {
	ctx := context.Background()
	ix, err := Open(ctx, dir, Options{Encoder: testEncoder, Passage: 80})
	if err != nil {
		return err
	}
	for round := range 4 {
		if _, err := ix.Add(ctx, all(crashDocuments(round)...), nil); err != nil {
			return err
		}
		if _, _, err := ix.Delete(ctx, []string{"doc5"}, []string{"source3"}); err != nil {
			return err
		}
	}
	return ix.Close()
}

// consistent compares documents, words and vectors of an index with each other.
func consistent(t *testing.T, ix *Index) {
	t.Helper()
	counted := state{Format: format, Encoder: ix.state.Encoder, Dimensions: ix.state.Dimensions, Passage: ix.state.Passage, Next: ix.state.Next}
	texts := map[uint64]string{}
	err := ix.view(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketPending).Stats().KeyN != 0 {
			t.Error("something is still pending")
		}
		return tx.Bucket(bucketDocuments).ForEach(func(k, v []byte) error {
			r, err := decodeRecord(v)
			if err != nil {
				return err
			}
			counted.count(r, 1)
			for i, p := range r.Passages {
				texts[numberOf(k).passage(i)] = r.Text[p[0]:p[1]]
			}
			entry := tx.Bucket(bucketIDs).Get([]byte(r.ID))
			if len(entry) < 4 || numberOf(entry) != numberOf(k) {
				t.Errorf("%s is known as another", r.ID)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if counted != ix.state {
		t.Errorf("the index counts %+v, there are %+v", ix.state, counted)
	}
	if len(ix.vectors.passages) != len(texts) {
		t.Errorf("%d vectors for %d passages", len(ix.vectors.passages), len(texts))
	}
	for _, p := range passagesInWords(t, ix) {
		if _, ok := texts[p]; !ok {
			t.Errorf("passage %x is in the words only", p)
		}
		delete(texts, p)
	}
	if len(texts) != 0 {
		t.Errorf("%d passages are not in the words", len(texts))
	}
}

func passagesInWords(t *testing.T, ix *Index) (out []uint64) {
	t.Helper()
	advanced, err := ix.words.index.Advanced()
	if err != nil {
		t.Fatal(err)
	}
	reader, err := advanced.Reader()
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	ids, err := reader.DocIDReaderAll()
	if err != nil {
		t.Fatal(err)
	}
	defer ids.Close()
	for {
		internal, err := ids.Next()
		if err != nil {
			t.Fatal(err)
		}
		if internal == nil {
			return out
		}
		id, err := reader.ExternalID(internal)
		if err != nil {
			t.Fatal(err)
		}
		p, err := passageOf(id)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
}

// A writer killed at any moment leaves an index that opens, is whole and goes on.
func TestKilledWriter(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills processes")
	}
	dir := t.TempDir()
	rng := rand.New(rand.NewPCG(4, 4))
	killed := 0
	for attempt := range 12 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+rng.IntN(500))*time.Millisecond)
		child := exec.CommandContext(ctx, os.Args[0])
		child.Env = append(os.Environ(), childVariable+"="+dir)
		var complaint bytes.Buffer
		child.Stderr = &complaint
		err := child.Run()
		if ctx.Err() == nil && err != nil {
			t.Fatalf("the writer failed by itself: %v %s", err, complaint.String())
		}
		cancel()
		if err == nil {
			continue
		}
		killed++
		ix, err := Open(t.Context(), dir, Options{Encoder: testEncoder, ReadOnly: attempt%2 == 0})
		if fault.CodeOf(err) == fault.NotFound { // killed before there was anything
			continue
		}
		if err != nil {
			t.Fatalf("after kill %d: %v", killed, err)
		}
		consistent(t, ix)
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if killed < 4 {
		t.Errorf("only %d writers were killed: the test proves little", killed)
	}
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	ix := testIndex(t, dir, Options{Encoder: testEncoder, ReadOnly: true})
	consistent(t, ix)
	if ids := identifiers(t, ix, Query{Text: "unique7", Mode: Words, Top: 1}); len(ids) != 1 || ids[0] != "doc7" {
		t.Errorf("at the end: %v", ids)
	}
	if _, err := ix.Get("doc5"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a deleted document is back: %v", err)
	}
}

// What lies between the two halves of a write: documents stored, words not yet told.
func TestPendingIsFinished(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		dir := t.TempDir()
		ix := testIndex(t, dir, Options{Encoder: testEncoder})
		add(t, ix, library...)
		err := ix.update(func(tx *bolt.Tx, s *state) error {
			entry := tx.Bucket(bucketIDs).Get([]byte("gout"))
			if err := remove(tx, s, numberOf(entry)); err != nil {
				return err
			}
			r := &record{Document: Document{ID: "new", Text: "Scurvy is a lack of vitamin C."}, Passages: [][2]int{{0, 30}}, Tokens: [2]int{0, 4}}
			vectors, err := ix.encode(t.Context(), []*record{r})
			if err != nil {
				return err
			}
			return put(tx, s, r, vectors[0])
		})
		if err != nil {
			t.Fatal(err)
		}
		ix.Close()
		ix = testIndex(t, dir, Options{Encoder: testEncoder, ReadOnly: readOnly})
		if ids := identifiers(t, ix, Query{Text: "scurvy", Mode: Words}); len(ids) != 1 || ids[0] != "new" {
			t.Errorf("%v", ids)
		}
		if ids := identifiers(t, ix, Query{Text: "urate", Mode: Words}); len(ids) != 0 {
			t.Errorf("%v", ids)
		}
	}
}

func TestRebuild(t *testing.T) {
	dir := t.TempDir()
	ix := testIndex(t, dir, Options{Encoder: testEncoder})
	add(t, ix, library...)
	before, err := ix.Search(t.Context(), Query{Text: "urate disorder of tissue"})
	if err != nil {
		t.Fatal(err)
	}
	ix.Close()
	if err := os.RemoveAll(filepath.Join(dir, wordsFolder)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), dir, Options{ReadOnly: true}); fault.CodeOf(err) != fault.StoreCorrupt {
		t.Errorf("without words: %v", err)
	}
	if err := Rebuild(t.Context(), dir, func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	ix = testIndex(t, dir, Options{Encoder: testEncoder, ReadOnly: true})
	if after, err := ix.Search(t.Context(), Query{Text: "urate disorder of tissue"}); err != nil || len(after.Passages) != len(before.Passages) || after.Passages[0].Score != before.Passages[0].Score {
		t.Errorf("%+v, %v", after, err)
	}
}

// A flipped bit or a cut anywhere: the index opens and answers, or says that it is damaged.
func TestDamagedFiles(t *testing.T) {
	whole := t.TempDir()
	ix := testIndex(t, whole, Options{Encoder: testEncoder})
	add(t, ix, library...)
	ix.Close()
	rng := rand.New(rand.NewPCG(9, 9))
	rounds := 120
	if testing.Short() {
		rounds = 20
	}
	refused := 0
	for range rounds {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
			t.Fatal(err)
		}
		damage(t, rng, dir)
		ix, err := Open(t.Context(), dir, Options{Encoder: testEncoder, ReadOnly: true})
		if err == nil {
			_, err = ix.Answer(t.Context(), Query{Text: "connective tissue disorder urate phenylalanine"}, 0)
			_, status := ix.Status()
			_ = ix.Close()
			if err == nil {
				err = status
			}
		}
		if err == nil {
			continue
		}
		refused++
		switch fault.CodeOf(err) {
		case fault.StoreCorrupt, fault.NotFound, fault.InputUnsupported, fault.StoreFailed, fault.Conflict:
		default:
			t.Errorf("%v", err)
		}
	}
	if refused < rounds/10 {
		t.Errorf("only %d of %d damages were seen", refused, rounds)
	}
}

// damage changes one of the files of an index.
func damage(t *testing.T, rng *rand.Rand, dir string) {
	t.Helper()
	var files []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	path := files[rng.IntN(len(files))]
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	switch rng.IntN(3) {
	case 0:
		raw = raw[:rng.IntN(len(raw)+1)]
	default:
		for range 1 + rng.IntN(40) {
			raw[rng.IntN(len(raw))] ^= byte(1 + rng.IntN(255))
		}
	}
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
