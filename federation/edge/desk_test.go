package edge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
)

func TestDoubt(t *testing.T) {
	torn := say("small", 0.95)
	torn.Findings[0].Verdict = clinical.VerdictCannotTell
	p := Policy{Unsure: 0.8}
	for _, c := range []struct {
		name string
		a    Answer
		want string
	}{
		{"sure", say("small", 0.95), ""},
		{"on the threshold", say("small", 0.8), ""},
		{"below it", say("small", 0.79), ReasonUnsure},
		{"sure of the other label", say("small", 0.1), ""},
		{"the set has several labels", torn, ReasonCannotTell},
		{"one of two findings is unsure", Answer{Findings: []Finding{say("a", 0.99).Findings[0], say("b", 0.6).Findings[0]}}, ReasonUnsure},
		{"no model here", Answer{Refusals: []fault.Code{fault.InputNoModel}}, ReasonNoModel},
		{"a broken file", Answer{Refusals: []fault.Code{fault.InputTruncated}}, ""},
	} {
		if got := p.doubt(c.a); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestNothingLeavesWithoutLeave(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{Longest: 1}}, func(context.Context, Case) (Answer, error) {
		return Answer{}, errors.New("no case may come here")
	})
	w.start()
	defer w.close()
	for i := range 8 {
		w.must(i)
	}
	w.until("every answer", answeredAll(8))
	w.hears("every result", func() bool { return len(w.atHub) == 8 })
	r := w.onDisk(4)
	if r.State != StateWanted || r.NotAsked != fault.PolicyRefused || r.Handed || r.Reason != ReasonUnsure {
		t.Fatalf("%+v", r)
	}
	if got := w.desk.Report(); got.Offload.Part != 0 || got.Wanted != 2 || len(w.warned)+len(w.refused) != 0 {
		t.Fatalf("%+v %v %v", got, w.warned, w.refused)
	}
}

// gate holds a diagnosis until the test opens it.
type gate chan struct{}

func (g gate) diagnose(ctx context.Context, c Case) (Answer, error) {
	select {
	case <-g:
		return siteSays(ctx, c)
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
}

func TestABusySiteHandsOverTheNewest(t *testing.T) {
	g := make(gate)
	w := newWorld(t, t.TempDir(), Options{Diagnose: g.diagnose, Policy: Policy{HandOver: true, Longest: 3}}, nil)
	w.start()
	defer w.close()
	w.must(1)
	w.until("the worker at work", func(d *Desk) bool { return len(d.queue) == 0 })
	for i := 2; i <= 6; i++ { // 2, 3 and 4 wait; 5 and 6 find them before them
		w.must(i)
	}
	w.until("the hub's answers", func(d *Desk) bool { return d.tally.byHub == 2 })
	for _, i := range []int{5, 6} {
		if r := w.onDisk(i); r.State != StateHub || r.Reason != ReasonBusy || !r.Handed || r.Local != nil || r.Second.Findings[0].Model != "large" {
			t.Fatalf("case %d: %+v", i, r)
		}
	}
	close(g)
	w.until("every answer", answeredAll(6))
	w.until("an empty desk", quiet)
	w.hears("every result", func() bool { return len(w.atHub) == 6 })
	if r := w.desk.Report(); r.ByHub != 2 || r.Offload.Part != 3 || r.Longest != 3 {
		t.Fatalf("%+v", r)
	}
}

func TestABusySiteWithoutALinkAnswersAll(t *testing.T) {
	g := make(gate)
	w := newWorld(t, t.TempDir(), Options{Diagnose: g.diagnose, Policy: Policy{HandOver: true, Longest: 2}}, nil)
	w.room.Cut("north")
	w.start()
	defer w.close()
	for _, i := range []int{1, 2, 3, 5, 6, 7, 9} { // all sure
		w.must(i)
	}
	if r := w.desk.Report(); r.Aside == 0 {
		t.Fatalf("nothing was put aside: %+v", r)
	}
	close(g)
	w.until("every answer without any time passing", answeredAll(7))
	w.until("no question open", func(d *Desk) bool { return len(d.names) == 0 })
	w.room.Restore("north")
	w.hears("every result", func() bool { return len(w.atHub) == 7 })
	if r := w.desk.Report(); r.Offload.Part != 0 || r.ByHub != 0 {
		t.Fatalf("handed over what was answered already: %+v", r)
	}
}

func TestTheDeadlinePassesAndTheAnswerComesLater(t *testing.T) {
	g := make(chan struct{})
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{HandOver: true, Deadline: time.Minute}}, func(ctx context.Context, c Case) (Answer, error) {
		select {
		case <-g:
			return hubSays(ctx, c)
		case <-ctx.Done():
			return Answer{}, ctx.Err()
		}
	})
	w.start()
	defer w.close()
	w.must(4)
	w.until("the answer", answeredAll(1))
	if r := w.onDisk(4); r.State != StateAsked || r.Local == nil {
		t.Fatalf("%+v", r)
	}
	w.clock.advance(time.Minute - time.Millisecond)
	if r := w.onDisk(4); r.State != StateAsked {
		t.Fatalf("too early: %+v", r)
	}
	w.clock.advance(time.Millisecond)
	w.hears("that the deadline passed", func() bool { return w.told["case-4"].State == StateWanted })
	w.clock.advance(time.Minute)
	close(g)
	w.hears("the second opinion", func() bool { return w.told["case-4"].State == StateSeconded })
	r := w.onDisk(4)
	if r.Local.Findings[0].Top() != 0.6 || r.Second.Findings[0].Top() != 0.99 || r.SecondMS != 120_000 {
		t.Fatalf("%+v", r)
	}
}

