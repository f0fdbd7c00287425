package knowledge

import (
	"math"
)

// Model is a trained factorisation. It is safe for concurrent use once trained.
type Model struct {
	Config    Config
	HoldOut   HoldOut  // which links it has not seen
	Sources   []string // whose diseases it knows; none means all
	Graph     string   // digest of the graph it was trained on
	Synthetic bool
	Epoch     int // epochs done

	entity *table
	model  factorisation
	ids    []string
	starts [kinds + 1]Entity

	total   []float32 // of each disease: the logarithm of its softmax's denominator over all phenotypes
	average []float32 // of each phenotype: the logarithm of its mean probability over all diseases
}

// Predictor scores answers. Higher is likelier; only the order within one query has a meaning.
type Predictor interface {
	Name() string
	// Predict fills out with one row for each query: the score of every candidate, in
	// the order of their numbers. The queries are of one relation and direction.
	Predict(queries []Query, out []float32)
}

// Name of the factorisation.
func (m *Model) Name() string { return m.Config.Model }

// Predict scores by the factorisation.
func (m *Model) Predict(queries []Query, out []float32) {
	dim := m.Config.Dim
	slot := slotOf(queries[0].Relation, queries[0].Inverse)
	k := shapes[queries[0].Relation].tail
	if queries[0].Inverse {
		k = shapes[queries[0].Relation].head
	}
	var work multiplier
	turned := m.turned(slot, queries, &work)
	from, to := int(m.starts[k]), int(m.starts[k+1])
	clear(out)
	work.add(out, turned, dense(m.entity.value[from*dim:to*dim], to-from, dim).transposed())
}

// turned gives the query vectors, one a row.
func (m *Model) turned(slot int, queries []Query, work *multiplier) matrix {
	dim, n := m.Config.Dim, len(queries)
	heads := dense(make([]float32, n*dim), n, dim)
	for i, q := range queries {
		copy(heads.data[i*dim:], m.entity.row(int(q.Entity)))
	}
	out := dense(make([]float32, n*dim), n, dim)
	m.model.turn(slot, heads, out, work)
	return out
}

// atOnce is how many queries are scored together.
const atOnce = 256

// normalise computes what turns products into probabilities: p(term | disease) is
// the softmax over all phenotypes.
func (m *Model) normalise() {
	diseases, terms := int(m.starts[Disease+1]-m.starts[Disease]), int(m.starts[Phenotype+1]-m.starts[Phenotype])
	m.total, m.average = make([]float32, diseases), make([]float32, terms)
	sums := make([]float64, terms)
	scores := make([]float32, atOnce*terms)
	for from := 0; from < diseases; from += atOnce {
		n := min(atOnce, diseases-from)
		queries := make([]Query, n)
		for i := range queries {
			queries[i] = Query{m.starts[Disease] + Entity(from+i), HasPhenotype, false}
		}
		m.Predict(queries, scores[:n*terms])
		for i := range n {
			row := scores[i*terms:][:terms]
			m.total[from+i] = logSum(row)
			for j, v := range row {
				sums[j] += float64(exp32(v - m.total[from+i]))
			}
		}
	}
	for j, s := range sums {
		m.average[j] = float32(math.Log(max(s/float64(diseases), 1e-12)))
	}
}

// logSum is the logarithm of the sum of exponentials.
func logSum(row []float32) float32 {
	if len(row) == 0 {
		return 0
	}
	top, sum := row[0], 0.0
	for _, v := range row {
		top = max(top, v)
	}
	for _, v := range row {
		sum += float64(exp32(v - top))
	}
	return top + float32(math.Log(sum))
}
