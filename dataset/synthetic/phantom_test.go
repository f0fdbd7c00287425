package synthetic

import (
	"math"
	"reflect"
	"testing"

	"consilium/clinical"
	"consilium/fault"
	"consilium/imaging"
	"consilium/signal"
)

func count(mask []bool) (n int) {
	for _, m := range mask {
		if m {
			n++
		}
	}
	return n
}

func TestFilm(t *testing.T) {
	sum := [2]float64{}
	const n = 15
	for seed := range uint64(n) {
		for k, sick := range []bool{false, true} {
			img, truth := Film(seed, 64, sick)
			if err := imaging.Check(img, imaging.Limits{}); err != nil {
				t.Fatal(err)
			}
			if covered := count(truth.Mask); !sick && covered != 0 || sick && covered > 64*64/3 {
				t.Errorf("film %d, pneumonia %v: %d consolidated pixels", seed, sick, covered)
			} else {
				sum[k] += float64(covered) / n
			}
			for _, v := range img.Pixels {
				if v != float32(int(v)) {
					t.Fatalf("pixel %v is not a whole number", v)
				}
			}
		}
	}
	if sum[1] < 64 {
		t.Errorf("consolidations cover %.0f pixels on average", sum[1])
	}
}

// TestConsolidationIsWhiter compares the truth's mask with the same lung's rest.
func TestConsolidationIsWhiter(t *testing.T) {
	c := newThorax(source(1, "test"), true)
	c.density, c.haze = 0.9, 0
	c.patches = []patch{{u: -0.5, v: 0, size: 0.3, stretch: 1}}
	healthy := c
	healthy.patches = nil
	sick, fluid := c.path(-0.5, 0)
	well, none := healthy.path(-0.5, 0)
	if sick-well < 0.1 || fluid < 0.1 || none != 0 {
		t.Errorf("path %.2f with consolidation (%.2f fluid), %.2f without (%.2f)", sick, fluid, well, none)
	}
	if a, _ := c.path(0.6, 0); a != first(healthy.path(0.6, 0)) {
		t.Error("the other lung changed")
	}
}

func first(a, _ float64) float64 { return a }

func TestNodule(t *testing.T) {
	for seed := range uint64(8) {
		for _, suspicious := range []bool{false, true} {
			img, truth := Nodule(seed, 36, suspicious)
			if err := imaging.Check(img, imaging.Limits{}); err != nil {
				t.Fatal(err)
			}
			n := float64(count(truth.Mask))
			ball := math.Pi / 6 * math.Pow(truth.Diameter, 3)
			if n < 0.5*ball || n > 2.2*ball {
				t.Errorf("%d: %.0f voxels for a diameter of %.1f mm (a ball has %.0f)", seed, n, truth.Diameter, ball)
			}
			sum := 0.0
			for i, m := range truth.Mask {
				if m {
					sum += float64(img.Pixels[i]) / n
				}
			}
			if truth.Attenuation == GroundGlass && (sum < -760 || sum > -350) || truth.Attenuation == Solid && sum < -150 {
				t.Errorf("%d: class %d has %.0f HU on average", seed, truth.Attenuation, sum)
			}
		}
	}
}

func TestCough(t *testing.T) {
	found, all, low := 0, 0, [2]float64{}
	const n = 12
	for seed := range uint64(n) {
		for k, wet := range []bool{false, true} {
			rec, truth := Cough(seed, wet)
			if !rec.Synthetic || len(truth.Coughs) == 0 {
				t.Fatalf("%d: %+v", seed, truth)
			}
			x := rec.Channels[0].Samples
			marks := signal.Coughs(x, rec.Rate)
			for _, c := range truth.Coughs {
				all++
				for _, m := range marks {
					if middle := (c.From + c.From + c.To) / 3; m.From <= middle && m.To >= middle {
						found++
						break
					}
				}
			}
			low[k] += lowPart(x) / n
		}
	}
	if float64(found) < 0.95*float64(all) {
		t.Errorf("%d of %d coughs found", found, all)
	}
	if low[1] < low[0]+0.05 {
		t.Errorf("energy below 800 Hz: dry %.2f, wet %.2f", low[0], low[1])
	}
}

// lowPart is the part of the energy below 800 Hz.
func lowPart(x []float32) float64 {
	y := append([]float32(nil), x...)
	signal.ZeroPhase(y, 100, signal.LowPass(800, SoundRate))
	a, b := 0.0, 0.0
	for i := range x {
		a += float64(y[i]) * float64(y[i])
		b += float64(x[i]) * float64(x[i])
	}
	return a / b
}

func TestFundus(t *testing.T) {
	for grade := range 5 {
		img, truth := Fundus(9, 96, grade)
		if err := imaging.Check(img, imaging.Limits{}); err != nil {
			t.Fatal(err)
		}
		if truth.Grade != grade || (truth.Microaneurysm > 0) != (grade >= 1) || (truth.Haemorrhages > 0) != (grade >= 2) ||
			(truth.CottonWool > 0) != (grade >= 3) || truth.NewVessels != (grade == 4) {
			t.Errorf("grade %d: %+v", grade, truth)
		}
		if v := img.Pixels[0]; v > 20 {
			t.Errorf("the corner is not dark: %v", v)
		}
		mid := img.Pixels[3*(20*96+48):]
		if !(mid[0] > mid[1] && mid[1] > mid[2]) {
			t.Errorf("not a red retina: %v", mid[:3])
		}
	}
}

func TestPatient(t *testing.T) {
	c, truth := Patient(11)
	again, _ := Patient(11)
	if !reflect.DeepEqual(c, again) {
		t.Error("the same seed gives another patient")
	}
	if !c.Synthetic || len(c.Images) != 1 || len(c.Recordings) != 2 {
		t.Fatalf("%+v", c.ID)
	}
	img := c.Images[0]
	if img.Rows != 512 || img.High != FilmHigh || !img.Synthetic || img.Patient != c.Patient {
		t.Errorf("film %dx%d, %+v", img.Rows, img.Columns, img.Patient)
	}
	for _, rec := range c.Recordings {
		if !rec.Synthetic || rec.Patient != c.Patient || rec.Comments[0] != clinical.SyntheticNotice {
			t.Errorf("%s: %+v", rec.Source, rec.Patient)
		}
	}
	if len(truth.ECG.RPeaks) < 4 || len(truth.Cough.Coughs) == 0 || len(truth.Film.Mask) != 512*512 {
		t.Error("truth is missing")
	}
	into := make([]float32, len(signal.Leads12)*ECGSpec.Samples())
	if err := signal.ECG(c.Recordings[0], ECGSpec, into); fault.CodeOf(err) != "" {
		t.Error(err)
	}
}

func BenchmarkFilm28(b *testing.B) {
	for i := range b.N {
		Film(uint64(i), 28, i%2 == 1)
	}
}

func BenchmarkCough(b *testing.B) {
	for i := range b.N {
		Cough(uint64(i), i%2 == 1)
	}
}

func BenchmarkNodule28(b *testing.B) {
	for i := range b.N {
		Nodule(uint64(i), 28, i%2 == 1)
	}
}
