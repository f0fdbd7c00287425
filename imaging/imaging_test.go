package imaging

import (
	"math"
	"math/rand/v2"
	"testing"

	"consilium/clinical"
	"consilium/fault"

	"pgregory.net/rapid"
)

func grey(rows, columns int, at func(y, x int) float32) clinical.Image {
	img := clinical.Image{Source: "test", Frames: 1, Rows: rows, Columns: columns, Channels: 1, High: 255,
		Pixels: make([]float32, rows*columns)}
	for y := range rows {
		for x := range columns {
			img.Pixels[y*columns+x] = at(y, x)
		}
	}
	return img
}

func tensor(t testing.TB, img clinical.Image, s Spec) []float32 {
	t.Helper()
	out := make([]float32, s.Channels*s.Height*s.Width)
	if err := Tensor(img, s, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func near(t *testing.T, got, want []float32, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	for i := range got {
		if math.Abs(float64(got[i]-want[i])) > tol {
			t.Fatalf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
}

func TestSameSizeIsIdentity(t *testing.T) {
	img := grey(28, 28, func(y, x int) float32 { return float32((y*28 + x) % 256) })
	got := tensor(t, img, Spec{Channels: 1, Height: 28, Width: 28})
	for i, v := range img.Pixels {
		if got[i] != float32(float64(v)/255) {
			t.Fatalf("pixel %d: %v became %v", i, v, got[i])
		}
	}
}

func TestIntegerRatioIsTheExactMean(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	img := grey(84, 112, func(y, x int) float32 { return float32(r.IntN(256)) })
	got := tensor(t, img, Spec{Channels: 1, Height: 28, Width: 28, Fit: FitStretch})
	for y := range 28 {
		for x := range 28 {
			sum := 0.0
			for dy := range 3 {
				for dx := range 4 {
					sum += float64(img.Pixels[(3*y+dy)*112+4*x+dx])
				}
			}
			if want := sum / 12 / 255; math.Abs(float64(got[y*28+x])-want) > 1e-7 {
				t.Fatalf("(%d,%d): %v, want %v", y, x, got[y*28+x], want)
			}
		}
	}
}

// TestAreaMatchesIntegral compares with the brute-force integral of overlap.
func TestAreaMatchesIntegral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(2, 40).Draw(t, "out")
		size := n + rapid.IntRange(0, 100).Draw(t, "more")
		a := spans(0, float64(size), n, size)
		scale := float64(size) / float64(n)
		for i, tp := range a.taps {
			if scale <= 1 {
				break
			}
			for j := range size {
				overlap := max(0, min(float64(j+1), float64(i+1)*scale)-max(float64(j), float64(i)*scale)) / scale
				got := 0.0
				if j >= tp.lo && j <= tp.hi {
					got = float64(tp.weight(j) * a.norm)
				}
				if math.Abs(got-overlap) > 1e-5 {
					t.Fatalf("output %d sample %d of %d->%d: weight %v, want %v", i, j, size, n, got, overlap)
				}
			}
		}
	})
}

// TestMeanAndRangeHold: averages never leave the range, stretching keeps the mean.
func TestMeanAndRangeHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, columns := rapid.IntRange(1, 60).Draw(t, "rows"), rapid.IntRange(1, 60).Draw(t, "columns")
		h, w := rapid.IntRange(1, 60).Draw(t, "h"), rapid.IntRange(1, 60).Draw(t, "w")
		fit := rapid.SampledFrom([]Fit{FitCrop, FitStretch, FitLetterbox}).Draw(t, "fit")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		img := grey(rows, columns, func(y, x int) float32 { return float32(r.IntN(256)) })
		out := make([]float32, h*w)
		if err := Tensor(img, Spec{Channels: 1, Height: h, Width: w, Fit: fit}, out); err != nil {
			t.Fatal(err)
		}
		sum := 0.0
		for _, v := range out {
			if v < -1e-6 || v > 1+1e-6 {
				t.Fatalf("value %v outside 0..1", v)
			}
			sum += float64(v)
		}
		if fit != FitStretch || h > rows || w > columns {
			return
		}
		want := 0.0
		for _, v := range img.Pixels {
			want += float64(v) / 255
		}
		if math.Abs(sum/float64(h*w)-want/float64(rows*columns)) > 1e-5 {
			t.Fatalf("mean %v, want %v", sum/float64(h*w), want/float64(rows*columns))
		}
	})
}

func TestUpsamplingIsLinear(t *testing.T) {
	img := grey(2, 2, func(y, x int) float32 { return float32(255 * x) })
	got := tensor(t, img, Spec{Channels: 1, Height: 4, Width: 4})
	near(t, got[:4], []float32{0, 0.25, 0.75, 1}, 1e-6)
}

