package synthetic

import (
	"fmt"
	"math"
	"math/rand/v2"

	"consilium/clinical"
	"consilium/signal"
)

// Rate and length of generated coughs.
const (
	SoundRate    = 16000.0
	SoundSeconds = 4.0
	soundSamples = int(SoundRate * SoundSeconds)
)

// CoughTruth is what is known about a generated cough recording.
type CoughTruth struct {
	Wet     bool
	Wetness float64          // how much secretion one hears, 0..1; the classes overlap
	Coughs  []signal.Segment // samples
	Noise   float64          // room noise over cough, amplitude ratio
}

// Cough generates a mono recording of 4 s at 16 kHz with one to four coughs.
// SYNTHETIC; "wet" and "dry" are sounds, not diagnoses. A cough has the three
// phases of the literature (Korpas, Sadlonova & Vrabec, Pulm Pharmacol 9:261,
// 1996): an explosive burst, a quieter noisy phase, and often a voiced end made
// by glottal pulses. Secretions add crackles, a flutter and low-frequency energy.
func Cough(seed uint64, wet bool) (clinical.Recording, CoughTruth) {
	r := source(seed, fmt.Sprintf("cough/%v", wet))
	return cough(r, fmt.Sprintf("synthetic-%d", seed), wet)
}

func cough(r *rand.Rand, id string, wet bool) (clinical.Recording, CoughTruth) {
	patient := person(r, id)
	truth := CoughTruth{Wet: wet, Wetness: min(max(around(r, 0.27, 0.17), 0), 1)}
	if wet {
		truth.Wetness = min(max(around(r, 0.73, 0.17), 0), 1)
	}
	x := make([]float64, soundSamples)
	v := newThroat(r, truth.Wetness)
	at := between(r, 0.15, 0.9)
	for range 1 + r.IntN(4) {
		length := between(r, 0.28, 0.55)
		if at+length > SoundSeconds-0.1 {
			break
		}
		from := int(at * SoundRate)
		n := v.cough(r, x[from:], length)
		truth.Coughs = append(truth.Coughs, signal.Segment{From: from, To: from + n})
		at += length + between(r, 0.12, 0.7)
	}
	echo(r, x)
	truth.Noise = math.Exp(between(r, math.Log(0.005), math.Log(0.10)))
	room(r, x, truth.Noise)
	rec := clinical.Recording{
		Source: id, Format: "synthetic", Kind: clinical.KindSound, Rate: SoundRate,
		Channels: []clinical.Channel{{Name: "mono", Samples: pcm(x, between(r, 0.2, 0.9))}},
		Comments: []string{clinical.SyntheticNotice}, Patient: patient, Synthetic: true,
	}
	return rec, truth
}

// throat is one person's airways.
type throat struct {
	wetness  float64
	formants [3]resonator // of the tract
	chest    resonator    // low, excited by secretions
	pitch    float64      // of the voiced phase, Hz
	voiced   float64      // chance that a cough ends voiced
	flutter  float64      // Hz, of secretions
}

func newThroat(r *rand.Rand, wetness float64) throat {
	open := 1 - 0.30*wetness // secretions damp the high resonances
	return throat{
		wetness: wetness,
		formants: [3]resonator{
			newResonator(between(r, 480, 800), 180),
			newResonator(between(r, 1200, 1900)*open, 320),
			newResonator(between(r, 2500, 3600)*open, 600),
		},
		chest: newResonator(between(r, 180, 340), 140),
		pitch: between(r, 140, 380), voiced: between(r, 0.3, 0.9), flutter: between(r, 18, 42),
	}
}

// cough adds one cough to x and returns its length in samples.
func (v throat) cough(r *rand.Rand, x []float64, seconds float64) int {
	n := min(int(seconds*SoundRate), len(x))
	burst := between(r, 0.03, 0.06)       // seconds of the explosive phase
	voice := seconds * between(r, .5, .7) // where the voiced phase starts
	speaks := chance(r, v.voiced)
	loud := between(r, 0.6, 1)
	phase, click, crackle := 0.0, 0.0, 1.0
	f, chest := v.formants, v.chest
	for i := range n {
		t := float64(i) / SoundRate
		noise := r.NormFloat64()
		envelope := v.envelope(t, seconds, burst)
		if t > burst {
			envelope *= 1 + 0.6*v.wetness*math.Sin(2*math.Pi*v.flutter*t)
		}
		source := noise
		if speaks && t > voice {
			phase += v.pitch * (1.15 - 0.5*(t-voice)/seconds) * (1 + 0.01*noise) / SoundRate
			if phase >= 1 {
				phase--
				source += 9 // one glottal pulse
			}
			source *= 0.8
		}
		if chance(r, v.wetness*90/SoundRate) { // bubbles burst
			click, crackle = between(r, 2, 6), around(r, 1, 0.3)
		}
		click *= 0.985
		bubble := click * math.Sin(2*math.Pi*700*crackle*t)
		out := f[0].next(source) + 0.8*f[1].next(source) + 0.5*f[2].next(source) + (0.30-0.15*v.wetness)*noise
		out += 1.8 * v.wetness * chest.next(source)
		x[i] += loud * envelope * (out + 0.5*bubble)
	}
	return n
}

// envelope rises in 4 ms, falls from the burst to the noisy phase, and fades.
func (v throat) envelope(t, seconds, burst float64) float64 {
	rise := min(t/0.004, 1)
	body := 0.35 + 0.65*math.Exp(-max(t-burst, 0)/0.045)
	return rise * body * (1 - smoothstep(0.45*seconds, seconds, t))
}

// resonator is a two-pole band-pass with unit gain at its centre.
type resonator struct{ a1, a2, gain, y1, y2 float64 }

func newResonator(centre, width float64) resonator {
	p := math.Exp(-math.Pi * width / SoundRate)
	return resonator{a1: 2 * p * math.Cos(2*math.Pi*centre/SoundRate), a2: -p * p,
		gain: (1 - p) * math.Sqrt(1-2*p*math.Cos(4*math.Pi*centre/SoundRate)+p*p)}
}

func (f *resonator) next(x float64) float64 {
	y := f.gain*x + f.a1*f.y1 + f.a2*f.y2
	f.y1, f.y2 = y, f.y1
	return y
}

// echo adds a few early reflections of a room.
func echo(r *rand.Rand, x []float64) {
	for range 3 {
		delay := int(between(r, 0.004, 0.035) * SoundRate)
		gain := between(r, 0.05, 0.3)
		for i := len(x) - 1; i >= delay; i-- {
			x[i] += gain * x[i-delay]
		}
	}
}

// room adds noise that falls with frequency, and a hum.
func room(r *rand.Rand, x []float64, part float64) {
	peak := 0.0
	for _, v := range x {
		peak = max(peak, math.Abs(v))
	}
	slow, phase := 0.0, 2*math.Pi*r.Float64()
	hum := 0.3 * r.Float64()
	for i := range x {
		w := r.NormFloat64()
		slow += 0.06 * (w - slow)
		x[i] += 0.3 * part * peak * (0.4*w + 2.5*slow + hum*math.Sin(phase+2*math.Pi*100*float64(i)/SoundRate))
	}
}

// pcm scales to a peak and rounds to 16 bits, as a file would hold.
func pcm(x []float64, peak float64) []float32 {
	largest := 1e-9
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(math.Round(v*peak/largest*32767) / 32768)
	}
	return out
}
