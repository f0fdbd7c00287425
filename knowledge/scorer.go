package knowledge

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"

	"consilium/fault"
	"consilium/ontology"
)

// FileName is where `consilium knowledge train` puts a model of all annotations, and
// where a Scorer is looked for: below the data directory.
var FileName = filepath.Join("knowledge", "links.model")

// Scorer gives link scores of diseases and phenotypes: one product of two vectors
// each. It is immutable and safe for concurrent use. Memory: (diseases + phenotypes) x
// (dim + 1) float32, 6 MB for all of HPO at dimension 64, and the identifiers.
type Scorer struct {
	Synthetic bool

	dim      int
	diseases []float32 // query vectors of has_phenotype, less what makes them probabilities
	terms    []float32
	total    []float32
	average  []float32
	disease  map[string]int
	term     map[string]int
	ids      []string // of terms
}

// Scorer takes from a model what link scores need.
func (m *Model) Scorer() *Scorer {
	s := &Scorer{Synthetic: m.Synthetic, dim: m.Config.Dim, total: m.total, average: m.average, disease: map[string]int{}, term: map[string]int{}}
	from, to := m.starts[Disease], m.starts[Disease+1]
	queries := make([]Query, to-from)
	for i := range queries {
		queries[i] = Query{from + Entity(i), HasPhenotype, false}
		s.disease[m.ids[from+Entity(i)]] = i
	}
	var work multiplier
	if len(queries) > 0 {
		s.diseases = m.turned(slotOf(HasPhenotype, false), queries, &work).data
	}
	first, last := int(m.starts[Phenotype]), int(m.starts[Phenotype+1])
	s.terms = slices.Clone(m.entity.value[first*s.dim : last*s.dim])
	s.ids = m.ids[first:last]
	for i, id := range s.ids {
		s.term[id] = i
	}
	return s
}

// OpenScorer reads the model of a data directory.
func OpenScorer(dataDir string) (*Scorer, error) {
	m, err := Load(filepath.Join(dataDir, FileName))
	if err != nil {
		return nil, err
	}
	return m.Scorer(), nil
}

// Disease gives the row of a disease (OMIM:154700); false when training did not know it.
func (s *Scorer) Disease(id string) (int, bool) { i, ok := s.disease[id]; return i, ok }

// Term gives the column of a phenotype (HP:0001250); false when no annotation uses it or a descendant.
func (s *Scorer) Term(id string) (int, bool) { i, ok := s.term[id]; return i, ok }

// Terms gives the identifiers of phenotypes by column.
func (s *Scorer) Terms() []string { return s.ids }

// LogProbability is ln p(term | disease): the softmax over all phenotypes, in nats. It
// tells which annotation of the disease comes next, not how many patients have it.
func (s *Scorer) LogProbability(disease, term int) float32 {
	d, t := s.diseases[disease*s.dim:][:s.dim], s.terms[term*s.dim:][:s.dim]
	var a, b, c, e float32 // four sums run side by side
	k := 0
	for ; k+4 <= len(d); k += 4 {
		a += d[k] * t[k]
		b += d[k+1] * t[k+1]
		c += d[k+2] * t[k+2]
		e += d[k+3] * t[k+3]
	}
	for ; k < len(d); k++ {
		a += d[k] * t[k]
	}
	return a + b + c + e - s.total[disease]
}

// Score is ln p(term | disease) - ln p(term), the pointwise mutual information: above
// 0 when the term suits this disease better than the average one.
func (s *Scorer) Score(disease, term int) float32 {
	return s.LogProbability(disease, term) - s.average[term]
}

// Hypothesis is a link that nobody annotated and the model finds likely. It is a
// suggestion for curators and researchers, not knowledge.
type Hypothesis struct {
	Term        string  `json:"term"`
	Label       string  `json:"label"`
	Probability float64 `json:"probability"` // that the next annotation of the disease is this term
	Lift        float64 `json:"lift"`        // times that of the average disease
}

// Predict lists the likeliest phenotypes that are neither annotated to the disease
// nor implied by an annotation (an ancestor of it), nor excluded or below an excluded one.
func (s *Scorer) Predict(b *ontology.Base, disease string, limit int) ([]Hypothesis, error) {
	row, known := s.Disease(disease)
	at, found := slices.BinarySearchFunc(b.Diseases, disease, func(d ontology.Disease, id string) int { return cmp.Compare(d.ID, id) })
	if !known || !found {
		return nil, fault.New(fault.NotFound, "the knowledge graph has no disease "+disease, "give an identifier of the annotation file, such as OMIM:154700, and a model that was trained on it")
	}
	told := map[ontology.Index]bool{}
	var excluded []ontology.Index
	for _, a := range b.Diseases[at].Annotations {
		if a.Excluded {
			excluded = append(excluded, a.Term)
			continue
		}
		for _, t := range b.Ancestors(a.Term) {
			told[t] = true
		}
	}
	var out []Hypothesis
	for column, id := range s.ids {
		t, ok := b.Lookup(id)
		if !ok || told[t] || slices.ContainsFunc(excluded, func(e ontology.Index) bool { return b.IsAncestor(e, t) }) {
			continue
		}
		p := float64(s.LogProbability(row, column))
		out = append(out, Hypothesis{id, b.Label(t), math.Exp(p), math.Exp(p - float64(s.average[column]))})
	}
	slices.SortFunc(out, func(a, b Hypothesis) int {
		return cmp.Or(cmp.Compare(b.Probability, a.Probability), cmp.Compare(a.Term, b.Term))
	})
	return out[:min(limit, len(out))], nil
}
