package differential

import "math"

// batch is the number of lists between two steps.
const batch = 64

// descent is Adam (Kingma and Ba, ICLR 2015) with a cosine schedule, kept to the
// side of zero that signs allow.
type descent struct {
	r                   *Ranker
	step, first, second []float64
	o                   LearnOptions
	done, total         int
}

// batch takes one step on some of the examples.
func (d *descent) batch(examples []Example, weight []float64, use []int) {
	clear(d.step)
	sum := 0.0
	z := make([]float64, len(d.step))
	for _, i := range use {
		e := &examples[i]
		for k, p := range softmax(d.r.scores(e.rows)) {
			g := p
			if k == e.right {
				g--
			}
			if math.Abs(g) < 1e-4 {
				continue
			}
			d.r.standard(&e.rows[k], z)
			for j, v := range z {
				d.step[j] += weight[i] * g * v
			}
		}
		sum += weight[i]
	}
	d.apply(sum)
}

func (d *descent) apply(sum float64) {
	const decay1, decay2 = 0.9, 0.999
	d.done++
	rate := d.o.Rate * 0.5 * (1 + math.Cos(math.Pi*float64(d.done)/float64(d.total)))
	unbias1, unbias2 := 1-math.Pow(decay1, float64(d.done)), 1-math.Pow(decay2, float64(d.done))
	for j := range d.step {
		if d.r.at[j] == absentRatio && !d.o.published {
			continue // given, not learned
		}
		w := &d.r.Weight[j]
		g := d.step[j]/sum + d.o.Ridge**w
		d.first[j] = decay1*d.first[j] + (1-decay1)*g
		d.second[j] = decay2*d.second[j] + (1-decay2)*g*g
		*w -= rate * d.first[j] / unbias1 / (math.Sqrt(d.second[j]/unbias2) + 1e-8)
		if s := signs[d.r.at[j]]; s**w < 0 && !d.o.published {
			*w = 0
		}
	}
}

// fitOutside fits the multinomial logistic regression of what is outside the list,
// by gradient descent on the whole set. Every case counts alike: probabilities are of cases.
func fitOutside(x [][facts]float64, y []int) [][]float64 {
	r := &Ranker{Outside: make([][]float64, outsides)}
	step, first, second := make([][]float64, outsides), make([][]float64, outsides), make([][]float64, outsides)
	for k := range r.Outside {
		r.Outside[k] = make([]float64, facts+1)
		step[k], first[k], second[k] = make([]float64, facts+1), make([]float64, facts+1), make([]float64, facts+1)
	}
	const rounds, rate, ridge = 400, 0.05, 1e-4
	for round := 1; round <= rounds; round++ {
		for k := range step {
			clear(step[k])
		}
		for i := range x {
			p := r.outside(x[i])
			for k := range p {
				g := p[k]
				if y[i] == k {
					g--
				}
				for j, v := range x[i] {
					step[k][j] += g * v
				}
				step[k][facts] += g
			}
		}
		for k := range step {
			for j := range step[k] {
				g := step[k][j]/float64(len(x)) + ridge*r.Outside[k][j]
				first[k][j] = 0.9*first[k][j] + 0.1*g
				second[k][j] = 0.999*second[k][j] + 0.001*g*g
				u1, u2 := 1-math.Pow(0.9, float64(round)), 1-math.Pow(0.999, float64(round))
				r.Outside[k][j] -= rate * first[k][j] / u1 / (math.Sqrt(second[k][j]/u2) + 1e-8)
			}
		}
	}
	return r.Outside
}
