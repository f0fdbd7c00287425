package heart

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"consilium/fault"
)

// hospital is how a generated centre differs: who comes, how it measures, how often it finds disease.
type hospital struct {
	rows                 int // of 740
	age, pulse, pressure float64
	men, unmeasured      float64 // shares; of rows whose cholesterol is written as 0
	typical              float64 // share of chest pain without symptoms (cp 4)
	sick                 float64 // shift of the log odds
}

var hospitals = map[string]hospital{
	"cleveland":   {rows: 303, age: 54, pulse: 150, pressure: 132, men: 0.68, unmeasured: 0, typical: 0.47, sick: -0.4},
	"hungarian":   {rows: 261, age: 48, pulse: 139, pressure: 133, men: 0.74, unmeasured: 0, typical: 0.42, sick: -0.7},
	"switzerland": {rows: 46, age: 57, pulse: 114, pressure: 136, men: 0.93, unmeasured: 1, typical: 0.80, sick: 2.5},
	"va":          {rows: 130, age: 59, pulse: 121, pressure: 134, men: 0.96, unmeasured: 0.25, typical: 0.75, sick: 0.2},
}

// allRows is FLamby's number of rows.
const allRows = 740

// Generate makes up one centre of a synthetic Fed-Heart-Disease of about n rows over all centres (0: 740): the same
// columns, sizes and kinds of shift, for machines without the data. SYNTHETIC: no patient, no row of the real set.
// Errors: USAGE.
func Generate(n int, o Options) (*Set, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if n == 0 {
		n = allRows
	}
	if n < 100 || n > maxRows {
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d synthetic rows over four centres", n), fmt.Sprintf("choose from 100 to %d", maxRows))
	}
	h := hospitals[o.Centre]
	name := fnv.New64a()
	name.Write([]byte("heart/" + o.Centre))
	// The patients do not change with the split's seed, as real ones do not.
	r := rand.New(rand.NewPCG(uint64(n), name.Sum64()))
	rows := make([]row, int(math.Round(float64(n*h.rows)/allRows)))
	for i := range rows {
		rows[i] = h.patient(r)
		rows[i].id = fmt.Sprintf("synthetic %s %d", o.Centre, i+1)
	}
	return newSet(rows, o, o.Centre, true)
}

// GeneratePooled is Generate for all four centres together.
func GeneratePooled(n int, o Options) (*Set, error) {
	if o.Centre != "" {
		return nil, fault.New(fault.Usage, "the pooled set is that of all centres", "leave the centre out, or generate one centre")
	}
	return pool(o, func(o Options) (*Set, error) { return Generate(n, o) })
}

func (h hospital) patient(r *rand.Rand) row {
	flip := func(p float64) float64 {
		if r.Float64() < p {
			return 1
		}
		return 0
	}
	about := func(mean, sd float64) float64 { return mean + sd*min(max(r.NormFloat64(), -3), 3) }
	var one row
	c := &one.cells
	c[age], c[sex], c[trestbps] = math.Round(about(h.age, 8.5)), flip(h.men), math.Round(about(h.pressure, 17))
	c[chol], c[fbs], c[restecg] = math.Round(about(245, 50)), flip(0.15), float64(r.IntN(3))
	if c[cp] = 4; r.Float64() >= h.typical {
		c[cp] = float64(1 + r.IntN(3))
	}
	c[exang] = flip(0.35)
	c[thalach] = math.Round(about(h.pulse-0.6*(c[age]-h.age)-10*c[exang], 18))
	c[oldpeak] = math.Round(10*math.Abs(about(0.5+0.6*c[exang], 0.8))) / 10

	odds := h.sick - 1.6 + 0.9*c[sex] + 0.03*(c[age]-54) + 0.004*(c[chol]-245) + 1.1*c[exang] + 0.7*c[oldpeak] - 0.015*(c[thalach]-h.pulse)
	if c[cp] == 4 {
		odds += 1.4
	}
	if r.Float64() < 1/(1+math.Exp(-odds)) {
		one.label, c[num] = 1, 1
	}
	if r.Float64() < h.unmeasured {
		c[chol] = 0
	}
	return one
}
