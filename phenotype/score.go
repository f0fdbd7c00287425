package phenotype

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/fault"
	"consilium/ontology"
)

// Score is how well one kind of statement was found. The interval is of F1:
// 95%, bootstrap over sentences.
type Score struct {
	Name      string  `json:"name"`
	Marked    int     `json:"marked"`
	Found     int     `json:"found"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
}

// Difference is a statement that only one side made.
type Difference struct {
	Text   string   `json:"text"`
	Missed []string `json:"missed,omitempty"`
	Wrong  []string `json:"wrong,omitempty"`
}

// Evaluation compares an extractor with a person.
type Evaluation struct {
	Sentences   int          `json:"sentences"`
	Scores      []Score      `json:"scores"`
	Baseline    []Score      `json:"baseline"` // labels only, everything present
	Gain        [3]float64   `json:"gain"`     // triple F1 above the baseline's, with its paired interval
	Assertion   float64      `json:"assertion_accuracy"`
	Differences []Difference `json:"differences"` // in triples
}

// bootstraps is the number of resamples of an interval.
const bootstraps = 2000

// view reduces a finding to what is compared; "" leaves it out.
type view struct {
	name string
	key  func(f clinical.PhenotypicFeature) string
}

var views = []view{
	{"terms", func(f clinical.PhenotypicFeature) string { return f.Term }},
	{"triples: subject, polarity, term", triple},
	{"triples with side", func(f clinical.PhenotypicFeature) string { return triple(f) + " " + f.Laterality }},
	{"present", assertion("present")},
	{"absent", assertion("absent")},
	{"uncertain", assertion("uncertain")},
	{"family", func(f clinical.PhenotypicFeature) string {
		if !f.Family {
			return ""
		}
		return triple(f)
	}},
}

// Assertion says in a word what was said of a finding: present, absent, uncertain.
func Assertion(f clinical.PhenotypicFeature) string {
	switch {
	case f.Excluded:
		return "absent"
	case f.Uncertain:
		return "uncertain"
	}
	return "present"
}

func triple(f clinical.PhenotypicFeature) string {
	subject := "patient"
	if f.Family {
		subject = "family"
	}
	return subject + " " + Assertion(f) + " " + f.Term
}

func assertion(kind string) func(clinical.PhenotypicFeature) string {
	return func(f clinical.PhenotypicFeature) string {
		if f.Family || Assertion(f) != kind {
			return ""
		}
		return triple(f)
	}
}

// Evaluate measures the extractor on a marked set. Each sentence is read alone.
// Marks of retired terms are compared as the terms that stand for them.
func (x *Extractor) Evaluate(ctx context.Context, set []Marked, seed uint64) (Evaluation, error) {
	e := Evaluation{Sentences: len(set)}
	marks, ours, plain := make([][]clinical.PhenotypicFeature, len(set)), make([][]clinical.PhenotypicFeature, len(set)), make([][]clinical.PhenotypicFeature, len(set))
	if err := x.knows(set); err != nil {
		return e, err
	}
	labels := newLabels(x.ontology)
	for i, m := range set {
		p, err := x.Extract(ctx, fmt.Sprintf("sentence %d", i+1), m.Text)
		if err != nil {
			return e, err
		}
		marks[i], ours[i], plain[i] = x.current(m.Marks), p.Features, labels.find(m.Text)
		if d := difference(m.Text, marks[i], ours[i], x); d != nil {
			e.Differences = append(e.Differences, *d)
		}
	}
	random := rand.New(rand.NewPCG(seed, 0))
	for _, v := range views {
		e.Scores = append(e.Scores, v.score(marks, ours, random))
		e.Baseline = append(e.Baseline, v.score(marks, plain, random))
	}
	e.Gain = gain(views[1], marks, ours, plain, random)
	e.Assertion = agreement(marks, ours)
	return e, nil
}

// knows refuses a set that was marked with the terms of another ontology.
func (x *Extractor) knows(set []Marked) error {
	known, all := 0, 0
	for _, m := range set {
		for _, f := range m.Marks {
			all++
			if _, ok := x.ontology.Lookup(f.Term); ok {
				known++
			}
		}
	}
	if 2*known < all {
		return fault.New(fault.DataUnfit, fmt.Sprintf("%d of %d marks are no terms of the ontology in use (%s)", all-known, all, x.ontology.Version),
			"import the ontology that the set was marked with: consilium ontology import")
	}
	return nil
}

func (x *Extractor) current(marks []clinical.PhenotypicFeature) []clinical.PhenotypicFeature {
	out := slices.Clone(marks)
	for i := range out {
		if term, ok := x.ontology.Lookup(out[i].Term); ok {
			out[i].Term = x.ontology.ID(term)
		}
	}
	return out
}

// tally counts the statements of one sentence: in both, marked, found.
type tally [3]int

func (v view) tallies(marks, found [][]clinical.PhenotypicFeature) []tally {
	out := make([]tally, len(marks))
	for i := range marks {
		m, f := v.set(marks[i]), v.set(found[i])
		for k := range m {
			if f[k] {
				out[i][0]++
			}
		}
		out[i][1], out[i][2] = len(m), len(f)
	}
	return out
}

func (v view) set(features []clinical.PhenotypicFeature) map[string]bool {
	out := map[string]bool{}
	for _, f := range features {
		if k := v.key(f); k != "" {
			out[k] = true
		}
	}
	return out
}

func sum(tallies []tally) (t tally) {
	for _, one := range tallies {
		for k := range t {
			t[k] += one[k]
		}
	}
	return t
}

func (t tally) f1() float64 { return ratio(2*t[0], t[1]+t[2]) }

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

func (v view) score(marks, found [][]clinical.PhenotypicFeature, random *rand.Rand) Score {
	tallies := v.tallies(marks, found)
	t := sum(tallies)
	s := Score{Name: v.name, Marked: t[1], Found: t[2], Precision: ratio(t[0], t[2]), Recall: ratio(t[0], t[1]), F1: t.f1()}
	values := make([]float64, bootstraps)
	for b := range values {
		var again tally
		for range tallies {
			for k, n := range tallies[random.IntN(len(tallies))] {
				again[k] += n
			}
		}
		values[b] = again.f1()
	}
	s.Low, s.High = interval(values)
	return s
}

// gain is the paired bootstrap of the difference in F1.
func gain(v view, marks, a, b [][]clinical.PhenotypicFeature, random *rand.Rand) [3]float64 {
	ta, tb := v.tallies(marks, a), v.tallies(marks, b)
	values := make([]float64, bootstraps)
	for n := range values {
		var sa, sb tally
		for range ta {
			i := random.IntN(len(ta))
			for k := range sa {
				sa[k], sb[k] = sa[k]+ta[i][k], sb[k]+tb[i][k]
			}
		}
		values[n] = sa.f1() - sb.f1()
	}
	low, high := interval(values)
	return [3]float64{sum(ta).f1() - sum(tb).f1(), low, high}
}

func interval(values []float64) (low, high float64) {
	slices.Sort(values)
	return values[len(values)/40], values[len(values)-1-len(values)/40]
}

// agreement is the share of terms found by both for which subject and polarity
// are the same too.
func agreement(marks, ours [][]clinical.PhenotypicFeature) float64 {
	terms, triples := sum(views[0].tallies(marks, ours)), sum(views[1].tallies(marks, ours))
	return ratio(triples[0], terms[0])
}

func difference(text string, marks, found []clinical.PhenotypicFeature, x *Extractor) *Difference {
	m, f := views[2].set(marks), views[2].set(found)
	named := func(all map[string]bool, but map[string]bool) []string {
		var out []string
		for _, k := range slices.Sorted(maps.Keys(all)) {
			if but[k] {
				continue
			}
			parts := strings.SplitN(k, " ", 4)
			if term, ok := x.ontology.Lookup(parts[2]); ok {
				parts[2] = x.ontology.Label(term)
			}
			out = append(out, strings.TrimSpace(strings.Join(parts, " ")))
		}
		return out
	}
	d := Difference{Text: text, Missed: named(m, f), Wrong: named(f, m)}
	if len(d.Missed)+len(d.Wrong) == 0 {
		return nil
	}
	return &d
}

// labels is the trivial baseline: the ontology's labels, word for word in their
// order whatever the case, all taken for present in the patient.
type labels struct {
	ontology *ontology.Ontology
	byWords  map[string]ontology.Index
	longest  int
}

func newLabels(o *ontology.Ontology) labels {
	l := labels{ontology: o, byWords: map[string]ontology.Index{}}
	for i := range ontology.Index(o.Len()) {
		if o.IsAncestor(o.Abnormality(), i) {
			words := plainWords(o.Label(i))
			l.byWords[strings.Join(words, " ")] = i
			l.longest = max(l.longest, len(words))
		}
	}
	return l
}

func plainWords(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !letter(r) })
}

func (l labels) find(text string) (out []clinical.PhenotypicFeature) {
	words := plainWords(text)
	for i := 0; i < len(words); i++ {
		for n := min(l.longest, len(words)-i); n > 0; n-- {
			if term, ok := l.byWords[strings.Join(words[i:i+n], " ")]; ok {
				out = append(out, clinical.PhenotypicFeature{Term: l.ontology.ID(term)})
				i += n - 1
				break
			}
		}
	}
	slices.SortFunc(out, func(a, b clinical.PhenotypicFeature) int { return cmp.Compare(a.Term, b.Term) })
	return out
}