func TestACaseThatWasHandedOverComesBackAfterTheDeadline(t *testing.T) {
	g := make(gate)
	w := newWorld(t, t.TempDir(), Options{Diagnose: g.diagnose, Policy: Policy{HandOver: true, Longest: 1, Deadline: time.Minute}},
		func(ctx context.Context, _ Case) (Answer, error) { <-ctx.Done(); return Answer{}, ctx.Err() })
	w.start()
	defer w.close()
	w.must(1)
	w.until("the worker at work", func(d *Desk) bool { return len(d.queue) == 0 })
	w.must(2)
	w.must(3) // aside
	w.clock.advance(time.Minute)
	w.until("its place in the queue", func(d *Desk) bool { return d.length() == 2 })
	close(g)
	w.until("every answer", answeredAll(3))
	if r := w.onDisk(3); r.Local == nil || r.State != StateLocal {
		t.Fatalf("%+v", r)
	}
}

func TestTheHubForgets(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{HandOver: true}}, func(ctx context.Context, _ Case) (Answer, error) {
		<-ctx.Done()
		return Answer{}, ctx.Err()
	})
	w.start()
	defer w.close()
	w.must(4)
	w.until("the question", func(d *Desk) bool { return d.tally.done == 1 && len(d.posts) == 0 })
	w.clock.advance(31 * 24 * time.Hour)
	w.until("the end of waiting", func(d *Desk) bool { return len(d.names) == 0 })
	if r := w.onDisk(4); r.State != StateWanted || r.NotAsked != fault.Timeout {
		t.Fatalf("%+v", r)
	}
}

// The link stays cut until the room is full: cases are diagnosed all the same, and all results come in the end.
func TestTheRoomIsFull(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Room: 4000, Policy: Policy{HandOver: true, Longest: 1000}}, nil)
	w.room.Cut("north")
	w.start()
	defer w.close()
	for i := range 60 {
		w.must(i)
	}
	w.until("every answer", answeredAll(60))
	r := w.desk.Report()
	if r.Held == 0 || r.Kept > r.Room || !strings.HasPrefix(r.Fault, string(fault.StoreFull)) {
		t.Fatalf("%+v", r)
	}
	w.end() // also over a restart
	w.start()
	if again := w.desk.Report(); again.Held != r.Held || again.Outbox != r.Outbox || again.Answered != 60 {
		t.Fatalf("after the restart %+v, before %+v", again, r)
	}
	w.room.Restore("north")
	w.check(60, false)
}

func TestADiskThatRefuses(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{}, nil)
	w.start()
	defer w.close()
	full := true
	w.refuse(func(_, path string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if full && !strings.Contains(path, casesDir) {
			return syscall.ENOSPC
		}
		return nil
	})
	w.must(1)
	w.hears("the disk's refusal", func() bool { return len(w.warned) > 0 })
	wantCode(t, w.warned[0], fault.StoreFull)
	w.note(func() { full = false })
	w.until("that it waits for another try", func(d *Desk) bool { return len(d.queue) == 1 })
	w.clock.advance(w.desk.o.Retry)
	w.until("the answer", answeredAll(1))
	w.refuse(func(string, string) error { return syscall.ENOSPC })
	wantCode(t, w.submit(2), fault.StoreFull)
	w.refuse(nil)
}

func TestTooManyCasesWait(t *testing.T) {
	g := make(gate)
	w := newWorld(t, t.TempDir(), Options{Diagnose: g.diagnose, Accept: 500}, nil)
	w.start()
	defer w.close()
	n := 0
	var err error
	for ; err == nil && n < 100; n++ {
		err = w.submit(n)
	}
	wantCode(t, err, fault.StoreFull)
	if n < 2 {
		t.Fatal("not even one fits")
	}
	close(g)
	w.until("room", answeredAll(n-1))
	w.must(n - 1)
}

