package privacy

import (
	"math"
	"testing"

	"consilium/fault"

	"pgregory.net/rapid"
)

// series is log A of a fractional order by the two alternating series of Mironov, Talwar and Zhang (2019), an
// independent way to the same number where it settles.
func series(q, sigma, order float64) (float64, bool) {
	logErfc := func(x float64) float64 {
		if x < 20 {
			return math.Log(math.Erfc(x))
		}
		return -x*x - math.Log(x) - 0.5*math.Log(math.Pi)
	}
	z := sigma*sigma*math.Log(1/q-1) + 0.5
	a, binomial := 0.0, 1.0
	for i := 0.0; i < 3000; i++ {
		j := order - i
		left := math.Exp(i*math.Log(q) + j*math.Log1p(-q) + (i*i-i)/(2*sigma*sigma) + logErfc((i-z)/(math.Sqrt2*sigma)))
		right := math.Exp(j*math.Log(q) + i*math.Log1p(-q) + (j*j-j)/(2*sigma*sigma) + logErfc((z-j)/(math.Sqrt2*sigma)))
		a += binomial / 2 * (left + right)
		if i > order && max(left, right) < 1e-15 {
			return math.Log(a), true
		}
		binomial *= (order - i) / (i + 1)
	}
	return 0, false
}

func TestFractionalOrdersAgreeWithTheSeries(t *testing.T) {
	settled := 0
	for _, q := range []float64{0.001, 0.01, 0.1, 0.3, 0.7, 0.99} {
		for _, sigma := range []float64{0.7, 1, 2, 5} {
			for _, order := range []float64{1.25, 1.75, 2.5, 3.5, 7.3} {
				want, ok := series(q, sigma, order)
				if !ok {
					continue
				}
				settled++
				got := logMomentBetween(q, sigma, order)
				if math.Abs(got-want) > 1e-12+1e-9*want {
					t.Errorf("q %g sigma %g order %g: %.12g, the series gives %.12g", q, sigma, order, got, want)
				}
			}
		}
	}
	if settled < 40 {
		t.Errorf("only %d cases could be compared", settled)
	}
}

func TestIntegralAgreesWithTheSumOfWholeOrders(t *testing.T) {
	for _, q := range []float64{1e-8, 1e-4, 0.01, 0.5, 0.999} {
		for _, sigma := range []float64{0.02, 0.3, 1, 10, 1e4} {
			for _, order := range []float64{2, 3, 7} {
				got, want := logMomentBetween(q, sigma, order), logMoment(q, sigma, order)
				if math.Abs(got-want) > 1e-9*want {
					t.Errorf("q %g sigma %g order %g: the integral is %.12g, the sum %.12g", q, sigma, order, got, want)
				}
			}
		}
	}
}

func TestPlainGaussianIsKnownInClosedForm(t *testing.T) {
	for _, c := range []struct{ sigma, order, want float64 }{{1, 2, 1}, {2, 4, 0.5}, {10, 1.5, 0.0075}} {
		if got, err := RDP(1, c.sigma, c.order); err != nil || math.Abs(got-c.want) > 1e-15 {
			t.Errorf("RDP(1, %g, %g) = %g, %v; want %g", c.sigma, c.order, got, err, c.want)
		}
		// Sampling with almost certainty is almost that.
		if got, _ := RDP(1-1e-9, c.sigma, c.order); math.Abs(got-c.want) > 1e-6*c.want {
			t.Errorf("RDP(nearly 1, %g, %g) = %g, want %g", c.sigma, c.order, got, c.want)
		}
	}
	// Classic has its best order in closed form: T/(2 s^2) + sqrt(2 T log(1/delta))/s.
	for _, sigma := range []float64{0.5, 1, 4, 30} {
		for _, steps := range []int{1, 10, 1000} {
			r := float64(steps) / (2 * sigma * sigma)
			want := r + 2*math.Sqrt(r*math.Log(1e5))
			got, err := Epsilon(1, sigma, steps, 1e-5, Classic)
			if err != nil || got < want*(1-1e-12) || got > want*1.001 {
				t.Errorf("sigma %g, %d steps: epsilon %.9g, %v; the best order gives %.9g", sigma, steps, got, err, want)
			}
		}
	}
}

// A plain Gaussian of one step has an exact delta (Balle and Wang 2018); no conversion may fall below it.
func TestBoundsLieAboveTheExactGaussian(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for _, sigma := range []float64{0.5, 1, 2, 8} {
		for _, c := range []Conversion{Classic, Tight} {
			e, err := Epsilon(1, sigma, 1, 1e-5, c)
			if err != nil {
				t.Fatal(err)
			}
			exact := phi(1/(2*sigma)-e*sigma) - math.Exp(e)*phi(-1/(2*sigma)-e*sigma)
			if exact > 1e-5 {
				t.Errorf("sigma %g, conversion %d: at epsilon %g delta is %g", sigma, c, e, exact)
			}
			if c == Tight && exact < 1e-7 {
				t.Errorf("sigma %g: the tight bound wastes a hundredfold: delta %g", sigma, exact)
			}
		}
	}
}

func TestRDPGrowsWithOrderAndRefusesNonsense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := rapid.Float64Range(1e-6, 1).Draw(t, "q")
		sigma := rapid.Float64Range(0.3, 20).Draw(t, "sigma")
		order := rapid.Float64Range(1.01, 60).Draw(t, "order")
		low, err := RDP(q, sigma, order)
		if err != nil {
			t.Fatal(err)
		}
		high, err := RDP(q, sigma, order*rapid.Float64Range(1, 1.5).Draw(t, "by"))
		if err != nil || high < low*(1-1e-9) || !(low > 0) {
			t.Fatalf("RDP falls from %g to %g (%v)", low, high, err)
		}
	})
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range [][3]float64{{0, 1, 2}, {-1, 1, 2}, {1.1, 1, 2}, {nan, 1, 2}, {0.1, 0, 2}, {0.1, -1, 2}, {0.1, nan, 2}, {0.1, inf, 2},
		{0.1, 1, 1}, {0.1, 1, nan}, {0.1, 1, inf}, {0.1, 1, 1e6}} {
		if _, err := RDP(c[0], c[1], c[2]); fault.CodeOf(err) != fault.Usage {
			t.Errorf("RDP%v gave %v, want USAGE", c, err)
		}
	}
}
