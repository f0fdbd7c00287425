package local

import (
	"bufio"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
)

func removeState(dir string) error { return os.Remove(filepath.Join(dir, stateFile)) }

func TestTheSameTaskGivesTheSameUpdate(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{Batch: 8, Momentum: 0.9})
	w := initial(t, job)
	dir := t.TempDir()
	l := learner(t, job, set, Options{Dir: dir, Seed: 4})
	first := must(t, l, Task{Round: 1, Attempt: 1, Global: w})
	steps := 0
	count := func(done, all int) { steps++ }
	for name, other := range map[string]*Learner{"at once": l, "after a restart": learner(t, job, set, Options{Dir: dir, Seed: 4})} {
		u, err := other.Train(context.Background(), Task{Round: 1, Attempt: 1, Global: w}, count)
		if err != nil || !reflect.DeepEqual(u, first) || steps != 0 {
			t.Errorf("%s: another update, or %d steps (%v)", name, steps, err)
		}
	}
	for name, o := range map[string]Options{"the same seed and site": {Seed: 4}, "another seed": {Seed: 5}, "another site": {Seed: 4, Site: "beta"}} {
		u := must(t, learner(t, job, set, o), Task{Round: 1, Attempt: 1, Global: w})
		if equal := slices.Equal(u.Delta, first.Delta); equal != (name == "the same seed and site") {
			t.Errorf("%s: the same update is %v", name, equal)
		}
	}
	if u := must(t, l, Task{Round: 2, Attempt: 1, Global: w}); slices.Equal(u.Delta, first.Delta) {
		t.Error("another round has the order of the first")
	}
}

// TestARoundThatIsTriedAgain starts from what was before it: the hub threw the first answer away.
func TestARoundThatIsTriedAgain(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{Algorithm: federation.Scaffold, Batch: 8})
	w := initial(t, job)
	straight, twice := learner(t, job, set, Options{}), learner(t, job, set, Options{})
	other := slices.Clone(w)
	other[0] = 0.3
	must(t, twice, Task{Round: 1, Attempt: 1, Global: other})
	a := must(t, straight, Task{Round: 1, Attempt: 2, Global: w})
	b := must(t, twice, Task{Round: 1, Attempt: 2, Global: w})
	if !reflect.DeepEqual(a, b) {
		t.Error("the attempt that failed left something behind")
	}
	same(t, "control variates", twice.state.after.control, straight.state.after.control, 0)
}

func TestWithdrawnConsentCountsFromTheNextRound(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{Batch: 8})
	gone := map[string]bool{}
	var asked []string
	l := learner(t, job, set, Options{Permit: func(group string) bool { asked = append(asked, group); return !gone[group] }})
	w := initial(t, job)
	before := must(t, l, Task{Round: 1, Attempt: 1, Global: w})
	if before.Samples != 40 || l.Examples() != 40 {
		t.Fatalf("%d examples, want 40", before.Samples)
	}
	gone["train-patient-3"], gone["train-patient-7"], gone["val-patient-0"] = true, true, true
	asked = nil
	again := must(t, l, Task{Round: 1, Attempt: 2, Global: w})
	if again.Samples != 36 || slices.Equal(again.Delta, before.Delta) {
		t.Errorf("%d examples in the next attempt, want 36", again.Samples)
	}
	if len(asked) != 20 {
		t.Errorf("asked %d times for 20 patients", len(asked))
	}
	if s := scored(t, l, w, dataset.Validation); s.N != 18 {
		t.Errorf("measured on %d validation examples, want 18", s.N)
	}
	// The withdrawn examples have no say: whatever they hold, the update is the same.
	for i, s := range set.marks[dataset.Train] {
		if gone[s.Group] {
			for k := range set.values[dataset.Train][i] {
				set.values[dataset.Train][i][k] = 1000
			}
		}
	}
	u := must(t, learner(t, job, set, Options{Permit: func(group string) bool { return !gone[group] }}), Task{Round: 1, Attempt: 2, Global: w})
	if !slices.Equal(u.Delta, again.Delta) {
		t.Error("withdrawn examples changed the update")
	}
	for i := range 20 {
		gone[fmt.Sprintf("train-patient-%d", i)] = i >= 1
	}
	if _, err := l.Train(context.Background(), Task{Round: 2, Global: w}, nil); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("below the cohort: %v", err)
	}
}

