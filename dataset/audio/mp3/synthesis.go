package mp3

import "math"

// Inverse transforms with their windows folded in: output i of input k.
var (
	longBasis  [4][36][18]float32 // by block type; [2] is unused
	shortBasis [12][6]float32
	cosines    [32][32]float32
	window     [512]float32
)

func init() {
	for i := range 36 {
		for k := range 18 {
			c := math.Cos(math.Pi / 72 * float64(2*i+1+18) * float64(2*k+1))
			for kind := range longBasis {
				longBasis[kind][i][k] = float32(c * longWindow(kind, i))
			}
		}
	}
	for i := range 12 {
		for k := range 6 {
			c := math.Cos(math.Pi / 24 * float64(2*i+1+6) * float64(2*k+1))
			shortBasis[i][k] = float32(c * math.Sin(math.Pi/12*(float64(i)+0.5)))
		}
	}
	for n := range cosines {
		for k := range cosines[n] {
			cosines[n][k] = float32(math.Cos(math.Pi / 64 * float64(n) * float64(2*k+1)))
		}
	}
	for i := range window {
		v := windowHalf[min(i, 512-i)]
		if i > 256 && i%64 != 0 {
			v = -v
		}
		window[i] = float32(v) / 65536
	}
}

// longWindow is the window of 36 samples for block types 0, 1 and 3,
// ISO/IEC 11172-3 2.4.3.4.10.3.
func longWindow(kind, i int) float64 {
	x := float64(i) + 0.5
	switch {
	case kind == 1 && i >= 30, kind == 3 && i < 6:
		return 0
	case kind == 1 && i >= 24:
		return math.Sin(math.Pi / 12 * (x - 18))
	case kind == 1 && i >= 18, kind == 3 && i >= 12 && i < 18:
		return 1
	case kind == 3 && i < 12:
		return math.Sin(math.Pi / 12 * (x - 6))
	}
	return math.Sin(math.Pi / 36 * x)
}

// filterbank is the synthesis state of one channel.
type filterbank struct {
	overlap [32][18]float32
	v       [1024]float32 // ring of 16 vectors of 64
	at      int           // of the newest vector in v
}

// synthesise turns 576 spectral lines into as many samples.
func (f *filterbank) synthesise(g *granule, x *[lines]float32, out []float32) {
	var time [18][32]float32
	for sb := range 32 {
		in := (*[18]float32)(x[18*sb:])
		kind := g.blockType
		if g.mixed && sb < 2 {
			kind = 0
		}
		var raw [36]float32
		if *in != ([18]float32{}) {
			if kind == 2 {
				inverseShort(in, &raw)
			} else {
				inverseLong(&longBasis[kind], in, &raw)
			}
		}
		for i := range 18 {
			s := raw[i] + f.overlap[sb][i]
			if i&sb&1 == 1 {
				s = -s // frequency inversion
			}
			time[i][sb] = s
			f.overlap[sb][i] = raw[18+i]
		}
	}
	for i := range time {
		f.subbands(&time[i], out[32*i:32*i+32])
	}
}

func inverseLong(basis *[36][18]float32, in *[18]float32, raw *[36]float32) {
	for i := range raw {
		var s float32
		for k, c := range basis[i] {
			s += c * in[k]
		}
		raw[i] = s
	}
}

func inverseShort(in *[18]float32, raw *[36]float32) {
	for w := range 3 {
		for i := range 12 {
			var s float32
			for k, c := range shortBasis[i] {
				s += c * in[3*k+w]
			}
			raw[6+6*w+i] += s
		}
	}
}

// subbands is the polyphase synthesis of 32 samples, figure 3-A.2. Its 64
// cosine sums are 32 and their mirror images.
func (f *filterbank) subbands(s *[32]float32, out []float32) {
	var c [32]float32
	for n := range cosines {
		row := &cosines[n]
		var even, odd float32
		for k := 0; k < 32; k += 2 {
			even += row[k] * s[k]
			odd += row[k+1] * s[k+1]
		}
		c[n] = even + odd
	}
	f.at = (f.at + 1024 - 64) % 1024
	v := (*[64]float32)(f.v[f.at:])
	for i := range 16 {
		v[i] = c[16+i]
		v[17+i] = -c[31-i]
		v[33+i] = -c[15-i]
	}
	v[16] = 0
	copy(v[49:], c[1:16])
	for i := 49; i < 64; i++ {
		v[i] = -v[i]
	}
	for j := range out {
		var sum float32
		for i := range 8 {
			sum += f.v[(f.at+128*i+j)%1024] * window[64*i+j]
			sum += f.v[(f.at+128*i+96+j)%1024] * window[64*i+32+j]
		}
		out[j] = sum
	}
}
