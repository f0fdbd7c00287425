package ontology

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
)

// Disease gives the disease with an identifier.
func (b *Base) Disease(id string) (*Disease, bool) {
	i, found := slices.BinarySearchFunc(b.Diseases, id, func(d Disease, id string) int { return compareText(d.ID, id) })
	if !found {
		return nil, false
	}
	return &b.Diseases[i], true
}

// Carrier is a disease in which a finding was seen.
type Carrier struct {
	Disease    int // its place in Base.Diseases
	Annotation *Annotation
}

// Carriers gives the diseases that are annotated with a term or one below it, not
// excluded: each once, with the annotation of the highest frequency, the most
// frequent first and those without a recorded frequency last.
func (b *Base) Carriers(of Index) []Carrier {
	var out []Carrier
	for i := range b.Diseases {
		var best *Annotation
		for j := range b.Diseases[i].Annotations {
			a := &b.Diseases[i].Annotations[j]
			if !a.Excluded && b.IsAncestor(of, a.Term) && (best == nil || moreFrequent(a.Frequency, best.Frequency) < 0) {
				best = a
			}
		}
		if best != nil {
			out = append(out, Carrier{Disease: i, Annotation: best})
		}
	}
	slices.SortStableFunc(out, func(a, b Carrier) int { return moreFrequent(a.Annotation.Frequency, b.Annotation.Frequency) })
	return out
}

// moreFrequent orders frequencies, highest first; of two equal ones that of more patients.
func moreFrequent(a, b Frequency) int {
	if a.Known != b.Known {
		if a.Known {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(b.Share, a.Share), cmp.Compare(b.Den, a.Den))
}

// InformationContent gives for each term -ln((n+1)/(N+1)), in nats: N is the number
// of diseases, n that of those annotated with the term or one below it. Excluded
// findings do not count. The one that is added keeps terms which no disease has
// finite: they get the highest value, ln(N+1).
//
// Source: P. Resnik, Using information content to evaluate semantic similarity in a
// taxonomy, IJCAI 1995; with diseases for occurrences as in S. Köhler et al.,
// Clinical diagnostics in human genetics with semantic similarity searches in
// ontologies, Am J Hum Genet 85:457-464, 2009.
func (b *Base) InformationContent() []float64 {
	count := make([]int, b.Len())
	last := make([]int, b.Len()) // the last disease that counted for a term, from 1
	for i := range b.Diseases {
		for _, a := range b.Diseases[i].Annotations {
			if a.Excluded || last[a.Term] == i+1 {
				continue
			}
			for _, t := range b.Ancestors(a.Term) {
				if last[t] != i+1 {
					last[t] = i + 1
					count[t]++
				}
			}
		}
	}
	content := make([]float64, b.Len())
	for t, n := range count {
		content[t] = b.content(n)
	}
	return content
}

func (b *Base) content(n int) float64 { return math.Log(float64(len(b.Diseases)+1) / float64(n+1)) }

// Search finds terms by words of their label or a synonym, the last word may be
// unfinished. The closest come first: labels before synonyms, names without other
// words before longer ones. At most n are given.
func (o *Ontology) Search(text string, n int) []Index {
	words := split(text)
	var hits []hit
	for i := range o.terms {
		best := distance(words, o.terms[i].Label)
		for _, s := range o.terms[i].Synonyms {
			best = min(best, distance(words, s.Text)+synonymPenalty)
		}
		if best < far {
			hits = append(hits, hit{at: i, far: best})
		}
	}
	return nearest[Index](hits, n)
}

// SearchDiseases finds diseases by words of their name, as Search does terms. It
// gives places in Base.Diseases.
func (b *Base) SearchDiseases(text string, n int) []int {
	words := split(text)
	var hits []hit
	for i := range b.Diseases {
		if d := distance(words, b.Diseases[i].Name); d < far {
			hits = append(hits, hit{at: i, far: d})
		}
	}
	return nearest[int](hits, n)
}

type hit struct{ at, far int }

func nearest[T ~int | ~int32](hits []hit, n int) []T {
	slices.SortStableFunc(hits, func(a, b hit) int { return cmp.Compare(a.far, b.far) })
	out := make([]T, 0, min(n, len(hits)))
	for _, h := range hits[:min(n, len(hits))] {
		out = append(out, T(h.at))
	}
	return out
}

const (
	far              = 1 << 20 // not found
	synonymPenalty   = 1       // half a word: a label with a word more is as good as a synonym with none
	otherWordPenalty = 2
	beginningPenalty = 1 // the last word is only the beginning of one
)

// distance is small when a name holds all words and little else.
func distance(words []string, name string) int {
	if len(words) == 0 {
		return far
	}
	names := split(name)
	d := max(0, len(names)-len(words)) * otherWordPenalty
	for i, w := range words {
		switch {
		case slices.Contains(names, w):
		case i == len(words)-1 && slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, w) }):
			d += beginningPenalty
		default:
			return far
		}
	}
	return d
}

// split gives the words of a text in lower case.
func split(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}