func TestBrokenStateIsRefused(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{})
	dir := t.TempDir()
	must(t, learner(t, job, set, Options{Dir: dir}), Task{Round: 1, Global: initial(t, job)})
	path := filepath.Join(dir, stateFile)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, 5, len(good) / 2, len(good) - 1} {
		bad := slices.Clone(good)
		bad[i] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(job, set, Options{Dir: dir}); fault.CodeOf(err) != fault.CheckpointBad {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	job.Title = "another"
	if _, err := New(job, set, Options{Dir: dir}); fault.CodeOf(err) != fault.CheckpointBad {
		t.Errorf("another job's state: %v", err)
	}
}

// TestAWriteNeverTouchesTheOldFile: who holds the old file open still reads it whole after the next round, and half a
// new one, as a crash leaves it, is in nobody's way.
func TestAWriteNeverTouchesTheOldFile(t *testing.T) {
	set := tables()
	job := jobFor(set, ArchLogistic, federation.Plan{})
	dir := t.TempDir()
	l := learner(t, job, set, Options{Dir: dir})
	must(t, l, Task{Round: 1, Global: initial(t, job)})
	path := filepath.Join(dir, stateFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	old, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if err := os.WriteFile(path+".new", before[:len(before)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, learner(t, job, set, Options{Dir: dir}), Task{Round: 2, Global: initial(t, job)})
	if held, err := io.ReadAll(old); err != nil || !slices.Equal(held, before) {
		t.Errorf("the old file was written over (%v)", err)
	}
	if again := learner(t, job, set, Options{Dir: dir}); again.state.Round != 2 {
		t.Errorf("round %d was kept, want 2", again.state.Round)
	}
}

// crashJob is long enough to be killed in.
func crashJob() (federation.Job, *memory) {
	set := tables()
	return jobFor(set, ArchLogistic, federation.Plan{Algorithm: federation.Scaffold, Batch: 8, Rounds: 1000}), set
}

// TestCrashChild is the process that TestKilledAnywhere kills; it does nothing by itself.
func TestCrashChild(t *testing.T) {
	dir := os.Getenv("LOCAL_CRASH_DIR")
	if dir == "" {
		t.Skip("started by TestKilledAnywhere")
	}
	job, set := crashJob()
	l := learner(t, job, set, Options{Dir: dir})
	w := make([]float32, l.Size())
	for round := 1; round <= 1000; round++ {
		w = plus(w, must(t, l, Task{Round: round, Global: w}).Delta)
		fmt.Println("round", round)
	}
}

// TestKilledAnywhere: kill -9 at any moment leaves a state from which the site goes on as if nothing had happened.
func TestKilledAnywhere(t *testing.T) {
	job, set := crashJob()
	reference := learner(t, job, set, Options{})
	var updates []federation.Update
	globals := [][]float32{make([]float32, reference.Size())}
	for round := 1; round <= 200; round++ {
		u := must(t, reference, Task{Round: round, Global: globals[round-1]})
		updates, globals = append(updates, u), append(globals, plus(globals[round-1], u.Delta))
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for kill := range 5 {
		dir := t.TempDir()
		cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestCrashChild$")
		cmd.Env = append(os.Environ(), "LOCAL_CRASH_DIR="+dir)
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for seen := 0; seen < 3+8*kill && lines.Scan(); seen++ {
		}
		for range rand.IntN(200000) { // somewhere within a round
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		l := learner(t, job, set, Options{Dir: dir})
		if l.state.Round < 3 {
			t.Fatalf("killed after %d rounds", l.state.Round)
		}
		last := l.state.Round
		for round := last; round <= min(last+1, len(updates)); round++ { // the last one again, and the next
			if u := must(t, l, Task{Round: round, Global: globals[round-1]}); !reflect.DeepEqual(u, updates[round-1]) {
				t.Fatalf("killed in round %d: the update of round %d is another one", last, round)
			}
		}
	}
}

func FuzzRecord(f *testing.F) {
	for _, r := range []record{{head: []byte("{}")}, {head: []byte(`{"format":1}`), vectors: [][]float32{{1, 2}, nil, {3}}, blob: []byte("update")}} {
		b := r.encode()
		f.Add(b[:len(b)-sha256.Size])
	}
	f.Add([]byte("CFL1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = decodeRecord(b)
		sum := sha256.Sum256(b) // or nothing behind the sum would be reached
		b = append(slices.Clone(b), sum[:]...)
		r, err := decodeRecord(b)
		if err != nil {
			if fault.CodeOf(err) != fault.CheckpointBad {
				t.Fatal(err)
			}
			return
		}
		if !slices.Equal(r.encode(), b) {
			t.Fatal("what was read is not what was written")
		}
	})
}
