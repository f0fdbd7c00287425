package aggregate

import (
	"context"
	"fmt"
	"math"

	"consilium/fault"
	"consilium/federation"
)

// AddFrom is Add for an update that is read from its body. For FedAvg and its kin and the adaptive rules the numbers
// are added up block by block as they come, and the memory is that of a block; other rules read the update whole. The
// body is read twice: nothing of an update may be in the sum when its last block is not fit for it. fits says what
// else there is against an update, before its numbers are read, and may change Stale. AddFrom gives the update
// without its numbers. Errors: those of Add, of the body and of fits.
func AddFrom(ctx context.Context, r Rule, body federation.Body, fits func(u *federation.Update, numbers int) error) (federation.Update, error) {
	switch r := r.(type) {
	case *mean:
		return r.addFrom(ctx, body, fits)
	case *adaptive:
		return r.addFrom(ctx, body, fits)
	}
	var whole federation.Update
	var delta, extra []float32
	err := federation.ReadUpdate(ctx, body, federation.Visit{
		Head:  func(u federation.Update, n int) error { whole = u; return fits(&whole, n) },
		Delta: func(_ int, b []byte) error { delta = federation.JoinFloats(delta, b); return nil },
		Extra: func(_ int, b []byte) error { extra = federation.JoinFloats(extra, b); return nil },
	})
	if err != nil {
		return whole, err
	}
	head := whole
	whole.Delta, whole.Extra = delta, extra
	return head, r.Add(whole)
}

func (m *mean) addFrom(ctx context.Context, body federation.Body, fits func(*federation.Update, int) error) (federation.Update, error) {
	var u federation.Update
	bad := func(what, do string) error {
		return fault.New(fault.UpdateRefused, "the update of "+u.Site+" "+what, do)
	}
	err := federation.ReadUpdate(ctx, body, federation.Visit{
		Head: func(head federation.Update, numbers int) error {
			u = head
			if err := fits(&u, numbers); err != nil {
				return err
			}
			if err := m.open(u.Site); err != nil {
				return err
			}
			switch {
			case numbers != m.size:
				return bad(fmt.Sprintf("has %d numbers, the model has %d", numbers, m.size), "use the same version of Consilium at hub and site")
			case u.Samples < 1 || u.Stale < 0:
				return bad("was trained on nothing, or is newer than the round", "look at the site's data")
			}
			return nil
		},
		Delta: func(_ int, b []byte) error {
			if largestBytes(b) > math.Float32bits(MostValue) {
				return bad("holds NaN, infinity or a number beyond all measure", "lower the plan's rate, or look at the site's data")
			}
			return nil
		},
		Extra: func(int, []byte) error {
			return bad("has numbers that this rule does not use", "use the same version of Consilium at hub and site")
		},
	})
	if err != nil {
		return u, err
	}
	return u, m.fold(ctx, body, u)
}

// fold adds up what has been looked at.
func (m *mean) fold(ctx context.Context, body federation.Body, u federation.Update) error {
	m.start()
	w := weight(m.plan, u)
	scale := m.scale(u) * w
	err := federation.ReadUpdate(ctx, body, federation.Visit{
		Head: func(federation.Update, int) error { return nil },
		Delta: func(at int, b []byte) error {
			m.sum.addBytes(at, scale, b)
			return nil
		},
	})
	if err != nil {
		// The body was whole a moment ago, so this is the store or the end of the process. Some of the update is in the
		// sum: the round cannot go on with it.
		m.drop()
		return fault.Wrap(err, fault.QueueFailed, "the update of "+u.Site+" could not be read a second time", "the round is tried again")
	}
	m.weight += w
	m.in[u.Site] = true
	return nil
}
