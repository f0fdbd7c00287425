package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"

	"consilium/clinical"
	"consilium/signal"
)

// Rate and length of generated ECGs.
const (
	ECGRate    = 500.0
	ECGSeconds = 10.0
	ecgSamples = int(ECGRate * ECGSeconds)
)

// ECGTruth is what is known about a generated ECG.
type ECGTruth struct {
	Condition Condition
	Severity  float64          // 0 nothing to see, 1 textbook
	RPeaks    []int            // samples
	Rate      float64          // mean of the rhythm, beats a minute
	QRS       float64          // duration in seconds, to 5% of the outermost events
	ST        [12]float64      // mV at J + 60 ms against the PR segment, without noise
	Leads     []string         // where the condition shows best; nil for normal
	Segments  []signal.Segment // the decisive part of every beat; nil for normal
	Noise     Noise
}

// ECG generates a 12-lead recording of 10 s at 500 Hz in mV with McSharry's
// dynamical model on a three-dimensional dipole (see event), projected by
// Dower's transform. SYNTHETIC. The same seed and condition give the same samples.
func ECG(seed uint64, c Condition) (clinical.Recording, ECGTruth) {
	r := source(seed, "ecg/"+c.String())
	return ecg(r, fmt.Sprintf("synthetic-%d", seed), c, RandomNoise(r))
}

// CleanECG is ECG without noise, for tests of what the model draws.
func CleanECG(seed uint64, c Condition) (clinical.Recording, ECGTruth) {
	r := source(seed, "ecg/"+c.String())
	RandomNoise(r) // keep the same heart as ECG's
	return ecg(r, fmt.Sprintf("synthetic-%d", seed), c, NoNoise)
}

func ecg(r *rand.Rand, id string, c Condition, noise Noise) (clinical.Recording, ECGTruth) {
	patient := person(r, id)
	h := newHeart(r, c)
	torso := newTorso(r)
	dipole, at, rr := h.run(r)
	dirt := noise.noise(r, ecgSamples, ECGRate, h.rhythm.breath)
	truth := h.truth(torso, at, rr)
	truth.Noise = noise
	rec := clinical.Recording{
		Source: id, Format: "synthetic", Kind: clinical.KindECG, Rate: ECGRate,
		Channels: torso.project(dipole, dirt),
		Comments: []string{clinical.SyntheticNotice, "Dx: " + c.String()},
		Patient:  patient, Synthetic: true,
	}
	for _, p := range truth.RPeaks {
		rec.Annotations = append(rec.Annotations, clinical.Annotation{Sample: p, Symbol: "N"})
	}
	return rec, truth
}

// run lets the heart beat for the recording's length.
func (h *heart) run(r *rand.Rand) (d trace, at, rr []float64) {
	d = newTrace(ecgSamples)
	at, rr = h.rhythm.beats(r, ECGSeconds)
	breath := 2 * math.Pi * r.Float64()
	for i, t := range at {
		// Breathing moves the heart and fills it: QRS amplitude follows.
		size := 1 + 0.04*math.Sin(2*math.Pi*h.rhythm.breath*t+breath) + 0.01*r.NormFloat64()
		for _, e := range h.timed(rr[i]) {
			e.dipole = e.dipole.times(size)
			d.add(e, t, ECGRate)
		}
	}
	h.fibrillation(r, d)
	return d, at, rr
}

// timed is the beat after an interval rr: QRS keeps its duration, QT follows
// Bazett (square root of RR, within bounds), PR shortens a little.
func (h *heart) timed(rr float64) []event {
	stretch := min(max(math.Sqrt(rr), 0.72), 1.18)
	j := h.jPoint()
	events := append([]event(nil), h.beat.qrs...)
	for _, e := range h.beat.p {
		e.at *= 0.7 + 0.3*stretch
		events = append(events, e)
	}
	for _, wave := range [][]event{h.beat.st, h.beat.t} {
		for _, e := range wave {
			e.at = j + (e.at-j)*stretch
			e.width *= stretch
			events = append(events, e)
		}
	}
	return events
}

