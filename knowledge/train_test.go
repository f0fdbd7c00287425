package knowledge

import (
	"bytes"
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"

	"consilium/fault"
)

func small(model string) Config {
	return Config{Model: model, Dim: 16, Core: 4, Epochs: 40, Batch: 16, Candidates: 1 << 20, Rate: 0.1, Dropout: 0.1, Seed: 1}
}

func trained(t testing.TB, g *Graph, c Config, h HoldOut) *Model {
	t.Helper()
	m, err := Train(context.Background(), g, Plan{Config: c, HoldOut: h})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestGradients compares every closed-form gradient with central differences, with
// dropout, N3 and sampled candidates switched on.
func TestGradients(t *testing.T) {
	g := planted(t, 3, 8, 8)
	for _, name := range []string{ComplEx, TuckER} {
		c := small(name)
		c.Dim, c.N3, c.Candidates, c.Dropout = 6, 0.05, 10, 0.3
		tr := newTrainer(g, g.Triples, c)
		rng := rand.New(rand.NewPCG(5, 5))
		for _, b := range tr.curriculum.epoch(6, rng)[:6] {
			tr.curriculum.fill(&b, c.Candidates, rng)
			tr.drawDropout(len(b.questions)*c.Dim, rng)
			for _, p := range tr.all() {
				for i := range p.value {
					p.value[i] = float32(rng.NormFloat64() * 0.7)
				}
			}
			checkGradients(t, tr, &b)
			tr.curriculum.empty(&b)
		}
	}
}

func checkGradients(t *testing.T, tr *trainer, b *batch) {
	t.Helper()
	dim := tr.config.Dim
	forget := func() { // gradients of the model's own tables pile up until descend
		switch m := tr.model.(type) {
		case *complexProduct:
			clear(m.gradient)
		case *tucker:
			clear(m.dMixed)
		}
	}
	forget()
	tr.gradients(b)
	want := map[*float32]float64{}
	for i, q := range b.questions {
		for k := range dim {
			want[&tr.entity.row(int(q.entity))[k]] += float64(tr.dHeads[i*dim+k])
		}
	}
	for i, e := range b.candidates {
		for k := range dim {
			want[&tr.entity.row(int(e))[k]] += float64(tr.dTails[i*dim+k])
		}
	}
	switch m := tr.model.(type) {
	case *complexProduct:
		for k, d := range m.gradient {
			want[&m.relation.row(b.slot)[k]] = float64(d)
		}
	case *tucker:
		for j := range m.dMixed {
			for k, r := range m.relation.row(b.slot) {
				want[&m.core.row(k)[j]] = float64(r * m.dMixed[j])
				want[&m.relation.row(b.slot)[k]] += float64(m.core.row(k)[j] * m.dMixed[j])
			}
		}
	}
	for p, d := range want {
		old := *p
		const h = 2e-3
		*p = old + h
		up := tr.gradients(b)
		*p = old - h
		down := tr.gradients(b)
		*p = old
		forget()
		if numeric := (up - down) / (2 * h); math.Abs(numeric-d) > 2e-3+0.02*math.Abs(d) {
			t.Fatalf("%s slot %d: gradient %g, by differences %g", tr.config.Model, b.slot, d, numeric)
		}
	}
}

// TestBothRecoverAPlantedGraph: a test link belongs to its disease's group, which an embedding can learn
// and a degree cannot.
func TestBothRecoverAPlantedGraph(t *testing.T) {
	g := planted(t, 5, 24, 16)
	h := HoldOut{Share: 0.1, Seed: 1}
	var models []*Model
	for _, name := range []string{ComplEx, TuckER} {
		models = append(models, trained(t, g, small(name), h))
	}
	c, err := Compare(context.Background(), g, models, "test", func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	degree := c.Rows[0]
	for _, row := range c.Rows[3:] {
		if row.Tail.MRR.Low <= degree.Tail.MRR.High || row.Head.MRR.Low <= degree.Head.MRR.High {
			t.Errorf("%s: tail %v head %v, degree: %v, %v", row.Name, row.Tail.MRR, row.Head.MRR, degree.Tail.MRR, degree.Head.MRR)
		}
	}
	for _, d := range c.Differences {
		if d.A == c.Rows[3].Name && d.B == "degree" && (d.D.Low <= 0 || d.P > 0.01) {
			t.Errorf("paired difference %+v", d)
		}
	}
}

// TestAntisymmetry: is_a goes one way. Both models tell the way of links they have seen.
func TestAntisymmetry(t *testing.T) {
	ids := [kinds][]string{Phenotype: make([]string, 15)}
	var links []Triple
	for i := range ids[Phenotype] {
		ids[Phenotype][i] = string(rune('a' + i))
		if i > 0 {
			links = append(links, Triple{Entity(i), IsA, Entity((i - 1) / 2)})
		}
	}
	g, err := newGraph(ids, ids, links)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ComplEx, TuckER} {
		c := small(name)
		c.Dropout, c.Epochs = 0, 100
		m := trained(t, g, c, HoldOut{})
		scores := make([]float32, len(links)*g.Len())
		var up []Query
		for _, l := range links {
			up = append(up, Query{l.Head, IsA, false})
		}
		m.Predict(up, scores)
		for i, l := range links {
			row := scores[i*g.Len():][:g.Len()]
			if best := slices.Index(row, slices.Max(row)); best != int(l.Tail) {
				t.Errorf("%s: the parent of %s is %s, not %s", name, g.ID(l.Head), g.ID(l.Tail), g.ID(Entity(best)))
			}
			for _, child := range links {
				if child.Tail == l.Head && row[child.Head] >= row[l.Tail] {
					t.Errorf("%s: the child of %s scores above its parent", name, g.ID(l.Head))
				}
			}
		}
	}
}

func TestSameSeedSameModelAlsoWhenResumed(t *testing.T) {
	g := planted(t, 3, 8, 8)
	for _, name := range []string{ComplEx, TuckER} {
		c := small(name)
		c.Epochs = 6
		want := trained(t, g, c, HoldOut{})
		path := filepath.Join(t.TempDir(), "checkpoint")
		ctx, stop := context.WithCancel(context.Background())
		p := Plan{Config: c, Checkpoint: path, Report: func(p Progress) {
			if p.Epoch == 3 {
				stop()
			}
		}}
		if _, err := Train(ctx, g, p); !errors.Is(err, context.Canceled) {
			t.Fatalf("a stopped training: %v", err)
		}
		first := 0
		p.Report = func(p Progress) {
			if first == 0 {
				first = p.Epoch
			}
		}
		got, err := Train(context.Background(), g, p)
		if err != nil {
			t.Fatal(err)
		}
		if first != 4 {
			t.Errorf("resumed at epoch %d", first)
		}
		if !slices.Equal(got.entity.value, want.entity.value) || !slices.Equal(got.total, want.total) {
			t.Errorf("%s: the resumed model differs", name)
		}
		c.Seed = 2
		if slices.Equal(trained(t, g, c, HoldOut{}).entity.value, want.entity.value) {
			t.Error("another seed gives the same model")
		}
	}
}

func TestCheckpointOfAnotherRun(t *testing.T) {
	g := planted(t, 3, 8, 8)
	path := filepath.Join(t.TempDir(), "checkpoint")
	c := small(ComplEx)
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Train(ctx, g, Plan{Config: c, Checkpoint: path}); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	c.Dim = 8
	if _, err := Train(context.Background(), g, Plan{Config: c, Checkpoint: path}); fault.CodeOf(err) != fault.CheckpointBad {
		t.Errorf("a checkpoint of another dimension: %v", err)
	}
	if _, err := Load(path); fault.CodeOf(err) != fault.ModelMalformed {
		t.Errorf("a checkpoint taken for a model: %v", err)
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	g := planted(t, 2, 6, 6)
	for name, change := range map[string]func(*Config){
		"model":      func(c *Config) { c.Model = "transe" },
		"odd":        func(c *Config) { c.Dim = 7 },
		"epochs":     func(c *Config) { c.Epochs = 0 },
		"rate":       func(c *Config) { c.Rate = math.NaN() },
		"dropout":    func(c *Config) { c.Dropout = 1 },
		"n3":         func(c *Config) { c.N3 = -1 },
		"batch":      func(c *Config) { c.Batch = 0 },
		"candidates": func(c *Config) { c.Candidates = 0 },
		"core":       func(c *Config) { c.Core = 0 },
	} {
		c := small(ComplEx)
		change(&c)
		if _, err := Train(context.Background(), g, Plan{Config: c}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := small(ComplEx)
	c.Rate, c.N3, c.Epochs = 10, 10, 30
	if _, err := Train(context.Background(), g, Plan{Config: c}); err != nil && fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("a training that diverges: %v", err)
	}
}

func TestExp32(t *testing.T) {
	for x := float32(-90); x < 1; x += 0.0173 {
		want := math.Exp(float64(x))
		if got := float64(exp32(x)); math.Abs(got-want) > 1e-5*want+1e-37 {
			t.Fatalf("exp(%g) = %g, want %g", x, got, want)
		}
	}
}

func TestExponentialsAgainstPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for n := range 40 {
		a := randoms(rng, n)
		for i := range a {
			a[i] *= 30
		}
		b := slices.Clone(a)
		x, y := exponentials(a, 3, 2), exponentialsPortable(b, 3, 2)
		if math.Abs(x-y) > 1e-4*y {
			t.Fatalf("%d values: sum %g, portable %g", n, x, y)
		}
		for i := range a {
			if math.Abs(float64(a[i]-b[i])) > 1e-4*float64(b[i])+1e-30 {
				t.Fatalf("%g, portable %g", a[i], b[i])
			}
		}
	}
}

func TestModelSurvivesItsFile(t *testing.T) {
	g := planted(t, 3, 8, 8)
	for _, name := range []string{ComplEx, TuckER} {
		m := trained(t, g, small(name), HoldOut{})
		path := filepath.Join(t.TempDir(), "sub", "model")
		if err := m.Save(path); err != nil {
			t.Fatal(err)
		}
		again, err := Load(path)
		if err != nil {
			t.Fatal(err)
		}
		q := []Query{{0, HasPhenotype, false}, {3, HasPhenotype, false}}
		a, b := make([]float32, 2*g.Count(Phenotype)), make([]float32, 2*g.Count(Phenotype))
		m.Predict(q, a)
		again.Predict(q, b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: scores differ after reading", name)
		}
	}
	if _, err := Load("nothing"); fault.CodeOf(err) != fault.ModelMissing {
		t.Error(err)
	}
}

func TestEveryChangedByteIsFound(t *testing.T) {
	g := planted(t, 2, 3, 3)
	c := small(TuckER)
	c.Dim, c.Core, c.Epochs = 2, 1, 1
	var file bytes.Buffer
	if err := trained(t, g, c, HoldOut{}).Write(&file); err != nil {
		t.Fatal(err)
	}
	whole := file.Bytes()
	for i := range whole {
		changed := bytes.Clone(whole)
		changed[i] ^= 1
		if _, err := Decode(bytes.NewReader(changed)); fault.CodeOf(err) != fault.ModelMalformed {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := Decode(bytes.NewReader(whole[:i])); fault.CodeOf(err) != fault.ModelMalformed {
			t.Fatalf("cut at byte %d: %v", i, err)
		}
	}
}
