package edge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/room"
)

// clock stands still until a test moves it.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	bells []bell
}

type bell struct {
	at   time.Time
	ring chan time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) At(t time.Time) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	ring := make(chan time.Time, 1)
	c.bells = append(c.bells, bell{t, ring})
	c.strike()
	return ring
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.strike()
}

func (c *clock) strike() {
	kept := c.bells[:0]
	for _, b := range c.bells {
		if b.at.After(c.now) {
			kept = append(kept, b)
			continue
		}
		b.ring <- c.now
	}
	c.bells = kept
}

// say is an answer with that probability of the second label; between the marks it cannot tell.
func say(model string, p float64) Answer {
	f := Finding{Task: "test", Model: model, Version: "1", Verdict: clinical.VerdictFinding, Answer: "healthy",
		Outcomes: []clinical.Outcome{{Concept: clinical.Concept{Name: "healthy"}, Probability: 1 - p}, {Concept: clinical.Concept{Name: "ill"}, Probability: p}}}
	if p > 0.5 {
		f.Answer = "ill"
		f.Outcomes[0], f.Outcomes[1] = f.Outcomes[1], f.Outcomes[0]
	}
	return Answer{Findings: []Finding{f}}
}

// probability that the fakes give for a case: every fourth one is unsure.
func probability(c Case) float64 {
	b := c.Files[0].Body
	if b[len(b)-1]%4 == 0 {
		return 0.6
	}
	return 0.95
}

func siteSays(_ context.Context, c Case) (Answer, error) { return say("small", probability(c)), nil }
func hubSays(context.Context, Case) (Answer, error)      { return say("large", 0.99), nil }

func asIs(c Case) (Case, error) { return c, nil }

func testCase(i int) Case {
	return Case{ID: fmt.Sprintf("case-%d", i), Name: fmt.Sprintf("film %d.png", i), Files: []File{{Name: "film.png", Body: []byte{1, 2, byte(i >> 8), byte(i)}}}}
}

// world is a hub with its counter, and a site whose desk can be killed.
type world struct {
	t       failer
	clock   *clock
	room    *room.Room
	counter *Counter
	o       Options
	ctx     context.Context
	stop    func()
	hub     sync.WaitGroup

	mu       sync.Mutex
	news     *sync.Cond
	atHub    map[string]Summary
	told     map[string]Result
	refused  []error // by the counter
	rejected []error // by the desk
	warned   []error

	desk *Desk
	life *life
}

type failer interface {
	Helper()
	Fatalf(string, ...any)
}

// life is one process of the site.
type life struct {
	cancel context.CancelFunc
	all    sync.WaitGroup
	dying  sync.Mutex
	left   int // disk operations until death; 0 = lives on
	dead   bool
	died   chan struct{}
}

var errDead = errors.New("the process is dead")

func (l *life) operation(op, path string) error {
	l.dying.Lock()
	defer l.dying.Unlock()
	if l.dead {
		return errDead
	}
	if l.left > 0 {
		if l.left--; l.left == 0 {
			l.dead = true
			close(l.died)
			return errDead
		}
	}
	return nil
}

func (l *life) die(after int) {
	l.dying.Lock()
	defer l.dying.Unlock()
	l.left = after
}

func (l *life) isDead() bool {
	l.dying.Lock()
	defer l.dying.Unlock()
	return l.dead
}

// wire is the site's end for one life: the dead send nothing.
type wire struct {
	federation.SiteEnd
	life *life
}

func (w wire) Send(ctx context.Context, m federation.Mail) error {
	if w.life.isDead() {
		return errDead
	}
	return w.SiteEnd.Send(ctx, m)
}

func newWorld(t failer, dir string, o Options, answers Diagnose) *world {
	t.Helper()
	r, err := room.New("north")
	if err != nil {
		t.Fatalf("room: %v", err)
	}
	w := &world{t: t, clock: newClock(), room: r, o: o, atHub: map[string]Summary{}, told: map[string]Result{}}
	w.news = sync.NewCond(&w.mu)
	w.ctx, w.stop = context.WithCancel(context.Background())
	if answers == nil {
		answers = hubSays
	}
	w.counter, err = OpenCounter(CounterOptions{Dir: filepath.Join(dir, "hub"), Link: r.Hub(), Diagnose: answers, PerSite: 1000,
		Tell: func(_ string, s Summary) { w.note(func() { w.atHub[s.Case] = s }) },
		Warn: func(err error) { w.note(func() { w.refused = append(w.refused, err) }) }})
	if err != nil {
		t.Fatalf("counter: %v", err)
	}
	w.counter.disk.write = quick
	w.hub.Go(func() { _ = w.counter.Run(w.ctx) })
	w.hub.Go(func() {
		for {
			m, err := r.Hub().Receive(w.ctx)
			if err != nil {
				return
			}
			if err := w.counter.Handle(w.ctx, m); err != nil {
				w.note(func() { w.refused = append(w.refused, err) })
			}
		}
	})
	if w.o.Dir == "" {
		w.o.Dir = filepath.Join(dir, "site")
	}
	if w.o.Diagnose == nil {
		w.o.Diagnose = siteSays
	}
	w.o.Prepare, w.o.Clock = asIs, w.clock
	w.o.Tell = func(r Result) { w.note(func() { w.remember(r) }) }
	w.o.Warn = func(err error) { w.note(func() { w.warned = append(w.warned, err) }) }
	return w
}

