package explain

import (
	"context"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"consilium/engine"
	"consilium/fault"
)

// reversed turns an explainer's maps upside down: the worst explanation there is.
type reversed struct{ Explainer }

func (r reversed) Explain(ctx context.Context, input []float32, class int) (Map, error) {
	m, err := r.Explainer.Explain(ctx, input, class)
	for i := range m.Values {
		m.Values[i] = -m.Values[i]
	}
	return m, err
}

func trialsOf(n toy, count int) []Trial {
	var trials []Trial
	for i := range count {
		input, _ := planted(n, uint64(i))
		trials = append(trials, Trial{input, 1})
	}
	return trials
}

func TestFaithfulnessTellsGoodFromBad(t *testing.T) {
	for _, n := range toys() {
		m := open(t, n.network())
		good, _ := New(MethodOcclusion, m, nil)
		f, err := MeasureFaithfulness(t.Context(), m, n.kind, good, trialsOf(n, 5), FaithfulnessOptions{Seed: 1, Steps: 10, Orders: 2, Baseline: Black()})
		if err != nil {
			t.Fatal(err)
		}
		if f.DeletionGain.Low <= 0 || f.InsertionGain.Low <= 0 || !strings.Contains(f.String(), "better than random") {
			t.Errorf("%s: %s", n.kind, f)
		}
		bad, err := MeasureFaithfulness(t.Context(), m, n.kind, reversed{good}, trialsOf(n, 5), FaithfulnessOptions{Seed: 1, Steps: 10, Orders: 2, Baseline: Black()})
		if err != nil {
			t.Fatal(err)
		}
		if bad.DeletionGain.High >= 0 || bad.InsertionGain.High >= 0 || !strings.Contains(bad.String(), "worse than random") {
			t.Errorf("%s reversed: %s", n.kind, bad)
		}
	}
}

