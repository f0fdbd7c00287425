package whole

import (
	"context"
	"encoding/binary"
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
	"consilium/federation/link"
	"consilium/federation/site"
	"consilium/federation/wardtest"
)

const patience = 30 * time.Second

func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// ward is a site's data.
type ward = wardtest.Set

func job(sum string, rounds, quorum int) federation.Job {
	return wardtest.Job(federation.FedAvg, sum, rounds, quorum, 100*time.Millisecond)
}

// house is a hub and sites that joined it.
type house struct {
	t     *testing.T
	dir   string
	names []string
	dirs  map[string]string
	sets  map[string]ward
	links map[string]*link.Site
	ends  map[string]*siteEnd
	runs  map[string]chan error
	hub   *link.Hub
	end   *hubEnd
	stop  map[string]func()
	at    string // where the hub listens
}

// hubEnd remembers what the hub hears.
type hubEnd struct {
	federation.HubEnd
	mu    sync.Mutex
	heard [][]byte
	on    func(federation.Delivery) // before the hub gets it
}

func (e *hubEnd) Receive(ctx context.Context) (federation.Delivery, error) {
	d, err := e.HubEnd.Receive(ctx)
	var whole federation.Delivery
	if err == nil {
		whole, err = d.Load(ctx)
	}
	if err == nil {
		e.mu.Lock()
		e.heard = append(e.heard, slices.Clone(whole.Body))
		e.mu.Unlock()
		if e.on != nil {
			e.on(d)
		}
	}
	return d, err
}

// siteEnd remembers what a site was asked, and how often it tried to hear.
type siteEnd struct {
	federation.SiteEnd
	mu    sync.Mutex
	asked []federation.Question
	tries int
}

func (e *siteEnd) Receive(ctx context.Context) (federation.Delivery, error) {
	e.mu.Lock()
	e.tries++
	e.mu.Unlock()
	d, err := e.SiteEnd.Receive(ctx)
	if err == nil && d.Kind == federation.MailRound {
		if q, err := federation.DecodeQuestion(d.Body); err == nil {
			e.mu.Lock()
			e.asked = append(e.asked, q)
			e.mu.Unlock()
		}
	}
	return d, err
}

func (e *siteEnd) tried() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.tries
}

func newHouse(t *testing.T, sites int) *house {
	h := &house{t: t, dir: t.TempDir(), dirs: map[string]string{}, sets: map[string]ward{}, links: map[string]*link.Site{}, ends: map[string]*siteEnd{},
		runs: map[string]chan error{}, stop: map[string]func(){}, at: "127.0.0.1:0"}
	t.Cleanup(func() {
		for _, name := range append([]string{"hub"}, append(slices.Clone(h.names), "link")...) {
			if stop := h.stop[name]; stop != nil {
				stop()
			}
		}
	})
	h.openHub()
	for i := range sites {
		name := fmt.Sprintf("site-%02d", i)
		h.names = append(h.names, name)
		h.sets[name] = ward{Seed: uint64(i + 1), N: 40 + 10*i, Held: 30}
		h.dirs[name] = t.TempDir()
	}
	return h
}

func (h *house) openHub() {
	h.t.Helper()
	l, err := link.OpenHub(soon(h.t), link.HubOptions{Dir: h.dir, Listen: h.at})
	if err != nil {
		h.t.Fatal(err)
	}
	h.hub, h.at = l, l.Addresses()[0]
	h.end = &hubEnd{HubEnd: l}
	h.stop["link"] = func() {
		delete(h.stop, "link")
		h.closed(l)
	}
}

func (h *house) closed(c interface{ Close(context.Context) error }) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.Close(ctx); err != nil {
		h.t.Error(err)
	}
}

// start runs a part until stop.
func (h *house) start(name string, run func(context.Context) error, then func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	h.runs[name] = ended
	go func() { ended <- run(ctx) }()
	h.stop[name] = func() {
		delete(h.stop, name)
		cancel()
		select {
		case err := <-ended:
			if err != nil {
				h.t.Errorf("%s: %v", name, err)
			}
		case <-time.After(patience):
			h.t.Errorf("%s does not stop", name)
		}
		then()
	}
}

