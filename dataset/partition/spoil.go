package partition

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"consilium/dataset"
	"consilium/fault"
)

// Rare thins a class in train and validation until it is at most a share of each; the test split stays whole, so that
// what is found of the class can still be measured. Who stays is decided by a hash of the group.
// Errors: USAGE, DATA_UNFIT, and those of the set's Read.
func Rare(set dataset.Set, label int, share float64, seed uint64) (dataset.Set, error) {
	if label < 0 || label >= len(set.Info().Labels) || !(share > 0 && share < 1) {
		return nil, fault.New(fault.Usage, fmt.Sprintf("class %d thinned to a share of %v", label, share),
			fmt.Sprintf("choose a class from 0 to %d and a share between 0 and 1", len(set.Info().Labels)-1))
	}
	v := newView(set, fmt.Sprintf(", %s thinned to %.3g%%", set.Info().Labels[label].Name, 100*share),
		fmt.Sprintf("The class %q was thinned to at most %.3g%% of train and of validation; the test split is whole.", set.Info().Labels[label].Name, 100*share))
	for _, split := range dataset.Splits {
		if split == dataset.Test {
			v.parts[split] = whole(set, split)
			continue
		}
		list, err := members(set, seed, "rare", split)
		if err != nil {
			return nil, err
		}
		thinned := slices.DeleteFunc(slices.Clone(list), func(m member) bool { return m.label != label })
		slices.SortStableFunc(thinned, func(a, b member) int { return cmp.Compare(a.order, b.order) })
		others := float64(len(list) - len(thinned))
		keep := int(math.Floor(share*others/(1-share) + 1e-9))
		if split == dataset.Train && keep < 1 {
			return nil, fault.New(fault.DataUnfit, fmt.Sprintf("a share of %v of %d examples is none", share, len(list)), "choose a larger share")
		}
		stays := map[int]bool{}
		for _, m := range thinned[:min(keep, len(thinned))] {
			stays[m.index] = true
		}
		for _, m := range list {
			if m.label != label || stays[m.index] {
				v.parts[split] = append(v.parts[split], m.place)
			}
		}
	}
	return v, nil
}

// flip gives every example of train and validation the next label: what a poisoned site learns from.
type flip struct{ dataset.Set }

// Flip changes the label of every train and validation example to the next one, the last to the first. Test stays.
func Flip(set dataset.Set) dataset.Set { return flip{set} }

// Read reads through, and lies about the label.
func (f flip) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	s, err := f.Set.Read(split, i, into)
	if err == nil && split != dataset.Test {
		s.Label = (s.Label + 1) % len(f.Info().Labels)
	}
	return s, err
}

// Close leaves the inner set open.
func (f flip) Close() error { return nil }

// Device is how one site's scanner shows a picture: v becomes Contrast*(v^Gamma - 0.5) + 0.5 + Brightness, then
// Channel is added to each colour; the result is cut to 0..1.
type Device struct {
	Contrast, Brightness, Gamma float64
	Channel                     []float64
}

// device draws one of moderate to strong deviation: the same seed and name always give the same.
func newDevice(seed uint64, name string, channels int, strength float64) Device {
	part := func(what string) float64 { // -1..1
		return float64(keyed(seed, "device "+what, name)>>11)/(1<<52) - 1
	}
	d := Device{
		Contrast:   math.Pow(2, 0.8*strength*part("contrast")),
		Brightness: 0.2 * strength * part("brightness"),
		Gamma:      math.Pow(2, 1.0*strength*part("gamma")),
	}
	for c := range channels {
		shift := 0.0
		if channels > 1 {
			shift = 0.1 * strength * part(fmt.Sprint("channel ", c))
		}
		d.Channel = append(d.Channel, shift)
	}
	return d
}

type scanner struct {
	dataset.Set
	Device
}

// Scanner shows all of a set's pictures, values in 0..1 and channels first, through a device of its own, in every
// split. Strength 1 is contrast up to 1.7-fold, brightness up to 0.2, gamma up to 2, and a shift of up to 0.1 for
// each colour. Other kinds of data are shifted likewise, value by value. Errors: USAGE.
func Scanner(set dataset.Set, seed uint64, name string, strength float64) (dataset.Set, Device, error) {
	if !(strength >= 0 && strength <= 3) {
		return nil, Device{}, fault.New(fault.Usage, fmt.Sprintf("a scanner of strength %v", strength), "choose 0 to 3")
	}
	d := newDevice(seed, name, max(set.Info().Shape[0], 1), strength)
	return &scanner{set, d}, d, nil
}

// Info carries a caveat.
func (s *scanner) Info() dataset.Info {
	info := s.Set.Info()
	info.Caveats = append(slices.Clone(info.Caveats), fmt.Sprintf("Shown through a simulated scanner: contrast %.2f, brightness %+.2f, gamma %.2f.", s.Contrast, s.Brightness, s.Gamma))
	return info
}

// Read reads through, and changes the picture.
func (s *scanner) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	sample, err := s.Set.Read(split, i, into)
	if err != nil {
		return sample, err
	}
	plane := len(into) / len(s.Channel)
	for k, v := range into {
		x := s.Contrast*(math.Pow(float64(max(v, 0)), s.Gamma)-0.5) + 0.5 + s.Brightness + s.Channel[min(k/plane, len(s.Channel)-1)]
		into[k] = float32(min(max(x, 0), 1))
	}
	return sample, nil
}

// Close leaves the inner set open.
func (s *scanner) Close() error { return nil }
