package node

import (
	"context"
	"sync"
)

// hub tells everybody who listens that a study has changed. A listener that is
// too slow misses events, and never slows the node down.
type hub struct {
	mu        sync.Mutex
	listeners map[chan string]struct{}
}

// Changes gives the UIDs of studies as they change, until ctx ends. A listener
// must ask the worklist for what it shows: with its own rights.
func (n *Node) Changes(ctx context.Context) <-chan string {
	c := make(chan string, 64)
	n.hub.mu.Lock()
	if n.hub.listeners == nil {
		n.hub.listeners = map[chan string]struct{}{}
	}
	n.hub.listeners[c] = struct{}{}
	n.hub.mu.Unlock()
	context.AfterFunc(ctx, func() {
		n.hub.mu.Lock()
		defer n.hub.mu.Unlock()
		delete(n.hub.listeners, c)
		close(c)
	})
	return c
}

// changed tells every process of the node, this one included, that a study has
// changed.
func (n *Node) changed(study string) { n.Queue.Announce(study) }

func (h *hub) tell(study string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.listeners {
		select {
		case c <- study:
		default:
		}
	}
}
