package hub_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"consilium/dataset"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/hub"
	"consilium/federation/room"
	"consilium/federation/site"
	"consilium/federation/wardtest"
	"consilium/govern"
)

// ward is a site's data.
type ward = wardtest.Set

// house is a hub and its sites in one room, each with a folder of its own.
type house struct {
	t     *testing.T
	room  *room.Room
	dir   string
	names []string
	sets  map[string]dataset.Set
	stop  map[string]func()
	mu    sync.Mutex
	log   []govern.Event
}

func newHouse(t *testing.T, sites int) *house {
	h := &house{t: t, dir: t.TempDir(), sets: map[string]dataset.Set{}, stop: map[string]func(){}}
	for i := range sites {
		name := fmt.Sprintf("site-%02d", i)
		h.names = append(h.names, name)
		h.sets[name] = ward{Seed: uint64(i + 1), N: 60 + 10*i, Tilt: []float64{0.2, 0.5, 0.8}[i%3]}
	}
	var err error
	if h.room, err = room.New(h.names...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, stop := range h.stop {
			stop()
		}
	})
	return h
}

func (h *house) note(_ context.Context, e govern.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.log = append(h.log, e)
	return nil
}

// events counts audit entries of an action.
func (h *house) events(action string) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.log {
		if e.Action == action {
			n++
		}
	}
	return n
}

func (h *house) siteDir(name string) string { return filepath.Join(h.dir, name) }
func (h *house) hubDir() string             { return filepath.Join(h.dir, "hub") }

// policy lets a site agree by itself.
func (h *house) policy(name, text string) {
	if err := os.MkdirAll(h.siteDir(name), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(h.siteDir(name), site.PolicyFile), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

const agreeable = `{"agree": true, "min_cohort": 1, "epsilon": 0}`

// start runs a part of the house until stop.
func (h *house) start(name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	h.stop[name] = func() {
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				h.t.Errorf("%s: %v", name, err)
			}
		case <-time.After(20 * time.Second):
			h.t.Errorf("%s does not stop", name)
		}
		delete(h.stop, name)
	}
}

func (h *house) startSite(name string, change ...func(*site.Options)) {
	o := site.Options{Dir: h.siteDir(name), End: h.room.Site(name), Key: h.room.Key(name), Sets: []dataset.Set{h.sets[name]}, Audit: h.note, Look: 10 * time.Millisecond}
	for _, c := range change {
		c(&o)
	}
	s, err := site.Open(o)
	if err != nil {
		h.t.Fatal(err)
	}
	h.start(name, s.Run)
}

func (h *house) startHub() {
	h.start("hub", hub.Open(hub.Options{Dir: h.hubDir(), Name: "test hub", End: h.room.Hub(), Audit: h.note, Look: 10 * time.Millisecond}).Run)
}

// startSites starts sites; those without a policy agree by themselves.
func (h *house) startSites(names ...string) {
	for _, n := range names {
		if _, err := os.Stat(filepath.Join(h.siteDir(n), site.PolicyFile)); err != nil {
			h.policy(n, agreeable)
		}
		h.startSite(n)
	}
}

func (h *house) startAll() {
	h.startSites(h.names...)
	h.startHub()
}

func job(algorithm, sum string, rounds, quorum int) federation.Job {
	j := wardtest.Job(algorithm, sum, rounds, quorum, 50*time.Millisecond)
	j.Plan.Deadlines.Consent, j.Plan.Deadlines.Round = federation.Duration(20*time.Second), federation.Duration(20*time.Second)
	return j
}

func (h *house) propose(j federation.Job) {
	h.t.Helper()
	if err := hub.Propose(h.hubDir(), j, time.Now()); err != nil {
		h.t.Fatal(err)
	}
}

// until waits for the hub's report to fulfil a condition.
func (h *house) until(id, what string, ok func(federation.History) bool) federation.History {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(60 * time.Second)
	for {
		got, err := folder.History(h.hubDir(), id)
		if err == nil && ok(got) {
			return got
		}
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Fatalf("%s did not come: %v, %+v", what, err, got.State)
		}
	}
}

func (h *house) finished(id string) federation.History {
	h.t.Helper()
	return h.until(id, "the end", func(g federation.History) bool { return g.State.Phase == federation.Finished })
}

// ok is a job that ended well.
func (h *house) ok(id string) federation.History {
	h.t.Helper()
	g := h.finished(id)
	if g.State.Outcome != federation.OK {
		h.t.Fatalf("ended %s: %s\n%+v", g.State.Outcome, g.State.Reason, g.Rounds)
	}
	return g
}

func doneRounds(g federation.History) (rounds []int) {
	for _, r := range g.Rounds {
		if r.Outcome == "done" {
			rounds = append(rounds, r.Round)
		}
	}
	return rounds
}

func entry(r federation.Round, site string) federation.Entry {
	i := slices.IndexFunc(r.Sites, func(e federation.Entry) bool { return e.Site == site })
	if i < 0 {
		return federation.Entry{}
	}
	return r.Sites[i]
}
