package node

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// Audit events are made durable in the transaction of what they tell of, and
// then moved into the log: a process killed in between has lost none. An event
// that was appended and could not be taken off the list is known by its ID.

// Note puts an event into a transaction.
func (n *Node) Note(ctx context.Context, t *store.Tx, e govern.Event) error {
	e.Time = n.Now().UTC()
	id := rand.Text()
	if e.Detail == nil {
		e.Detail = map[string]string{}
	}
	e.Detail["event"] = id
	body, err := json.Marshal(e)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "an audit event cannot be written", "this is a defect; please report it")
	}
	return t.AddEvent(ctx, store.PendingEvent{ID: id, Made: e.Time, Body: body})
}

// Tell records an event that stands alone.
func (n *Node) Tell(ctx context.Context, e govern.Event) error {
	if err := n.Store.Tx(ctx, func(t *store.Tx) error { return n.Note(ctx, t, e) }); err != nil {
		return err
	}
	return n.Flush(ctx)
}

// Flush moves the pending events into the audit log, in their order.
func (n *Node) Flush(ctx context.Context) error { return n.move(ctx, nil) }

// move is Flush, without the events that the log is known to have.
func (n *Node) move(ctx context.Context, known map[string]bool) error {
	if n.Audit == nil {
		return nil
	}
	n.record.Lock()
	defer n.record.Unlock()
	for {
		pending, err := n.Store.PendingEvents(ctx, eventBatch)
		if err != nil || len(pending) == 0 {
			return err
		}
		var ids []string
		var events []govern.Event
		for _, p := range pending {
			var e govern.Event
			if err := json.Unmarshal(p.Body, &e); err != nil {
				return fault.Wrap(err, fault.StoreCorrupt, "a pending audit event cannot be read", "restore the latest backup")
			}
			if ids = append(ids, p.ID); !known[p.ID] {
				events = append(events, e)
			}
		}
		if len(events) > 0 {
			if _, err := n.Audit.AppendAll(ctx, events); err != nil {
				return err
			}
		}
		if err := n.Store.DropEvents(ctx, ids); err != nil {
			return err
		}
	}
}

// eventBatch is how many events are moved at once: a process that is killed has
// at most that many in the log and on the list.
const eventBatch = 256

// CatchUp moves what an earlier process left, and leaves out what that process
// had appended already: the newest entries of the log tell.
func (n *Node) CatchUp(ctx context.Context) error {
	page, err := n.Audit.Entries(ctx, govern.Query{Limit: govern.MaxPage})
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, e := range page.Items {
		known[e.Detail["event"]] = true
	}
	return n.move(ctx, known)
}

// flushOften moves the events of workers on other machines.
func (n *Node) flushOften(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := n.Flush(ctx); err != nil && ctx.Err() == nil {
			n.Log.Warn("audit events wait: the log does not take them", "error", err)
		}
	}
}
