package govern

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"consilium/fault"
	"consilium/store"
)

// open gives a log below dir that is closed at the end of the test.
func open(t testing.TB, dir string, memory Memory) *Log {
	t.Helper()
	l, err := OpenLog(t.Context(), Options{DataDir: dir, Memory: memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, l) })
	return l
}

func shut(t testing.TB, l *Log) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := l.Close(ctx); err != nil {
		t.Error(err)
	}
}

func event(i int) Event {
	return Event{Actor: fmt.Sprint("dr", i%3), Role: "reader", Action: "study.viewed", Patient: fmt.Sprint("P", i%7), Study: fmt.Sprint("1.2.", i), Detail: map[string]string{"n": fmt.Sprint(i)}}
}

// fill appends n events by so many at a time.
func fill(t testing.TB, l *Log, n, at int) {
	t.Helper()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range at {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if _, err := l.Append(context.Background(), event(int(i))); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func verifyLog(t testing.TB, l *Log, known ...string) Report {
	t.Helper()
	r, err := Verify(t.Context(), l.dir, l.verifier, known...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestLogKeepsWhatItAcknowledged(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, nil)
	fill(t, l, 1000, 64)
	first, err := l.Settle(t.Context())
	if err != nil || first.Size != 1000 {
		t.Fatalf("the checkpoint covers %d entries, %v", first.Size, err)
	}
	if r := verifyLog(t, l); r.Entries != 1000 { // beside the open log
		t.Fatalf("%d entries were verified", r.Entries)
	}
	shut(t, l)
	l = open(t, dir, nil)
	index, err := l.Append(t.Context(), Event{Action: "report.signed", Patient: "P1"})
	if err != nil || index != 1000 {
		t.Fatal(index, err)
	}
	if index, err = l.AppendAll(t.Context(), []Event{event(1), event(2), event(3)}); err != nil || index != 1001 {
		t.Fatal(index, err)
	}
	fill(t, l, 96, 10)
	shut(t, l)
	if r := verifyLog(t, l, first.Text); r.Entries != 1100 || r.Known != 1 || r.Unsigned != 0 {
		t.Fatalf("%+v", r)
	}
}

func TestEntriesByQueryAndPage(t *testing.T) {
	t.Run("from the log", func(t *testing.T) { entriesByQuery(t, open(t, t.TempDir(), nil)) })
	t.Run("by the index", func(t *testing.T) {
		s, err := store.Open(t.Context(), store.Options{DataDir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		// As if the index were that of another, longer log.
		var rows []store.AuditRow
		for i := range uint64(2000) {
			rows = append(rows, store.AuditRow{Number: i, Patient: "P3", Actor: "dr1"})
		}
		if err := s.IndexAudit(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		l, err := OpenLog(t.Context(), Options{DataDir: t.TempDir(), Memory: s, Index: s})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { shut(t, l) })
		entriesByQuery(t, l)
	})
}

func entriesByQuery(t *testing.T, l *Log) {
	fill(t, l, 700, 32)
	q := Query{Patient: "P3", Actor: "dr1", Limit: 10}
	seen := map[uint64]bool{}
	for {
		page, err := l.Entries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Items {
			if seen[e.Index] || e.Patient != "P3" || e.Actor != "dr1" || e.Outcome != "ok" {
				t.Fatalf("unexpected entry %+v", e)
			}
			seen[e.Index] = true
		}
		if q.Before = page.Next; page.Next == 0 {
			break
		}
	}
	want := 0
	for i := 1; i <= 700; i++ {
		if i%7 == 3 && i%3 == 1 {
			want++
		}
	}
	if len(seen) != want {
		t.Fatalf("%d entries instead of %d", len(seen), want)
	}
	entries, err := l.Read(t.Context(), 250, 20)
	if err != nil || len(entries) != 20 || entries[0].Index != 250 || entries[19].Index != 269 {
		t.Fatal(entries, err)
	}
}

// The log can be read and verified from its files while a node writes it.
func TestBesideARunningNode(t *testing.T) {
	l := open(t, t.TempDir(), nil)
	fill(t, l, 300, 50)
	older, err := l.Settle(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		fill(t, l, 4000, 20)
	}()
	for rounds := 0; ; rounds++ {
		r := verifyLog(t, l, older.Text)
		if r.Entries < older.Size || r.Known != 1 {
			t.Fatalf("%+v", r)
		}
		reader, err := OpenReader(t.Context(), l.dir, l.verifier)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := reader.Consistency(t.Context(), older); err != nil {
			t.Fatal(err)
		}
		page, err := reader.Entries(t.Context(), Query{Patient: "P3"})
		if err != nil || len(page.Items) < 42 {
			t.Fatal(len(page.Items), err)
		}
		select {
		case <-done:
			if rounds == 0 {
				t.Log("the log was full before it was read once")
			}
			return
		default:
		}
	}
}

// A backup copies the folder file by file, in the order of names, while the log
// grows. The copy opens as the log of some moment, and verifies.
func TestCopiedWhileItGrows(t *testing.T) {
	source := t.TempDir()
	l := open(t, source, nil)
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 8 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, err := l.Append(context.Background(), event(1)); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	defer func() { close(stop); writers.Wait() }()
	for range 8 {
		before, err := l.Settle(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		target := t.TempDir()
		copyTree(t, source, target)
		again, err := OpenLog(t.Context(), Options{DataDir: target})
		if err != nil {
			t.Fatal(err)
		}
		shut(t, again)
		if r := verifyLog(t, again, before.Text); r.Entries < before.Size {
			t.Fatalf("%+v", r)
		}
	}
}

// copyTree copies as store.Backup does: where a file is gone since it was
// listed, what has come in its place is copied, beside it or a folder up.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	var file func(path string) error
	instead := func(gone string) error {
		for _, dir := range []string{filepath.Dir(gone), filepath.Dir(filepath.Dir(gone))} {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries {
				if !e.IsDir() {
					if err := file(filepath.Join(dir, e.Name())); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	file = func(path string) error {
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if _, err := os.Stat(target); err == nil {
			return nil
		}
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return instead(path)
		}
		time.Sleep(time.Millisecond) // as slow as a tape
		return errors.Join(err, os.MkdirAll(filepath.Dir(target), 0o700), os.WriteFile(target, raw, 0o600))
	}
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return instead(path)
		}
		if err != nil || d.IsDir() {
			return err
		}
		return file(path)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestConsistency(t *testing.T) {
	l := open(t, t.TempDir(), nil)
	var checkpoints []Checkpoint
	for _, n := range []int{1, 6, 300, 250} {
		fill(t, l, n, 20)
		c, err := l.Settle(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkpoints = append(checkpoints, c)
	}
	r, err := l.Reader(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, older := range checkpoints {
		hashes, err := r.Consistency(t.Context(), older)
		if err != nil {
			t.Fatal(err)
		}
		wrong := older
		wrong.Root = append([]byte{older.Root[0] ^ 1}, older.Root[1:]...)
		if VerifyConsistency(wrong, r.Checkpoint, hashes) == nil {
			t.Error("another history of ", older.Size, " entries passes")
		}
	}
	if _, err := r.Consistency(t.Context(), Checkpoint{Size: 5000}); fault.CodeOf(err) != fault.AuditBroken {
		t.Error(err)
	}
}

// A disk that refuses does not lose what was acknowledged before, and the log
// goes on when it takes data again.
func TestDiskThatRefuses(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, nil)
	fill(t, l, 10, 5)
	if _, err := l.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	hidden := l.dir + ".hidden"
	if err := os.Rename(filepath.Join(l.dir, stateDir), hidden); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 10, 5) // the journal still takes them
	if _, err := l.Settle(t.Context()); err == nil {
		t.Fatal("a checkpoint was signed over what is not on the disk")
	}
	if err := os.Rename(hidden, filepath.Join(l.dir, stateDir)); err != nil {
		// tessera may have made a new, empty folder
		if err := os.RemoveAll(filepath.Join(l.dir, stateDir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(hidden, filepath.Join(l.dir, stateDir)); err != nil {
			t.Fatal(err)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); l.Checkpoint().Size != 20; {
		if time.Now().After(deadline) {
			t.Fatal("the log does not go on: ", l.Failure())
		}
		time.Sleep(10 * time.Millisecond)
	}
	verifyLog(t, l)
}

func TestOneProcessOnly(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, nil)
	if _, err := OpenLog(t.Context(), Options{DataDir: dir}); fault.CodeOf(err) != fault.Conflict {
		t.Fatal(err)
	}
}

func TestKeysAreMadeOnceAndKeptPrivate(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, nil)
	shut(t, l)
	private := filepath.Join(dir, KeyDir, keyFile)
	info, err := os.Stat(private)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatal(info, err)
	}
	if err := os.Chmod(private, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(t.Context(), Options{DataDir: dir}); fault.CodeOf(err) != fault.AuditBroken {
		t.Fatal(err)
	}
}

func TestAppendRefusesAndShortens(t *testing.T) {
	l := open(t, t.TempDir(), nil)
	if _, err := l.Append(t.Context(), Event{}); fault.CodeOf(err) != fault.InputMalformed {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ended, event(1)); err != nil && fault.CodeOf(err) != fault.Timeout {
		t.Fatal(err)
	}
	detail := map[string]string{"api_token": "hunter2", "Password": "hunter2", "note": strings.Repeat("é", 900), "bad": "\xff<script>"}
	for i := range 40 {
		detail[fmt.Sprint("k", i)] = "v"
	}
	index, err := l.Append(t.Context(), Event{Action: "login", Detail: detail})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := l.Read(t.Context(), index, 1)
	if err != nil {
		t.Fatal(err)
	}
	got := entries[0].Detail
	if len(got) != MaxDetails+1 || got["Password"] != withheld || got["api_token"] != withheld || got["bad"] != "\uFFFD<script>" {
		t.Fatalf("%d %v", len(got), got)
	}
	raw, err := os.ReadFile(filepath.Join(l.dir, edge(index + 1)[0]))
	if err != nil || strings.Contains(string(raw), "hunter2") {
		t.Fatal("a secret reached the log", err)
	}
	shut(t, l)
	if _, err := l.Append(t.Context(), event(1)); fault.CodeOf(err) != fault.Interrupted {
		t.Fatal(err)
	}
}

func TestClockThatGoesBackIsFlagged(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	leaf, err := encode(Event{Action: "a", Time: now.Add(time.Hour)}, now.Add(-time.Minute), now)
	if err != nil {
		t.Fatal(err)
	}
	e, err := decode(3, leaf)
	if err != nil || e.Clock != clockWentBack || !e.Time.Equal(now.Add(time.Hour)) || !e.Logged.Equal(now.Add(-time.Minute)) {
		t.Fatalf("%+v %v", e, err)
	}
	dir := t.TempDir()
	l := open(t, dir, nil)
	l.stamp = now.AddDate(50, 0, 0) // as if the last entry came from a clock that was ahead
	fill(t, l, 1, 1)
	entries, err := l.Read(t.Context(), 0, 1)
	if err != nil || entries[0].Clock != clockWentBack {
		t.Fatal(entries, err)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, callers := range []int{1, 16, 64, 256} {
		b.Run(fmt.Sprint(callers, "-callers"), func(b *testing.B) {
			l := open(b, b.TempDir(), nil)
			start := time.Now()
			b.ResetTimer()
			fill(b, l, b.N, callers)
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "entries/s")
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, n := range []int{10_000, 40_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			l := open(b, b.TempDir(), nil)
			fill(b, l, n, 512)
			shut(b, l)
			for b.Loop() {
				verifyLog(b, l)
			}
			b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
		})
	}
}
