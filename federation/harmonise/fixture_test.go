package harmonise

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
)

const most = 2048

// memory is a set of examples in memory; all are in the train split.
type memory struct {
	shape  []int
	rows   [][]float32
	labels []int
}

func (m memory) Info() dataset.Info {
	return dataset.Info{Name: "memory", Kind: clinical.KindTable, Shape: m.shape, Caveats: []string{"made up"}}
}

func (m memory) Len(split dataset.Split) int {
	if split != dataset.Train {
		return 0
	}
	return len(m.rows)
}

func (m memory) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(m, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	copy(into, m.rows[i])
	s := dataset.Sample{ID: fmt.Sprint(i), Group: fmt.Sprint(i)}
	if m.labels != nil {
		s.Label = m.labels[i]
	}
	return s, nil
}

func (m memory) Close() error { return nil }

func (m memory) part(from, to int) memory {
	return memory{shape: m.shape, rows: m.rows[from:to], labels: m.labels[from:to]}
}

// hospital makes n patients with features that are alike at all sites but for the site's own shift and scale. Half of
// them are sick, which moves the first features by signal.
type hospital struct {
	n             int
	shift, scale  float64 // mean effect of the device
	vary          float64 // how much it differs between features
	signal        float64
	features      int
	seed, effects uint64 // of the patients, of the device
}

func (h hospital) examples() memory {
	r, e := rand.New(rand.NewPCG(h.seed, 1)), rand.New(rand.NewPCG(h.effects, 2))
	shift, scale := make([]float64, h.features), make([]float64, h.features)
	for j := range shift {
		shift[j] = h.shift + h.vary*e.NormFloat64()
		scale[j] = h.scale * math.Exp(0.5*h.vary*e.NormFloat64())
	}
	m := memory{shape: []int{h.features}}
	for i := range h.n {
		row := make([]float32, h.features)
		for j := range row {
			base := 0.1 * float64(j%5)
			spread := 0.5 + 0.1*float64(j%3)
			x := base + spread*r.NormFloat64()
			if i%2 == 1 && j < 4 {
				x += h.signal * spread
			}
			row[j] = float32(shift[j] + scale[j]*x)
		}
		m.rows = append(m.rows, row)
		m.labels = append(m.labels, i%2)
	}
	return m
}

func measure(t testing.TB, m memory) Moments {
	t.Helper()
	out, err := Measure(m, dataset.Train)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// add sums shares as a hub does.
func add(all []Moments, most int) []float64 {
	sum := make([]float64, 1+3*len(all[0].Sum))
	for _, m := range all {
		for i, x := range Share(m, most) {
			sum[i] += float64(x)
		}
	}
	return sum
}

// fit measures all sites and adjusts each.
func fit(t testing.TB, kind string, sites []memory) []Adjustment {
	t.Helper()
	var all []Moments
	for _, s := range sites {
		all = append(all, measure(t, s))
	}
	sum := add(all, most)
	var out []Adjustment
	for _, m := range all {
		a, err := Fit(kind, sum, most, len(all), m)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// adjust reads every example through the adjustment.
func adjust(t testing.TB, m memory, a Adjustment) memory {
	t.Helper()
	set := Set(m, a)
	out := memory{shape: m.shape, labels: m.labels}
	for i := range m.rows {
		row := make([]float32, len(m.rows[i]))
		if _, err := set.Read(dataset.Train, i, row); err != nil {
			t.Fatal(err)
		}
		out.rows = append(out.rows, row)
	}
	return out
}
