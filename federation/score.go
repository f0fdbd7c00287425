package federation

// Plus adds the counts of another site's examples. AUC does not add up and is dropped. A nil score is none yet.
func (s *Score) Plus(o *Score) *Score {
	if s == nil {
		c := *o
		c.AUC = nil
		c.Confusion = nil
		for _, row := range o.Confusion {
			c.Confusion = append(c.Confusion, append([]int{}, row...))
		}
		return &c
	}
	if len(s.Confusion) != len(o.Confusion) {
		return s
	}
	n := s.N + o.N
	if n > 0 {
		s.Loss = (s.Loss*float64(s.N) + o.Loss*float64(o.N)) / float64(n)
	}
	s.N = n
	for i, row := range o.Confusion {
		for k, v := range row {
			if k < len(s.Confusion[i]) {
				s.Confusion[i][k] += v
			}
		}
	}
	return s
}

// Accuracy is the share of right predictions; 0 without examples.
func (s *Score) Accuracy() float64 {
	right, all := 0, 0
	for i, row := range s.Confusion {
		for k, v := range row {
			all += v
			if i == k {
				right += v
			}
		}
	}
	if all == 0 {
		return 0
	}
	return float64(right) / float64(all)
}

// MacroF1 is the mean of the classes' F1 scores. A class that nobody has and nobody predicts counts as 0, as scikit-learn has it.
func (s *Score) MacroF1() float64 {
	if len(s.Confusion) == 0 {
		return 0
	}
	var sum float64
	for c := range s.Confusion {
		var truth, predicted int
		for _, v := range s.Confusion[c] {
			truth += v
		}
		for _, row := range s.Confusion {
			if c < len(row) {
				predicted += row[c]
			}
		}
		if truth+predicted > 0 {
			sum += 2 * float64(s.Confusion[c][c]) / float64(truth+predicted)
		}
	}
	return sum / float64(len(s.Confusion))
}
