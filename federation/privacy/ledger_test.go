package privacy

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/fault"

	"github.com/google/go-cmp/cmp"
)

var spring = time.Date(2026, 5, 17, 9, 30, 0, 0, time.UTC)

func spend(job string, steps int) Entry {
	return Entry{At: spring, Job: job, Q: 0.1, Sigma: 1.1, Steps: steps, Delta: 1e-5, Round: 1}
}

func open(t *testing.T, file string) *Ledger {
	t.Helper()
	l, err := OpenLedger(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func must(t *testing.T, l *Ledger, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if err := l.Spend(e); err != nil {
			t.Fatal(err)
		}
	}
}

func near(t *testing.T, what string, got float64, err error, want float64) {
	t.Helper()
	if err != nil || math.Abs(got-want) > 1e-12*want {
		t.Errorf("%s: %g, %v; want %g", what, got, err, want)
	}
}

func TestLedgerComposesWithinAJobAndAddsJobs(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger.jsonl")
	l := open(t, file)
	other := spend("second", 7)
	other.Q, other.Sigma = 1, 20
	must(t, l, spend("first", 30), other, spend("first", 70))
	first, _ := Epsilon(0.1, 1.1, 100, 1e-5, Tight)
	second, _ := Epsilon(1, 20, 7, 1e-5, Tight)
	check := func(l *Ledger) {
		t.Helper()
		got, err := l.Job("first")
		near(t, "the first job", got, err, first)
		got, err = l.Job("second")
		near(t, "the second job", got, err, second)
		got, err = l.Job("third")
		near(t, "a job that is not there", got, err, 0)
		got, err = l.Spent(spring)
		near(t, "the quarter", got, err, first+second)
	}
	check(l)
	before := l.Entries()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Spend(spend("late", 1)); fault.CodeOf(err) != fault.StoreFailed {
		t.Errorf("a spend after Close: %v", err)
	}
	again := open(t, file)
	check(again)
	if d := cmp.Diff(before, again.Entries()); d != "" {
		t.Errorf("reading back: %s", d)
	}
	stat, err := os.Stat(file)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v", stat.Mode(), err)
	}
}

func TestLedgerTellsDeltasApart(t *testing.T) {
	l := open(t, filepath.Join(t.TempDir(), "ledger"))
	a, b := spend("one", 10), spend("one", 10)
	b.Delta = 1e-6
	must(t, l, a, b)
	first, _ := Epsilon(0.1, 1.1, 10, 1e-5, Tight)
	second, _ := Epsilon(0.1, 1.1, 10, 1e-6, Tight)
	got, err := l.Job("one")
	near(t, "two deltas", got, err, first+second)
}

func TestQuarters(t *testing.T) {
	east := time.FixedZone("", 2*3600)
	for _, c := range []struct {
		t        time.Time
		from, to string
	}{
		{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), "2026-01-01", "2026-04-01"},
		{time.Date(2026, 3, 31, 23, 59, 59, 0, time.UTC), "2026-01-01", "2026-04-01"},
		{time.Date(2026, 4, 1, 1, 0, 0, 0, east), "2026-01-01", "2026-04-01"},
		{time.Date(2026, 4, 1, 2, 0, 0, 0, east), "2026-04-01", "2026-07-01"},
		{time.Date(2026, 12, 31, 12, 0, 0, 0, time.UTC), "2026-10-01", "2027-01-01"},
	} {
		from, to := Quarter(c.t)
		if from.Format(time.DateOnly) != c.from || to.Format(time.DateOnly) != c.to {
			t.Errorf("%v lies in %v to %v, want %s to %s", c.t, from, to, c.from, c.to)
		}
	}
	l := open(t, filepath.Join(t.TempDir(), "ledger"))
	for _, at := range []time.Time{
		time.Date(2026, 3, 31, 23, 59, 59, 999, time.UTC), time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2026, 7, 1, 1, 59, 0, 0, east), time.Date(2026, 7, 1, 2, 0, 0, 0, east),
	} {
		e := spend("one", 10)
		e.At = at
		must(t, l, e)
	}
	for steps, now := range map[int]time.Time{10: spring.AddDate(0, -3, 0), 20: spring, 0: spring.AddDate(1, 0, 0)} {
		want, _ := Epsilon(0.1, 1.1, steps, 1e-5, Tight)
		got, err := l.Spent(now)
		near(t, now.String(), got, err, want)
	}
	whole, _ := Epsilon(0.1, 1.1, 40, 1e-5, Tight)
	got, err := l.Job("one")
	near(t, "the job in all quarters", got, err, whole)
}

func TestLedgerSurvivesATornLine(t *testing.T) {
	line, err := json.Marshal(spend("torn", 5))
	if err != nil {
		t.Fatal(err)
	}
	whole := string(line) + "\n"
	for name, tail := range map[string]string{
		"one byte":         "{",
		"half":             whole[:len(whole)/2],
		"all but its end":  string(line),
		"zeros":            strings.Repeat("\x00", 4096),
		"zeros in between": whole[:20] + strings.Repeat("\x00", 20) + whole[40:],
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "ledger")
			if err := os.WriteFile(file, []byte(whole+whole+tail), 0o600); err != nil {
				t.Fatal(err)
			}
			l := open(t, file)
			if n := len(l.Entries()); n != 2 {
				t.Fatalf("%d entries", n)
			}
			if text, err := os.ReadFile(file); err != nil || string(text) != whole+whole {
				t.Fatalf("repaired to %q, %v", text, err)
			}
			must(t, l, spend("after", 1))
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			text, err := os.ReadFile(file)
			if err != nil || !strings.HasPrefix(string(text), whole+whole+"{") || strings.Count(string(text), "\n") != 3 {
				t.Fatalf("the file is %q, %v", text, err)
			}
			if n := len(open(t, file).Entries()); n != 3 {
				t.Errorf("%d entries after the repair", n)
			}
		})
	}
}

