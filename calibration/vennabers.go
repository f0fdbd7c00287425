package calibration

// Interval is the inductive Venn-Abers interval of the probability of class 1
// (Vovk and Petej, UAI 2014): isotonic regression is fitted twice, with the new
// example taken as a 0 and as a 1, and read at its score. One of the two is
// calibrated whatever the data's distribution, so the width says how much the
// calibration examples leave open there. It is widened where needed to hold
// the point that Apply gives, which does not weaken that. ok is false unless
// the model has two classes and the map holds calibration scores. O(n).
func (m Map) Interval(logits []float64) (low, high float64, ok bool) {
	p0, p1, ok := m.pair(logits)
	if !ok {
		return 0, 0, false
	}
	p, err := m.Apply(logits)
	if err != nil {
		return 0, 0, false
	}
	return min(p0, p[1]), max(p1, p[1]), true
}

// pair is (p0, p1) of a new example. p0 <= p1.
func (m Map) pair(logits []float64) (p0, p1 float64, ok bool) {
	if len(m.Scores) == 0 || checkLogits(logits) != nil || m.checkScores(len(logits)) != nil {
		return 0, 0, false
	}
	s := logits[1] - logits[0]
	return m.fitWith(s, 0), m.fitWith(s, 1), true
}

// fitWith pools the calibration scores, which are sorted, with one more
// example of score s and label y, and gives the fitted value at s.
func (m Map) fitWith(s, y float64) float64 {
	stack := make([]block, 0, 64)
	i := 0
	for i < len(m.Scores) && m.Scores[i] < s {
		stack = push(stack, m.tied(&i))
	}
	own := block{low: s, high: s, sum: y, weight: 1}
	for ; i < len(m.Scores) && m.Scores[i] == s; i++ {
		own.sum += float64(m.Truth[i])
		own.weight++
	}
	stack = push(stack, own)
	for i < len(m.Scores) {
		stack = push(stack, m.tied(&i))
	}
	for k := len(stack) - 1; k > 0; k-- {
		if stack[k].low <= s {
			return stack[k].value()
		}
	}
	return stack[0].value()
}

// tied takes the scores equal to the one at i as a block, and moves i behind them.
func (m Map) tied(i *int) block {
	b := block{low: m.Scores[*i], high: m.Scores[*i]}
	for ; *i < len(m.Scores) && m.Scores[*i] == b.low; *i++ {
		b.sum += float64(m.Truth[*i])
		b.weight++
	}
	return b
}