// fibrillation adds f waves: a sawtooth of three harmonics with slow modulation
// of amplitude and frequency (Stridh & Sornmo, IEEE TBME 48:105, 2001).
func (h *heart) fibrillation(r *rand.Rand, d trace) {
	if h.fibrilHz == 0 {
		return
	}
	phase := 2 * math.Pi * r.Float64()
	fm, am := between(r, 0.08, 0.3), between(r, 0.2, 0.5)
	depth := between(r, 0.1, 0.5)
	drift, last := 0.0, 0.0
	for i := range d[0] {
		t := float64(i) / ECGRate
		if i%50 == 0 { // no two waves are alike
			last = around(r, 0, 1.6)
		}
		drift += 0.02 * (last - drift)
		phase += 2 * math.Pi * (h.fibrilHz + 0.4*math.Sin(2*math.Pi*fm*t) + drift) / ECGRate
		s, c := math.Sincos(phase)
		wave := s - 0.7*s*c + 0.15*(3*s-4*s*s*s) // sin x - 0.35 sin 2x + 0.15 sin 3x
		wave *= 0.7 * (1 + depth*math.Sin(2*math.Pi*am*t) + 0.25*drift)
		for k := range 3 {
			d[k][i] += wave * h.fibrils[k]
		}
	}
}

// truth works out what is where.
func (h *heart) truth(t torso, at, rr []float64) ECGTruth {
	from, j := h.qrsSpan()
	out := ECGTruth{Condition: h.condition, Severity: h.severity, Rate: h.rhythm.rate, QRS: j - from}
	out.Leads = map[Condition][]string{
		AnteriorInfarction: anterior.affects, InferiorInfarction: inferior.affects,
		AtrialFibrillation: {"II", "V1"}, LeftBundleBranchBlock: {"I", "aVL", "V1", "V2", "V3", "V5", "V6"},
		SinusBradycardia: {"II"},
	}[h.condition]
	for i, r := range at {
		lo, hi := r+from, r+j
		switch h.condition {
		case AnteriorInfarction, InferiorInfarction:
			hi = r + j + 0.16
		case AtrialFibrillation:
			lo, hi = r-0.25, r-0.05
		case SinusBradycardia:
			lo, hi = r-rr[i], r
		}
		if p := int(math.Round(r * ECGRate)); p >= 0 && p < ecgSamples {
			out.RPeaks = append(out.RPeaks, p)
		}
		s := signal.Segment{From: max(int(lo*ECGRate), 0), To: min(int(hi*ECGRate), ecgSamples)}
		if h.condition != Normal && s.From < s.To {
			out.Segments = append(out.Segments, s)
		}
	}
	var st vector
	for _, e := range h.timed(60 / h.rhythm.rate) {
		st = st.plus(e.dipole.times(bell(j+0.06-e.at, e.width) - bell(from-0.01-e.at, e.width)))
	}
	out.ST = t.leads(st)
	return out
}

// torso is one patient's chest: Dower's matrix with every coefficient a little off.
type torso [8]vector

func newTorso(r *rand.Rand) (t torso) {
	for i, row := range dower {
		for k := range row {
			t[i][k] = row[k]*around(r, 1, 0.08) + around(r, 0, 0.02)
		}
	}
	return t
}

// leads projects one dipole to the twelve leads.
func (t torso) leads(v vector) (out [12]float64) {
	dot := func(w vector) float64 { return v[0]*w[0] + v[1]*w[1] + v[2]*w[2] }
	out[0], out[1] = dot(t[0]), dot(t[1])
	out[2], out[3], out[4], out[5] = limbs(out[0], out[1])
	for k := 6; k < 12; k++ {
		out[k] = dot(t[k-4])
	}
	return out
}

// project gives the twelve channels, in whole microvolts as an amplifier would.
func (t torso) project(d trace, dirt [electrodes][]float32) []clinical.Channel {
	channels := make([]clinical.Channel, 12)
	all := make([]float32, 12*ecgSamples)
	for k, name := range signal.Leads12 {
		channels[k] = clinical.Channel{Name: name, Unit: "mV", Samples: all[k*ecgSamples : (k+1)*ecgSamples]}
	}
	for i := range ecgSamples {
		lead := t.leads(vector{d[0][i], d[1][i], d[2][i]})
		ra, la, ll := float64(dirt[rightArm][i]), float64(dirt[leftArm][i]), float64(dirt[leftLeg][i])
		lead[0] = microvolts(lead[0] + la - ra)
		lead[1] = microvolts(lead[1] + ll - ra)
		lead[2], lead[3], lead[4], lead[5] = limbs(lead[0], lead[1])
		wilson := (ra + la + ll) / 3
		for k := 6; k < 12; k++ {
			lead[k] = microvolts(lead[k] + float64(dirt[chest+k-6][i]) - wilson)
		}
		for k, v := range lead {
			channels[k].Samples[i] = float32(v)
		}
	}
	return channels
}

func microvolts(x float64) float64 { return math.Round(1000*x) / 1000 }
