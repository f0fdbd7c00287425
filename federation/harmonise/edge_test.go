package harmonise

import (
	"encoding/json"
	"math"
	"slices"
	"sync"
	"testing"

	"consilium/dataset"
	"consilium/dataset/settest"
	"consilium/dataset/synthetic"
	"consilium/fault"
)

func TestFeaturesOfShapes(t *testing.T) {
	for _, c := range []struct {
		shape []int
		want  []int // feature of every value
	}{
		{[]int{3}, []int{0, 1, 2}},
		{[]int{2, 2, 1}, []int{0, 0, 1, 1}},    // C,H,W
		{[]int{2, 1, 2, 1}, []int{0, 0, 1, 1}}, // C,D,H,W
		{[]int{2, 3}, []int{0, 0, 0, 1, 1, 1}}, // leads, samples
		{[]int{3, 2}, []int{0, 1, 0, 1, 0, 1}}, // frames, mels
		{[]int{2, 2}, []int{0, 0, 1, 1}},
		{[]int{1, 4}, []int{0, 0, 0, 0}},
	} {
		f := cut(c.shape)
		var got []int
		for k := range c.want {
			got = append(got, f.of(k))
		}
		if !slices.Equal(got, c.want) || f.count != slices.Max(c.want)+1 || ShareLen(c.shape) != 1+3*f.count {
			t.Errorf("%v: %v, %d features; want %v", c.shape, got, f.count, c.want)
		}
	}
	if Features(nil) != 0 || Features([]int{0, 3}) != 0 {
		t.Error("a shape without values has features")
	}
}

func TestMomentsOfChannels(t *testing.T) {
	m := measure(t, memory{shape: []int{2, 1, 2}, rows: [][]float32{{0, 1, 5, 5}, {2, 5, 5, 5}}})
	// Channel 0 holds 0, 1, 2, 5: mean 2, variance 3.5; an example counts once.
	if m.N != 2 || m.Sum[0] != 4 || math.Abs(m.Square[0]-7) > 1e-12 || m.Sum[1] != 10 || m.Square[1] != 0 {
		t.Errorf("%+v", m)
	}
}

func TestMeasureRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		set  memory
		code fault.Code
	}{
		"nothing":    {memory{shape: []int{1}}, fault.DataUnfit},
		"NaN":        {memory{shape: []int{2}, rows: [][]float32{{1, 1}, {1, nan}}}, fault.InputNotFinite},
		"infinity":   {memory{shape: []int{1}, rows: [][]float32{{inf}}}, fault.InputNotFinite},
		"pounds":     {memory{shape: []int{1}, rows: [][]float32{{180}, {150}}}, fault.DataUnfit},
		"wide":       {memory{shape: []int{1}, rows: [][]float32{{-10}, {10}}}, fault.DataUnfit},
		"both signs": {memory{shape: []int{1, 2}, rows: [][]float32{{inf, -inf}}}, fault.InputNotFinite},
	} {
		if _, err := Measure(c.set, dataset.Train); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestConstantAndMissingFeatures(t *testing.T) {
	// Feature 0 varies; 1 is the same everywhere; 2 is constant at each site, but another; 3 is missing at the second.
	var first, second memory
	first.shape, second.shape = []int{4}, []int{4}
	for i := range 50 {
		x := float32(i%10)/10 - 0.45
		first.rows = append(first.rows, []float32{x, 0.5, 0, x})
		second.rows = append(second.rows, []float32{x + 1, 0.5, 1, 0})
	}
	for _, kind := range []string{Standardise, Combat} {
		a := fit(t, kind, []memory{first, second})
		for s, m := range []memory{first, second} {
			out := adjust(t, m, a[s])
			for i, row := range out.rows {
				for j, x := range row {
					if math.IsNaN(float64(x)) || math.Abs(float64(x)) > 10 {
						t.Fatalf("%s, site %d: feature %d of %d is %g", kind, s, j, i, x)
					}
				}
				if math.Abs(float64(row[1])) > 1e-6 {
					t.Errorf("%s, site %d: a constant feature is %g", kind, s, row[1])
				}
				if kind == Combat && math.Abs(float64(row[2])) > 1e-6 {
					t.Errorf("site %d can be told by a feature that is constant at each: %g", s, row[2])
				}
			}
		}
	}
}

func TestOneFeatureKeepsItsOwnEffect(t *testing.T) {
	dark := memory{shape: []int{1, 2, 2}, rows: [][]float32{{0, 0.1, 0.2, 0.3}, {0.1, 0.2, 0.3, 0.4}, {0.2, 0.1, 0, 0.1}}}
	light := memory{shape: []int{1, 2, 2}, rows: [][]float32{{0.5, 0.7, 0.9, 1}, {0.4, 0.8, 0.6, 0.5}, {1, 0.6, 0.8, 0.9}}}
	for s, a := range fit(t, Combat, []memory{dark, light}) {
		m := []Moments{measure(t, dark), measure(t, light)}[s]
		if mean := m.Sum[0] / m.N; math.Abs(a.Shift[0]-mean) > 1e-6 || math.Abs(a.Scale[0]-math.Sqrt(m.Square[0]/2)) > 1e-5 {
			t.Errorf("site %d: %g, %g; its own are %g, %g", s, a.Shift[0], a.Scale[0], mean, math.Sqrt(m.Square[0]/2))
		}
	}
}

func TestTinySites(t *testing.T) {
	big := hospital{n: 100, scale: 1, features: 5, seed: 1}.examples()
	lone := hospital{n: 1, shift: 0.5, scale: 1, features: 5, seed: 2}.examples()
	for _, kind := range []string{Standardise, Combat} {
		for _, sites := range [][]memory{{big}, {big, lone}, {lone, lone}} {
			for s, a := range fit(t, kind, sites) {
				if err := a.Check(); err != nil {
					t.Errorf("%s, site %d of %d: %v", kind, s, len(sites), err)
				}
			}
		}
	}
	alone, standard := fit(t, Combat, []memory{big})[0], fit(t, Standardise, []memory{big})[0]
	if !slices.Equal(alone.Shift, standard.Shift) || !slices.Equal(alone.Scale, standard.Scale) {
		t.Error("one site has nothing to align with, and was aligned")
	}
}

func TestFitRefuses(t *testing.T) {
	m := measure(t, hospital{n: 10, scale: 1, features: 2, seed: 1}.examples())
	good := add([]Moments{m, m}, most)
	with := func(i int, x float64) []float64 {
		s := slices.Clone(good)
		s[i] = x
		return s
	}
	for name, c := range map[string]struct {
		kind  string
		sum   []float64
		most  int
		sites int
		own   Moments
		code  fault.Code
	}{
		"kind":         {"other", good, most, 2, m, fault.Usage},
		"no site":      {Combat, good, most, 0, m, fault.Usage},
		"most":         {Combat, good, 0, 2, m, fault.Usage},
		"no moments":   {Combat, good, most, 2, Moments{}, fault.DataUnfit},
		"short":        {Combat, good[:6], most, 2, m, fault.UpdateRefused},
		"empty":        {Combat, nil, most, 2, m, fault.UpdateRefused},
		"other shape":  {Combat, append(slices.Clone(good), 0, 0, 0), most, 2, m, fault.UpdateRefused},
		"no weight":    {Combat, with(0, 0), most, 2, m, fault.UpdateRefused},
		"NaN weight":   {Combat, with(0, math.NaN()), most, 2, m, fault.UpdateRefused},
		"heavy":        {Combat, with(0, 2.5), most, 2, m, fault.UpdateRefused},
		"NaN mean":     {Standardise, with(1, math.NaN()), most, 2, m, fault.UpdateRefused},
		"far mean":     {Standardise, with(2, 1), most, 2, m, fault.UpdateRefused},
		"infinite":     {Combat, with(3, math.Inf(1)), most, 2, m, fault.UpdateRefused},
		"wide squares": {Combat, with(5, -1), most, 2, m, fault.UpdateRefused},
	} {
		if _, err := Fit(c.kind, c.sum, c.most, c.sites, c.own); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
}

func TestSetIsASet(t *testing.T) {
	inner := synthetic.FilmSet(12, 1)
	m, err := Measure(inner, dataset.Train)
	if err != nil {
		t.Fatal(err)
	}
	a, err := Fit(Standardise, add([]Moments{m}, most), most, 1, m)
	if err != nil {
		t.Fatal(err)
	}
	set := Set(inner, a)
	settest.Run(t, set)
	if n := len(set.Info().Caveats); n != len(inner.Info().Caveats)+1 {
		t.Errorf("%d caveats", n)
	}
	after, err := Measure(set, dataset.Train)
	if err != nil || math.Abs(after.Sum[0]/after.N) > 1e-5 || math.Abs(after.Square[0]/after.N-1) > 1e-4 {
		t.Errorf("after: %+v, %v", after, err)
	}
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			into := make([]float32, set.Info().Size())
			for i := range set.Len(dataset.Train) {
				if _, err := set.Read(dataset.Train, i, into); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	into := make([]float32, set.Info().Size())
	for _, bad := range []Adjustment{{}, {Shift: []float64{0, 0}, Scale: []float64{1, 1}}, {Shift: []float64{0}, Scale: []float64{0}}} {
		if _, err := Set(inner, bad).Read(dataset.Train, 0, into); err == nil {
			t.Errorf("%+v was applied", bad)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"shift":[0.5,-1],"scale":[1,2]}`))
	f.Add([]byte(`{"shift":[1],"scale":[0]}`))
	f.Add([]byte(`{"shift":[1e9],"scale":[1]}`))
	f.Add([]byte(`{"shift":[],"scale":[]}`))
	f.Add([]byte(`{"shift":[1],"scale":[1]} {}`))
	f.Add([]byte(`{"shift":[1],"scale":[1],"x":1}`))
	f.Add([]byte(`nonsense`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := Read(text)
		if err != nil {
			if fault.CodeOf(err) != fault.DataUnfit {
				t.Fatal(err)
			}
			return
		}
		back, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		same, err := Read(back)
		if err != nil || !slices.Equal(a.Shift, same.Shift) || !slices.Equal(a.Scale, same.Scale) {
			t.Fatalf("%s reads as %+v, %v", back, same, err)
		}
		values := make([]float32, len(a.Shift))
		if err := a.Apply([]int{len(values)}, values); err != nil {
			t.Fatal(err)
		}
		for _, x := range values {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				t.Fatalf("%+v makes %g of 0", a, x)
			}
		}
	})
}

func TestReadRefusesWhatIsNone(t *testing.T) {
	for _, text := range []string{``, `{}`, `{"shift":[1],"scale":[0]}`, `{"shift":[1],"scale":[-1]}`, `{"shift":[1e7],"scale":[1]}`,
		`{"shift":[1],"scale":[1,1]}`, `{"shift":[1],"scale":[1]}x`, `{"shift":[1],"scale":[1],"more":1}`} {
		if a, err := Read([]byte(text)); fault.CodeOf(err) != fault.DataUnfit {
			t.Errorf("%q reads as %+v, %v", text, a, err)
		}
	}
}

func BenchmarkMeasure(b *testing.B) {
	set := hospital{n: 1000, scale: 1, features: 100, seed: 1}.examples()
	for b.Loop() {
		if _, err := Measure(set, dataset.Train); err != nil {
			b.Fatal(err)
		}
	}
}