func TestLedgerThatWasChangedIsRefused(t *testing.T) {
	line, err := json.Marshal(spend("one", 5))
	if err != nil {
		t.Fatal(err)
	}
	good := string(line) + "\n"
	for name, text := range map[string]string{
		"a line in the middle":  good + "{\n" + good,
		"the last line":         good + "nonsense\n",
		"an empty line":         good + "\n" + good,
		"an unknown field":      strings.Replace(good, `"q"`, `"x":1,"q"`, 1),
		"two values":            string(line) + string(line) + "\n",
		"steps below 1":         strings.Replace(good, `"steps":5`, `"steps":-5`, 1),
		"no noise":              strings.Replace(good, `"sigma":1.1`, `"sigma":0`, 1),
		"a rate above 1":        strings.Replace(good, `"q":0.1`, `"q":1.5`, 1),
		"no time":               strings.Replace(good, "2026", "0001", 1),
		"a long line":           strings.Replace(good, `"job"`, strings.Repeat(" ", 2000)+`"job"`, 1),
		"zeros before the last": "\x00\n" + good,
	} {
		file := filepath.Join(t.TempDir(), "ledger")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenLedger(file); fault.CodeOf(err) != fault.StoreCorrupt {
			t.Errorf("%s: %v, want STORE_CORRUPT", name, err)
		}
		if now, _ := os.ReadFile(file); string(now) != text {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestLedgerHasOneHolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger")
	l := open(t, file)
	if _, err := OpenLedger(file); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second holder: %v, want CONFLICT", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, file)
}

func TestLedgerRefuses(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "no", "such", "folder")} {
		if _, err := OpenLedger(path); fault.CodeOf(err) != fault.StoreFailed {
			t.Errorf("a path that is none: %v", err)
		}
	}
	l := open(t, filepath.Join(dir, "ledger"))
	for name, change := range map[string]func(*Entry){
		"job":   func(e *Entry) { e.Job = "Not A Word" },
		"time":  func(e *Entry) { e.At = time.Time{} },
		"steps": func(e *Entry) { e.Steps = 0 },
		"q":     func(e *Entry) { e.Q = math.NaN() },
		"sigma": func(e *Entry) { e.Sigma = math.Inf(1) },
		"delta": func(e *Entry) { e.Delta = 1 },
		"round": func(e *Entry) { e.Round = -1 },
	} {
		e := spend("one", 1)
		change(&e)
		if err := l.Spend(e); fault.CodeOf(err) != fault.Usage {
			t.Errorf("a bad %s: %v, want USAGE", name, err)
		}
	}
	if len(l.Entries()) != 0 {
		t.Error("a refused spend was counted")
	}
}

// A disk that refuses must not leave half a line, nor count what was not written.
func TestLedgerOnADiskThatRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger")
	l := open(t, file)
	must(t, l, spend("one", 1))
	good := l.file
	l.file, _ = os.Open(file) // for reading only
	if err := l.Spend(spend("one", 1)); fault.CodeOf(err) != fault.StoreFailed {
		t.Errorf("a write that fails: %v", err)
	}
	_ = l.file.Close()
	l.file = good
	if err := l.Spend(spend("one", 1)); fault.CodeOf(err) != fault.StoreFailed {
		t.Errorf("after a failure that could not be taken back: %v, want no more spends", err)
	}
	if n := len(l.Entries()); n != 1 {
		t.Errorf("%d entries are counted", n)
	}
}

func TestLedgerIsSafeForManyAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ledger")
	l := open(t, file)
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 10 {
				if err := l.Spend(spend("one", 1)); err != nil {
					t.Error(err)
				}
				if _, err := l.Spent(spring); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	_ = l.Close()
	if n := len(open(t, file).Entries()); n != 40 {
		t.Errorf("%d entries", n)
	}
}

func FuzzParse(f *testing.F) {
	line, err := json.Marshal(spend("one", 5))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte{})
	f.Add(append(line, '\n'))
	f.Add(append(append(bytes.Clone(line), '\n'), line...))
	f.Add([]byte("{}\n"))
	f.Add([]byte("\x00\x00\n"))
	f.Add([]byte(`{"at":"2026-05-17T09:30:00+02:00","job":"a","q":1,"sigma":1,"steps":1,"delta":0.5}` + "\n"))
	f.Add([]byte(`{"at":"2026-05-17T09:30:00Z","job":"a","q":1e999,"sigma":1,"steps":1,"delta":0.5}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		entries, good, err := parse(text)
		if err != nil {
			if fault.CodeOf(err) != fault.StoreCorrupt {
				t.Fatal(err)
			}
			return
		}
		if good > len(text) || good > 0 && text[good-1] != '\n' {
			t.Fatalf("%d of %d bytes are good", good, len(text))
		}
		again, all, err := parse(text[:good])
		if err != nil || all != good || !cmp.Equal(entries, again) {
			t.Fatalf("what was kept reads as %v, %v", again, err)
		}
		for _, e := range entries {
			if e.check() != nil {
				t.Fatalf("a bad entry came through: %+v", e)
			}
			back, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if same, err := parseLine(back); err != nil || !cmp.Equal(same, e) {
				t.Fatalf("%s reads as %+v, %v", back, same, err)
			}
		}
	})
}