func TestFit(t *testing.T) {
	// Left and right quarters are white, the middle is black.
	img := grey(4, 8, func(y, x int) float32 {
		if x < 2 || x >= 6 {
			return 255
		}
		return 0
	})
	near(t, tensor(t, img, Spec{Channels: 1, Height: 2, Width: 2}), []float32{0, 0, 0, 0}, 0)
	near(t, tensor(t, img, Spec{Channels: 1, Height: 2, Width: 2, Fit: FitStretch}), []float32{.5, .5, .5, .5}, 1e-6)
	near(t, tensor(t, img, Spec{Channels: 1, Height: 4, Width: 4, Fit: FitLetterbox}),
		[]float32{0, 0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 0}, 1e-6)
}

func TestOddCropIsNotBlurred(t *testing.T) {
	img := grey(29, 28, func(y, x int) float32 { return float32(255 * (y % 2)) })
	got := tensor(t, img, Spec{Channels: 1, Height: 28, Width: 28})
	near(t, got[:1], []float32{0}, 0)
	near(t, got[28:29], []float32{1}, 0)
}

func TestColoursAndStandardising(t *testing.T) {
	rgb := clinical.Image{Frames: 1, Rows: 1, Columns: 1, Channels: 3, High: 1, Pixels: []float32{1, 0.5, 0}}
	near(t, tensor(t, rgb, Spec{Channels: 1, Height: 1, Width: 1}), []float32{0.299 + 0.587/2}, 1e-6)
	near(t, tensor(t, rgb, Spec{Channels: 3, Height: 1, Width: 1, Mean: []float32{.5, .5, .5}, Std: []float32{.5, .25, .1}}),
		[]float32{1, 0, -5}, 1e-6)
	g := clinical.Image{Frames: 1, Rows: 1, Columns: 1, Channels: 1, Low: -1000, High: 1000, Pixels: []float32{500}}
	near(t, tensor(t, g, Spec{Channels: 3, Height: 1, Width: 1}), []float32{.75, .75, .75}, 1e-6)
}

func TestVolume(t *testing.T) {
	img := clinical.Image{Frames: 4, Rows: 4, Columns: 4, Channels: 1, High: 8, Pixels: make([]float32, 64)}
	for i := range img.Pixels {
		img.Pixels[i] = float32(i / 16) // slice number
	}
	out := make([]float32, 2*2*2)
	if err := Volume(img, Spec{Channels: 1, Depth: 2, Height: 2, Width: 2}, out); err != nil {
		t.Fatal(err)
	}
	near(t, out, []float32{.0625, .0625, .0625, .0625, .3125, .3125, .3125, .3125}, 1e-7)
	out = make([]float32, 8*2*2)
	if err := Volume(img, Spec{Channels: 1, Depth: 8, Height: 2, Width: 2}, out); err != nil {
		t.Fatal(err)
	}
	for d, want := range []float32{0, .25, .75, 1.25, 1.75, 2.25, 2.75, 3} {
		near(t, out[4*d:4*d+1], []float32{want / 8}, 1e-6)
	}
}

func TestVOI(t *testing.T) { // the examples of PS3.3 C.11.2.1.2.1
	for _, c := range []struct{ x, centre, width, want float64 }{
		{0, 2048, 4096, 0}, {4095, 2048, 4096, 1}, {2047.5, 2048, 4096, .5},
		{-0.6, 0, 1, 0}, {-0.4, 0, 1, 1}, {100, 0, 100, 1}, {-100, 0, 100, 0}, {-0.5, 0, 100, 0.5},
	} {
		if got := VOI(c.x, c.centre, c.width); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("VOI(%v; %v, %v) = %v, want %v", c.x, c.centre, c.width, got, c.want)
		}
	}
	img := grey(2, 2, func(y, x int) float32 { return float32(x) * 255 })
	got, err := Window(img, 128, 256)
	if err != nil || got.High != 1 || got.Pixels[1] != 1 || img.Pixels[1] != 255 {
		t.Fatalf("%v %v", got, err)
	}
	if _, err := Window(img, 0, 0.5); fault.CodeOf(err) != fault.Usage {
		t.Fatal(err)
	}
}

