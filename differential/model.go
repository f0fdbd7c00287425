// Package differential ranks diseases for a patient's phenotypic profile, and
// says why.
//
// What a disease looks like comes from annotations (package ontology): terms with
// the share of patients that have them. A finding speaks for a disease by its
// likelihood ratio (Robinson et al., AJHG 2020): how often patients with the
// disease have it, over how often it is found among diseases at all. A first pass
// adds these up over all diseases. A second looks at the best of them more closely,
// with weights that were learned on published cases of other diseases.
package differential

import (
	"math"
	"slices"
	"strings"

	"consilium/fault"
	"consilium/ontology"
)

// Model is the annotated diseases in the form that ranking needs. It is
// immutable and safe for concurrent use.
type Model struct {
	base       *ontology.Base
	diseases   []int32   // of base.Diseases: those that are ranked
	profiles   []profile // of diseases
	twins      []*profile
	background []float32 // share of the diseases that have the term, weighted by its frequency there
	ic         []float32 // information content: -ln(background)
	postings   [][]posting
	byPaper    map[string][]int32
	byID       map[string]int32
	onsets     onsets // of all diseases
	weights    Weights
}

// posting says that a disease has a term.
type posting struct {
	disease int32
	logp    float32
}

// Options of a model.
type Options struct {
	Catalogues []string // diseases to rank by the prefix of their identifier; empty: OMIM and DECIPHER, or all when there are none
	Weights    *Weights // nil: those that ship
}

func (o Options) weights() (Weights, error) {
	if o.Weights != nil {
		return *o.Weights, nil
	}
	return ShippedWeights()
}

// New computes a model of what a base knows.
func New(base *ontology.Base, o Options) (*Model, error) {
	if base == nil || base.Ontology == nil {
		return nil, fault.New(fault.DataUnfit, "there is no ontology to rank by", "open one, or the built-in sample")
	}
	m := &Model{base: base, byPaper: map[string][]int32{}, byID: map[string]int32{}}
	var err error
	if m.weights, err = o.weights(); err != nil {
		return nil, err
	}
	catalogues := o.Catalogues
	if len(catalogues) == 0 && slices.ContainsFunc(base.Diseases, func(d ontology.Disease) bool { return catalogue(d.ID) == "OMIM" }) {
		catalogues = []string{"OMIM", "DECIPHER"}
	}
	others := map[int32]profile{}
	for i := range base.Diseases {
		d := &base.Diseases[i]
		p := newProfile(base.Ontology, d, nil)
		switch {
		case len(p.direct) == 0:
		case len(catalogues) > 0 && !slices.Contains(catalogues, catalogue(d.ID)):
			others[int32(i)] = p
		default:
			m.byID[d.ID] = int32(len(m.diseases))
			m.cite(int32(len(m.diseases)), d)
			m.diseases = append(m.diseases, int32(i))
			m.profiles = append(m.profiles, p)
		}
	}
	if len(m.diseases) == 0 {
		return nil, fault.New(fault.DataUnfit, "no disease of "+strings.Join(catalogues, ", ")+" has annotations", "see `consilium ontology status` for the catalogues that were imported")
	}
	m.count()
	m.pair(others)
	return m, nil
}

// cite remembers which published papers a disease's annotations rest on.
func (m *Model) cite(at int32, d *ontology.Disease) {
	for _, a := range d.Annotations {
		for _, r := range a.References {
			if list := m.byPaper[r]; strings.HasPrefix(r, "PMID:") && (len(list) == 0 || list[len(list)-1] != at) {
				m.byPaper[r] = append(list, at)
			}
		}
	}
}

// count computes how common each term is among the ranked diseases.
func (m *Model) count() {
	n := m.base.Len()
	m.background, m.ic = make([]float32, n), make([]float32, n)
	sum, lengths := make([]float64, n), make([]int, n)
	for i := range m.profiles {
		for _, e := range m.profiles[i].closure {
			sum[e.term] += float64(e.p)
			lengths[e.term]++
		}
		for s, w := range m.profiles[i].onsets.weight {
			m.onsets.weight[s] += w
			m.onsets.sum += w
		}
	}
	m.postings = make([][]posting, n)
	for t := range sum {
		b := (sum[t] + 0.5) / (float64(len(m.profiles)) + 1)
		m.background[t], m.ic[t] = float32(b), float32(-math.Log(b))
		m.postings[t] = make([]posting, 0, lengths[t])
	}
	for i := range m.profiles {
		m.weigh(&m.profiles[i])
		for _, e := range m.profiles[i].closure {
			m.postings[e.term] = append(m.postings[e.term], posting{int32(i), e.logp})
		}
	}
}

// weigh sums up how much a profile tells.
func (m *Model) weigh(p *profile) {
	p.mass, p.total = 0, 0
	for _, e := range p.direct {
		p.mass += float64(e.p * m.ic[e.term])
	}
	for _, e := range p.closure {
		p.total += float64(m.ic[e.term])
	}
}

// Len is the number of diseases that are ranked.
func (m *Model) Len() int { return len(m.diseases) }

// Base is what the model was made of.
func (m *Model) Base() *ontology.Base { return m.base }

// Knows tells whether a disease is among those that are ranked.
func (m *Model) Knows(id string) bool { _, ok := m.byID[id]; return ok }

func (m *Model) disease(i int32) *ontology.Disease { return &m.base.Diseases[m.diseases[i]] }
