package aggregate

import (
	"bytes"
	"math/rand/v2"
	"runtime"
	"testing"

	"consilium/fault"
	"consilium/federation"

	"pgregory.net/rapid"
)

// A rule that was written down and read again goes on as if nothing had been, to the last bit.
func TestSnapshotGoesOn(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		rapid.Check(t, func(rt *rapid.T) {
			n, size := rapid.IntRange(5, 8).Draw(rt, "n"), rapid.IntRange(1, 50).Draw(rt, "size")
			plan := planFor(algorithm, n)
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			whole, part := rule(t, plan, size, n), rule(t, plan, size, n)
			a := normals(rng, size, 1)
			b := a
			for i := range 6 {
				updates := some(plan, rng, n, size)
				if i%2 == rapid.IntRange(0, 1).Draw(rt, "when") {
					if err := part.Begin(b); err != nil { // an unfinished round is not in the snapshot
						rt.Fatal(err)
					}
					if err := part.Add(updates[0]); err != nil {
						rt.Fatal(err)
					}
					text, err := part.Snapshot()
					if err != nil {
						rt.Fatal(err)
					}
					part = rule(t, plan, size, n)
					if err := part.Restore(text); err != nil {
						rt.Fatal(err)
					}
					if again, err := part.Snapshot(); err != nil || !bytes.Equal(again, text) {
						rt.Fatal("a snapshot of a restored rule differs", err)
					}
				}
				a, _ = round(t, whole, a, updates)
				b, _ = round(t, part, b, updates)
				if !same(a, b) || !same(whole.Extra(), part.Extra()) {
					rt.Fatal(i, a, b)
				}
			}
		})
	})
}

func TestRestoreRefuses(t *testing.T) {
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, 5)
		r := rule(t, plan, 3, 5)
		rng := rand.New(rand.NewPCG(9, 1))
		global, _ := round(t, r, make([]float32, 3), some(plan, rng, 5, 3))
		good, err := r.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		other := federation.Median
		if algorithm == other {
			other = federation.FedAvg
		}
		for name, into := range map[string]Rule{
			"another algorithm": rule(t, planFor(other, 5), 3, 5),
			"another size":      rule(t, plan, 4, 5),
			"other sites":       rule(t, plan, 3, 6),
		} {
			if err := into.Restore(good); fault.CodeOf(err) != fault.CheckpointBad {
				t.Errorf("%s: %v", name, err)
			}
		}
		for i := range good { // every byte matters
			bad := bytes.Clone(good)
			bad[i] ^= 0x10
			wantCode(t, r.Restore(bad), fault.CheckpointBad)
			wantCode(t, r.Restore(good[:i]), fault.CheckpointBad)
		}
		wantCode(t, r.Restore(append(bytes.Clone(good), 0)), fault.CheckpointBad)
		// After all these refusals the rule is as it was.
		kept, err := r.Snapshot()
		if err != nil || !bytes.Equal(kept, good) {
			t.Fatal("a refused snapshot has left traces", err)
		}
		round(t, r, global, some(plan, rng, 5, 3))
	})
}

// FuzzRestore: foreign bytes are refused, or give a rule that works.
func FuzzRestore(f *testing.F) {
	for i, algorithm := range federation.Algorithms() {
		plan := planFor(algorithm, 5)
		r := rule(f, plan, 3, 5)
		round(f, r, make([]float32, 3), some(plan, rand.New(rand.NewPCG(10, 1)), 5, 3))
		text, err := r.Snapshot()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), text)
		f.Add(uint8(i), text[:len(text)/2])
	}
	f.Fuzz(func(t *testing.T, which uint8, in []byte) {
		plan := planFor(federation.Algorithms()[int(which)%len(federation.Algorithms())], 5)
		r := rule(t, plan, 3, 5)
		in = sealed(in) // else the checksum stops nearly everything
		if err := r.Restore(in); err != nil {
			wantCode(t, err, fault.CheckpointBad)
			return
		}
		out, _ := round(t, r, make([]float32, 3), some(plan, rand.New(rand.NewPCG(11, 1)), 5, 3))
		if !usable(out, 3e38) {
			t.Fatal("a restored rule makes NaN", out)
		}
	})
}

// sealed puts the right checksum under a snapshot.
func sealed(in []byte) []byte {
	body := bytes.Clone(in[:max(len(in)-4, 0)])
	return append(body, checksum(body)...)
}

// Rules on a mean hold two models (SCAFFOLD four) for a round, whatever the number of sites.
func TestMemory(t *testing.T) {
	const size, sites = 1 << 17, 40
	each(t, func(t *testing.T, algorithm string) {
		plan := planFor(algorithm, sites)
		plan.Quorum, plan.Buffer = 1, 1
		r := rule(t, plan, size, sites)
		global := make([]float32, size)
		u := update(plan, "", 3, normals(rand.New(rand.NewPCG(12, 1)), size, 1))
		all := names(sites)[:takes(algorithm, sites)]
		models := allocated(func() {
			if err := r.Begin(global); err != nil {
				t.Fatal(err)
			}
			for _, name := range all {
				u.Site = name
				if err := r.Add(u); err != nil {
					t.Fatal(err)
				}
			}
			if !robust(algorithm) {
				if _, _, err := r.Finish(); err != nil {
					t.Fatal(err)
				}
			}
		}) / (4 * size)
		t.Logf("%d updates: %.2f models", len(all), models)
		most := 2.1
		if algorithm == federation.Scaffold {
			most = 4.1
		}
		if models > most {
			t.Fatalf("%.2f models were allocated", models)
		}
	})
}

// allocated counts all bytes ever asked for, so that nothing can hide in what was collected meanwhile.
func allocated(work func()) float64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	work()
	runtime.ReadMemStats(&after)
	return float64(after.TotalAlloc - before.TotalAlloc)
}
