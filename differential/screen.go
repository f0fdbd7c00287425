package differential

import (
	"cmp"
	"slices"
	"sync"

	"consilium/ontology"
)

// shortlist is how many diseases the second pass looks at.
const shortlist = 120

// scratch is the memory of one pass over all diseases.
type scratch struct {
	score, best []float32
	shared      []float32
	touched     []int32
	order       []int32
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

func (s *scratch) reset(n int) {
	if len(s.score) != n {
		*s = scratch{score: make([]float32, n), best: make([]float32, n), shared: make([]float32, n), order: make([]int32, n)}
	}
	clear(s.score)
	clear(s.shared)
}

// screen adds up over all diseases what the findings say, and gives the best.
// Diseases whose annotations rest on a paper that does not count are always among
// them, so that they are judged by what is left; unless nothing is.
func (m *Model) screen(q *query) []int32 {
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.reset(len(m.profiles))
	for _, t := range q.observed {
		m.add(s, t)
	}
	for _, t := range q.excluded {
		for _, x := range m.postings[t] {
			s.score[x.disease] += float32(screenExcluded * absence(exp(x.logp)))
		}
	}
	m.overlap(s, q)
	best := s.top(shortlist)
	for _, d := range m.affected(q) {
		place := slices.Index(best, d)
		known := len(m.profile(d, q).direct) > 0
		switch {
		case known && place < 0:
			best = append(best, d)
		case !known && place >= 0:
			best = slices.Delete(best, place, place+1)
		}
	}
	return best
}

// How much exclusions and the overlap of profiles count in the first pass, beside the likelihood ratios.
const (
	screenExcluded = 0.05
	screenOverlap  = 12
)

// add adds one observed finding: for each disease the strongest way in which it speaks.
func (m *Model) add(s *scratch, t ontology.Index) {
	s.touched = s.touched[:0]
	for _, a := range m.base.Ancestors(t) {
		if m.ic[a] < common {
			continue // nearly every disease has it
		}
		say := float32(m.speaks(0, a, t)) - floor
		for _, x := range m.postings[a] {
			if r := x.logp + say; r > s.best[x.disease] {
				if s.best[x.disease] == 0 {
					s.touched = append(s.touched, x.disease)
				}
				s.best[x.disease] = r
			}
		}
	}
	for _, d := range s.touched {
		s.score[d] += s.best[d]
		s.best[d] = 0
	}
}

// overlap adds the share of information that case and disease have in common.
func (m *Model) overlap(s *scratch, q *query) {
	for w, word := range q.above {
		for t := ontology.Index(w << 6); word != 0; t, word = t+1, word>>1 {
			if word&1 == 0 || m.ic[t] < common {
				continue
			}
			for _, x := range m.postings[t] {
				s.shared[x.disease] += m.ic[t]
			}
		}
	}
	for d, shared := range s.shared {
		s.score[d] += over(shared, &m.profiles[d], q)
	}
}

// over puts shared information over all that case and disease have.
func over(shared float32, p *profile, q *query) float32 {
	return screenOverlap * shared / float32(p.total+q.total-float64(shared)+1)
}

// overlapOf is what overlap adds for one profile.
func (m *Model) overlapOf(p *profile, q *query) float32 {
	var shared float32
	for _, e := range p.closure {
		if has(q.above, e.term) && m.ic[e.term] >= 0.2 {
			shared += m.ic[e.term]
		}
	}
	return over(shared, p, q)
}

// top gives the n diseases with the highest scores.
func (s *scratch) top(n int) []int32 {
	for i := range s.order {
		s.order[i] = int32(i)
	}
	higher := func(a, b int32) int { return cmp.Or(cmp.Compare(s.score[b], s.score[a]), cmp.Compare(a, b)) }
	if n < len(s.order) {
		cut := s.threshold(n)
		at := 0
		for _, d := range s.order {
			if s.score[d] >= cut {
				s.order[at] = d
				at++
			}
		}
		best := s.order[:at]
		slices.SortFunc(best, higher)
		return slices.Clone(best[:min(n, at)])
	}
	best := slices.Clone(s.order)
	slices.SortFunc(best, higher)
	return best
}

// threshold gives a score that at least n diseases reach, and not many more, from a histogram.
func (s *scratch) threshold(n int) float32 {
	lo, hi := s.score[0], s.score[0]
	for _, v := range s.score {
		lo, hi = min(lo, v), max(hi, v)
	}
	const bars = 1024
	var count [bars + 1]int
	width := (hi - lo) / bars
	if width <= 0 {
		return lo
	}
	for _, v := range s.score {
		count[min(int((v-lo)/width), bars)]++
	}
	above := 0
	for b := bars; b >= 0; b-- {
		if above += count[b]; above >= n {
			return lo + float32(b)*width - width/2 // half a bar of room for rounding
		}
	}
	return lo
}
