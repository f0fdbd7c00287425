package link

import (
	"context"
	"sync"

	"consilium/fault"
)

// gauge says whether the hub's disk has room, and ends what waits for the disk when it has none: a store that could
// not write does not always answer.
type gauge struct {
	mu   sync.Mutex
	room context.Context // ends when there is none
	end  context.CancelCauseFunc
	none bool
}

func newGauge() *gauge {
	g := &gauge{}
	g.room, g.end = context.WithCancelCause(context.Background())
	return g
}

// set tells the gauge, and whether that was news.
func (g *gauge) set(full bool) (changed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.none == full {
		return false
	}
	g.none = full
	if full {
		g.end(diskFull())
	} else {
		g.room, g.end = context.WithCancelCause(context.Background())
	}
	return true
}

func (g *gauge) full() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.none
}

// within runs f as long as there is room. Errors: STORE_FULL, and those of f.
func (g *gauge) within(ctx context.Context, f func(context.Context) error) error {
	g.mu.Lock()
	room := g.room
	g.mu.Unlock()
	if room.Err() != nil {
		return context.Cause(room)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(room, func() { cancel(context.Cause(room)) })
	defer stop()
	return f(ctx)
}

func diskFull() error {
	return fault.New(fault.StoreFull, "the hub's disk is nearly full", "free space on the hub's disk")
}