func TestAnEngineThatFailsIsTriedAgain(t *testing.T) {
	calls := make(chan int, 10)
	n := 0
	w := newWorld(t, t.TempDir(), Options{Diagnose: func(ctx context.Context, c Case) (Answer, error) {
		n++
		calls <- n
		return Answer{}, fault.New(fault.EngineFailed, "the engine is broken", "mend it")
	}}, nil)
	w.start()
	defer w.close()
	w.must(1)
	for try := 1; try <= Tries; try++ {
		if got := <-calls; got != try {
			t.Fatalf("try %d, got %d", try, got)
		}
		if try < Tries {
			w.until("the case back in the queue", func(d *Desk) bool { return len(d.queue) == 1 })
			w.clock.advance(w.desk.o.Retry)
		}
	}
	w.until("the answer", answeredAll(1))
	if r := w.onDisk(1); len(r.Local.Refusals) != 1 || r.Local.Refusals[0] != fault.EngineFailed || r.State != StateWanted {
		t.Fatalf("%+v", r)
	}
}

func TestHostileAnswersAreRefused(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{HandOver: true}}, func(ctx context.Context, _ Case) (Answer, error) {
		<-ctx.Done()
		return Answer{}, ctx.Err()
	})
	w.start()
	defer w.close()
	w.must(4)
	w.until("the question", func(d *Desk) bool { return d.tally.done == 1 && len(d.names) == 1 })
	who := w.desk.pseudonym("case-4")
	good := `{"case":"` + who + `","answer":{"findings":[{"task":"test","model":"large","version":"1","verdict":"finding","answer":"ill","outcomes":[{"name":"ill","probability":0.9},{"name":"healthy","probability":0.1}]}]}}`
	change := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the answer", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		body string
		code fault.Code
	}{
		"another case":           {change(who, strings.Repeat("0", 32)), fault.UpdateStale},
		"no case":                {change(who, "../../etc/passwd"), fault.UpdateRefused},
		"NaN":                    {change("0.9", "NaN"), fault.UpdateRefused},
		"NaN as text":            {change("0.9", `"NaN"`), fault.UpdateRefused},
		"infinite":               {change("0.9", "1e999"), fault.UpdateRefused},
		"beyond 1":               {change("0.9", "17"), fault.UpdateRefused},
		"below 0":                {change("0.9", "-0.9"), fault.UpdateRefused},
		"a sum of 2":             {change(`0.1`, "1.0"), fault.UpdateRefused},
		"one label":              {change(`,{"name":"healthy","probability":0.1}`, ""), fault.UpdateRefused},
		"a verdict of its own":   {change(`"verdict":"finding"`, `"verdict":"surely"`), fault.UpdateRefused},
		"a cursor that moves":    {change(`"answer":"ill"`, `"answer":"\u001b[2Jhealthy"`), fault.UpdateRefused},
		"a label that moves one": {change(`"name":"ill"`, `"name":"ill\r"`), fault.UpdateRefused},
		"huge":                   {change(`"answer":"ill"`, `"answer":"`+strings.Repeat("i", MaxAnswerBytes)+`"`), fault.UpdateRefused},
		"a long text":            {change(`"model":"large"`, `"model":"`+strings.Repeat("i", 1000)+`"`), fault.UpdateRefused},
		"nothing":                {"", fault.UpdateRefused},
		"empty":                  {`{"case":"` + who + `","answer":{"findings":[]}}`, fault.UpdateRefused},
		"two":                    {good + good, fault.UpdateRefused},
	} {
		done := 0
		err := w.desk.Handle(w.ctx, federation.Delivery{From: "hub", Mail: federation.Mail{Kind: KindAnswer, Body: []byte(c.body)}, Done: func() error { done++; return nil }})
		if fault.CodeOf(err) != c.code || done != 1 {
			t.Errorf("%s: %v, done %d times, want %s", name, err, done, c.code)
		}
	}
	if r := w.onDisk(4); r.Second != nil || r.State != StateAsked {
		t.Fatalf("%+v", r)
	}
	deliver := func(kind string) error {
		return w.desk.Handle(w.ctx, federation.Delivery{Mail: federation.Mail{Kind: kind, Body: []byte(good)}, Done: func() error { return nil }})
	}
	wantCode(t, deliver("edge-other"), fault.UpdateRefused)
	if err := deliver(KindAnswer); err != nil {
		t.Fatal(err)
	}
	wantCode(t, deliver(KindAnswer), fault.UpdateStale)
	if r := w.onDisk(4); r.Second == nil || r.State != StateSeconded {
		t.Fatalf("%+v", r)
	}
}