func TestFaithfulnessIsReproducible(t *testing.T) {
	n := toys()[2]
	m := open(t, n.network())
	e, _ := New(MethodGradCAM, m, nil)
	var got [2]Faithfulness
	for i := range got {
		var err error
		if got[i], err = MeasureFaithfulness(t.Context(), m, n.kind, e, trialsOf(n, 3), FaithfulnessOptions{Seed: 9}); err != nil {
			t.Fatal(err)
		}
	}
	if !reflect.DeepEqual(got[0], got[1]) {
		t.Errorf("%+v\n%+v", got[0], got[1])
	}
	if _, err := MeasureFaithfulness(t.Context(), m, n.kind, e, nil, FaithfulnessOptions{}); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestSanityNoticesTheWeights(t *testing.T) {
	n := toys()[0]
	n.weights = []float32{-50, 50, 1, -1, 40, -40, -3, 3} // each channel speaks differently
	rng := rand.New(rand.NewPCG(1, 1))
	var trials []Trial
	for range 4 {
		input := make([]float32, engine.Size(n.shape))
		for i := range input {
			input[i] = float32(rng.NormFloat64())
		}
		trials = append(trials, Trial{input, 1})
	}
	for _, method := range []string{MethodGradCAM, MethodIntegrated, MethodOcclusion} {
		s, err := CheckSanity(t.Context(), n.network(), method, trials, SanityOptions{Seed: 3, Engine: engine.Options{Backend: engine.BackendGo}})
		if err != nil {
			t.Fatal(err)
		}
		last := s.Stages[len(s.Stages)-1]
		if !s.Passed() || last.Layers != last.Of || last.SSIM > 0.9 || !strings.Contains(s.String(), "depend on the weights") {
			t.Errorf("%s: %s", method, s)
		}
	}
}

// A map that is the same everywhere does not resemble anything, and yet says nothing: that is no pass.
func TestSanityDoesNotPassFlatMaps(t *testing.T) {
	n := toys()[0]
	trials := []Trial{{make([]float32, engine.Size(n.shape)), 1}} // tanh(0) = 0: no feature, no activation
	s, err := CheckSanity(t.Context(), n.network(), MethodGradCAM, trials, SanityOptions{Engine: engine.Options{Backend: engine.BackendGo}})
	if err != nil {
		t.Fatal(err)
	}
	if s.Passed() || s.Flat != 1 || !strings.Contains(s.String(), "1 with a flat map") {
		t.Errorf("%+v", s)
	}
}

func TestCheckMethodsCoversTheModel(t *testing.T) {
	n := toys()[0]
	o := CheckOptions{Seed: 1, Engine: engine.Options{Backend: engine.BackendGo}}
	trials := trialsOf(n, 4)
	trials[0].Class = 0
	last, total := 0, -1
	o.Progress = func(_ string, done, of int) {
		if done < last {
			t.Errorf("progress goes from %d to %d", last, done)
		}
		last, total = done, of
	}
	checks, err := CheckMethods(t.Context(), n.network(), nil, trials, o)
	if err != nil {
		t.Fatal(err)
	}
	if last != total {
		t.Errorf("progress ends at %d of %d", last, total)
	}
	var names []string
	for _, c := range checks {
		names = append(names, c.Method)
		if c.Faithfulness.Method != c.Method || c.Sanity.Method != c.Method || c.Sane != c.Sanity.Passed() {
			t.Errorf("%+v", c)
		}
		by := c.Faithfulness.Classes
		if len(by) != 2 || by[0].Examples != 1 || by[1].Examples != 3 {
			t.Fatalf("classes %+v", by)
		}
		mean := (by[0].DeletionGain.Mean + 3*by[1].DeletionGain.Mean) / 4
		if math.Abs(mean-c.Faithfulness.DeletionGain.Mean) > 1e-9 {
			t.Errorf("the classes' gains add up to %v, not %v", mean, c.Faithfulness.DeletionGain.Mean)
		}
	}
	if !slices.Equal(names, []string{MethodGradCAM, MethodIntegrated, MethodOcclusion}) {
		t.Errorf("methods %v", names)
	}
	n2 := n.network()
	n2.Gradient = nil
	for _, c := range []struct {
		methods []string
		trials  []Trial
		want    fault.Code
	}{{nil, nil, fault.Usage}, {[]string{"tea-leaves"}, trials, fault.Usage}, {[]string{MethodGradCAM}, trials, fault.ModelUnsupported}} {
		if _, err := CheckMethods(t.Context(), n2, c.methods, c.trials, o); fault.CodeOf(err) != c.want {
			t.Errorf("%v: %v, want %s", c.methods, err, c.want)
		}
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := CheckMethods(stopped, n.network(), nil, trials, o); err == nil {
		t.Error("a stopped check gave figures")
	}
}

func TestShuffleKeepsTheValues(t *testing.T) {
	model := toys()[0].network().Model
	same, err := Shuffle(model, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	changed, err := Shuffle(model, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(same, changed) {
		t.Error("nothing was shuffled")
	}
	sorted := func(b []byte) []float32 {
		_, weights, err := layersOf(b)
		if err != nil {
			t.Fatal(err)
		}
		v := slices.Clone(weights[0].FloatData)
		slices.Sort(v)
		return v
	}
	if !slices.Equal(sorted(same), sorted(changed)) {
		t.Error("values were lost")
	}
	if _, err := Shuffle([]byte("noise"), 1, 1); fault.CodeOf(err) != fault.ModelMalformed {
		t.Error(err)
	}
}

func TestSimilarity(t *testing.T) {
	a := []float32{1, 2, 3, 4, 5, 6, 7, 8}
	b := slices.Clone(a)
	slices.Reverse(b)
	cubed := slices.Clone(a)
	for i, v := range cubed {
		cubed[i] = v * v * v
	}
	for _, c := range []struct {
		x, y []float32
		want float64
	}{{a, a, 1}, {a, b, -1}, {a, cubed, 1}, {a, make([]float32, 8), 0}, {[]float32{1, 2, 2, 3}, []float32{1, 3, 2, 4}, 0.948683}} {
		if got := spearman(c.x, c.y); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("spearman %v %v = %v, want %v", c.x, c.y, got, c.want)
		}
	}
	if got := ssim(a, a, []int{8}); math.Abs(got-1) > 1e-9 {
		t.Errorf("ssim with itself = %v", got)
	}
	if got := ssim(a, b, []int{8}); got > 0 {
		t.Errorf("ssim with its mirror = %v", got)
	}
}
