package edge

import (
	"context"
	"strings"

	"consilium/fault"
	"consilium/federation"
)

// Take is Handle for who delivers mail: that the own answer was first is no error there.
func (d *Desk) Take(ctx context.Context, m federation.Delivery) error {
	err := d.Handle(ctx, m)
	if fault.CodeOf(err) == fault.UpdateStale {
		return nil
	}
	return err
}

// Serve gives a site's mail to a desk until ctx ends. Mail about anything else is left alone: it comes again to the
// process that trains. Where one process does both, the site's engine hands the mail to Desk.Take instead.
func Serve(ctx context.Context, end federation.SiteEnd, d *Desk) {
	for ctx.Err() == nil {
		m, err := end.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.Warn(err)
			}
			return
		}
		if !strings.HasPrefix(m.Kind, "edge-") {
			continue
		}
		if err := d.Take(ctx, m); err != nil {
			d.Warn(err)
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
