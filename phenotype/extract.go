package phenotype

import (
	"context"
	"fmt"
	"strings"

	"consilium/clinical"
	"consilium/fault"
	"consilium/ontology"
)

// MaxText is the longest text that is read at once, in bytes.
const MaxText = 16 << 20

// Extractor finds terms of an ontology in text. It is safe for concurrent use.
type Extractor struct {
	ontology   *ontology.Ontology
	dictionary *dictionary
}

// NewExtractor prepares the names of an ontology.
func NewExtractor(o *ontology.Ontology) (*Extractor, error) {
	r, err := embeddedRules()
	if err != nil {
		return nil, err
	}
	return &Extractor{ontology: o, dictionary: newDictionary(o, r)}, nil
}

// Extract reads a note and gives a feature for each mention of a term, in the
// order of the text: with the bytes it stands at (Span), and whether it is
// excluded, uncertain or said of a relative. What is only a risk, a condition
// or advice is left out. source names the document.
//
// Bytes that are no UTF-8 part words and are reported as a refusal; the rest is
// read. A text beyond MaxText, or one with zero bytes, is refused. Mentions
// beyond MaxFeatures are cut, and that is a refusal too.
func (x *Extractor) Extract(ctx context.Context, source, text string) (clinical.Phenotype, error) {
	p := clinical.Phenotype{ID: source, Features: []clinical.PhenotypicFeature{}}
	switch {
	case len(text) > MaxText:
		return p, fault.New(fault.InputTooLarge, fmt.Sprintf("%s has %d bytes, the limit is %d MiB", source, len(text), MaxText>>20), "split it into notes")
	case strings.TrimSpace(text) == "":
		return p, fault.New(fault.InputEmpty, source+" holds no text", "give a note")
	case strings.IndexByte(text, 0) >= 0:
		return p, fault.New(fault.InputUnsupported, source+" is no plain text in UTF-8", "save the note as plain text")
	}
	r := reader{Extractor: x, text: text, cache: map[string]word{}}
	var broken int
	if r.tokens, broken = tokenize(text); broken > 0 {
		p.Refusals = append(p.Refusals, refusal(source, fault.New(fault.InputMalformed,
			fmt.Sprintf("%d bytes are not UTF-8; the words they are in were not understood", broken), "save the note as UTF-8")))
	}
	r.words = make([]word, len(r.tokens))
	for i, t := range r.tokens {
		r.words[i] = r.word(t)
	}
	for n, s := range r.sentences() {
		if n%256 == 0 && ctx.Err() != nil {
			return p, ctx.Err()
		}
		p.Features = append(p.Features, r.findings(s, source)...)
		if len(p.Features) > MaxFeatures {
			break
		}
	}
	limit(&p, source)
	return p, nil
}

// findings judges the mentions of one sentence.
func (r *reader) findings(s sentence, source string) []clinical.PhenotypicFeature {
	found := r.mentions(s.from, s.to)
	if len(found) == 0 {
		return nil
	}
	all := r.signals(s, found)
	var out []clinical.PhenotypicFeature
	for _, m := range found {
		term, side := r.sided(m, r.side(m, found, all))
		f := clinical.PhenotypicFeature{Term: r.ontology.ID(term), Label: r.ontology.Label(term), Laterality: side, Source: source}
		if !judge(&f, m, all) {
			continue
		}
		start, end := r.tokens[m.from].start, r.tokens[m.to-1].end
		f.Span = &clinical.Span{Start: start, End: end, Text: r.text[start:end]}
		r.describe(&f, m, s)
		out = append(out, f)
	}
	return out
}

// judge sets what the phrases around a mention say of it; false when it is no
// finding of anybody. Of phrases that contradict each other the nearest holds.
func judge(f *clinical.PhenotypicFeature, m mention, all []signal) bool {
	nearest := 1 << 30
	for _, g := range all {
		if !g.reaches(m) {
			continue
		}
		switch g.effect {
		case effectNone:
			return false
		case effectFamily:
			f.Family = true
		case effectAbsent, effectUncertain:
			if d := g.distance(m); d < nearest {
				nearest = d
				f.Excluded, f.Uncertain = g.effect == effectAbsent, g.effect == effectUncertain
			}
		}
	}
	if m.denies {
		f.Excluded, f.Uncertain = true, false
	}
	return true
}

// describe reads severity and course from the words before a mention.
func (r *reader) describe(f *clinical.PhenotypicFeature, m mention, s sentence) {
	for i := m.from - 1; i >= max(s.from, m.from-3) && !r.tokens[i].mark; i-- {
		w := r.tokens[i].word
		if term, ok := r.dictionary.rules.severity[w]; ok && f.Severity == "" {
			f.Severity = term
		}
		if term, ok := r.dictionary.rules.modifiers[w]; ok {
			f.Modifiers = append(f.Modifiers, term)
		}
		if w == "and" || w == "with" {
			return
		}
	}
}
