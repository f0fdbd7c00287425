package scenario

import (
	"fmt"
	"regexp"
	"strings"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
	"consilium/ontology"
)

// Reader finds the names of scenarios in what a model knows. It is safe for concurrent use.
type Reader struct {
	model    *differential.Model
	base     *ontology.Base
	terms    *names
	diseases map[string][]int // places in base.Diseases, by name: those that are ranked
}

// NewReader prepares the names of a model's ontology.
func NewReader(m *differential.Model) *Reader {
	r := &Reader{model: m, base: m.Base(), terms: newNames(m.Base().Ontology), diseases: map[string][]int{}}
	for i, d := range r.base.Diseases {
		if m.Knows(d.ID) {
			r.diseases[plain(d.Name)] = append(r.diseases[plain(d.Name)], i)
		}
	}
	return r
}

// Fits tells whether the model knows what a file needs; if not, the error says what to do.
func (r *Reader) Fits(f File) error {
	switch {
	case f.Needs == NeedsSample && !r.base.Synthetic:
		return fault.New(fault.DataMissing, f.Name+" is about the built-in sample", "run it with --sample")
	case f.Needs == NeedsHPO && (r.base.Synthetic || !strings.HasPrefix(r.base.ID(0), "HP:")):
		return fault.New(fault.DataMissing, f.Name+" is about the Human Phenotype Ontology, which is not here", "bring it in with `consilium ontology import`")
	}
	return nil
}

// Read parses a text and finds its terms and diseases. All lines that cannot be
// used are told in one error.
func (r *Reader) Read(name string, text []byte) (File, error) {
	f, bad, err := parse(name, text)
	if err == nil {
		err = r.Fits(f)
	}
	if err != nil {
		return f, err
	}
	for i := range f.Scenarios {
		r.bind(&f.Scenarios[i], &bad)
	}
	return f, bad.err()
}

func (r *Reader) bind(s *Scenario, bad *problems) {
	s.Onset = r.onset(s.Onset, s.onsetAt, bad)
	for i := range s.Findings {
		f := &s.Findings[i]
		x := subject{words: f.Words}
		r.term(&x, f.Line, bad)
		f.id, f.label = x.id, x.label
	}
	for i := range s.Expect {
		e := &s.Expect[i]
		for k := range e.terms {
			r.term(&e.terms[k], e.Line, bad)
			if t := e.terms[k].term; t != ontology.None && e.kind != noted {
				e.terms[k].id = r.base.ID(t) // an older identifier stands for its term; a note speaks of what was written
			}
		}
		r.disease(&e.disease, e.Line, bad)
		r.disease(&e.other, e.Line, bad)
		for k := range e.either {
			r.disease(&e.either[k], e.Line, bad)
		}
	}
}

var curie = regexp.MustCompile(`^[A-Za-z]+:[A-Za-z0-9]+$`)

// term finds a term by identifier, label or synonym. Identifiers that stand for
// no term pass: what becomes of them is something to expect a note of.
func (r *Reader) term(s *subject, line int, bad *problems) {
	s.term = ontology.None
	if curie.MatchString(s.words) {
		s.id = s.words
		if found := r.base.Resolve(s.words); found.Term != ontology.None {
			s.label, s.term = r.base.Label(found.Term), found.Term
		}
		return
	}
	found := r.terms.find(s.words)
	if len(found) == 1 {
		s.term, s.id, s.label = found[0], r.base.ID(found[0]), r.base.Label(found[0])
		return
	}
	if len(found) > 1 {
		bad.add(line, fmt.Sprintf("“%s” may mean several findings", s.words), "write one of: "+r.choices(found))
		return
	}
	do := "write an identifier such as " + r.base.ID(r.base.Abnormality())
	if !bad.many() {
		if near := r.terms.nearest(s.words, 3); len(near) > 0 {
			do = "did you mean " + strings.Join(near, ", or ") + "?"
		}
	}
	if rest, no := strings.CutPrefix(strings.ToLower(s.words), "no "); no && len(r.terms.find(rest)) == 1 {
		do = "write: has not " + r.base.Label(r.terms.find(rest)[0])
	}
	bad.add(line, fmt.Sprintf("there is no finding called “%s”", s.words), do)
}

