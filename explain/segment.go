package explain

import (
	"fmt"
	"slices"
	"strings"
)

// Segment is a stretch of a signal that the answer rests on.
type Segment struct {
	From   int     `json:"from"` // first position
	To     int     `json:"to"`   // one past the last
	Weight float64 `json:"weight"`
}

// Segments finds the stretches where values, smoothed over width positions,
// exceed half of their maximum, heaviest first, at most limit of them. Weight is
// the share of all positive evidence.
func Segments(values []float32, width, limit int) []Segment {
	x := values
	if width > 1 {
		x = smooth(values, []int{len(values)}, 0, float64(width)/2)
	}
	top, total := float32(0), 0.0
	for _, v := range x {
		top = max(top, v)
		total += float64(max(v, 0))
	}
	if top <= 0 {
		return nil
	}
	var out []Segment
	for i := 0; i < len(x); {
		if x[i] < top/2 {
			i++
			continue
		}
		s := Segment{From: i}
		for ; i < len(x) && x[i] >= top/2; i++ {
			s.Weight += float64(x[i]) / total
		}
		s.To = i
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Segment) int {
		switch {
		case a.Weight > b.Weight:
			return -1
		case a.Weight < b.Weight:
			return 1
		}
		return 0
	})
	return out[:min(len(out), limit)]
}

// describe lists segments in seconds, in the order of time.
func describe(segments []Segment, rate float64) string {
	if len(segments) == 0 {
		return ""
	}
	sorted := slices.Clone(segments)
	slices.SortFunc(sorted, func(a, b Segment) int { return a.From - b.From })
	var parts []string
	for _, s := range sorted {
		parts = append(parts, fmt.Sprintf("%.1f to %.1f s", float64(s.From)/rate, float64(s.To)/rate))
	}
	return "Most decisive: " + strings.Join(parts, ", ") + "."
}
