package train

import (
	"math"
	"math/rand/v2"

	"consilium/clinical"
)

// Augment says how a training example is varied. Nothing here flips: left and right mean something in medicine.
type Augment struct {
	// Pictures and volumes.
	Shift      float64 `json:"shift,omitempty"`      // of the side, each axis
	Rotate     float64 `json:"rotate,omitempty"`     // degrees, in the last two axes
	Scale      float64 `json:"scale,omitempty"`      // relative
	Contrast   float64 `json:"contrast,omitempty"`   // relative, about the mean
	Brightness float64 `json:"brightness,omitempty"` // of the full range
	Erase      float64 `json:"erase,omitempty"`      // chance of one erased rectangle (Zhong et al. 2020)
	// Signals, laid out [leads, samples] (ECG) or [frames, mels] (sound).
	Time     float64 `json:"time,omitempty"`      // circular shift, share of the length
	Gain     float64 `json:"gain,omitempty"`      // relative
	Noise    float64 `json:"noise,omitempty"`     // standard deviation, in input units
	DropLead float64 `json:"drop_lead,omitempty"` // chance that one lead reads zero
	MaskTime float64 `json:"mask_time,omitempty"` // longest masked stretch of frames (SpecAugment, Park et al. 2019)
	MaskBand float64 `json:"mask_band,omitempty"` // longest masked stretch of mel bands
}

// apply varies x in place; scratch has x's length.
func (a Augment) apply(r *rand.Rand, kind clinical.Kind, shape []int, x, scratch []float32) {
	switch kind {
	case clinical.KindImage:
		a.picture(r, shape[0], 1, shape[1], shape[2], x, scratch)
	case clinical.KindVolume:
		a.picture(r, shape[0], shape[1], shape[2], shape[3], x, scratch)
	case clinical.KindECG:
		a.ecg(r, shape[0], shape[1], x, scratch)
	case clinical.KindSound:
		a.sound(r, shape[0], shape[1], x, scratch)
	}
}

func between(r *rand.Rand, width float64) float64 { return (r.Float64()*2 - 1) * width }

func (a Augment) picture(r *rand.Rand, channels, depth, h, w int, x, scratch []float32) {
	m := newAffine(r, a, h, w)
	gain, offset := float32(1+between(r, a.Contrast)), float32(between(r, a.Brightness))
	plane := h * w
	copy(scratch, x)
	for p := range channels * depth {
		src, dst := scratch[p*plane:(p+1)*plane], x[p*plane:(p+1)*plane]
		m.warp(src, dst, h, w)
		var mean float32
		for _, v := range dst {
			mean += v
		}
		mean /= float32(plane)
		for i, v := range dst {
			dst[i] = min(max((v-mean)*gain+mean+offset, 0), 1)
		}
	}
	if a.Erase > 0 && r.Float64() < a.Erase {
		eh, ew := 1+int(r.Float64()*float64(h)*0.4), 1+int(r.Float64()*float64(w)*0.4)
		top, left := r.IntN(h-eh+1), r.IntN(w-ew+1)
		fill := float32(r.Float64())
		for p := range channels * depth {
			for i := top; i < top+eh; i++ {
				row := x[p*plane+i*w+left:][:ew]
				for j := range row {
					row[j] = fill
				}
			}
		}
	}
}

// affine maps an output pixel to where it is read from.
type affine struct{ a, b, c, d, tx, ty float64 }

func newAffine(r *rand.Rand, a Augment, h, w int) affine {
	angle := between(r, a.Rotate) * math.Pi / 180
	scale := 1 + between(r, a.Scale)
	sin, cos := math.Sincos(angle)
	m := affine{a: cos / scale, b: sin / scale, c: -sin / scale, d: cos / scale}
	cx, cy := float64(w-1)/2, float64(h-1)/2
	m.tx = cx - m.a*cx - m.b*cy + between(r, a.Shift)*float64(w)
	m.ty = cy - m.c*cx - m.d*cy + between(r, a.Shift)*float64(h)
	return m
}

// warp reads src bilinearly; beyond the edge the edge is repeated, as a film's border would be.
func (m affine) warp(src, dst []float32, h, w int) {
	for i := range h {
		for j := range w {
			u := min(max(m.a*float64(j)+m.b*float64(i)+m.tx, 0), float64(w-1))
			v := min(max(m.c*float64(j)+m.d*float64(i)+m.ty, 0), float64(h-1))
			u0, v0 := int(u), int(v)
			u1, v1 := min(u0+1, w-1), min(v0+1, h-1)
			fu, fv := float32(u-float64(u0)), float32(v-float64(v0))
			top := src[v0*w+u0]*(1-fu) + src[v0*w+u1]*fu
			bottom := src[v1*w+u0]*(1-fu) + src[v1*w+u1]*fu
			dst[i*w+j] = top*(1-fv) + bottom*fv
		}
	}
}

func (a Augment) ecg(r *rand.Rand, leads, n int, x, scratch []float32) {
	shift := int(between(r, a.Time) * float64(n))
	gain := float32(1 + between(r, a.Gain))
	noise := float32(a.Noise * r.Float64())
	copy(scratch, x)
	for l := range leads {
		src, dst := scratch[l*n:(l+1)*n], x[l*n:(l+1)*n]
		for i := range dst {
			dst[i] = src[((i+shift)%n+n)%n]*gain + noise*float32(r.NormFloat64())
		}
	}
	if a.DropLead > 0 && r.Float64() < a.DropLead {
		l := r.IntN(leads)
		clear(x[l*n : (l+1)*n])
	}
}

func (a Augment) sound(r *rand.Rand, frames, mels int, x, scratch []float32) {
	shift := int(between(r, a.Time)*float64(frames)) + frames
	copy(scratch, x)
	for t := range frames {
		copy(x[t*mels:(t+1)*mels], scratch[(t+shift)%frames*mels:][:mels])
	}
	if a.Noise > 0 {
		s := float32(a.Noise * r.Float64())
		for i := range x {
			x[i] += s * float32(r.NormFloat64())
		}
	}
	if n := int(r.Float64() * a.MaskTime * float64(frames)); n > 0 {
		from := r.IntN(frames - n + 1)
		clear(x[from*mels : (from+n)*mels])
	}
	if n := int(r.Float64() * a.MaskBand * float64(mels)); n > 0 {
		from := r.IntN(mels - n + 1)
		for t := range frames {
			clear(x[t*mels+from : t*mels+from+n])
		}
	}
}
