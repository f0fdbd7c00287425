package synthetic

import "math"

// vector is a heart dipole in Frank's axes: X to the left, Y to the feet, Z to
// the back; its unit is mV in the Frank leads.
type vector [3]float64

func (v vector) plus(w vector) vector { return vector{v[0] + w[0], v[1] + w[1], v[2] + w[2]} }
func (v vector) times(k float64) vector {
	return vector{k * v[0], k * v[1], k * v[2]}
}

// event is one Gaussian of the dynamical model, on all three axes at once: at
// seconds after the R wave, with a width (standard deviation) in seconds.
//
// McSharry et al. (IEEE TBME 50:289, 2003) move a point around a limit cycle,
// dtheta/dt = omega = 2 pi / RR, and drive z by
// dz/dt = -sum a_i dtheta_i omega/b_i^2 exp(-dtheta_i^2 / 2 b_i^2); Sameni et al.
// (EURASIP JASP 2007:043407) use one such z for each dipole axis. omega is constant between
// beats, so the equation integrates in closed form to
// z = sum a_i exp(-dtheta_i^2 / 2 b_i^2), with dtheta = omega (t - t_R - at) and
// b = omega * width. That is what is evaluated here; there is no step error.
type event struct {
	at, width float64
	dipole    vector
}

// beat is the events of one cycle, by the wave that they belong to.
type beat struct{ p, qrs, st, t []event }

// each calls f with every event's slice.
func (b *beat) each(f func([]event)) {
	for _, w := range [][]event{b.p, b.qrs, b.st, b.t} {
		f(w)
	}
}

// rotation turns the heart in the chest: about the front-back axis (the frontal
// QRS axis), the vertical one (clockwise rotation) and the left-right one.
func rotation(frontal, vertical, sagittal float64) [3]vector {
	cf, sf := math.Cos(frontal), math.Sin(frontal)
	cv, sv := math.Cos(vertical), math.Sin(vertical)
	cs, ss := math.Cos(sagittal), math.Sin(sagittal)
	f := [3]vector{{cf, -sf, 0}, {sf, cf, 0}, {0, 0, 1}}
	v := [3]vector{{cv, 0, -sv}, {0, 1, 0}, {sv, 0, cv}}
	s := [3]vector{{1, 0, 0}, {0, cs, -ss}, {0, ss, cs}}
	return product(f, product(v, s))
}

func product(a, b [3]vector) (c [3]vector) {
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				c[i][j] += a[i][k] * b[k][j]
			}
		}
	}
	return c
}

func (v vector) turned(m [3]vector) (w vector) {
	for i := range 3 {
		w[i] = m[i][0]*v[0] + m[i][1]*v[1] + m[i][2]*v[2]
	}
	return w
}

// trace is the dipole over time, axis by axis.
type trace [3][]float64

func newTrace(n int) (t trace) {
	for i := range t {
		t[i] = make([]float64, n)
	}
	return t
}

// add draws an event of the beat at time r (seconds) at rate Hz. Beyond 4.5
// widths a Gaussian is below 1/20,000 of its height, under one microvolt.
//
// The Gaussian is stepped by its own recurrence: g(x+h) = g(x) q(x), with
// q(x+h) = q(x) exp(-h^2/width^2), so that a sample costs two products and
// no exponential.
func (t trace) add(e event, r, rate float64) {
	centre := (r + e.at) * rate
	width := e.width * rate
	from := max(int(math.Ceil(centre-4.5*width)), 0)
	to := min(int(centre+4.5*width)+1, len(t[0]))
	if from >= to {
		return
	}
	x := float64(from) - centre
	s := 1 / (width * width)
	g := math.Exp(-x * x * s / 2)
	q := math.Exp(-(2*x + 1) * s / 2)
	dq := math.Exp(-s)
	for i := from; i < to; i++ {
		t[0][i] += g * e.dipole[0]
		t[1][i] += g * e.dipole[1]
		t[2][i] += g * e.dipole[2]
		g *= q
		q *= dq
	}
}

// dower is the transform from Frank's X, Y, Z to the eight independent leads
// (Dower, Machado & Osborne, Clin Cardiol 3:87, 1980); its inverse is Edenbrandt &
// Pahlm, J Electrocardiol 21:361, 1988. The other four limb leads follow from I and II.
var dower = [8]vector{
	{0.632, -0.235, 0.059},  // I
	{0.235, 1.066, -0.132},  // II
	{-0.515, 0.157, -0.917}, // V1
	{0.044, 0.164, -1.387},  // V2
	{0.882, 0.098, -1.277},  // V3
	{1.213, 0.127, -0.601},  // V4
	{1.125, 0.127, -0.086},  // V5
	{0.831, 0.076, 0.230},   // V6
}

// limbs gives III, aVR, aVL and aVF from I and II (Einthoven, Goldberger).
func limbs(i, ii float64) (iii, avr, avl, avf float64) {
	return ii - i, -(i + ii) / 2, i - ii/2, ii - i/2
}
