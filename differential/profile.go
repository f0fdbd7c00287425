package differential

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"consilium/ontology"
)

// entry is one term of a disease's profile.
type entry struct {
	term    ontology.Index
	p       float32 // probability that a patient with the disease has it
	logp    float32
	counted bool // p comes from patients or a stated range
}

// profile is what is known of one disease: the terms it was annotated with, and
// all their ancestors (true path rule: who has a term has what lies above it).
type profile struct {
	direct   []entry // annotated terms, ascending by term
	closure  []entry // annotated terms and their ancestors, ascending by term
	excluded []ontology.Index
	counted  int     // terms with a recorded frequency
	papers   int     // publications behind the annotations
	patients float64 // the largest number of patients that a frequency was counted in
	expected float64 // sum of p over direct: how many of its terms a patient has
	mass     float64 // sum of p x information over direct
	total    float64 // sum of information over closure
	onsets   onsets
	modes    modes
	gene     bool // a gene is known
}

// Frequencies that stand for what a source does not tell.
const (
	unstatedFrequency = 0.6  // annotated, and no frequency told
	floorFrequency    = 0.01 // annotated, and yet seen in none of those who were counted
	ceilingFrequency  = 0.98 // seen in all who were counted
	doubt             = 2    // patients' worth of unstatedFrequency in every count: 1 of 1 is not certainty
)

// newProfile pools the annotations of a disease. Those that rest only on papers
// in without are left out.
func newProfile(o *ontology.Ontology, d *ontology.Disease, without []string) profile {
	pools := map[ontology.Index]*pool{}
	var out profile
	papers := map[string]bool{}
	for i := range d.Annotations {
		a := &d.Annotations[i]
		if onlyFrom(a.References, without) {
			continue
		}
		switch {
		case a.Aspect == 'C':
			out.onsets.add(o, a)
		case a.Aspect == 'I':
			out.modes.add(o.ID(a.Term))
		case a.Aspect == 'P' && a.Excluded:
			out.excluded = append(out.excluded, a.Term)
		case a.Aspect == 'P':
			for _, r := range a.References {
				papers[r] = true
			}
			out.patients = math.Max(out.patients, float64(a.Frequency.Den))
			if pools[a.Term] == nil {
				pools[a.Term] = &pool{}
			}
			pools[a.Term].add(a.Frequency)
		}
	}
	out.papers = len(papers)
	out.gene = len(d.Genes) > 0
	for t, p := range pools {
		counted := p.den > 0 || p.shares > 0
		if counted {
			out.counted++
		}
		f := p.frequency()
		out.direct = append(out.direct, entry{t, float32(f), float32(math.Log(f)), counted})
	}
	slices.SortFunc(out.direct, byTerm)
	for _, e := range out.direct { // in order: a sum in the order of the map would differ in its last digits from run to run
		out.expected += float64(e.p)
	}
	slices.Sort(out.excluded)
	out.excluded = slices.Compact(out.excluded)
	out.closure = closure(o, out.direct)
	return out
}

func byTerm(a, b entry) int { return cmp.Compare(a.term, b.term) }

// pool gathers what several sources say of one term.
type pool struct{ num, den, share, shares float64 }

func (p *pool) add(f ontology.Frequency) {
	switch {
	case f.Den > 0:
		p.num += float64(f.Num)
		p.den += float64(f.Den)
	case f.Known:
		p.share += f.Share
		p.shares++
	}
}

// frequency prefers counts of patients to ranges, and ranges to nothing.
func (p *pool) frequency() float64 {
	f := unstatedFrequency
	if p.den > 0 {
		f = (p.num + doubt*unstatedFrequency) / (p.den + doubt)
	} else if p.shares > 0 {
		f = p.share / p.shares
	}
	return min(max(f, floorFrequency), ceilingFrequency)
}

// onlyFrom tells whether there are references, and all are among those to leave out.
func onlyFrom(references, without []string) bool {
	if len(without) == 0 || len(references) == 0 {
		return false
	}
	return !slices.ContainsFunc(references, func(r string) bool { return !slices.Contains(without, r) })
}

// closure carries each term's probability up to its ancestors; what lies above
// several terms has the probability of the likeliest.
func closure(o *ontology.Ontology, direct []entry) []entry {
	var all []entry
	for _, e := range direct {
		for _, a := range o.Ancestors(e.term) {
			all = append(all, entry{a, e.p, e.logp, e.counted})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Or(byTerm(a, b), cmp.Compare(b.p, a.p)) })
	// A copy: the list before repetitions went is many times as long.
	return slices.Clone(slices.CompactFunc(all, func(a, b entry) bool { return a.term == b.term }))
}

// find gives the entry of a term.
func find(list []entry, t ontology.Index) (entry, bool) {
	if at := place(list, t); at < len(list) && list[at].term == t {
		return list[at], true
	}
	return entry{}, false
}

// place is where a term stands in a list, or would stand.
func place(list []entry, t ontology.Index) int {
	lo, hi := 0, len(list)
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); list[mid].term < t {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// catalogue is the prefix of a disease's identifier: OMIM, ORPHA, DECIPHER.
func catalogue(id string) string {
	prefix, _, _ := strings.Cut(id, ":")
	return prefix
}
