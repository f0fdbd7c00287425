package signal

import (
	"math"
	"math/rand/v2"
	"testing"

	"consilium/clinical"
	"consilium/fault"
)

func sound(rate float64, tracks ...[]float32) clinical.Recording {
	rec := clinical.Recording{Source: "test", Kind: clinical.KindSound, Rate: rate}
	for _, x := range tracks {
		rec.Channels = append(rec.Channels, clinical.Channel{Samples: x})
	}
	return rec
}

var melSpec = SoundSpec{Rate: 8000, Seconds: 2, Mels: 40}

func logMel(t testing.TB, rec clinical.Recording, s SoundSpec) []float32 {
	t.Helper()
	out := make([]float32, s.Frames()*s.Mels)
	if err := LogMel(rec, s, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// loudestBand is the band with most energy over all frames.
func loudestBand(x []float32, mels int) int {
	sum := make([]float32, mels)
	for i, v := range x {
		sum[i%mels] += v
	}
	best := 0
	for m := range sum {
		if sum[m] > sum[best] {
			best = m
		}
	}
	return best
}

func TestToneFallsIntoItsBand(t *testing.T) {
	for _, f := range []float64{200, 440, 1000, 2500, 3500} {
		want := mel(f)/mel(4000)*41 - 1
		for _, rate := range []float64{8000, 16000, 44100} {
			s := melSpec
			x := tone(int(3*rate), f, rate, 0)
			got := loudestBand(logMel(t, sound(rate, x), s), s.Mels)
			if math.Abs(float64(got)-want) > 1 {
				t.Errorf("%v Hz at %v: band %d, want %.1f", f, rate, got, want)
			}
		}
	}
}

// TestAbsoluteLevel: a full-scale sine in the middle of a band has the power that
// Parseval's theorem says.
func TestAbsoluteLevel(t *testing.T) {
	s := melSpec
	s.Absolute = true
	loud := logMel(t, sound(8000, tone(16000, 1000, 8000, 0)), s)
	quiet := tone(16000, 1000, 8000, 0)
	for i := range quiet {
		quiet[i] *= 0.1
	}
	soft := logMel(t, sound(8000, quiet), s)
	m := loudestBand(loud, s.Mels)
	if d := loud[20*40+m] - soft[20*40+m]; math.Abs(float64(d)-20) > 0.1 {
		t.Errorf("a tenth of the amplitude is %v dB quieter, want 20", d)
	}
}

func TestStandardised(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	x := make([]float32, 16000)
	for i := range x {
		x[i] = float32(r.NormFloat64()) * 0.1
	}
	out := logMel(t, sound(8000, x), melSpec)
	sum, sq := 0.0, 0.0
	for _, v := range out {
		sum += float64(v)
		sq += float64(v) * float64(v)
	}
	n := float64(len(out))
	if math.Abs(sum/n) > 1e-3 || math.Abs(sq/n-1) > 1e-2 {
		t.Errorf("mean %v, variance %v", sum/n, sq/n)
	}
	for i := range x { // loudness does not matter
		x[i] *= 0.2
	}
	for i, v := range logMel(t, sound(8000, x), melSpec) {
		if math.Abs(float64(v-out[i])) > 1e-2 {
			t.Fatalf("value %d: %v and %v", i, v, out[i])
		}
	}
}

func TestStereoIsAveraged(t *testing.T) {
	x := tone(16000, 700, 8000, 0)
	a, b := logMel(t, sound(8000, x), melSpec), logMel(t, sound(8000, x, x), melSpec)
	for i := range a {
		if a[i] != b[i] {
			t.Fatal("two equal tracks differ from one")
		}
	}
}

func TestLoudest(t *testing.T) {
	x := make([]float32, 10000)
	for i := 6000; i < 6400; i++ {
		x[i] = 1
	}
	from, to := Loudest(x, 2000)
	if to-from != 2000 || from < 5150 || from > 5250 {
		t.Errorf("%d..%d, want the burst in the middle", from, to)
	}
	if from, to := Loudest(x[:100], 2000); from != 0 || to != 100 {
		t.Errorf("%d..%d", from, to)
	}
	clear(x)
	x[9999] = 1
	if _, to := Loudest(x, 2000); to != 10000 {
		t.Error("an event at the end is lost")
	}
}

func TestFrames(t *testing.T) {
	for _, c := range []struct {
		s    SoundSpec
		want int
	}{
		{SoundSpec{Rate: 8000, Seconds: 10, Mels: 40}, 624},
		{SoundSpec{Rate: 8000, Seconds: 1, Mels: 40, Frame: 0.025, Hop: 0.010}, 98},
		{SoundSpec{Rate: 8000, Seconds: 0.01, Mels: 40}, 0},
		{SoundSpec{Seconds: 1}, 0}, {SoundSpec{Rate: math.NaN(), Seconds: 1}, 0}, {SoundSpec{Rate: 1e300, Seconds: 1e300}, 0},
	} {
		if got := c.s.Frames(); got != c.want {
			t.Errorf("%+v: %d, want %d", c.s, got, c.want)
		}
	}
}

func TestSoundRefusals(t *testing.T) {
	good := tone(8000, 500, 8000, 0)
	bad := tone(8000, 500, 8000, 0)
	bad[5] = float32(math.NaN())
	pcm := tone(8000, 500, 8000, 0)
	for i := range pcm {
		pcm[i] *= 32767
	}
	for name, c := range map[string]struct {
		rec  clinical.Recording
		want fault.Code
	}{
		"good": {sound(8000, good), ""}, "NaN": {sound(8000, bad), fault.InputNotFinite},
		"silent": {sound(8000, make([]float32, 8000)), fault.InputFlat}, "integers": {sound(8000, pcm), fault.InputRange},
		"slow": {sound(4000, good), fault.InputRate}, "short": {sound(8000, good[:1000]), fault.InputRate},
		"empty": {sound(8000), fault.InputEmpty}, "unequal": {sound(8000, good, good[:10]), fault.InputMalformed},
	} {
		err := LogMel(c.rec, melSpec, make([]float32, melSpec.Frames()*40))
		if got := fault.CodeOf(err); got != c.want {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if err := LogMel(sound(8000, good), melSpec, nil); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestCoughs(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, 24000)
	for i := range x {
		x[i] = float32(r.NormFloat64()) * 0.003
	}
	bursts := []int{4000, 9000, 18000}
	for _, b := range bursts {
		for i := range 2400 {
			x[b+i] += float32(r.NormFloat64()*0.3) * float32(math.Exp(-float64(i)/900))
		}
	}
	got := Coughs(x, 8000)
	if len(got) != 3 {
		t.Fatalf("%v, want three", got)
	}
	for i, s := range got {
		if s.From > bursts[i] || s.From < bursts[i]-800 || s.To < bursts[i]+1000 || s.To > bursts[i]+4000 {
			t.Errorf("burst %d at %d: %v", i, bursts[i], s)
		}
	}
	if Coughs(nil, 8000) != nil || Coughs(make([]float32, 8000), 8000) != nil {
		t.Error("coughs in silence")
	}
}

func BenchmarkLogMel(b *testing.B) {
	s := SoundSpec{Rate: 8000, Seconds: 10, Mels: 40}
	for name, rate := range map[string]float64{"8kHz": 8000, "48kHz": 48000} {
		b.Run(name, func(b *testing.B) {
			rec := sound(rate, tone(int(10*rate), 440, rate, 0))
			out := make([]float32, s.Frames()*s.Mels)
			if rate > 8000 {
				s.MinRate = 8000
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := LogMel(rec, s, out); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