func (h *house) startHub() {
	h.start("hub", hub.Open(hub.Options{Dir: h.dir, Name: "test hub", End: h.end, Look: 10 * time.Millisecond}).Run, func() {})
}

// startSite joins, links and runs a site that agrees by itself.
func (h *house) startSite(name string, change ...func(*link.SiteOptions)) {
	h.t.Helper()
	dir := h.dirs[name]
	code, err := link.Invite(h.dir, name, time.Hour)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := link.Join(soon(h.t), link.JoinOptions{Dir: dir, Hub: h.at, Code: code}); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, site.PolicyFile), []byte(`{"agree": true, "min_cohort": 1}`), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.runSite(name, change...)
}

// runSite links and runs a site that has joined.
func (h *house) runSite(name string, change ...func(*link.SiteOptions)) {
	h.t.Helper()
	dir := h.dirs[name]
	o := link.SiteOptions{Dir: dir}
	for _, f := range change {
		f(&o)
	}
	l, err := link.OpenSite(soon(h.t), o)
	if err != nil {
		h.t.Fatal(err)
	}
	key, err := link.Identity(dir)
	if err != nil {
		h.t.Fatal(err)
	}
	h.links[name], h.ends[name] = l, &siteEnd{SiteEnd: l}
	s, err := site.Open(site.Options{Dir: dir, End: h.ends[name], Key: key, Sets: []dataset.Set{h.sets[name]}, Look: 10 * time.Millisecond})
	if err != nil {
		h.t.Fatal(err)
	}
	h.start(name, s.Run, func() { h.closed(l) })
}

func (h *house) startAll(j federation.Job) {
	h.t.Helper()
	for _, n := range h.names {
		h.startSite(n)
	}
	h.propose(j)
	h.startHub()
}

func (h *house) propose(j federation.Job) {
	h.t.Helper()
	if err := hub.Propose(h.dir, j, time.Now()); err != nil {
		h.t.Fatal(err)
	}
}

// wait waits for something that another goroutine brings about.
func (h *house) wait(what string, ok func() bool) {
	h.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			g, _ := folder.History(h.dir, "ward-1")
			h.t.Fatalf("%s did not come: %s, round %d, %+v", what, g.State.Phase, g.State.Round, g.Rounds[max(0, len(g.Rounds)-2):])
		}
	}
}

func (h *house) until(what string, ok func(federation.History) bool) (g federation.History) {
	h.t.Helper()
	h.wait(what, func() bool {
		var err error
		g, err = folder.History(h.dir, "ward-1")
		return err == nil && ok(g)
	})
	return g
}

// ok waits for the job's good end.
func (h *house) ok() federation.History {
	h.t.Helper()
	g := h.until("the end", func(g federation.History) bool { return g.State.Phase == federation.Finished })
	if g.State.Outcome != federation.OK {
		h.t.Fatalf("ended %s: %s", g.State.Outcome, g.State.Reason)
	}
	return g
}

// goOn waits until some more rounds were done.
func (h *house) goOn(rounds int) federation.History {
	h.t.Helper()
	from := h.until("a report", func(federation.History) bool { return true }).State.Round
	return h.until("more rounds", func(g federation.History) bool { return g.State.Round > from+rounds })
}

// abort ends a job that has no other end.
func (h *house) abort() federation.History {
	h.t.Helper()
	if err := folder.Mark(h.dir, "ward-1", folder.AbortFile, ""); err != nil {
		h.t.Fatal(err)
	}
	return h.until("the abort", func(g federation.History) bool { return g.State.Outcome == federation.Aborted })
}

func entry(r federation.Round, name string) federation.Entry {
	for _, e := range r.Sites {
		if e.Site == name {
			return e
		}
	}
	return federation.Entry{}
}

// bits are 8 bytes as a number, to look them up.
func bits(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }
