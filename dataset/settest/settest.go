// Package settest is the conformance suite that every dataset.Set passes,
// whatever it reads.
package settest

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/fault"
)

// Per split, so many examples (spread evenly) are read by the checks that look
// at every example, and so many by the checks that read examples repeatedly.
const (
	manyExamples = 2000
	fewExamples  = 16
)

// Run checks a set. It does not close it.
func Run(t *testing.T, set dataset.Set) {
	t.Helper()
	t.Run("info", func(t *testing.T) { checkInfo(t, set) })
	t.Run("examples", func(t *testing.T) { checkExamples(t, set) })
	t.Run("arguments", func(t *testing.T) { checkArguments(t, set) })
	t.Run("deterministic", func(t *testing.T) { checkDeterministic(t, set) })
	t.Run("concurrent", func(t *testing.T) { checkConcurrent(t, set) })
}

func checkInfo(t *testing.T, set dataset.Set) {
	info := set.Info()
	for field, value := range map[string]string{
		"Name": info.Name, "Licence": info.Licence, "Citation": info.Citation, "SplitBy": info.SplitBy,
	} {
		if value == "" {
			t.Errorf("Info.%s is empty", field)
		}
	}
	dims := map[clinical.Kind]int{
		clinical.KindImage: 3, clinical.KindVolume: 4, clinical.KindECG: 2, clinical.KindSound: 2, clinical.KindTable: 1,
	}
	if want, ok := dims[info.Kind]; !ok || len(info.Shape) != want {
		t.Errorf("kind %q with shape %v", info.Kind, info.Shape)
	}
	if slices.ContainsFunc(info.Shape, func(d int) bool { return d < 1 }) {
		t.Errorf("shape %v has a dimension below 1", info.Shape)
	}
	if info.Kind == clinical.KindTable && len(info.Columns) != info.Shape[0] {
		t.Errorf("%d column names for %d columns", len(info.Columns), info.Shape[0])
	}
	if len(info.Labels) < 2 {
		t.Errorf("%d labels: nothing to tell apart", len(info.Labels))
	}
	names := map[string]bool{}
	for _, label := range info.Labels {
		if label.Name == "" || names[label.Name] || (label.Code == "") != (label.System == "") {
			t.Errorf("label %+v is unnamed, repeated, or has a code without its system", label)
		}
		names[label.Name] = true
	}
	if set.Len(dataset.Train) == 0 {
		t.Error("the train split is empty")
	}
	if n := set.Len("no such split"); n != 0 {
		t.Errorf("an unknown split has %d examples", n)
	}
}

// checkExamples holds what must be true of every example: all values written
// and finite, the label in range, the ID unique, the group in one split only.
func checkExamples(t *testing.T, set dataset.Set) {
	info := set.Info()
	into := make([]float32, info.Size())
	ids := map[string]bool{}
	home := map[string]dataset.Split{}
	for _, split := range dataset.Splits {
		for _, i := range spread(set.Len(split), manyExamples) {
			s, err := readInto(set, split, i, into)
			if err != nil {
				t.Fatalf("%s %d: %v", split, i, err)
			}
			if s.ID == "" || ids[s.ID] {
				t.Fatalf("%s %d: ID %q is empty or taken", split, i, s.ID)
			}
			ids[s.ID] = true
			if s.Label < 0 || s.Label >= len(info.Labels) {
				t.Fatalf("%s %d: label %d of %d", split, i, s.Label, len(info.Labels))
			}
			if before, ok := home[s.Group]; s.Group == "" || ok && before != split {
				t.Fatalf("%s %d: group %q is empty or also in %s", split, i, s.Group, before)
			}
			home[s.Group] = split
		}
	}
}

// readInto reads over NaN, so that a value that was not written shows.
func readInto(set dataset.Set, split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	for k := range into {
		into[k] = float32(math.NaN())
	}
	s, err := set.Read(split, i, into)
	if err != nil {
		return s, err
	}
	for k, v := range into {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return s, fmt.Errorf("value %d is %v", k, v)
		}
	}
	return s, nil
}

func checkArguments(t *testing.T, set dataset.Set) {
	size := set.Info().Size()
	room := make([]float32, size+1)
	for _, c := range []struct {
		split dataset.Split
		i     int
		into  []float32
	}{
		{dataset.Train, -1, room[:size]},
		{dataset.Train, set.Len(dataset.Train), room[:size]},
		{dataset.Test, set.Len(dataset.Test), room[:size]},
		{"no such split", 0, room[:size]},
		{dataset.Train, 0, room[:size-1]},
		{dataset.Train, 0, room},
		{dataset.Train, 0, nil},
	} {
		if _, err := set.Read(c.split, c.i, c.into); fault.CodeOf(err) != fault.Usage {
			t.Errorf("Read(%q, %d, room for %d of %d) gave %v, want a USAGE error", c.split, c.i, len(c.into), size, err)
		}
	}
}

type example struct {
	sample dataset.Sample
	values []float32
}

func take(set dataset.Set, split dataset.Split, i int) (example, error) {
	e := example{values: make([]float32, set.Info().Size())}
	var err error
	e.sample, err = readInto(set, split, i, e.values)
	return e, err
}

func (e example) equal(other example) bool {
	return e.sample == other.sample && slices.Equal(e.values, other.values)
}

func checkDeterministic(t *testing.T, set dataset.Set) {
	for _, split := range dataset.Splits {
		for _, i := range spread(set.Len(split), fewExamples) {
			first, err := take(set, split, i)
			if err != nil {
				t.Fatal(err)
			}
			if second, err := take(set, split, i); err != nil || !first.equal(second) {
				t.Fatalf("%s %d differs when read again (%v)", split, i, err)
			}
		}
	}
}

func checkConcurrent(t *testing.T, set dataset.Set) {
	indexes := spread(set.Len(dataset.Train), fewExamples)
	want := make([]example, len(indexes))
	for k, i := range indexes {
		var err error
		if want[k], err = take(set, dataset.Train, i); err != nil {
			t.Fatal(err)
		}
	}
	var wait sync.WaitGroup
	for reader := range 4 {
		wait.Go(func() {
			for k := range indexes {
				k = (k + reader*3) % len(indexes) // so that different examples are read at a time
				if got, err := take(set, dataset.Train, indexes[k]); err != nil || !got.equal(want[k]) {
					t.Errorf("train %d differs when four read at a time (%v)", indexes[k], err)
				}
			}
		})
	}
	wait.Wait()
}

// spread gives at most limit of the indexes below n, evenly spaced.
func spread(n, limit int) []int {
	count := min(n, limit)
	indexes := make([]int, count)
	for k := range indexes {
		indexes[k] = k * n / count
	}
	return indexes
}
