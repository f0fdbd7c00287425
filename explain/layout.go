package explain

import "consilium/clinical"

// layout splits an example's shape into the axes where things lie (space, time)
// and the axis of channels. Sound is frames x mels: its channels come last. An
// ECG is leads x samples; a table is columns only.
type layout struct {
	shape   []int
	channel int // axis, or -1
}

func layoutOf(kind clinical.Kind, shape []int) layout {
	l := layout{shape: shape}
	switch {
	case kind == clinical.KindTable || len(shape) < 2:
		l.channel = -1
	case kind == clinical.KindSound && len(shape) == 2:
		l.channel = 1
	}
	return l
}

// channels is the number of channels; 1 when there is no such axis.
func (l layout) channels() int {
	if l.channel < 0 {
		return 1
	}
	return l.shape[l.channel]
}

// positions lists the sizes of the other axes.
func (l layout) positions() []int {
	var out []int
	for i, d := range l.shape {
		if i != l.channel {
			out = append(out, d)
		}
	}
	return out
}

// channelOf gives the channel of value i.
func (l layout) channelOf(i int) int {
	if l.channel < 0 {
		return 0
	}
	inner := 1
	for _, d := range l.shape[l.channel+1:] {
		inner *= d
	}
	return i / inner % l.shape[l.channel]
}

// at gives the index of channel c at position p (row-major over positions).
// Channels lie first or last, never between.
func (l layout) at(p, c, positions int) int {
	switch {
	case l.channel < 0:
		return p
	case l.channel == 0:
		return c*positions + p
	}
	return p*l.channels() + c
}

// Positions folds the channels of a map by summation: what is left has one
// value for each place of the picture, slice or moment.
func (m Map) Positions(kind clinical.Kind) Map {
	l := layoutOf(kind, m.Shape)
	out := Map{Shape: l.positions()}
	n := 1
	for _, d := range out.Shape {
		n *= d
	}
	out.Values = make([]float32, n)
	for p := range n {
		for c := range l.channels() {
			out.Values[p] += m.Values[l.at(p, c, n)]
		}
	}
	return out
}