func TestACaseThatMayNotLeave(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{HandOver: true}}, nil)
	w.o.Prepare = func(Case) (Case, error) {
		return Case{}, fault.New(fault.DeidRefused, "text is burned into it", "keep it")
	}
	w.start()
	defer w.close()
	w.must(4)
	w.hears("the refusal", func() bool { return w.told["case-4"].NotAsked == fault.DeidRefused })
	if r := w.onDisk(4); r.State != StateWanted || r.Local == nil {
		t.Fatalf("%+v", r)
	}
}

// A case leaves the house when that is written down, and not before.
func TestNothingLeavesUnnoticed(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{HandOver: true, Deadline: time.Hour}}, nil)
	var noted []string
	broken := true
	w.o.Leaving = func(_ context.Context, pseudonym, reason string, bytes int) (err error) {
		w.note(func() {
			if broken {
				err = fault.New(fault.StoreFull, "the audit log is full", "make room")
				return
			}
			noted = append(noted, fmt.Sprint(pseudonym, " ", reason, " ", bytes > 0))
		})
		return err
	}
	w.start()
	defer w.close()
	w.must(4)
	w.hears("why it stays", func() bool { return len(w.warned) == 1 })
	if r := w.onDisk(4); r.State != StateAsked || r.Second != nil || fault.CodeOf(w.warned[0]) != fault.StoreFull {
		t.Fatalf("%+v %v", r, w.warned)
	}
	w.note(func() { broken = false })
	w.clock.advance(30 * time.Second)
	w.hears("the second opinion", func() bool { return w.told["case-4"].State == StateSeconded })
	id := w.onDisk(4).Case
	w.note(func() {
		if len(noted) != 1 || !strings.HasSuffix(noted[0], " "+ReasonUnsure+" true") || strings.Contains(noted[0], id) {
			t.Errorf("noted %q", noted)
		}
	})
}

func TestSubmittedTwiceIsOneCase(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{}, nil)
	w.start()
	defer w.close()
	c := testCase(1)
	c.ID = ""
	id, fresh, err := w.desk.Submit(w.ctx, c)
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	c.Name = "another name.png"
	again, fresh, err := w.desk.Submit(w.ctx, c)
	if err != nil || fresh || again != id {
		t.Fatal(id, again, fresh, err)
	}
	w.until("the answer", answeredAll(1))
	if _, fresh, _ = w.desk.Submit(w.ctx, c); fresh {
		t.Fatal("answered and taken again")
	}
}

func TestOneProcessAFolder(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{}, nil)
	w.start()
	defer w.close()
	_, err := Open(Options{Dir: w.o.Dir, Diagnose: siteSays})
	wantCode(t, err, fault.Conflict)
	_, err = Open(Options{Dir: t.TempDir(), Diagnose: siteSays, Policy: Policy{Unsure: 1.5}})
	wantCode(t, err, fault.Usage)
	_, err = Open(Options{Dir: t.TempDir()})
	wantCode(t, err, fault.Usage)
}

func TestReportHasTheFigures(t *testing.T) {
	w := newWorld(t, t.TempDir(), Options{Policy: Policy{HandOver: true, Longest: 100}}, nil)
	w.start()
	defer w.close()
	for i := range 20 {
		w.must(i)
	}
	w.until("all", func(d *Desk) bool { return d.tally.done == 20 && quiet(d) })
	var text strings.Builder
	r := w.desk.Report()
	r.WriteText(&text)
	for _, want := range []string{"20 cases answered, 0 of them by the hub", "handed over", "5 of 20", "agreement, when unsure", "5 of 5", "own answer"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, text.String())
		}
	}
	if s := r.Agreement[0].Est; s.Low >= 1 || s.High != 1 {
		t.Errorf("5 of 5 is not certainty: %+v", s)
	}
	if len(r.Queue) == 0 || r.Queue[0].Length != 1 {
		t.Errorf("%+v", r.Queue)
	}
}

func TestPointsOfTheQueueStayFew(t *testing.T) {
	var l tally
	l.begin(time.Time{})
	for i := range 100_000 {
		l.length(time.Time{}.Add(time.Duration(i)*time.Second), i)
	}
	if n := len(l.lengths); n < mostPoints/4 || n > mostPoints || l.longest != 99_999 {
		t.Fatalf("%d points, longest %d", n, l.longest)
	}
	for i := 1; i < len(l.lengths); i++ {
		if l.lengths[i].Seconds <= l.lengths[i-1].Seconds {
			t.Fatal("points out of order")
		}
	}
}

func TestNearestRank(t *testing.T) {
	var v []float64
	for i := range 100 {
		v = append(v, float64(100-i))
	}
	if got := NewTimes("x", v); got.P50 != 50 || got.P99 != 99 || got.Max != 100 || got.N != 100 {
		t.Fatalf("%+v", got)
	}
}
