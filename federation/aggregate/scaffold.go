package aggregate

import (
	"consilium/fault"
	"consilium/federation"
)

// scaffold is SCAFFOLD (Karimireddy et al. 2020): beside the weights the sites' control variates c_i are averaged,
// and their mean c tells each site how far its own gradient is off.
//
// The paper counts all sites alike: c += |S|/N * mean of the changes of c_i. Here sites may weigh by samples, so that c
// has to be the weighted mean of all c_i, else the fixed point is that of another objective. The sum of w_i * c_i over
// all sites is followed exactly: absent sites do not change theirs. What all N sites weigh together is taken from
// those seen so far; with equal weights that is N, and the step is the paper's.
type scaffold struct {
	mean
	change      sum       // of this round: sum of w * change of c_i
	c           []float32 // replaced, never changed: Extra hands it out
	seen, count float64   // weight and number of all updates of all rounds
}

// Begin implements Rule.
func (s *scaffold) Begin(global []float32) error {
	if err := s.mean.Begin(global); err != nil {
		return err
	}
	s.change.reset(s.size)
	return nil
}

// Add implements Rule.
func (s *scaffold) Add(u federation.Update) error {
	if err := s.admit(u); err != nil {
		return err
	}
	w := weight(s.plan, u)
	s.change.add(w, u.Extra)
	s.take(u, 1, w)
	return nil
}

// AddSum implements Rule.
func (s *scaffold) AddSum(sum []float64, sites []string) error {
	head, err := s.admitSum(sum, sites)
	if err != nil {
		return err
	}
	s.change.addSum(head.extra)
	s.takeSum(head, sites)
	return nil
}

// Finish implements Rule.
func (s *scaffold) Finish() ([]float32, Note, error) {
	if err := s.quorum(); err != nil {
		return nil, Note{}, err
	}
	before := s.all()
	s.seen += s.weight
	s.count += float64(len(s.in))
	after := s.all()
	keep := before / after // 1 but for what was learnt about the sites' weights
	next := s.change.high
	blocks(s.size, func(from, to int) {
		for i := from; i < to; i++ {
			next[i] = float32(float64(keep*float64(s.c[i])) + s.change.at(i)/after)
		}
	})
	s.c, s.change.high = next, nil
	return s.mean.Finish()
}

// all is what all sites weigh together, as far as is known; 0 before the first round.
func (s *scaffold) all() float64 {
	if s.count == 0 {
		return 0
	}
	return float64(s.sites) * (s.seen / s.count)
}

// Extra gives c.
func (s *scaffold) Extra() []float32 { return s.c }

// Snapshot implements Rule.
func (s *scaffold) Snapshot() ([]byte, error) {
	return s.snapshot([]float64{s.seen, s.count}, s.c), nil
}

// Restore implements Rule.
func (s *scaffold) Restore(b []byte) error {
	x, lists, err := s.restore(b, 2, 1)
	if err != nil {
		return err
	}
	if x[0] > x[1] || (x[0] == 0) != (x[1] == 0) || !usable(lists[0], 0x1p100) {
		return fault.New(fault.CheckpointBad, "a rule's snapshot has weights that cannot be", "start the job again")
	}
	s.drop()
	s.c, s.seen, s.count = lists[0], x[0], x[1]
	return nil
}