// quick is folder.Write without waiting for the platters.
func quick(path string, content []byte) error {
	if err := os.WriteFile(path+folder.Unfinished, content, 0o600); err != nil {
		return err
	}
	return os.Rename(path+folder.Unfinished, path)
}

// remember holds every later telling against the first one.
func (w *world) remember(r Result) {
	if was, known := w.told[r.Case]; known && (was.Local == nil) != (r.Local == nil) || known && !was.Answered.Equal(r.Answered) {
		w.refused = append(w.refused, fmt.Errorf("the answer of %s was replaced: %+v, then %+v", r.Case, was, r))
	}
	w.told[r.Case] = r
}

func (w *world) note(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	w.news.Broadcast()
}

// start begins a life of the site.
func (w *world) start() {
	w.t.Helper()
	l := &life{died: make(chan struct{})}
	o := w.o
	o.Link = wire{w.room.Site("north"), l}
	d, err := open(o, func(k *disk) { k.write, k.fail = quick, l.operation })
	if err != nil {
		w.t.Fatalf("open: %v", err)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	l.cancel = cancel
	w.desk, w.life = d, l
	l.all.Go(func() { _ = d.Run(ctx) })
	l.all.Go(func() {
		for {
			m, err := o.Link.Receive(ctx)
			if err != nil {
				return
			}
			if err := d.Handle(ctx, m); err != nil {
				w.note(func() { w.rejected = append(w.rejected, err) })
			}
		}
	})
}

// end stops the process; what it held of mail comes again to the next.
func (w *world) end() {
	w.life.cancel()
	w.life.all.Wait()
	if err := w.desk.Close(); err != nil {
		w.t.Fatalf("close: %v", err)
	}
}

func (w *world) close() {
	w.end()
	w.stop()
	w.hub.Wait()
	_ = w.counter.Close()
}

func (w *world) submit(i int) error {
	_, _, err := w.desk.Submit(w.ctx, testCase(i))
	return err
}

func (w *world) must(i int) {
	w.t.Helper()
	if err := w.submit(i); err != nil {
		w.t.Fatalf("submit %d: %v", i, err)
	}
}

// refuse sets what the disk says from now on.
func (w *world) refuse(fail func(op, path string) error) {
	w.desk.mu.Lock()
	defer w.desk.mu.Unlock()
	w.desk.disk.fail = fail
}

const patient = 20 * time.Second

// until waits for something that the desk does.
func (w *world) until(what string, done func(d *Desk) bool) {
	w.t.Helper()
	d := w.desk
	ctx, cancel := context.WithTimeout(w.ctx, patient)
	defer cancel()
	defer context.AfterFunc(ctx, func() { d.mu.Lock(); defer d.mu.Unlock(); d.moved.Broadcast() })()
	d.mu.Lock()
	ok := done(d)
	for ; !ok && ctx.Err() == nil; ok = done(d) {
		d.moved.Wait()
	}
	d.mu.Unlock()
	if !ok || ctx.Err() != nil { // true only when time was up: nobody was woken
		w.t.Fatalf("waited for %s: %+v, warned %v", what, w.desk.Report(), w.warned)
	}
}

// hears waits for something that was told.
func (w *world) hears(what string, done func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patient)
	defer cancel()
	defer context.AfterFunc(ctx, func() { w.note(func() {}) })()
	w.mu.Lock()
	defer w.mu.Unlock()
	for !done() {
		if ctx.Err() != nil {
			w.t.Fatalf("waited for %s: %d told, %d at the hub, refused %v, rejected %v", what, len(w.told), len(w.atHub), w.refused, w.rejected)
		}
		w.news.Wait()
	}
}

func answeredAll(n int) func(*Desk) bool {
	return func(d *Desk) bool { return d.tally.done == n }
}

func quiet(d *Desk) bool {
	return len(d.posts) == 0 && len(d.held) == 0 && len(d.names) == 0 && len(d.live) == 0
}

// onDisk reads what the site was told.
func (w *world) onDisk(i int) Result {
	w.t.Helper()
	w.desk.mu.Lock()
	defer w.desk.mu.Unlock()
	r, err := w.desk.result(fmt.Sprintf("case-%d", i))
	if err != nil {
		w.t.Fatalf("result %d: %v", i, err)
	}
	return r
}

func count(t failer, dir string) int {
	t.Helper()
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return len(files)
}

func wantCode(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}
