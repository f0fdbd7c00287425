package explain

import (
	"math"
	"slices"
)

// spearman is the rank correlation of two maps, ties sharing their mean rank. 0 when one of them is constant.
func spearman(a, b []float32) float64 {
	return pearson(ranks(a), ranks(b))
}

func ranks(x []float32) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		switch {
		case x[i] < x[j]:
			return -1
		case x[i] > x[j]:
			return 1
		}
		return 0
	})
	out := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for _, at := range order[i:j] {
			out[at] = float64(i+j-1) / 2
		}
		i = j
	}
	return out
}

func pearson(a, b []float64) float64 {
	var sa, sb float64
	for i := range a {
		sa += a[i]
		sb += b[i]
	}
	ma, mb := sa/float64(len(a)), sb/float64(len(b))
	var cov, va, vb float64
	for i := range a {
		cov += (a[i] - ma) * (b[i] - mb)
		va += (a[i] - ma) * (a[i] - ma)
		vb += (b[i] - mb) * (b[i] - mb)
	}
	if va == 0 || vb == 0 {
		return 0
	}
	return cov / math.Sqrt(va*vb)
}

// ssimWindow is the side of the uniform window of ssim, on every axis that is long enough.
const ssimWindow = 7

// ssim is the mean structural similarity (Wang et al., IEEE TIP 2004) of two maps
// scaled to 0..1, with a uniform window.
func ssim(a, b []float32, shape []int) float64 {
	x, y := unit(a), unit(b)
	products := func(p, q []float64) []float64 {
		out := make([]float64, len(p))
		for i := range p {
			out[i] = p[i] * q[i]
		}
		return boxMean(out, shape)
	}
	mx, my, xx, yy, xy := boxMean(x, shape), boxMean(y, shape), products(x, x), products(y, y), products(x, y)
	const c1, c2 = 0.01 * 0.01, 0.03 * 0.03 // of a dynamic range of 1
	sum := 0.0
	for i := range mx {
		vx, vy, cov := xx[i]-mx[i]*mx[i], yy[i]-my[i]*my[i], xy[i]-mx[i]*my[i]
		sum += (2*mx[i]*my[i] + c1) * (2*cov + c2) / ((mx[i]*mx[i] + my[i]*my[i] + c1) * (vx + vy + c2))
	}
	return sum / float64(len(mx))
}

func unit(x []float32) []float64 {
	lo, hi := slices.Min(x), slices.Max(x)
	out := make([]float64, len(x))
	if hi > lo {
		for i, v := range x {
			out[i] = float64(v-lo) / float64(hi-lo)
		}
	}
	return out
}

// boxMean averages over windows that lie inside, along every axis of at least ssimWindow.
func boxMean(x []float64, shape []int) []float64 {
	shape = slices.Clone(shape)
	for axis, n := range shape {
		if n < ssimWindow {
			continue
		}
		inner, to := 1, n-ssimWindow+1
		for _, d := range shape[axis+1:] {
			inner *= d
		}
		outer := len(x) / (n * inner)
		out := make([]float64, outer*to*inner)
		for o := range outer {
			for j := range inner {
				for i := range to {
					sum := 0.0
					for k := range ssimWindow {
						sum += x[(o*n+i+k)*inner+j]
					}
					out[(o*to+i)*inner+j] = sum / ssimWindow
				}
			}
		}
		x, shape[axis] = out, to
	}
	return x
}
