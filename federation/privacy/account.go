package privacy

import (
	"fmt"
	"math"
	"sort"

	"consilium/fault"
)

// Conversion is how a Renyi divergence becomes epsilon and delta.
type Conversion int

// The conversions. Both are upper bounds on the same thing; Tight is never above Classic.
const (
	Classic Conversion = iota // Mironov 2017; what most published figures use
	Tight                     // Balle et al. 2020, Canonne et al. 2020; what the ledger uses
)

// grid is a list of orders with what a conversion needs of each.
type grid struct {
	orders  []float64
	inverse []float64 // 1/(order-1)
	tighter []float64 // log((order-1)/order) - log(order)/(order-1)
}

func newGrid(orders []float64) grid {
	g := grid{orders: orders}
	for _, a := range orders {
		g.inverse = append(g.inverse, 1/(a-1))
		g.tighter = append(g.tighter, math.Log1p(-1/a)-math.Log(a)/(a-1))
	}
	return g
}

// least turns the divergences into epsilons and takes the least.
func (g grid) least(divergence func(i int) float64, delta float64, c Conversion) float64 {
	best, logDelta := math.Inf(1), math.Log(delta)
	for i, inverse := range g.inverse {
		e := divergence(i) - logDelta*inverse
		if c == Tight {
			e += g.tighter[i]
		}
		best = min(best, e)
	}
	return max(0, best)
}

// mechanism is one sampled Gaussian mechanism.
type mechanism struct{ q, sigma float64 }

// Account composes steps of any sampled Gaussian mechanisms. The zero value has spent nothing. It is not safe for
// use by several goroutines.
type Account struct {
	steps map[mechanism]int
}

// Add counts steps more of a mechanism. Errors: USAGE.
func (a *Account) Add(q, sigma float64, steps int) error {
	if err := check(q, sigma); err != nil {
		return err
	}
	m := mechanism{q, sigma}
	if steps < 0 || steps > MostSteps-a.steps[m] {
		return fault.New(fault.Usage, fmt.Sprintf("%d steps more of a mechanism", steps), fmt.Sprintf("use at most %d in all", MostSteps))
	}
	if a.steps == nil {
		a.steps = map[mechanism]int{}
	}
	if steps > 0 {
		a.steps[m] += steps
	}
	return nil
}

// Epsilon is what all steps so far have spent. Errors: USAGE.
func (a *Account) Epsilon(delta float64, c Conversion) (float64, error) {
	if err := checkDelta(delta, c); err != nil {
		return 0, err
	}
	if len(a.steps) == 0 {
		return 0, nil
	}
	all := make([]mechanism, 0, len(a.steps))
	for m := range a.steps {
		all = append(all, m)
	}
	sort.Slice(all, func(i, j int) bool { // the sum must not depend on the map's order
		return all[i].q < all[j].q || all[i].q == all[j].q && all[i].sigma < all[j].sigma
	})
	total, plain := make([]float64, len(sampledGrid.orders)), 0.0
	for _, m := range all {
		n := float64(a.steps[m])
		for i, d := range curve(m.q, m.sigma) {
			total[i] += n * d
		}
		plain += n / (2 * m.sigma * m.sigma)
	}
	// Leaving contributions out never gives more away, so what all of them would spend is a bound as well; and for
	// q = 1 it is the better one, because its orders are dense.
	sampled := sampledGrid.least(func(i int) float64 { return total[i] }, delta, c)
	whole := plainGrid.least(func(i int) float64 { return plain * plainGrid.orders[i] }, delta, c)
	return min(sampled, whole), nil
}

func checkDelta(delta float64, c Conversion) error {
	if !(delta > 0 && delta < 1) {
		return fault.New(fault.Usage, fmt.Sprintf("a delta of %g", delta), "use one well below 1/examples, for example 1e-5")
	}
	if c != Classic && c != Tight {
		return fault.New(fault.Usage, "an unknown conversion", "use privacy.Classic or privacy.Tight")
	}
	return nil
}

// Epsilon is what so many steps of one mechanism spend: q the probability with which a contribution takes part in a
// step, sigma the noise's standard deviation in units of the clipping norm. Errors: USAGE.
func Epsilon(q, sigma float64, steps int, delta float64, c Conversion) (float64, error) {
	var a Account
	if err := a.Add(q, sigma, steps); err != nil {
		return 0, err
	}
	return a.Epsilon(delta, c)
}

// Steps is the most steps that stay within epsilon; 0 when not even one does, MostSteps at most. Errors: USAGE.
func Steps(q, sigma, delta, epsilon float64, c Conversion) (int, error) {
	if math.IsNaN(epsilon) || epsilon < 0 {
		return 0, fault.New(fault.Usage, fmt.Sprintf("an epsilon of %g", epsilon), "use one above 0")
	}
	if _, err := Epsilon(q, sigma, 0, delta, c); err != nil {
		return 0, err
	}
	beyond := sort.Search(MostSteps, func(i int) bool {
		e, err := Epsilon(q, sigma, i+1, delta, c)
		return err != nil || e > epsilon
	})
	return beyond, nil
}

// Point is one point of a curve.
type Point struct {
	Steps   int     `json:"steps"`
	Epsilon float64 `json:"epsilon"`
}

const mostPoints = 200

// Curve is epsilon by steps, from 0 to upTo, at most 201 points: what a page draws. It uses Tight. Errors: USAGE.
func Curve(q, sigma, delta float64, upTo int) ([]Point, error) {
	if upTo < 0 || upTo > MostSteps {
		return nil, fault.New(fault.Usage, fmt.Sprintf("a curve of %d steps", upTo), fmt.Sprintf("use 0 to %d", MostSteps))
	}
	parts := max(1, min(upTo, mostPoints))
	var points []Point
	for i := 0; i <= parts; i++ {
		n := int(int64(upTo) * int64(i) / int64(parts))
		e, err := Epsilon(q, sigma, n, delta, Tight)
		if err != nil {
			return nil, err
		}
		points = append(points, Point{n, e})
	}
	if upTo == 0 {
		points = points[:1]
	}
	return points, nil
}
