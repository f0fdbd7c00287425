package signal

import (
	"math"
	"testing"

	"consilium/fault"

	"pgregory.net/rapid"
)

func tone(n int, f, rate, phase float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Sin(2*math.Pi*f*float64(i)/rate + phase))
	}
	return x
}

func resampler(t testing.TB, from, to float64) *Resampler {
	t.Helper()
	r, err := NewResampler(from, to)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

var ratePairs = [][2]float64{{360, 500}, {1000, 500}, {200, 500}, {257, 500}, {44100, 8000}, {48000, 8000}, {8000, 16000}, {500, 360}, {250, 500}}

// TestTonesKeepAmplitudeAndPhase: below 80% of the lower Nyquist frequency the
// output is the same tone sampled at the other rate.
func TestTonesKeepAmplitudeAndPhase(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		pair := rapid.SampledFrom(ratePairs).Draw(rt, "rates")
		low := min(pair[0], pair[1])
		f := rapid.Float64Range(0.01, 0.8).Draw(rt, "part") * low / 2
		phase := rapid.Float64Range(0, 6.28).Draw(rt, "phase")
		x := tone(1000, f, pair[0], phase)
		y := resampler(t, pair[0], pair[1]).Resample(nil, x)
		edge := int(30 * pair[1] / low)
		want := tone(len(y), f, pair[1], phase)
		for i := edge; i < len(y)-edge; i++ {
			if math.Abs(float64(y[i]-want[i])) > 2e-3 {
				rt.Fatalf("%v at %.1f Hz, sample %d: %v, want %v", pair, f, i, y[i], want[i])
			}
		}
	})
}

func TestAboveNyquistIsRemoved(t *testing.T) {
	for _, f := range []float64{280, 350, 450} {
		y := resampler(t, 1000, 500).Resample(nil, tone(4000, f, 1000, 0))
		for i, v := range y[100 : len(y)-100] {
			if math.Abs(float64(v)) > 2e-3 {
				t.Fatalf("%v Hz folds back: %v at %d", f, v, i)
			}
		}
	}
}

func TestConstantStaysAndLengthFits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from := float64(rapid.IntRange(20, 300).Draw(rt, "from"))
		to := float64(rapid.IntRange(20, 300).Draw(rt, "to"))
		n := rapid.IntRange(1, 500).Draw(rt, "n")
		x := make([]float32, n)
		for i := range x {
			x[i] = 3
		}
		y := resampler(t, from, to).Resample(nil, x)
		if want := float64(n) * to / from; math.Abs(float64(len(y))-want) > 1.01 {
			rt.Fatalf("%d samples, want about %v", len(y), want)
		}
		for _, v := range y {
			if math.Abs(float64(v)-3) > 1e-5 {
				rt.Fatalf("constant 3 became %v", v)
			}
		}
	})
}

func TestEnergyHolds(t *testing.T) {
	x := make([]float32, 5000)
	for i, f := range []float64{3, 11, 29, 47, 83} {
		for j, v := range tone(len(x), f, 360, float64(i)) {
			x[j] += v
		}
	}
	y := resampler(t, 360, 500).Resample(nil, x)
	if a, b := power(x), power(y); math.Abs(a/b-1) > 0.01 {
		t.Fatalf("power %v became %v", a, b)
	}
}

func power(x []float32) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s / float64(len(x))
}

func TestImpossibleRates(t *testing.T) {
	for _, r := range [][2]float64{{0, 500}, {500, 0}, {-1, 5}, {math.NaN(), 5}, {1, 1e6}, {math.Inf(1), 5}} {
		if _, err := NewResampler(r[0], r[1]); fault.CodeOf(err) != fault.InputRate {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestRational(t *testing.T) {
	for _, c := range []struct {
		x    float64
		p, q int
	}{{500.0 / 360, 25, 18}, {8000.0 / 44100, 80, 441}, {2, 2, 1}, {0.5, 1, 2}, {1, 1, 1}} {
		if p, q := rational(c.x, maxFactor); p != c.p || q != c.q {
			t.Errorf("%v: %d/%d, want %d/%d", c.x, p, q, c.p, c.q)
		}
	}
}

func TestZeroPhaseHighPass(t *testing.T) {
	const rate = 500
	x := tone(5000, 10, rate, 0.3)
	want := tone(5000, 10, rate, 0.3)
	for i := range x { // electrode offset and a breath
		x[i] += 5 + 0.8*float32(math.Sin(2*math.Pi*0.05*float64(i)/rate))
	}
	ZeroPhase(x, 750, HighPass(BaselineCut, rate))
	for i := 1000; i < 4000; i++ {
		if math.Abs(float64(x[i]-want[i])) > 0.03 {
			t.Fatalf("sample %d: %v, want %v", i, x[i], want[i])
		}
	}
}

func TestNotch(t *testing.T) {
	x := tone(5000, 50, 500, 0)
	ZeroPhase(x, 750, Notch(50, 500, 25))
	if p := power(x[1000:4000]); p > 1e-4 {
		t.Errorf("mains power left: %v", p)
	}
	y := tone(5000, 30, 500, 0)
	ZeroPhase(y, 750, Notch(50, 500, 25))
	if p := power(y[1000:4000]); math.Abs(p-0.5) > 0.01 {
		t.Errorf("30 Hz became %v", p)
	}
}