func (r *Reader) choices(found []ontology.Index) string {
	var out []string
	for _, i := range found[:min(len(found), 5)] {
		out = append(out, r.base.ID(i)+" ("+r.base.Label(i)+")")
	}
	return strings.Join(out, ", ")
}

// onsetWords are what people say for the onset terms of HPO.
var onsetWords = map[string]string{
	"before birth": "Antenatal onset", "at birth": "Congenital onset", "in the newborn": "Neonatal onset", "in infancy": "Infantile onset",
	"in childhood": "Childhood onset", "in youth": "Juvenile onset", "in adulthood": "Adult onset", "in old age": "Late onset",
}

// onset finds the term of an onset; durations stay as they are.
func (r *Reader) onset(words string, line int, bad *problems) string {
	if words == "" || age.MatchString(words) || iso.MatchString(words) {
		return words
	}
	if curie.MatchString(words) {
		if t, ok := r.base.Lookup(words); ok {
			return r.base.ID(t)
		}
	}
	for _, name := range []string{words, "Onset " + words, onsetWords[strings.ToLower(words)], words + " onset"} {
		if found := r.terms.find(name); name != "" && len(found) == 1 {
			return r.base.ID(found[0])
		}
	}
	bad.add(line, fmt.Sprintf("there is no onset called “%s”", words), "write: onset before birth, at birth, in infancy, in childhood, in adulthood, at 3 years, or the name of an onset term")
	return ""
}

var iso = regexp.MustCompile(`^P\d{1,3}[YMWD]$`)

// disease finds a disease by identifier (what follows it is for the reader, and
// must share a word with its name) or by name.
func (r *Reader) disease(s *subject, line int, bad *problems) {
	if s.words == "" {
		return
	}
	id, name, _ := strings.Cut(s.words, " ")
	if !curie.MatchString(id) {
		r.diseaseByName(s, line, bad)
		return
	}
	d, found := r.base.Disease(id)
	switch {
	case !found:
		bad.add(line, id+" is not among the diseases of "+r.base.Version, "check the number; `consilium ontology show` finds diseases by name")
	case !r.model.Knows(id):
		bad.add(line, id+" ("+d.Name+") is not among the diseases that are ranked", "name the entry of a catalogue that is, such as OMIM")
	case name != "" && !sharesWord(name, d.Name):
		bad.add(line, fmt.Sprintf("%s is “%s”, not “%s”", id, d.Name, name), "correct the number or the name")
	default:
		s.id, s.label = id, d.Name
	}
}

func (r *Reader) diseaseByName(s *subject, line int, bad *problems) {
	found := r.diseases[plain(s.words)]
	if len(found) == 1 {
		s.id, s.label = r.base.Diseases[found[0]].ID, r.base.Diseases[found[0]].Name
		return
	}
	var choices []string
	for _, i := range found[:min(len(found), 5)] {
		choices = append(choices, r.base.Diseases[i].ID)
	}
	what, do := fmt.Sprintf("several diseases are called “%s”", s.words), "write one of: "+strings.Join(choices, ", ")
	if len(found) == 0 {
		what, do = fmt.Sprintf("there is no disease called “%s”", s.words), "write its identifier, such as OMIM:154700"
		if !bad.many() {
			do = "did you mean " + strings.Join(r.nearestDiseases(s.words), ", or ") + "?"
		}
	}
	bad.add(line, what, do)
}

func (r *Reader) nearestDiseases(words string) []string {
	var all []string
	for _, d := range r.base.Diseases {
		if r.model.Knows(d.ID) {
			all = append(all, d.ID+" "+d.Name)
		}
	}
	return nearestTo(words, all, 3)
}

// sharesWord tells whether two names have a word of more than three letters in common.
func sharesWord(a, b string) bool {
	for _, w := range strings.Fields(plain(a)) {
		if w = strings.Trim(w, ".;()"); len(w) > 3 && strings.Contains(plain(b), w) {
			return true
		}
	}
	return false
}

// Case is the patient of a scenario that was read.
func (s Scenario) Case() clinical.Phenotype {
	p := clinical.Phenotype{ID: s.Name, Patient: clinical.Patient{Sex: s.Sex, Age: s.Age}, Onset: s.Onset}
	for _, f := range s.Findings {
		p.Features = append(p.Features, clinical.PhenotypicFeature{Term: f.id, Label: f.label, Excluded: f.Excluded, Uncertain: f.Possible, Family: f.Relative})
	}
	return p
}
