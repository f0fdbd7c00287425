package knowledge

import (
	"testing"
)

// BenchmarkScore is what the re-ranker pays for one disease and term.
func BenchmarkScore(b *testing.B) {
	c := small(ComplEx)
	c.Dim, c.Epochs = 64, 1
	s := trained(b, planted(b, 4, 50, 50), c, HoldOut{}).Scorer()
	i, sum := 0, float32(0)
	for b.Loop() {
		sum += s.Score(i%len(s.total), i*7%len(s.ids))
		i++
	}
	_ = sum
}
