package partition_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/partition"
	"consilium/dataset/settest"
	"consilium/fault"
)

// made is a set whose examples know their own number: the first value is 1000*split + index.
type made struct {
	labels map[dataset.Split][]int
	groups int // examples a group
	n      int // classes
}

func (m made) Info() dataset.Info {
	info := dataset.Info{Name: "made", Kind: clinical.KindImage, Shape: []int{3, 1, 2}, Licence: "none", Citation: "none", SplitBy: "made"}
	for c := range m.n {
		info.Labels = append(info.Labels, clinical.Concept{Name: fmt.Sprint("class ", c)})
	}
	return info
}
func (m made) Len(s dataset.Split) int { return len(m.labels[s]) }
func (m made) Close() error            { return nil }
func (m made) Read(s dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(m, s, i, into); err != nil {
		return dataset.Sample{}, err
	}
	for k := range into {
		into[k] = float32(i%10)/10 + 0.01*float32(k)
	}
	return dataset.Sample{ID: fmt.Sprint(s, i), Group: fmt.Sprint(s, i/max(m.groups, 1)), Label: m.labels[s][i]}, nil
}

func drawMade(t *rapid.T) made {
	m := made{labels: map[dataset.Split][]int{}, n: rapid.IntRange(2, 5).Draw(t, "classes"), groups: rapid.IntRange(1, 3).Draw(t, "groups")}
	for split, n := range map[dataset.Split]int{dataset.Train: rapid.IntRange(80, 300).Draw(t, "train"), dataset.Validation: rapid.IntRange(0, 40).Draw(t, "val"), dataset.Test: 20} {
		for i := range n {
			m.labels[split] = append(m.labels[split], (i*i/7+i)%m.n)
		}
	}
	return m
}

func even(train, val, test, classes int) made {
	m := made{labels: map[dataset.Split][]int{}, n: classes}
	for split, n := range map[dataset.Split]int{dataset.Train: train, dataset.Validation: val, dataset.Test: test} {
		for i := range n {
			m.labels[split] = append(m.labels[split], i%classes)
		}
	}
	return m
}

func samples(t interface{ Fatal(...any) }, set dataset.Set, split dataset.Split) []dataset.Sample {
	into := make([]float32, set.Info().Size())
	var out []dataset.Sample
	for i := range set.Len(split) {
		s, err := set.Read(split, i, into)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	return out
}

// Every example is in exactly one site and one split of it, groups stay together, no site is poorer than allowed,
// each can choose, and all see the same test split.
func TestDirichletDealsEverythingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMade(t)
		o := partition.Options{Sites: rapid.IntRange(1, 8).Draw(t, "sites"), Alpha: rapid.SampledFrom([]float64{1e-3, 0.1, 0.3, 1, 100}).Draw(t, "alpha"),
			Least: rapid.IntRange(1, 6).Draw(t, "least"), Seed: rapid.Uint64().Draw(t, "seed")}
		sites, err := partition.Dirichlet(m, o)
		if err != nil {
			t.Fatal(err)
		}
		home, ids := map[string]string{}, map[string]bool{}
		for k, site := range sites {
			n := 0
			for _, split := range []dataset.Split{dataset.Train, dataset.Validation} {
				for _, s := range samples(t, site, split) {
					where := fmt.Sprint(k, split)
					if ids[s.ID] || home[s.Group] != "" && home[s.Group] != where {
						t.Fatalf("%s of group %s is in %s and %s", s.ID, s.Group, where, home[s.Group])
					}
					ids[s.ID], home[s.Group] = true, where
					n++
				}
			}
			if n < o.Least {
				t.Fatalf("site %d has %d examples, at least %d were promised", k, n, o.Least)
			}
			if site.Len(dataset.Test) != m.Len(dataset.Test) {
				t.Fatal("the test split is not the common one")
			}
			if site.Len(dataset.Train) == 0 {
				t.Fatalf("site %d cannot train: %d examples", k, n)
			}
		}
		if want := m.Len(dataset.Train) + m.Len(dataset.Validation); len(ids) != want {
			t.Fatalf("%d of %d examples were dealt", len(ids), want)
		}
	})
}

