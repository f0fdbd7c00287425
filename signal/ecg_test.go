package signal

import (
	"math"
	"slices"
	"testing"

	"consilium/clinical"
	"consilium/fault"

	"pgregory.net/rapid"
)

// beat is a crude QRS-T train at 75 beats a minute, scaled by gain.
func beat(n int, rate, gain float64) []float32 {
	x := make([]float32, n)
	for i := range x {
		t := math.Mod(float64(i)/rate, 0.8) - 0.4
		x[i] = float32(gain * (math.Exp(-t*t/(2*0.01*0.01)) + 0.3*math.Exp(-(t-0.25)*(t-0.25)/(2*0.04*0.04))))
	}
	return x
}

func recording(rate, seconds float64, leads ...string) clinical.Recording {
	rec := clinical.Recording{Source: "test", Kind: clinical.KindECG, Rate: rate}
	for i, l := range leads {
		rec.Channels = append(rec.Channels, clinical.Channel{Name: l, Unit: "mV",
			Samples: beat(int(rate*seconds), rate, 0.5+0.1*float64(i))})
	}
	return rec
}

var spec12 = ECGSpec{Leads: Leads12, Rate: 500, MinRate: 200, Seconds: 10}

func TestCanonicalLead(t *testing.T) {
	for in, want := range map[string]string{
		"MLII": "II", "mli": "I", "ECG I": "I", "ecg_iii": "III", "Lead aVR": "aVR", "AVF": "aVF", "avl": "aVL",
		"v1": "V1", "C3": "V3", "DII": "II", "MDC_ECG_LEAD_V6": "V6", " ii ": "II", "PLETH": "PLETH", "MLV5": "V5", "": "",
	} {
		if got := CanonicalLead(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// TestLimbLeadsFromAnyPair: whatever two limb leads there are, the other four come out.
func TestLimbLeadsFromAnyPair(t *testing.T) {
	full := make(map[string]float64)
	const i, ii = 0.7, 1.1
	for name, c := range limb {
		full[name] = c.a*i + c.b*ii
	}
	six := Leads12[:6]
	for a := range six {
		for b := a + 1; b < 6; b++ {
			var rec clinical.Recording
			for _, l := range []string{six[b], six[a]} {
				rec.Channels = append(rec.Channels, clinical.Channel{Name: l, Samples: []float32{float32(full[l])}})
			}
			out := make([]float32, 1)
			for _, want := range six {
				if _, err := newLeadSet(rec).read(want, 0, 1, out); err != nil || math.Abs(float64(out[0])-full[want]) > 1e-6 {
					t.Errorf("%s from %s and %s: %v (%v), want %v", want, six[a], six[b], out[0], err, full[want])
				}
			}
		}
	}
}

func TestECGShapeAndUnits(t *testing.T) {
	leads := []string{"I", "MLII", "v1", "v2", "v3", "v4", "v5", "v6"}
	mv := recording(500, 10, leads...)
	want := make([]float32, 12*5000)
	if err := ECG(mv, spec12, want); err != nil {
		t.Fatal(err)
	}
	uv := recording(500, 10, leads...)
	for i := range uv.Channels {
		uv.Channels[i].Unit = "uV"
		for j := range uv.Channels[i].Samples {
			uv.Channels[i].Samples[j] = uv.Channels[i].Samples[j]*1000 + 3e5 // 300 mV electrode offset
		}
	}
	got := make([]float32, 12*5000)
	if err := ECG(uv, spec12, got); err != nil {
		t.Fatal(err)
	}
	for k := range 12 {
		for j := range 5000 {
			if d := got[k*5000+j] - want[k*5000+j]; d > 0.03 || d < -0.03 {
				t.Fatalf("lead %s sample %d: %v, want %v", Leads12[k], j, got[k*5000+j], want[k*5000+j])
			}
		}
	}
	for j := range 5000 { // Einthoven
		if d := want[j] + want[2*5000+j] - want[5000+j]; math.Abs(float64(d)) > 1e-5 {
			t.Fatalf("I + III - II = %v", d)
		}
	}
}

// TestECGIsTheSameAtAnyRate: one heart recorded at several rates gives one tensor.
func TestECGIsTheSameAtAnyRate(t *testing.T) {
	s := ECGSpec{Leads: []string{"II"}, Rate: 500, MinRate: 200, Seconds: 8}
	want := make([]float32, s.Samples())
	if err := ECG(recording(500, 16, "II"), s, want); err != nil {
		t.Fatal(err)
	}
	for _, rate := range []float64{250, 257, 360, 1000} {
		got := make([]float32, s.Samples())
		if err := ECG(recording(rate, 16, "II"), s, got); err != nil {
			t.Fatal(err)
		}
		// Cropping rounds to a sample: compare at the best of few shifts.
		best := math.Inf(1)
		for shift := -2; shift <= 2; shift++ {
			worst := 0.0
			for i := 10; i < len(want)-10; i++ {
				worst = max(worst, math.Abs(float64(got[i+shift]-want[i])))
			}
			best = min(best, worst)
		}
		if best > 0.06 {
			t.Errorf("%v Hz: differs by %v mV", rate, best)
		}
	}
}

func TestShortECGIsPadded(t *testing.T) {
	s := ECGSpec{Leads: []string{"II"}, Rate: 500, Seconds: 10}
	out := make([]float32, 5000)
	if err := ECG(recording(500, 6, "II"), s, out); err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		if out[i] != 0 || out[4999-i] != 0 {
			t.Fatalf("sample %d is not padding", i)
		}
	}
	if p := power(out[1000:4000]); p < 0.001 {
		t.Fatalf("no signal in the middle: %v", p)
	}
}

func TestECGRefusals(t *testing.T) {
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		spoil func(*clinical.Recording)
		want  fault.Code
	}{
		"good":       {func(*clinical.Recording) {}, ""},
		"NaN":        {func(r *clinical.Recording) { r.Channels[3].Samples[777] = nan }, fault.InputNotFinite},
		"flat lead":  {func(r *clinical.Recording) { clear(r.Channels[3].Samples) }, fault.InputFlat},
		"flat all":   {func(r *clinical.Recording) { r.Channels = recording(500, 10, Leads12...).Channels; zero(r) }, fault.InputFlat},
		"volts":      {func(r *clinical.Recording) { scale(r, 1000) }, fault.InputRange},
		"tiny":       {func(r *clinical.Recording) { scale(r, 0.001) }, fault.InputRange},
		"unit":       {func(r *clinical.Recording) { r.Channels[0].Unit = "mmHg" }, fault.InputRange},
		"slow":       {func(r *clinical.Recording) { r.Rate = 100 }, fault.InputRate},
		"rate NaN":   {func(r *clinical.Recording) { r.Rate = math.NaN() }, fault.InputRate},
		"rate huge":  {func(r *clinical.Recording) { r.Rate = 1e12 }, fault.InputRate},
		"short":      {func(r *clinical.Recording) { cut(r, 2000) }, fault.InputRate},
		"empty":      {func(r *clinical.Recording) { r.Channels = nil }, fault.InputEmpty},
		"no samples": {func(r *clinical.Recording) { cut(r, 0) }, fault.InputEmpty},
		"unequal":    {func(r *clinical.Recording) { r.Channels[2].Samples = r.Channels[2].Samples[:9] }, fault.InputMalformed},
		"no V3": {func(r *clinical.Recording) {
			r.Channels = slices.DeleteFunc(r.Channels, func(c clinical.Channel) bool { return c.Name == "V3" })
		}, fault.InputLeads},
		"no limb pair": {func(r *clinical.Recording) { r.Channels = r.Channels[5:] }, fault.InputLeads},
		"infinite":     {func(r *clinical.Recording) { r.Channels[0].Samples[9] = float32(math.Inf(1)) }, fault.InputNotFinite},
		"overflow":     {func(r *clinical.Recording) { r.Channels[0].Samples[9] = math.MaxFloat32 }, fault.InputRange},
	} {
		rec := recording(500, 10, Leads12...)
		c.spoil(&rec)
		err := ECG(rec, spec12, make([]float32, 12*5000))
		if got := fault.CodeOf(err); got != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := ECG(recording(500, 10, "I"), spec12, nil); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestFlatLeads(t *testing.T) {
	rec := recording(500, 10, Leads12...)
	clear(rec.Channels[3].Samples)
	clear(rec.Channels[7].Samples)
	if got := FlatLeads(rec, spec12); !slices.Equal(got, []string{"aVR", "V2"}) {
		t.Errorf("flat: %v", got)
	}
	s := spec12
	for allowed, want := range []fault.Code{fault.InputFlat, fault.InputFlat, ""} {
		s.MaxFlat = allowed
		if err := ECG(rec, s, make([]float32, 12*5000)); fault.CodeOf(err) != want {
			t.Errorf("%d flat leads allowed: %v", allowed, err)
		}
	}
}

func zero(r *clinical.Recording) { scale(r, 0) }
func scale(r *clinical.Recording, g float32) {
	for _, c := range r.Channels {
		for i := range c.Samples {
			c.Samples[i] *= g
		}
	}
}
func cut(r *clinical.Recording, n int) {
	for i := range r.Channels {
		r.Channels[i].Samples = r.Channels[i].Samples[:n]
	}
}

func TestRPeaks(t *testing.T) {
	for _, rate := range []float64{125, 250, 360, 500, 1000} {
		for _, gain := range []float64{1, -1, 0.1} {
			x := beat(int(20*rate), rate, gain)
			peaks := RPeaks(x, rate)
			if len(peaks) != 25 {
				t.Fatalf("%v Hz: %d beats, want 25", rate, len(peaks))
			}
			for k, p := range peaks {
				if want := (0.4 + 0.8*float64(k)) * rate; math.Abs(float64(p)-want) > 0.012*rate {
					t.Errorf("%v Hz: beat %d at %d, want %v", rate, k, p, want)
				}
			}
			if hr := HeartRate(peaks, rate); math.Abs(hr-75) > 1 {
				t.Errorf("%v Hz: %v a minute", rate, hr)
			}
		}
	}
	for _, x := range [][]float32{nil, make([]float32, 5), make([]float32, 5000)} {
		if got := RPeaks(x, 500); len(got) != 0 {
			t.Errorf("beats in nothing: %v", got)
		}
	}
	if RPeaks(make([]float32, 100), math.NaN()) != nil || HeartRate([]int{3}, 500) != 0 {
		t.Error("no rate, no beats")
	}
}

// TestAnyRecordingGivesAnErrorOrFiniteValues: no header makes us panic or hang.
func TestAnyRecordingGivesAnErrorOrFiniteValues(t *testing.T) {
	rate := rapid.OneOf(rapid.Float64Range(1, 3000), rapid.SampledFrom([]float64{0, -1, math.NaN(), math.Inf(1), 1e-9, 1e6, 1e300}))
	sample := rapid.OneOf(rapid.Float32Range(-2, 2), rapid.SampledFrom([]float32{float32(math.NaN()), math.MaxFloat32, 0}))
	spec := ECGSpec{Leads: []string{"I", "aVF"}, Rate: 100, Seconds: 2, Mains: 50}
	sound := SoundSpec{Rate: 100, MinRate: 1, Seconds: 1, Mels: 8}
	rapid.Check(t, func(t *rapid.T) {
		rec := clinical.Recording{Rate: rate.Draw(t, "rate")}
		few := rapid.SliceOfN(sample, 1, 8).Draw(t, "samples")
		n := rapid.IntRange(0, 4000).Draw(t, "n")
		for _, name := range rapid.SliceOfN(rapid.SampledFrom([]string{"I", "II", "III", "x", ""}), 0, 3).Draw(t, "leads") {
			x := make([]float32, n)
			for i := range x {
				x[i] = few[i%len(few)]
			}
			rec.Channels = append(rec.Channels, clinical.Channel{Name: name, Unit: rapid.SampledFrom([]string{"mV", "uV", "V", "?"}).Draw(t, "unit"), Samples: x})
		}
		out := make([]float32, 2*200)
		mels := make([]float32, sound.Frames()*sound.Mels)
		for _, x := range [][]float32{out, mels} {
			var err error
			if &x[0] == &out[0] {
				err = ECG(rec, spec, x)
			} else {
				err = LogMel(rec, sound, x)
			}
			for i, v := range x {
				if err == nil && v-v != 0 {
					t.Fatalf("value %d is %v", i, v)
				}
			}
		}
		for _, c := range rec.Channels {
			for _, p := range RPeaks(c.Samples, rec.Rate) {
				if p < 0 || p >= n {
					t.Fatalf("beat at %d of %d", p, n)
				}
			}
			for _, s := range Coughs(c.Samples, rec.Rate) {
				if s.From < 0 || s.To > n || s.From >= s.To {
					t.Fatalf("cough at %v of %d", s, n)
				}
			}
		}
	})
}

func BenchmarkECG(b *testing.B) {
	for name, rate := range map[string]float64{"500Hz": 500, "250Hz": 250, "1000Hz": 1000} {
		b.Run(name, func(b *testing.B) {
			rec := recording(rate, 10, Leads12...)
			out := make([]float32, 12*5000)
			b.ReportAllocs()
			for b.Loop() {
				if err := ECG(rec, spec12, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
