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

func (n *Node) changed(study string) {
	n.hub.mu.Lock()
	defer n.hub.mu.Unlock()
	for c := range n.hub.listeners {
		select {
		case c <- study:
		default:
		}
	}
}