func TestDirichletFollowsSeedAndAlpha(t *testing.T) {
	m := even(2000, 200, 50, 2)
	spread := func(alpha float64, seed uint64) (string, float64) {
		sites, err := partition.Dirichlet(m, partition.Options{Sites: 10, Alpha: alpha, Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		key, off := "", 0.0
		for _, s := range sites {
			c, err := partition.Counts(s, dataset.Train)
			if err != nil {
				t.Fatal(err)
			}
			key += fmt.Sprint(c)
			off += math.Abs(float64(c[0])/float64(c[0]+c[1])-0.5) / 10
			val := float64(s.Len(dataset.Validation))
			if share := val / (val + float64(s.Len(dataset.Train))); val < 1 || share > 0.25 {
				t.Errorf("%v of %d examples are for validation", val, s.Len(dataset.Train))
			}
		}
		return key, off
	}
	a, uneven := spread(0.3, 1)
	if b, _ := spread(0.3, 1); a != b {
		t.Error("the same seed gave another cut")
	}
	if b, _ := spread(0.3, 2); a == b {
		t.Error("another seed gave the same cut")
	}
	if _, equal := spread(1000, 1); !(uneven > 0.2 && equal < 0.05) {
		t.Errorf("mixtures are off by %.2f at alpha 0.3 and %.2f at 1000", uneven, equal)
	}
}

func TestRareThins(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMade(t)
		label, share := rapid.IntRange(0, m.n-1).Draw(t, "label"), rapid.Float64Range(0.02, 0.5).Draw(t, "share")
		thin, err := partition.Rare(m, label, share, rapid.Uint64().Draw(t, "seed"))
		if fault.CodeOf(err) == fault.DataUnfit {
			return // a share of less than one example
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, split := range dataset.Splits {
			before, _ := partition.Counts(m, split)
			after, err := partition.Counts(thin, split)
			if err != nil {
				t.Fatal(err)
			}
			for c := range before {
				if (c != label || split == dataset.Test) && before[c] != after[c] {
					t.Fatalf("%s, class %d: %d became %d", split, c, before[c], after[c])
				}
			}
			total := 0
			for _, n := range after {
				total += n
			}
			if split != dataset.Test && float64(after[label]) > share*float64(total)+1e-9 {
				t.Fatalf("%s has %d of %d, more than %v", split, after[label], total, share)
			}
			// No more is taken away than has to be: one more would be too many.
			if split != dataset.Test && after[label] < before[label] && float64(after[label]+1) <= share*float64(total+1)-1e-9 {
				t.Fatalf("%s has only %d of %d", split, after[label], total)
			}
		}
	})
}

func TestFlip(t *testing.T) {
	m := even(30, 6, 9, 3)
	f := partition.Flip(m)
	for _, split := range dataset.Splits {
		was, is := samples(t, m, split), samples(t, f, split)
		for i := range was {
			want := (was[i].Label + 1) % 3
			if split == dataset.Test {
				want = was[i].Label
			}
			if is[i].Label != want || is[i].ID != was[i].ID {
				t.Fatalf("%s %d: label %d, want %d", split, i, is[i].Label, want)
			}
		}
	}
}

func TestScanner(t *testing.T) {
	m := even(30, 6, 9, 3)
	read := func(set dataset.Set) []float32 {
		into := make([]float32, 6)
		if _, err := set.Read(dataset.Train, 7, into); err != nil {
			t.Fatal(err)
		}
		return into
	}
	see := func(name string, strength float64) ([]float32, partition.Device) {
		s, d, err := partition.Scanner(m, 5, name, strength)
		if err != nil {
			t.Fatal(err)
		}
		return read(s), d
	}
	a, d := see("a", 1)
	if again, _ := see("a", 1); !slices.Equal(a, again) {
		t.Error("a scanner changed between two readings")
	}
	if b, _ := see("b", 1); slices.Equal(a, b) {
		t.Error("two sites have the same scanner")
	}
	plain := read(m)
	for k, v := range plain {
		want := d.Contrast*(math.Pow(float64(v), d.Gamma)-0.5) + 0.5 + d.Brightness + d.Channel[k/2]
		if got := float64(a[k]); math.Abs(got-min(max(want, 0), 1)) > 1e-6 {
			t.Errorf("value %d: %v, want %v", k, got, want)
		}
	}
	for k, v := range func() []float32 { v, _ := see("a", 0); return v }() {
		if math.Abs(float64(v-plain[k])) > 1e-6 {
			t.Errorf("strength 0 changes %v to %v", plain[k], v)
		}
	}
	if _, _, err := partition.Scanner(m, 5, "a", math.NaN()); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a strength of NaN: %v", err)
	}
}

