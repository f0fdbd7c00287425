package puregoonnx

import (
	"fmt"
	"math"
)

// batchNormalization in inference: scale (x - mean) / sqrt(var + epsilon) + bias, per channel.
func batchNormalization(c *call) (*array, error) {
	x := c.in[0]
	if c.int("training_mode", 0) != 0 {
		return nil, fmt.Errorf("training_mode is not supported")
	}
	if len(x.shape) < 2 {
		return nil, fmt.Errorf("input %v has no channels", x.shape)
	}
	for i, p := range c.in[1:5] {
		if len(p.f) != x.shape[1] {
			return nil, fmt.Errorf("parameter %d has %d values for %d channels", i, len(p.f), x.shape[1])
		}
	}
	out, err := x.like(x.shape...)
	if err != nil {
		return nil, err
	}
	volume, eps := product(x.shape[2:]), float64(c.float("epsilon", 1e-5))
	for i := range x.shape[0] * x.shape[1] {
		ch := i % x.shape[1]
		scale := float64(c.in[1].f[ch]) / math.Sqrt(float64(c.in[4].f[ch])+eps)
		shift := float64(c.in[2].f[ch]) - scale*float64(c.in[3].f[ch])
		for j := i * volume; j < (i+1)*volume; j++ {
			out.f[j] = float32(float64(x.f[j])*scale + shift)
		}
	}
	return out, nil
}

// standardise writes (x - mean) / sqrt(variance + epsilon) of one slice.
func standardise(to, x []float32, eps float64) {
	m := float64(mean(x))
	v := 0.0
	for _, e := range x {
		v += (float64(e) - m) * (float64(e) - m)
	}
	f := 1 / math.Sqrt(v/float64(len(x))+eps)
	for i, e := range x {
		to[i] = float32((float64(e) - m) * f)
	}
}

// groupNormalization standardises groups of channels, then scales: per group up to opset 20, per channel from 21.
func groupNormalization(c *call) (*array, error) { return normaliseChannels(c, c.int("num_groups", 0)) }

// instanceNormalization is group normalisation with one channel a group.
func instanceNormalization(c *call) (*array, error) {
	if len(c.in[0].shape) < 2 {
		return nil, fmt.Errorf("input %v has no channels", c.in[0].shape)
	}
	return normaliseChannels(c, c.in[0].shape[1])
}

func normaliseChannels(c *call, groups int) (*array, error) {
	x, scale, bias := c.in[0], c.in[1], c.in[2]
	if len(x.shape) < 2 || groups < 1 || x.shape[1]%groups != 0 || product(x.shape[1:]) == 0 {
		return nil, fmt.Errorf("input %v does not split into %d groups", x.shape, groups)
	}
	channels := x.shape[1]
	per := 1 // channels that share one scale
	if len(scale.f) == groups && len(scale.f) != channels {
		per = channels / groups
	}
	if len(scale.f)*per != channels || len(bias.f) != len(scale.f) {
		return nil, fmt.Errorf("%d scales for %d channels", len(scale.f), channels)
	}
	out, err := x.like(x.shape...)
	if err != nil {
		return nil, err
	}
	volume, eps := product(x.shape[2:]), float64(c.float("epsilon", 1e-5))
	size := channels / groups * volume
	for i := range x.shape[0] * groups {
		standardise(out.f[i*size:(i+1)*size], x.f[i*size:(i+1)*size], eps)
	}
	for i := range x.shape[0] * channels {
		s, b := scale.f[i%channels/per], bias.f[i%channels/per]
		for j := i * volume; j < (i+1)*volume; j++ {
			out.f[j] = out.f[j]*s + b
		}
	}
	return out, nil
}

// layerNormalization standardises over the axes from axis on.
func layerNormalization(c *call) (*array, error) {
	x := c.in[0]
	ax, err := axis(c.int("axis", -1), len(x.shape))
	if err != nil {
		return nil, err
	}
	size := product(x.shape[ax:])
	scale, err := expandTo(c.in[1], x.shape[ax:])
	if err != nil || size == 0 {
		return nil, fmt.Errorf("scale %v for %v", c.in[1].shape, x.shape)
	}
	out, err := x.like(x.shape...)
	if err != nil {
		return nil, err
	}
	bias := c.optional(2)
	if bias != nil {
		if bias, err = expandTo(bias, x.shape[ax:]); err != nil {
			return nil, err
		}
	}
	for o := 0; o < len(x.f); o += size {
		standardise(out.f[o:o+size], x.f[o:o+size], float64(c.float("epsilon", 1e-5)))
		for j := range size {
			out.f[o+j] *= scale.f[j]
			if bias != nil {
				out.f[o+j] += bias.f[j]
			}
		}
	}
	return out, nil
}
