package differential

import (
	"cmp"
	"math"
	"slices"

	"consilium/clinical"
	"consilium/fault"
	"consilium/ontology"
)

// Bounds of the search for questions.
const (
	askedAbout = 30  // candidates whose terms are considered
	mostAsked  = 400 // terms considered
	background = 0.5 // a finding's chance under "another disease", times its share among diseases

	// unrecorded is the chance of a finding under a disease that nobody recorded it for.
	unrecorded = 0.01
	// guessed is what a frequency counts that no source tells: a question should rest on what is known.
	guessed = 0.5
)

// Ask gives the n findings that would lower the uncertainty about the diagnosis
// most, whether they turn out to be there or not (expected information gain,
// Lindley 1956): over the candidates with the probabilities they have now, an
// answer is expected as often as their frequencies say, and weighed by Bayes' rule.
func (m *Model) Ask(p clinical.Phenotype, n int) ([]Question, error) {
	if n <= 0 {
		n = 5
	}
	q := m.ask(p, nil)
	if len(q.observed) == 0 {
		return nil, fault.New(fault.InputEmpty, "the case has no finding that can be used", "name at least one abnormality, as an HPO term")
	}
	l := m.list(q, RankOptions{})
	e := m.expect(q, &l)
	var out []Question
	for _, t := range e.terms {
		if x := m.question(&e, t); x.Gain > 0 {
			out = append(out, x)
		}
	}
	slices.SortStableFunc(out, func(a, b Question) int { return cmp.Compare(b.Gain, a.Gain) })
	return m.different(out, n), nil
}

// expectation is what is thought before a question: the diseases, their
// probabilities, and last the probability that it is none of them.
type expectation struct {
	ids      []int32
	profiles []*profile
	p        []float64
	terms    []ontology.Index
	entropy  float64
}

func (m *Model) expect(q *query, l *list) expectation {
	var e expectation
	rest := 1.0
	seen := map[ontology.Index]bool{}
	for _, i := range l.order[:min(askedAbout, len(l.order))] {
		p := m.profile(l.ids[i], q)
		e.ids, e.profiles, e.p = append(e.ids, l.ids[i]), append(e.profiles, p), append(e.p, l.p[i])
		rest -= l.p[i]
		for _, x := range p.direct {
			if !seen[x.term] && !has(q.above, x.term) && !m.excludedBy(q, x.term) && len(e.terms) < mostAsked {
				seen[x.term] = true
				e.terms = append(e.terms, x.term)
			}
		}
	}
	e.p = append(e.p, math.Max(rest, 0))
	e.entropy = entropy(e.p)
	return e
}

// question weighs one term.
func (m *Model) question(e *expectation, t ontology.Index) Question {
	yes, no := make([]float64, len(e.p)), make([]float64, len(e.p))
	common := float64(m.background[t])
	chance := 0.0
	for i, p := range e.p {
		f := math.Max(background*common, unrecorded)
		if i < len(e.profiles) {
			if x, ok := find(e.profiles[i].closure, t); ok {
				has := sensitivity * float64(x.p)
				if !x.counted {
					has *= guessed
				}
				f = math.Max(f, has)
			}
		}
		yes[i], no[i] = p*f, p*(1-f)
		chance += yes[i]
	}
	normalise(yes)
	normalise(no)
	x := Question{Named: m.named(t), Chance: chance}
	x.Gain = (e.entropy - chance*entropy(yes) - (1-chance)*entropy(no)) / math.Ln2
	x.IfYes, x.IfNo = m.outlook(e, yes), m.outlook(e, no)
	for _, s := range m.base.Synonyms(t) {
		if s.Layperson && len(x.Synonyms) < 3 {
			x.Synonyms = append(x.Synonyms, s.Text)
		}
	}
	return x
}

func normalise(p []float64) {
	sum := 0.0
	for _, v := range p {
		sum += v
	}
	for i := range p {
		p[i] /= math.Max(sum, 1e-300)
	}
}

func entropy(p []float64) float64 {
	h := 0.0
	for _, v := range p {
		if v > 0 {
			h -= v * math.Log(v)
		}
	}
	return h
}

// outlook gives the three diseases that lead under probabilities p.
func (m *Model) outlook(e *expectation, p []float64) []Outlook {
	order := make([]int, len(e.ids))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[b], p[a]) })
	var out []Outlook
	for _, i := range order[:min(3, len(order))] {
		d := m.disease(e.ids[i])
		out = append(out, Outlook{ID: d.ID, Name: d.Name, Probability: p[i]})
	}
	return out
}

// different keeps the best questions, and of those that lie above one another only the better.
func (m *Model) different(list []Question, n int) []Question {
	var out []Question
	for _, x := range list {
		t, _ := m.base.Lookup(x.ID)
		near := slices.ContainsFunc(out, func(o Question) bool {
			u, _ := m.base.Lookup(o.ID)
			return m.base.IsAncestor(t, u) || m.base.IsAncestor(u, t)
		})
		if !near {
			out = append(out, x)
		}
		if len(out) == n {
			break
		}
	}
	return out
}
