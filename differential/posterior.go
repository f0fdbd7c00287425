package differential

import "math"

// facts about a whole list, from which one can tell whether the right disease may be outside of it.
const facts = 9

// outsides are the ways in which the right disease can be missing from the list.
const (
	elsewhere = iota // known, and not among those that were looked at closely
	unlisted         // not among the known diseases
	outsides
)

// describe gives the facts of a list whose inside probabilities are p: how much of the
// case the best disease explains, how sure the list is of it, how much the case tells.
func describe(q *query, rows []row, p []float64) [facts]float64 {
	var out [facts]float64
	out[6] = math.Log1p(float64(len(q.observed)))
	out[7] = math.Log1p(q.mass / 10)
	if len(rows) == 0 {
		return out
	}
	best := 0
	entropy := 0.0
	for i, v := range p {
		if v > p[best] {
			best = i
		}
		if v > 0 {
			entropy -= v * math.Log(v)
		}
	}
	top := &rows[best]
	out[0], out[1], out[2] = top[bestMatchInformation], top[ratioMean]/4, top[overlapOfCase]
	out[3], out[4], out[5] = top[withinShare], top[covered], top[strangeShare]
	out[8] = entropy / 3
	// The most that any of them explains, whichever leads.
	for i := range rows {
		out[0] = math.Max(out[0], rows[i][bestMatchInformation])
	}
	return out
}

// softmax of scores; an empty list stays empty.
func softmax(scores []float64) []float64 {
	top := math.Inf(-1)
	for _, s := range scores {
		top = math.Max(top, s)
	}
	out, sum := make([]float64, len(scores)), 0.0
	for i, s := range scores {
		out[i] = math.Exp(s - top)
		sum += out[i]
	}
	for i := range out {
		out[i] /= sum
	}
	return out
}

// outside gives the probabilities that the right disease is elsewhere or unlisted.
func (r *Ranker) outside(x [facts]float64) [outsides]float64 {
	logits := make([]float64, outsides+1) // the last: on the list
	for k, head := range r.Outside {
		logits[k] = head[facts]
		for i, v := range x {
			logits[k] += head[i] * v
		}
	}
	p := softmax(logits)
	return [outsides]float64{p[elsewhere], p[unlisted]}
}

// judge gives the scores of rows, and the probability of each, of elsewhere and of unlisted: together 1.
func (r *Ranker) judge(q *query, rows []row) (scores, p []float64, out [outsides]float64) {
	scores = r.scores(rows)
	p = softmax(scores)
	out = r.outside(describe(q, rows, p))
	in := 1 - out[elsewhere] - out[unlisted]
	for i := range p {
		p[i] *= in
	}
	return scores, p, out
}
