package aggregate

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"consilium/fault"
	"consilium/federation"
)

// encoded is an update as a body whose blocks are cut anywhere.
func encoded(t testing.TB, u federation.Update, block int) federation.Body {
	t.Helper()
	text, err := u.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return federation.Body{Size: int64(len(text)), Blocks: func(_ context.Context, take func([]byte) error) error {
		for rest := text; len(rest) > 0; {
			part := bytes.Clone(rest[:min(block, len(rest))])
			if err := take(part); err != nil {
				return err
			}
			clear(part) // the body may
			rest = rest[len(part):]
		}
		return nil
	}}
}

func stale(by int) func(*federation.Update, int) error {
	return func(u *federation.Update, _ int) error { u.Stale = by; return nil }
}

// Updates that are added up from their blocks give what whole ones give, to the last bit, with every rule.
func TestFromBlocksIsTheSame(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		rng := rand.New(rand.NewPCG(14, 1))
		one, other := rule(t, plan, 70_001, 5), rule(t, plan, 70_001, 5)
		global := normals(rng, 70_001, 1)
		for range 2 {
			updates := some(plan, rng, 5, 70_001)
			a, _ := round(t, one, global, updates)
			if err := other.Begin(global); err != nil {
				t.Fatal(err)
			}
			for _, u := range updates {
				body := encoded(t, u, 65_537)
				head, err := AddFrom(t.Context(), other, body, stale(u.Stale))
				if err != nil || head.Site != u.Site || head.Delta != nil || head.Extra != nil {
					t.Fatal(head, err)
				}
				_, err = AddFrom(t.Context(), other, body, stale(u.Stale))
				wantCode(t, err, fault.UpdateStale)
			}
			b, _, err := other.Finish()
			if err != nil || !same(a, b) {
				t.Fatal(err, distance(a, b))
			}
			global = a
		}
	})
}

// What is refused leaves nothing behind: not even the blocks that came before the one that is at fault.
func TestFromBlocksRefuses(t *testing.T) {
	const size = 3000
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		rng := rand.New(rand.NewPCG(15, 1))
		r, clean := rule(t, plan, size, 5), rule(t, plan, size, 5)
		global := normals(rng, size, 1)
		if err := r.Begin(global); err != nil {
			t.Fatal(err)
		}
		for name, change := range map[string]func(u *federation.Update){
			"short":   func(u *federation.Update) { u.Delta = u.Delta[:size-1] },
			"nan":     func(u *federation.Update) { u.Delta[size-1] = float32(math.NaN()) },
			"huge":    func(u *federation.Update) { u.Delta[size-2] = -2 * MostValue },
			"extra":   func(u *federation.Update) { u.Extra = []float32{1} },
			"nothing": func(u *federation.Update) { u.Samples = 0 },
			"future":  func(u *federation.Update) { u.Stale = -1 },
		} {
			u := update(plan, "site-00", 1, normals(rng, size, 1))
			change(&u)
			if _, err := AddFrom(t.Context(), r, encoded(t, u, 1000), stale(u.Stale)); fault.CodeOf(err) != fault.UpdateRefused || r.Count() != 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
		no := errors.New("no")
		if _, err := AddFrom(t.Context(), r, encoded(t, update(plan, "site-00", 1, global), 1000), func(*federation.Update, int) error { return no }); err != no {
			t.Error(err)
		}
		updates := some(plan, rng, 5, size)
		want, _ := round(t, clean, global, updates)
		for _, u := range updates {
			if _, err := AddFrom(t.Context(), r, encoded(t, u, 1000), stale(u.Stale)); err != nil {
				t.Fatal(err)
			}
		}
		got, _, err := r.Finish()
		if err != nil || !same(want, got) {
			t.Fatal(err, distance(want, got))
		}
	})
}

// A store that fails between the two readings of an update ends the round: half of it may be in the sum.
func TestSecondReadingFails(t *testing.T) {
	plan := planFor(federation.FedAvg, 2)
	r := rule(t, plan, 3000, 2)
	global := make([]float32, 3000)
	if err := r.Begin(global); err != nil {
		t.Fatal(err)
	}
	u := update(plan, "site-00", 1, normals(rand.New(rand.NewPCG(16, 1)), 3000, 1))
	whole := encoded(t, u, 1000)
	readings := 0
	body := federation.Body{Size: whole.Size, Blocks: func(ctx context.Context, take func([]byte) error) error {
		readings++
		blocks := 0
		return whole.Blocks(ctx, func(b []byte) error {
			if blocks++; readings == 2 && blocks == 5 {
				return errors.New("the disk is gone")
			}
			return take(b)
		})
	}}
	_, err := AddFrom(t.Context(), r, body, stale(0))
	wantCode(t, err, fault.QueueFailed)
	_, err = AddFrom(t.Context(), r, whole, stale(0))
	wantCode(t, err, fault.UpdateStale)
	_, _, err = r.Finish()
	wantCode(t, err, fault.QuorumMissed)
	again, _ := round(t, r, global, some(plan, rand.New(rand.NewPCG(17, 1)), 2, 3000))
	want, _ := round(t, rule(t, plan, 3000, 2), global, some(plan, rand.New(rand.NewPCG(17, 1)), 2, 3000))
	if !same(again, want) {
		t.Fatal("half of an update was left in the sum")
	}
}
