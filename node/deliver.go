package node

import (
	"context"
	"io"
	"sync"
	"time"

	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// Bounds of the way out.
const (
	sendDeadline = 5 * time.Minute // of one batch
	firstPause   = time.Second
	longestPause = 10 * time.Minute
	giveUpAfter  = 3 * 24 * time.Hour // a PACS may be down over a weekend
	sendBatch    = 64
)

// wakePost tells the senders that there is something to send.
func (n *Node) wakePost() {
	for _, wake := range n.post {
		select {
		case wake <- struct{}{}:
		default:
		}
	}
}

// deliver sends results to the peers until ctx ends, to each at its own pace.
// What cannot be sent is tried again, later each time; a result is never dropped
// silently, and one for a peer that is not configured any more waits.
func (n *Node) deliver(ctx context.Context) error {
	var senders sync.WaitGroup
	for i, p := range n.Peers {
		senders.Go(func() { n.deliverTo(ctx, p, n.post[i]) })
	}
	<-ctx.Done()
	senders.Wait()
	return nil
}

func (n *Node) deliverTo(ctx context.Context, p Peer, wake <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for ctx.Err() == nil {
		due, err := n.Store.DueDeliveries(ctx, p.Name, n.Now(), sendBatch)
		if err == nil && len(due) > 0 {
			err = n.deliverBatch(ctx, p, due)
		}
		if err != nil && ctx.Err() == nil {
			n.Log.Warn("the deliveries cannot be read or noted", "peer", p.Name, "error", err)
		}
		if err == nil && len(due) == sendBatch {
			continue
		}
		select {
		case <-ctx.Done():
		case <-wake:
		case <-tick.C:
		}
	}
}

// deliverBatch tries each delivery once, and keeps what came of it.
func (n *Node) deliverBatch(ctx context.Context, p Peer, due []store.Delivery) error {
	started := n.Now()
	errs := n.send(ctx, p, due)
	if ctx.Err() != nil {
		return nil // stopped, not failed: all of it is tried again, under the same identifiers
	}
	took := n.Now().Sub(started) / time.Duration(len(due))
	err := n.Store.Tx(ctx, func(t *store.Tx) error {
		for i, d := range due {
			if n.Observe.Delivered != nil {
				n.Observe.Delivered(p.Name, took, errs[i])
			}
			if err := n.noteDelivery(ctx, t, d, errs[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return n.Flush(ctx)
}

// noteDelivery keeps what came of one try.
func (n *Node) noteDelivery(ctx context.Context, t *store.Tx, d store.Delivery, failure error) error {
	defer n.changed(d.Study)
	event := govern.Event{Actor: "system", Study: d.Study, Object: d.Object, Detail: map[string]string{"peer": d.Peer, "kind": d.Kind}}
	if failure == nil {
		d.State, d.Done, d.Problem = store.DeliverySent, n.Now(), ""
		event.Action, event.Outcome = "result.sent", "ok"
	} else {
		e := fault.Of(failure)
		d.Tries++
		d.Problem, d.Next = e.Error(), n.Now().Add(pause(d.Tries))
		n.Log.Info("a result could not be delivered yet", "peer", d.Peer, "object", d.Object, "try", d.Tries, "code", e.Code)
		if n.Now().Sub(d.Created) <= giveUpAfter && !hopeless(failure) {
			return t.PutDelivery(ctx, d)
		}
		d.State, d.Done = store.DeliveryFailed, n.Now()
		event.Action, event.Outcome = "result.failed", string(e.Code)
	}
	if err := t.PutDelivery(ctx, d); err != nil {
		return err
	}
	return n.Note(ctx, t, event)
}

// hopeless says whether another try would end the same way.
func hopeless(err error) bool {
	switch fault.CodeOf(err) {
	case fault.InputUnsupported, fault.InputMalformed, fault.StoreCorrupt, fault.ConsentWithheld, fault.NotFound:
		return true
	}
	return false
}

// pause doubles with every try.
func pause(tries int) time.Duration {
	if tries > 20 {
		return longestPause
	}
	return min(firstPause<<(tries-1), longestPause)
}

// send gives results to a peer: one error for each.
func (n *Node) send(ctx context.Context, p Peer, due []store.Delivery) []error {
	ctx, cancel := context.WithTimeout(ctx, sendDeadline)
	defer cancel()
	errs := make([]error, len(due))
	var ready []Result
	var at []int
	for i, d := range due {
		r, err := n.result(ctx, d)
		if errs[i] = err; err == nil {
			ready, at = append(ready, r), append(at, i)
		}
	}
	if len(ready) > 0 {
		for k, err := range p.Sender.Send(ctx, ready) {
			errs[at[k]] = err
		}
	}
	return errs
}

// result collects what a delivery brings.
func (n *Node) result(ctx context.Context, d store.Delivery) (Result, error) {
	r := Result{Study: d.Study, Object: d.Object, MadeAt: d.Created}
	if d.Kind == KindDICOM {
		i, err := n.Store.Instance(ctx, store.Care, d.Object)
		r.Instance = &i
		r.Open = func() (io.ReadCloser, error) { return n.Store.OpenBlob(ctx, i.Blob) }
		return r, err
	}
	c, err := n.Case(ctx, store.Care, d.Study)
	r.Case = &c
	return r, err
}
