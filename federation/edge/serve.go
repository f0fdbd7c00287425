package edge

import (
	"context"
	"strings"

	"consilium/fault"
	"consilium/federation"
)

// Serve gives a site's mail to a desk until ctx ends. Mail about anything else is left alone: it comes again to the
// process that trains. Where one process does both, the site's engine hands the mail to Desk.Handle instead.
func Serve(ctx context.Context, end federation.SiteEnd, handle func(context.Context, federation.Delivery) error, warn func(error)) {
	for ctx.Err() == nil {
		m, err := end.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				warn(err)
			}
			return
		}
		if !strings.HasPrefix(m.Kind, "edge-") {
			continue
		}
		if err := handle(ctx, m); err != nil && fault.CodeOf(err) != fault.UpdateStale { // the own answer was first
			warn(err)
		}
	}
}

// Drain waits until every accepted case is answered, and with all also until the hub has every result and no second
// opinion is open. Errors: INTERRUPTED, TIMEOUT.
func (d *Desk) Drain(ctx context.Context, all bool) error {
	defer context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.moved.Broadcast()
	})()
	d.mu.Lock()
	defer d.mu.Unlock()
	for ctx.Err() == nil {
		waiting := len(d.names) + len(d.posts) + len(d.held)
		if !all {
			waiting = 0
		}
		for _, e := range d.live {
			if !e.answered {
				waiting++
			}
		}
		if waiting == 0 {
			return nil
		}
		d.moved.Wait()
	}
	code := fault.Interrupted
	if ctx.Err() == context.DeadlineExceeded {
		code = fault.Timeout
	}
	return fault.Wrap(ctx.Err(), code, "cases or results still wait", "start it again: nothing is lost")
}

// Result is what the site was told about a case. Errors: NOT_FOUND, STORE_CORRUPT, IO.
func (d *Desk) Result(id string) (Result, error) {
	if !federation.Word(id) || !d.disk.has(resultsDir, id+".json") {
		return Result{}, fault.New(fault.NotFound, "there is no result of a case "+id, "it may still wait for its diagnosis")
	}
	return d.result(id)
}
