package puregoonnx

import "fmt"

// maxSpatial is the highest number of spatial dimensions; fewer are padded with leading ones.
const maxSpatial = 3

// triple is depth, height, width.
type triple [maxSpatial]int

func (t triple) volume() int { return t[0] * t[1] * t[2] }

// window is the geometry that convolution and pooling share.
type window struct {
	rank                                        int // spatial dimensions of the model
	in, out, kernel, stride, dilation, pad, end triple
}

// newWindow reads the attributes of a node for an input [N, C, spatial...] and a kernel.
func newWindow(n *node, shape, kernel []int) (w window, err error) {
	w.rank = len(shape) - 2
	if w.rank < 1 || w.rank > maxSpatial || len(kernel) != w.rank {
		return w, fmt.Errorf("input %v with kernel %v is not a window of 1 to %d dimensions", shape, kernel, maxSpatial)
	}
	w.in, w.kernel = w.lift(shape[2:], 1), w.lift(kernel, 1)
	w.stride, w.dilation = triple{1, 1, 1}, triple{1, 1, 1}
	if v := n.ints("strides"); v != nil {
		if len(v) != w.rank {
			return w, fmt.Errorf("strides %v", v)
		}
		w.stride = w.lift(v, 1)
	}
	if v := n.ints("dilations"); v != nil {
		if len(v) != w.rank {
			return w, fmt.Errorf("dilations %v", v)
		}
		w.dilation = w.lift(v, 1)
	}
	if v := n.ints("pads"); v != nil {
		if len(v) != 2*w.rank {
			return w, fmt.Errorf("pads %v", v)
		}
		w.pad, w.end = w.lift(v[:w.rank], 0), w.lift(v[w.rank:], 0)
	}
	return w, w.resolve(n.text("auto_pad", "NOTSET"), n.int("ceil_mode", 0) != 0)
}

// lift pads a list to three dimensions.
func (w window) lift(v []int, fill int) triple {
	t := triple{fill, fill, fill}
	copy(t[maxSpatial-w.rank:], v)
	return t
}

// spatial drops the padding dimensions again.
func (w window) spatial(t triple) []int { return t[maxSpatial-w.rank:] }

// resolve computes pads and output sizes (ONNX operator Conv, MaxPool).
func (w *window) resolve(auto string, ceil bool) error {
	for i := range maxSpatial {
		k, s, d := w.kernel[i], w.stride[i], w.dilation[i]
		if k < 1 || s < 1 || d < 1 || w.pad[i] < 0 || w.end[i] < 0 || max(k, s, d, w.pad[i], w.end[i]) > maxValues {
			return fmt.Errorf("kernel %v, strides %v, dilations %v, pads %v %v", w.kernel, w.stride, w.dilation, w.pad, w.end)
		}
		span := (k-1)*d + 1
		switch auto {
		case "NOTSET", "":
		case "VALID":
			w.pad[i], w.end[i] = 0, 0
		case "SAME_UPPER", "SAME_LOWER":
			total := max(((w.in[i]+s-1)/s-1)*s+span-w.in[i], 0)
			w.pad[i], w.end[i] = total/2, total-total/2
			if auto == "SAME_LOWER" {
				w.pad[i], w.end[i] = w.end[i], w.pad[i]
			}
		default:
			return fmt.Errorf("auto_pad %q", auto)
		}
		room := w.in[i] + w.pad[i] + w.end[i] - span
		if room < 0 || w.in[i] == 0 {
			return fmt.Errorf("a window of %d does not fit into %d", span, w.in[i]+w.pad[i]+w.end[i])
		}
		w.out[i] = room/s + 1
		// With ceil_mode a last window may hang over, but must start inside the input or its left padding.
		if ceil && room%s != 0 && w.out[i]*s < w.in[i]+w.pad[i] {
			w.out[i]++
		}
	}
	return nil
}

// span gives the outputs lo..hi along dimension i whose input, at kernel offset k, lies inside.
func (w *window) span(i, k int) (lo, hi int) {
	shift := w.pad[i] - k*w.dilation[i]
	s := w.stride[i]
	lo = max(0, (shift+s-1)/s)
	if shift <= 0 {
		lo = 0
	}
	last := w.in[i] - 1 + shift
	if last < 0 {
		return 0, 0
	}
	hi = min(w.out[i], last/s+1)
	return min(lo, hi), hi
}

// at gives the input coordinate of output o at kernel offset k along dimension i; it may lie outside.
func (w *window) at(i, o, k int) int { return o*w.stride[i] - w.pad[i] + k*w.dilation[i] }

// inside says whether coordinate x lies in the input along dimension i.
func (w *window) inside(i, x int) bool { return x >= 0 && x < w.in[i] }
