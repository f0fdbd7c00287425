package work

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/fault"
)

func open(t *testing.T, o Options) *Queue {
	t.Helper()
	if o.Dir == "" && o.URL == "" {
		o.Dir = t.TempDir()
	}
	q, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(q.Close)
	return q
}

func put(t *testing.T, q *Queue, id string) {
	t.Helper()
	if err := q.Put(t.Context(), Job{ID: id, Kind: "diagnose", Body: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
}

// take runs a handler until want jobs are finished.
func take(t *testing.T, q *Queue, h Handler, want int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var mu sync.Mutex
	var done []string
	inner := h.Do
	h.Do = func(ctx context.Context, j Job) error {
		if err := inner(ctx, j); err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if done = append(done, j.ID); len(done) == want {
			cancel()
		}
		return nil
	}
	if err := q.Take(ctx, "diagnose", h); err != nil {
		t.Fatal(err)
	}
	if len(done) < want {
		t.Fatalf("only %d of %d jobs were done in time: %v", len(done), want, done)
	}
	return done
}

func works(context.Context, Job) error { return nil }

func TestJobsAreDoneOnceEach(t *testing.T) {
	q := open(t, Options{})
	for i := range 20 {
		put(t, q, fmt.Sprint("study-", i%10)) // each of ten twice
	}
	if n, err := q.Waiting(t.Context(), "diagnose"); err != nil || n != 10 {
		t.Fatalf("%d jobs wait (%v), want 10: the same ID is the same job", n, err)
	}
	done := take(t, q, Handler{Do: works, Parallel: 3}, 10)
	seen := map[string]bool{}
	for _, id := range done {
		if seen[id] {
			t.Errorf("%s was done twice", id)
		}
		seen[id] = true
	}
	if n, err := q.Waiting(t.Context(), "diagnose"); err != nil || n != 0 {
		t.Errorf("%d jobs are left (%v)", n, err)
	}
}

func TestFailedJobComesAgain(t *testing.T) {
	q := open(t, Options{})
	put(t, q, "a")
	tries := 0
	take(t, q, Handler{Do: func(context.Context, Job) error {
		if tries++; tries < 2 {
			return errors.New("not yet")
		}
		return nil
	}}, 1)
	if tries != 2 {
		t.Errorf("%d tries", tries)
	}
}

func TestPanicIsAnErrorOfThatJobAlone(t *testing.T) {
	q := open(t, Options{})
	put(t, q, "bad")
	put(t, q, "good")
	var gaveUp error
	take(t, q, Handler{
		Do: func(_ context.Context, j Job) error {
			if j.ID == "bad" {
				panic("out of range")
			}
			return nil
		},
		Hopeless: func(err error) bool { return fault.CodeOf(err) == fault.Internal },
		GiveUp:   func(_ context.Context, _ Job, cause error) error { gaveUp = cause; return nil },
	}, 1)
	if gaveUp == nil || !strings.Contains(gaveUp.Error(), "out of range") {
		t.Errorf("gave up with %v", gaveUp)
	}
	if n, _ := q.Waiting(t.Context(), "diagnose"); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}

func TestJobsSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	q, err := Open(t.Context(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	put(t, q, "a")
	put(t, q, "b")
	q.Close()
	again := open(t, Options{Dir: dir})
	if got := take(t, again, Handler{Do: works}, 2); len(got) != 2 {
		t.Errorf("%v", got)
	}
	put(t, again, "a") // done already, within the day that IDs are known
	if n, _ := again.Waiting(t.Context(), "diagnose"); n != 0 {
		t.Errorf("%d jobs wait; a finished job came again", n)
	}
}

func TestJobsTakenOverTheNetwork(t *testing.T) {
	address := freeAddress(t)
	open(t, Options{Listen: address, Token: "secret"})
	if _, err := Open(t.Context(), Options{URL: "nats://" + address, Token: "wrong"}); fault.CodeOf(err) != fault.PeerUnreachable {
		t.Errorf("a wrong secret: %v", err)
	}
	far := open(t, Options{URL: "nats://" + address, Token: "secret"})
	put(t, far, "a")
	take(t, far, Handler{Do: works}, 1)
}

func TestAnnouncementsReachEveryProcess(t *testing.T) {
	address := freeAddress(t)
	here := open(t, Options{Listen: address, Token: "secret"})
	far := open(t, Options{URL: "nats://" + address, Token: "secret"})
	heard := make(chan string, 2)
	if err := here.Hear(t.Context(), func(text string) { heard <- text }); err != nil {
		t.Fatal(err)
	}
	far.Announce("1.2.3")
	select {
	case text := <-heard:
		if text != "1.2.3" {
			t.Errorf("heard %q", text)
		}
	case <-time.After(10 * time.Second):
		t.Error("nothing was heard")
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestBadOptionsAndJobs(t *testing.T) {
	for name, o := range map[string]Options{
		"listening without a secret": {Dir: t.TempDir(), Listen: "127.0.0.1:0"},
		"no port":                    {Dir: t.TempDir(), Listen: "127.0.0.1", Token: "x"},
	} {
		if _, err := Open(t.Context(), o); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	q := open(t, Options{})
	for _, j := range []Job{{Kind: "diagnose"}, {ID: "a"}, {ID: "a", Kind: "a.>"}} {
		if err := q.Put(t.Context(), j); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%+v: %v", j, err)
		}
	}
	big := Job{ID: "a", Kind: "diagnose", Body: []byte(`"` + strings.Repeat("x", MaxBody) + `"`)}
	if err := q.Put(t.Context(), big); err == nil {
		t.Error("a job beyond the limit was taken")
	}
}

// TestKilledProcessLosesNothing kills a process that puts jobs, at a moment of
// its own choosing, and looks whether every job it was told to be safe is there.
func TestKilledProcessLosesNothing(t *testing.T) {
	if dir := os.Getenv("WORK_TEST_PUT"); dir != "" {
		putForever(dir)
	}
	dir := t.TempDir()
	said := map[string]bool{}
	rounds := 5
	if testing.Short() {
		rounds = 1
	}
	for round := range rounds {
		c := exec.Command(os.Args[0], "-test.run", "^TestKilledProcessLosesNothing$")
		c.Env = append(os.Environ(), "WORK_TEST_PUT="+dir, fmt.Sprint("WORK_TEST_ROUND=", round))
		out := &killer{after: 20 + 13*round, process: c, said: said}
		c.Stdout = out
		_ = c.Run() // killed
	}
	q := open(t, Options{Dir: dir})
	n, err := q.Waiting(t.Context(), "diagnose")
	if err != nil || n < len(said) {
		t.Errorf("%d jobs of %d that were confirmed (%v)", n, len(said), err)
	}
	if len(said) < rounds*20 {
		t.Errorf("only %d jobs were confirmed before the kills", len(said))
	}
}

// killer kills the process that writes to it after so many lines.
type killer struct {
	after   int
	process *exec.Cmd
	said    map[string]bool
	rest    string
}

func (k *killer) Write(b []byte) (int, error) {
	lines := strings.Split(k.rest+string(b), "\n")
	k.rest = lines[len(lines)-1]
	for _, l := range lines[:len(lines)-1] {
		if id, ok := strings.CutPrefix(l, "put "); ok {
			k.said[id] = true
			if k.after--; k.after == 0 {
				_ = k.process.Process.Kill()
			}
		}
	}
	return len(b), nil
}

func putForever(dir string) {
	q, err := Open(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for i := 0; ; i++ {
		id := fmt.Sprint(os.Getenv("WORK_TEST_ROUND"), "-", i)
		if err := q.Put(context.Background(), Job{ID: id, Kind: "diagnose", Body: []byte(`{}`)}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println("put " + id)
	}
}
