package privacy

import (
	"fmt"
	"math"
	"sync"

	"consilium/fault"
)

// Bounds on what the accountant works with. Outside them a figure would be noise itself, or rounding.
const (
	LeastSigma = 1e-2
	MostSigma  = 1e6
	MostSteps  = 1_000_000_000
)

// sampledGrid holds the orders at which every mechanism is followed. From 1.25 to 512 they are those that published
// figures were computed with (TensorFlow Privacy), so that ours can be held against them; a denser grid would gain
// some tenths of a percent.
var sampledGrid = func() grid {
	orders := []float64{1.01, 1.02, 1.05, 1.1, 1.25, 1.5, 1.75, 2, 2.25, 2.5, 3, 3.5, 4, 4.5}
	for i := 5; i < 64; i++ {
		orders = append(orders, float64(i))
	}
	return newGrid(append(orders, 128, 256, 512, 1024, 2048))
}()

// plainGrid serves the mechanism without sampling, whose divergence is a product: a dense grid costs nothing.
var plainGrid = func() grid {
	var orders []float64
	for i := -150; i <= 400; i++ {
		orders = append(orders, 1+math.Pow(10, float64(i)/50))
	}
	return newGrid(orders)
}()

// RDP is the Renyi divergence, of an order above 1, that one step gives away. It adds up over steps.
// Errors: USAGE.
func RDP(q, sigma, order float64) (float64, error) {
	if err := check(q, sigma); err != nil {
		return 0, err
	}
	if !(order > 1) || order > 1e9 || q < 1 && order > 4096 {
		return 0, fault.New(fault.Usage, fmt.Sprintf("a Renyi order of %g", order), "use one above 1 and up to 4096")
	}
	return rdp(q, sigma, order), nil
}

func check(q, sigma float64) error {
	if !(q > 0 && q <= 1) {
		return fault.New(fault.Usage, fmt.Sprintf("a sampling rate of %g", q), "use the batch divided by the examples: above 0, up to 1")
	}
	if !(sigma >= LeastSigma && sigma <= MostSigma) {
		return fault.New(fault.Usage, fmt.Sprintf("a noise multiplier of %g", sigma), fmt.Sprintf("use one from %g to %g", LeastSigma, MostSigma))
	}
	return nil
}

func rdp(q, sigma, order float64) float64 {
	if q == 1 {
		return order / (2 * sigma * sigma)
	}
	below := math.Floor(order)
	if order == below {
		return logMoment(q, sigma, order) / (order - 1)
	}
	// (order-1) x divergence is convex in the order: the chord between the whole orders bounds it too.
	part := order - below
	chord := part * logMoment(q, sigma, below+1)
	if below > 1 {
		chord += (1 - part) * logMoment(q, sigma, below)
	}
	return min(chord, logMomentBetween(q, sigma, order)) / (order - 1)
}

// logMoment is log A of a whole order (Mironov, Talwar, Zhang 2019, section 3.3). The binomial weights add up to 1 and
// the first two terms are these weights alone, so that A-1 is a sum of positive terms: nothing cancels, however small q.
func logMoment(q, sigma, order float64) float64 {
	logQ, logRest := math.Log(q), math.Log1p(-q)
	total, logBinomial := math.Inf(-1), math.Log(order)
	for k := 2.0; k <= order; k++ {
		logBinomial += math.Log(order-k+1) - math.Log(k)
		total = logAdd(total, logBinomial+k*logQ+(order-k)*logRest+logExpm1(k*(k-1)/(2*sigma*sigma)))
	}
	return logOnePlusExp(total)
}

// logMomentBetween is log A of any order. The paper gives two series for fractional orders; they alternate, and settle
// slowly or not at all for orders below 2. So the integral behind them is taken (ibid., equation 2): the mean over
// x ~ N(0, sigma^2) of f^order, where f = 1 - q + q e^((2x-1)/(2 sigma^2)) is the ratio of the densities. The mean of f is
// 1, so A-1 is the mean of f^order - 1 - order (f-1), which is never negative: again nothing cancels. The integrand is
// smooth and falls off as a Gaussian does, about 0 and about order: the trapezoid rule is exact to rounding.
func logMomentBetween(q, sigma, order float64) float64 {
	const reach = 14 // standard deviations
	step := min(sigma/8, max(sigma*sigma/2, sigma/64))
	from, to := -reach*sigma, order+reach*sigma
	total, n := math.Inf(-1), int((to-from)/step)
	for i := 0; i <= n; i++ {
		x := from + float64(i)*step
		total = logAdd(total, logExcess(q, order, (2*x-1)/(2*sigma*sigma))-x*x/(2*sigma*sigma))
	}
	return logOnePlusExp(total + math.Log(step/sigma) - 0.5*math.Log(2*math.Pi))
}

// logExcess is log(f^order - 1 - order (f-1)) where f = 1 + q (e^u - 1).
func logExcess(q, order, u float64) float64 {
	d := q * math.Expm1(u)
	if order*math.Abs(d) < 0.03 { // the difference would cancel: Taylor's series from the second term on
		term, sum := order*(order-1)/2*d*d, 0.0
		for k := 3.0; k < 12; k++ {
			sum += term
			term *= (order - k + 1) / k * d
		}
		return math.Log(sum)
	}
	if d < 0 {
		return math.Log(math.Exp(order*math.Log1p(d)) - 1 - order*d)
	}
	logF := math.Log1p(d)
	if u > 30 {
		logF = math.Log(q) + u + math.Log1p((1-q)/q*math.Exp(-u))
	}
	return order*logF + math.Log1p((order-1)*math.Exp(-order*logF)-order*math.Exp((1-order)*logF))
}

// logAdd is log(e^a + e^b).
func logAdd(a, b float64) float64 {
	if a < b {
		a, b = b, a
	}
	if math.IsInf(b, -1) {
		return a
	}
	return a + math.Log1p(math.Exp(b-a))
}

// logOnePlusExp is log(1 + e^x).
func logOnePlusExp(x float64) float64 {
	if x > 36 {
		return x
	}
	return math.Log1p(math.Exp(x))
}

// logExpm1 is log(e^x - 1) for x above 0.
func logExpm1(x float64) float64 {
	if x > 36 {
		return x
	}
	return math.Log(math.Expm1(x))
}

// curves keeps the divergences of one step at all orders of sampledGrid: a job asks for the same mechanism in every round.
var curves = struct {
	sync.Mutex
	of map[[2]float64][]float64
}{of: map[[2]float64][]float64{}}

const mostCurves = 256

func curve(q, sigma float64) []float64 {
	key := [2]float64{q, sigma}
	curves.Lock()
	defer curves.Unlock()
	if c, ok := curves.of[key]; ok {
		return c
	}
	if len(curves.of) >= mostCurves {
		clear(curves.of)
	}
	c := make([]float64, len(sampledGrid.orders))
	for i, order := range sampledGrid.orders {
		c[i] = rdp(q, sigma, order)
	}
	curves.of[key] = c
	return c
}