func TestCheck(t *testing.T) {
	good := func() clinical.Image { return grey(32, 32, func(y, x int) float32 { return float32(x) }) }
	nan := float32(math.NaN())
	for name, c := range map[string]struct {
		spoil func(*clinical.Image)
		want  fault.Code
	}{
		"good":          {func(*clinical.Image) {}, ""},
		"NaN":           {func(i *clinical.Image) { i.Pixels[7] = nan }, fault.InputNotFinite},
		"infinite":      {func(i *clinical.Image) { i.Pixels[7] = float32(math.Inf(-1)) }, fault.InputNotFinite},
		"beyond range":  {func(i *clinical.Image) { i.Pixels[7] = 300 }, fault.InputRange},
		"flat":          {func(i *clinical.Image) { clear(i.Pixels) }, fault.InputFlat},
		"short":         {func(i *clinical.Image) { i.Pixels = i.Pixels[:5] }, fault.InputMalformed},
		"overflow":      {func(i *clinical.Image) { i.Rows, i.Columns = 1<<32, 1<<32; i.Pixels = nil }, fault.InputMalformed},
		"channels":      {func(i *clinical.Image) { i.Channels = 4; i.Columns = 8 }, fault.InputMalformed},
		"no range":      {func(i *clinical.Image) { i.High = i.Low }, fault.InputMalformed},
		"range is NaN":  {func(i *clinical.Image) { i.High = math.NaN() }, fault.InputMalformed},
		"too small":     {func(i *clinical.Image) { i.Rows, i.Columns = 4, 256 }, fault.InputRange},
		"no dimensions": {func(i *clinical.Image) { i.Frames = 0 }, fault.InputMalformed},
	} {
		img := good()
		c.spoil(&img)
		if got := fault.CodeOf(Check(img, Limits{})); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := fault.CodeOf(Check(good(), Limits{MaxSide: 31})); got != fault.InputTooLarge {
		t.Errorf("large: %q", got)
	}
}

func TestRange(t *testing.T) {
	r := Range{Low: 0, High: 1, MeanLow: 0.2, MeanHigh: 0.8}
	for _, c := range []struct {
		x    []float32
		want fault.Code
	}{
		{[]float32{0, 1}, ""}, {[]float32{0, 1.1}, fault.InputRange}, {[]float32{0, 0.1}, fault.InputRange},
		{[]float32{float32(math.NaN())}, fault.InputRange},
	} {
		if got := fault.CodeOf(r.Check(c.x)); got != c.want {
			t.Errorf("%v: %q, want %q", c.x, got, c.want)
		}
	}
}

func TestSpecIsChecked(t *testing.T) {
	img := grey(16, 16, func(y, x int) float32 { return float32(x) })
	for name, s := range map[string]Spec{
		"channels": {Channels: 2, Height: 2, Width: 2}, "size": {Channels: 1, Height: 0, Width: 2},
		"length": {Channels: 1, Height: 3, Width: 2}, "huge": {Channels: 3, Height: 1 << 40, Width: 1 << 40},
		"std": {Channels: 1, Height: 2, Width: 2, Mean: []float32{0}, Std: []float32{0}},
	} {
		if err := Tensor(img, s, make([]float32, 4)); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	img.Frames, img.Rows = 2, 8
	if err := Tensor(img, Spec{Channels: 1, Height: 2, Width: 2}, make([]float32, 4)); fault.CodeOf(err) != fault.InputUnsupported {
		t.Error(err)
	}
}

// TestAnyImageGivesAnErrorOrFiniteValues: no header makes us panic.
func TestAnyImageGivesAnErrorOrFiniteValues(t *testing.T) {
	side := rapid.OneOf(rapid.IntRange(0, 20), rapid.SampledFrom([]int{-1, 1 << 31, 1 << 62, math.MaxInt}))
	bound := rapid.OneOf(rapid.Float64Range(-10, 10), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.MaxFloat64, 5e-324, 0}))
	rapid.Check(t, func(t *rapid.T) {
		img := clinical.Image{
			Frames: side.Draw(t, "frames"), Rows: side.Draw(t, "rows"), Columns: side.Draw(t, "columns"),
			Channels: rapid.IntRange(0, 4).Draw(t, "channels"), Low: bound.Draw(t, "low"), High: bound.Draw(t, "high"),
		}
		if n := img.Frames * img.Rows * img.Columns * img.Channels; n > 0 && n < 1e5 {
			img.Pixels = make([]float32, n)
			for i := range img.Pixels {
				img.Pixels[i] = float32(img.Low + float64(i)/float64(n)*(img.High-img.Low))
			}
		}
		s := Spec{Channels: 3, Depth: 5, Height: 7, Width: 6, Fit: rapid.SampledFrom([]Fit{FitCrop, FitStretch, FitLetterbox}).Draw(t, "fit")}
		out := make([]float32, 3*5*7*6)
		checked := Check(img, Limits{MinSide: 1})
		_ = Tensor(img, s, out[:3*7*6])
		if Volume(img, s, out) == nil && checked == nil {
			for i, v := range out {
				if v-v != 0 {
					t.Fatalf("value %d is %v", i, v)
				}
			}
		}
	})
}

func BenchmarkTensor(b *testing.B) {
	img := grey(2048, 2048, func(y, x int) float32 { return float32(x & 255) })
	s := Spec{Channels: 1, Height: 28, Width: 28}
	out := make([]float32, 28*28)
	b.SetBytes(int64(4 * len(img.Pixels)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Tensor(img, s, out); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTensor224(b *testing.B) {
	img := grey(512, 512, func(y, x int) float32 { return float32(x & 255) })
	s := Spec{Channels: 3, Height: 224, Width: 224, Mean: []float32{.5, .5, .5}, Std: []float32{.2, .2, .2}}
	out := make([]float32, 3*224*224)
	b.ReportAllocs()
	for b.Loop() {
		if err := Tensor(img, s, out); err != nil {
			b.Fatal(err)
		}
	}
}