func TestUnionHasTheSitesExamples(t *testing.T) {
	m := even(200, 40, 30, 2)
	sites, err := partition.Dirichlet(m, partition.Options{Sites: 4, Alpha: 0.5, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	all, err := partition.Union(sites, m)
	if err != nil {
		t.Fatal(err)
	}
	if n := all.Len(dataset.Train) + all.Len(dataset.Validation); n != 240 || all.Len(dataset.Test) != 30 {
		t.Errorf("%d examples", n)
	}
	settest.Run(t, all)
	settest.Run(t, sites[2])
	every, err := partition.Union(sites, nil)
	if err != nil || every.Len(dataset.Test) != 4*30 || every.Len(dataset.Train) != all.Len(dataset.Train) {
		t.Errorf("with everybody's test split: %v, %d", err, every.Len(dataset.Test))
	}
	seen, _, err := partition.Scanner(sites[0], 1, "a", 1)
	if err != nil {
		t.Fatal(err)
	}
	mixed, err := partition.Union([]dataset.Set{seen, sites[1]}, nil)
	if text := fmt.Sprint(mixed.Info().Caveats); err != nil || strings.Contains(text, "scanner") || !strings.Contains(text, "Dirichlet") {
		t.Errorf("%v: what is said of all: %s", err, text)
	}
	if last := samples(t, every, dataset.Test)[119]; last != samples(t, m, dataset.Test)[29] {
		t.Errorf("the last test example is %+v", last)
	}
}

func TestRefusals(t *testing.T) {
	m := even(40, 10, 10, 2)
	for _, c := range []struct {
		o    partition.Options
		code fault.Code
	}{
		{partition.Options{Sites: 0, Alpha: 1}, fault.Usage},
		{partition.Options{Sites: 2, Alpha: 0}, fault.Usage},
		{partition.Options{Sites: 2, Alpha: math.NaN()}, fault.Usage},
		{partition.Options{Sites: 2, Alpha: 1, Validation: 1}, fault.Usage},
		{partition.Options{Sites: 10, Alpha: 1, Least: 20}, fault.DataUnfit},
	} {
		if _, err := partition.Dirichlet(m, c.o); fault.CodeOf(err) != c.code {
			t.Errorf("%+v: %v, want %s", c.o, err, c.code)
		}
	}
	if _, err := partition.Rare(m, 2, 0.03, 1); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a class that is not there: %v", err)
	}
	if _, err := partition.Rare(m, 0, 0.001, 1); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("a share of nothing: %v", err)
	}
	if _, err := partition.Union(nil, m); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a union of nothing: %v", err)
	}
	if _, err := partition.Union([]dataset.Set{even(4, 4, 4, 3)}, m); fault.CodeOf(err) != fault.DataUnfit {
		t.Errorf("a union of unlike sets: %v", err)
	}
}
