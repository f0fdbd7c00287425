package privacy

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"consilium/fault"

	"pgregory.net/rapid"
)

// likeGaussian holds a sample against mean 0 and a standard deviation. The tolerances are ten standard errors and
// more: chance breaks them less than once in 10^20 runs.
func likeGaussian(t *testing.T, v []float64, stddev float64) {
	t.Helper()
	n := float64(len(v))
	var sum, square, fourth float64
	within := [4]float64{}
	for _, x := range v {
		x /= stddev
		sum += x
		square += x * x
		fourth += x * x * x * x
		for k := range within {
			if math.Abs(x) < float64(k) {
				within[k]++
			}
		}
	}
	if mean := sum / n; math.Abs(mean) > 10/math.Sqrt(n) {
		t.Errorf("the mean is %g standard deviations", mean)
	}
	if variance := square / n; math.Abs(variance-1) > 10*math.Sqrt(2/n) {
		t.Errorf("the variance is %g times what was asked for", variance)
	}
	if kurtosis := fourth / n; math.Abs(kurtosis-3) > 15*math.Sqrt(96/n) {
		t.Errorf("the fourth moment is %g, want 3", kurtosis)
	}
	for k, want := range []float64{0, 0.6827, 0.9545, 0.9973} {
		if got := within[k] / n; math.Abs(got-want) > 5/math.Sqrt(n) {
			t.Errorf("%.4f lie within %d standard deviations, want %.4f", got, k, want)
		}
	}
	slices.Sort(v)
	if len(slices.Compact(v)) < len(v)-1 {
		t.Error("numbers repeat")
	}
}

func TestNoiseHasTheStandardDeviationAskedFor(t *testing.T) {
	for stddev, n := range map[float64]int{1e-6: 1000, 0.37: 10000, 1234.5: 1000} {
		v := make([]float64, n)
		for i := range v {
			v[i] = 3 * stddev
		}
		if err := Noise(v, stddev); err != nil {
			t.Fatal(err)
		}
		for i := range v {
			v[i] -= 3 * stddev
		}
		likeGaussian(t, v, stddev)
	}
}

func TestStepNoiseHasTheStandardDeviationAskedFor(t *testing.T) {
	v := make([]float64, 50000)
	if err := StepNoise(v, 0.37, rand.New(rand.NewPCG(1, 2))); err != nil {
		t.Fatal(err)
	}
	likeGaussian(t, v, 0.37)
	a, b := make([]float32, 8), make([]float32, 8)
	if StepNoise(a, 1, nil) != nil || StepNoise(b, 1, nil) != nil || slices.Equal(a, b) {
		t.Error("two draws from the system's randomness are alike")
	}
}

func TestNoiseRefuses(t *testing.T) {
	for _, stddev := range []float64{0, -1, math.NaN(), math.Inf(1), 5e-324} {
		v := []float64{1, 2}
		if err := Noise(v, stddev); fault.CodeOf(err) != fault.Usage || v[0] != 1 || v[1] != 2 {
			t.Errorf("stddev %g: %v, %v", stddev, err, v)
		}
	}
	if err := StepNoise([]float32{1}, 0, nil); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no noise: %v", err)
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		v := []float64{1, bad}
		if err := Noise(v, 1); fault.CodeOf(err) != fault.InputNotFinite || v[0] != 1 {
			t.Errorf("%g: %v, %v", bad, err, v)
		}
		if err := StepNoise(v, 1, nil); fault.CodeOf(err) != fault.InputNotFinite || v[0] != 1 {
			t.Errorf("%g: %v, %v", bad, err, v)
		}
	}
	if err := Noise([]float64{math.MaxFloat64}, 1e-9); fault.CodeOf(err) != fault.InputNotFinite {
		t.Errorf("a number beyond all noise: %v", err)
	}
	if err := Noise(nil, 1); err != nil {
		t.Errorf("nothing to cover: %v", err)
	}
}

func length(pieces ...[]float32) float64 {
	square := 0.0
	for _, v := range pieces {
		for _, x := range v {
			square += float64(x) * float64(x)
		}
	}
	return math.Sqrt(square)
}

func TestClipKeepsDirectionAndBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOf(rapid.Float32Range(-1e6, 1e6)).Draw(t, "v")
		cut := rapid.IntRange(0, len(v)).Draw(t, "cut")
		bound := rapid.Float64Range(1e-3, 1e6).Draw(t, "bound")
		before, was := slices.Clone(v), length(v)
		norm := ClipGroup([][]float32{v[:cut], v[cut:]}, bound)
		if math.Abs(norm-was) > 1e-12*was {
			t.Fatalf("norm %g, want %g", norm, was)
		}
		if was <= bound {
			if !slices.Equal(v, before) {
				t.Fatal("a vector within the bound was changed")
			}
			return
		}
		if now := length(v); now > bound || now < bound*(1-1e-5) {
			t.Fatalf("cut to %.12g, the bound is %.12g", now, bound)
		}
		for i := range v {
			if want := float64(before[i]) * bound / was; math.Abs(float64(v[i])-want) > 1e-6*math.Abs(want)+1e-30 {
				t.Fatalf("number %d is %g, want %g", i, v[i], want)
			}
		}
	})
}

func TestClipLetsNothingOutThatIsNotANumber(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		v     []float32
		bound float64
	}{{[]float32{1, nan}, 1}, {[]float32{1, inf}, 1}, {[]float32{inf, -inf}, 1}, {[]float32{1, 2}, 0}, {[]float32{1, 2}, -1}, {[]float32{1, 2}, math.NaN()}} {
		v := slices.Clone(c.v)
		norm := Clip(v, c.bound)
		if length(v) != 0 {
			t.Errorf("Clip(%v, %g) left %v", c.v, c.bound, v)
		}
		if want := length(c.v); math.IsNaN(want) != math.IsNaN(norm) || math.IsInf(want, 0) != math.IsInf(norm, 0) {
			t.Errorf("Clip(%v, %g) gave the norm %g", c.v, c.bound, norm)
		}
	}
	big := []float32{math.MaxFloat32, math.MaxFloat32}
	if norm := Clip(big, 1); math.IsInf(norm, 0) || math.Abs(length(big)-1) > 1e-5 {
		t.Errorf("the largest numbers: norm %g, cut to %v", norm, big)
	}
}

func TestPoisson(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	times := make([]int, 50)
	rounds, total, squares := 20000, 0, 0
	for range rounds {
		drawn := Poisson(len(times), 0.1, r)
		if !slices.IsSorted(drawn) || len(slices.Compact(slices.Clone(drawn))) != len(drawn) {
			t.Fatalf("drawn %v", drawn)
		}
		for _, i := range drawn {
			times[i]++
		}
		total += len(drawn)
		squares += len(drawn) * len(drawn)
	}
	for i, n := range times {
		if math.Abs(float64(n)-2000) > 10*math.Sqrt(1800) {
			t.Errorf("example %d was drawn %d times of %d", i, n, rounds)
		}
	}
	mean := float64(total) / float64(rounds)
	if variance := float64(squares)/float64(rounds) - mean*mean; math.Abs(mean-5) > 0.15 || math.Abs(variance-4.5) > 0.5 {
		t.Errorf("batches of %g, variance %g; want 5 and 4.5", mean, variance)
	}
	if got := Poisson(3, 1, nil); !slices.Equal(got, []int{0, 1, 2}) {
		t.Errorf("q = 1 draws %v", got)
	}
	if got := append(Poisson(1000, 0, nil), Poisson(0, 1, nil)...); len(got) != 0 {
		t.Errorf("q = 0 draws %v", got)
	}
	if a, b := Generator().Uint64(), Generator().Uint64(); a == b {
		t.Error("two generators are alike")
	}
}

func BenchmarkNoise(b *testing.B) {
	v := make([]float64, 100_000)
	for b.Loop() {
		if err := Noise(v, 1); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(v)), "ns/number")
}

func BenchmarkStepNoise(b *testing.B) {
	v := make([]float32, 1_000_000)
	r := Generator()
	for b.Loop() {
		if err := StepNoise(v, 1, r); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(v)), "ns/number")
}

func BenchmarkClip(b *testing.B) {
	v := make([]float32, 1_000_000)
	for b.Loop() {
		v[0] = 10
		Clip(v, 1)
	}
}
