package signal

import (
	"fmt"
	"math"
	"strings"
	"sync"

	"consilium/clinical"
	"consilium/fault"
)

const (
	// BaselineCut is the high-pass cut-off in Hz: zero-phase filters up to 0.67 Hz
	// leave the ST segment alone (Kligfield et al., Circulation 115:1306, 2007).
	BaselineCut = 0.5
	// MaxMillivolt is the largest deflection that is believed to come from a heart.
	MaxMillivolt = 20
	// MinMillivolt is what the largest deflection of a recording must reach; less
	// means wrong units.
	MinMillivolt = 0.01

	maxOffset     = 10000 // mV with electrode offset, before the baseline is removed; amplifiers end far below
	flatMillivolt = 0.005 // peak to peak of a lead that is not connected
	settle        = 1.5   // seconds beside the window that let filters settle
)

// ECGSpec describes the tensor of an ECG model: leads x samples in mV.
type ECGSpec struct {
	Leads   []string // in tensor order
	Rate    float64  // Hz of the tensor
	MinRate float64  // lowest rate accepted, Hz
	Seconds float64  // length of the tensor
	Mains   float64  // power-line frequency to notch out, Hz; 0 = none
	MaxFlat int      // flat leads (an electrode that came off) that are let through as zeros; beyond is INPUT_FLAT
}

// Samples is the tensor's length along time.
func (s ECGSpec) Samples() int { return samplesOf(s.Seconds, s.Rate) }

// ECG fills into (leads x samples, mV): the middle Seconds of the recording,
// resampled to Rate, without DC and baseline wander. Shorter recordings, down to
// half of Seconds, are padded with zeros on both sides. Leads are matched by name
// (CanonicalLead); missing limb leads are derived by Einthoven's and Goldberger's
// equations.
//
// Errors: INPUT_LEADS, INPUT_RATE (rate or duration), INPUT_NOT_FINITE,
// INPUT_FLAT, INPUT_RANGE (beyond 20 mV, below 0.01 mV, or not a voltage),
// INPUT_EMPTY, INPUT_MALFORMED, USAGE.
func ECG(rec clinical.Recording, s ECGSpec, into []float32) error {
	n, err := s.check(rec, len(into))
	if err != nil {
		return err
	}
	resampler, err := NewResampler(rec.Rate, s.Rate)
	if err != nil {
		return err
	}
	set := newLeadSet(rec)
	from, to := middle(n, int(math.Ceil((s.Seconds+2*settle)*rec.Rate)))
	filters := s.filters()
	buf := scratch.Get().(*ecgScratch)
	defer scratch.Put(buf)
	buf.raw = resize(buf.raw, to-from)
	largest := 0.0
	for k, name := range s.Leads {
		peak, err := set.read(name, from, to, buf.raw)
		if err != nil {
			return err
		}
		largest = max(largest, peak)
		buf.out = resampler.Resample(buf.out[:0], buf.raw)
		ZeroPhase(buf.out, int(settle*s.Rate), filters...)
		lead := into[k*s.Samples() : (k+1)*s.Samples()]
		centred(lead, buf.out)
		if lo, hi := span(lead); max(-lo, hi) > MaxMillivolt {
			return fault.New(fault.InputRange,
				fmt.Sprintf("%s: lead %s deflects %.3g mV", rec.Source, name, max(-lo, hi)), "check gain and units of the recording")
		}
	}
	return s.plausible(rec, set, largest, from, to)
}

// plausible looks at amplitudes last, so that a wrong unit is told from a lead
// that came off.
func (s ECGSpec) plausible(rec clinical.Recording, set leadSet, largest float64, from, to int) error {
	switch {
	case largest == 0:
		return fault.New(fault.InputFlat, rec.Source+": all leads are flat", "check electrodes and file")
	case largest < 2*MinMillivolt:
		return fault.New(fault.InputRange, fmt.Sprintf("%s: the largest deflection is %.2g mV", rec.Source, largest),
			"check gain and units of the recording")
	}
	if flat := set.flat(s.Leads, from, to); len(flat) > s.MaxFlat {
		return fault.New(fault.InputFlat, fmt.Sprintf("%s: lead %s is flat", rec.Source, strings.Join(flat, ", ")),
			"check the electrode and record again")
	}
	return nil
}

// FlatLeads lists the leads of the spec that are flat over the whole recording.
func FlatLeads(rec clinical.Recording, s ECGSpec) []string {
	n, err := frames(rec)
	if err != nil {
		return nil
	}
	return newLeadSet(rec).flat(s.Leads, 0, n)
}

// flat lists recorded leads without deflection; derived ones follow from them.
func (s leadSet) flat(leads []string, from, to int) (flat []string) {
	for _, name := range leads {
		i, ok := s.index[CanonicalLead(name)]
		if !ok {
			continue
		}
		gain, _ := millivolt(s.rec.Channels[i], s.rec.Source)
		if lo, hi := span(s.rec.Channels[i].Samples[from:to]); (hi-lo)*gain < flatMillivolt {
			flat = append(flat, name)
		}
	}
	return flat
}

func (s ECGSpec) check(rec clinical.Recording, got int) (int, error) {
	samples := s.Samples()
	if len(s.Leads) == 0 || samples == 0 || len(s.Leads) > maxTensor/samples || got != len(s.Leads)*samples {
		return 0, fault.New(fault.Usage,
			fmt.Sprintf("ECG tensor of %d values for %d leads x %g s at %g Hz", got, len(s.Leads), s.Seconds, s.Rate),
			"correct the model's card")
	}
	n, err := frames(rec)
	if err != nil {
		return 0, err
	}
	if err := atLeast(rec, s.MinRate); err != nil {
		return 0, err
	}
	if least := s.Seconds / 2; float64(n) < least*rec.Rate {
		return 0, tooShort(rec, n, least)
	}
	return n, nil
}

func (s ECGSpec) filters() []Biquad {
	f := []Biquad{HighPass(BaselineCut, s.Rate)}
	if s.Mains > 0 && s.Mains < s.Rate/2 {
		f = append(f, Notch(s.Mains, s.Rate, 25))
	}
	return f
}

// read fills out with the lead's samples from..to in mV and gives their range.
func (s leadSet) read(name string, from, to int, out []float32) (peak float64, err error) {
	m, err := s.find(name)
	if err != nil {
		return 0, err
	}
	clear(out)
	for i, at := range m.channels {
		c := s.rec.Channels[at]
		part := c.Samples[from:to]
		if err := finite(s.rec.Source, c.Name, part); err != nil {
			return 0, err
		}
		gain, err := millivolt(c, s.rec.Source)
		if err != nil {
			return 0, err
		}
		w := float32(gain * m.weights[i])
		for j, v := range part {
			mv := w * v
			if mv > maxOffset || mv < -maxOffset {
				return 0, fault.New(fault.InputRange, fmt.Sprintf("%s: lead %s reaches %.3g mV", s.rec.Source, name, mv),
					"check gain and units of the recording")
			}
			out[j] += mv
		}
	}
	lo, hi := span(out)
	return hi - lo, nil
}

// middle gives the centre of n samples, at most want of them.
func middle(n, want int) (from, to int) {
	if n <= want {
		return 0, n
	}
	from = (n - want) / 2
	return from, from + want
}

type ecgScratch struct{ raw, out []float32 }

var scratch = sync.Pool{New: func() any { return new(ecgScratch) }}

func resize(x []float32, n int) []float32 {
	if cap(x) < n {
		return make([]float32, n)
	}
	return x[:n]
}
