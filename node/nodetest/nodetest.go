// Package nodetest sets up a whole node for tests: store, queue, audit log,
// small test models, and peers that remember what they got.
package nodetest

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"consilium/govern"
	"consilium/node"
	"consilium/panel"
	"consilium/panel/paneltest"
	"consilium/store"
	"consilium/work"
)

// Parts are what a node of a test is made of.
type Parts struct {
	*node.Node
	Dir string
	Log *govern.Log
}

// Open makes a node in a data directory without setting it to work; "" takes a
// new one. change may alter the configuration.
func Open(t testing.TB, dir string, change func(*node.Config)) Parts {
	t.Helper()
	if dir == "" {
		dir = t.TempDir()
	}
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := store.Open(ctx, store.Options{DataDir: dir})
	must(err)
	t.Cleanup(func() { s.Close() })
	must(os.MkdirAll(filepath.Join(dir, node.SpoolDir), 0o700))
	q, err := work.Open(ctx, work.Options{Dir: filepath.Join(dir, "queue")})
	must(err)
	t.Cleanup(q.Close)
	l, err := govern.OpenLog(ctx, govern.Options{DataDir: dir})
	must(err)
	t.Cleanup(func() { l.Close(ctx) })
	models := paneltest.All()
	c := node.Config{
		Store: s, Queue: q, Audit: l, Models: models, Scratch: filepath.Join(dir, "scratch"), Quiet: 50 * time.Millisecond,
		Seat: func(pictures string) (*panel.Panel, error) { return panel.New(models, panel.Options{Out: pictures}) },
	}
	if change != nil {
		change(&c)
	}
	n, err := node.New(c)
	must(err)
	return Parts{n, dir, l}
}

// Start is Open with the node at work until the test ends.
func Start(t testing.TB, dir string, change func(*node.Config)) Parts {
	t.Helper()
	p := Open(t, dir, change)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return p
}

// Await waits until a study is in a state, and gives its line of the worklist.
func (p Parts) Await(t testing.TB, study string, state store.State) node.Row {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	changes := p.Changes(ctx)
	for {
		row, err := p.Row(ctx, store.Care, study)
		if err == nil && row.State == state {
			return row
		}
		select {
		case <-ctx.Done():
			t.Fatalf("study %s is %q (%v), and did not become %q in time", study, row.State, err, state)
		case <-changes:
		case <-time.After(time.Second):
		}
	}
}

// Archive is a peer that keeps what it gets.
type Archive struct {
	Refuse func(node.Result) error // nil = takes everything

	mu  sync.Mutex
	got map[string][]byte // by object
	n   int
}

// Send takes results.
func (a *Archive) Send(_ context.Context, results []node.Result) []error {
	errs := make([]error, len(results))
	for i, r := range results {
		errs[i] = a.take(r)
	}
	return errs
}

func (a *Archive) take(r node.Result) error {
	if a.Refuse != nil {
		if err := a.Refuse(r); err != nil {
			return err
		}
	}
	var content []byte
	if r.Open != nil {
		f, err := r.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		if content, err = io.ReadAll(f); err != nil {
			return err
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.got == nil {
		a.got = map[string][]byte{}
	}
	a.got[r.Object] = content
	a.n++
	return nil
}

// Got gives the objects, and how often anything was sent.
func (a *Archive) Got() (objects map[string][]byte, sent int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	objects = map[string][]byte{}
	for k, v := range a.got {
		objects[k] = v
	}
	return objects, a.n
}
