package phenotype

import (
	_ "embed"
	"fmt"
	"slices"
	"sort"
	"strings"
	"sync"

	"consilium/fault"
)

//go:embed rules.txt
var rulesText string

// effect is what a phrase says of the findings it reaches.
type effect uint8

// Effects, in the order of rules.txt.
const (
	effectNothing effect = iota // a phrase that hides others inside it
	effectAbsent
	effectUncertain
	effectFamily
	effectNone // not a finding of anybody: a risk, advice, a condition
	effectStop
	effectPatient
	effectSide
	effectNoSide
)

// trigger is a phrase with its effect.
type trigger struct {
	words  []string
	effect effect
	before bool // stands before the finding
	after  bool
	side   string
}

// abbreviation is one reading of a short form.
type abbreviation struct {
	term string
	near map[string]bool // words one of which the note must hold; nil: none needed
}

// name is a word of notes that the ontology does not have.
type name struct {
	text, term string
	absent     bool // it denies: afebrile
}

// rules is rules.txt, read.
type rules struct {
	triggers      map[string][]trigger // by first word, longest first
	verbs         map[string]bool
	speaks        map[string]bool
	never         map[string]bool
	sections      map[string]effect
	severity      map[string]string
	modifiers     map[string]string
	same          map[string]string
	names         []name
	optional      map[string]bool
	aside         map[string]bool
	affirms       map[string]bool
	abbreviations map[string][]abbreviation
}

var triggerSections = map[string]trigger{
	"absent before": {effect: effectAbsent, before: true}, "absent after": {effect: effectAbsent, after: true},
	"uncertain before": {effect: effectUncertain, before: true}, "uncertain after": {effect: effectUncertain, after: true},
	"family before": {effect: effectFamily, before: true}, "family after": {effect: effectFamily, after: true},
	"not a finding before": {effect: effectNone, before: true}, "not a finding after": {effect: effectNone, after: true},
	"patient": {effect: effectPatient}, "nothing": {effect: effectNothing}, "stop": {effect: effectStop}, "no side": {effect: effectNoSide},
	"side left": {effect: effectSide, side: "left"}, "side right": {effect: effectSide, side: "right"},
	"side bilateral": {effect: effectSide, side: "bilateral"}, "side unilateral": {effect: effectSide, side: "unilateral"},
}

var headingSections = map[string]effect{
	"section family": effectFamily, "section uncertain": effectUncertain, "section absent": effectAbsent, "section not a finding": effectNone,
}

// embeddedRules is read once.
var embeddedRules = sync.OnceValues(func() (*rules, error) { return parseRules(rulesText) })

func parseRules(text string) (*rules, error) {
	r := &rules{triggers: map[string][]trigger{}, verbs: map[string]bool{}, speaks: map[string]bool{}, never: map[string]bool{}, sections: map[string]effect{},
		severity: map[string]string{}, modifiers: map[string]string{}, same: map[string]string{}, optional: map[string]bool{}, aside: map[string]bool{}, affirms: map[string]bool{}, abbreviations: map[string][]abbreviation{}}
	section := ""
	for n, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			if err := r.add(section, line); err != nil {
				return nil, fault.Wrap(err, fault.Internal, fmt.Sprintf("line %d of the rules", n+1), "correct phenotype/rules.txt")
			}
		}
	}
	r.merge()
	return r, nil
}

func (r *rules) add(section, line string) error {
	if t, ok := triggerSections[section]; ok {
		t.words = phrase(line)
		r.triggers[t.words[0]] = append(r.triggers[t.words[0]], t)
		return nil
	}
	if e, ok := headingSections[section]; ok {
		r.sections[strings.Join(phrase(line), " ")] = e
		return nil
	}
	left, right, equals := strings.Cut(line, " = ")
	key := strings.Join(phrase(left), " ")
	switch section {
	case "verb":
		r.verbs[key] = true
	case "speaks":
		r.speaks[key] = true
	case "never":
		r.never[key] = true
	case "optional":
		r.optional[key] = true
	case "aside":
		r.aside[key] = true
	case "affirms":
		r.affirms[key] = true
	case "name":
		right, denies := strings.CutPrefix(right, "absent ")
		id, _, _ := strings.Cut(right, " ") // the label is for people
		r.names = append(r.names, name{left, id, denies})
	case "severity":
		r.severity[key] = right
	case "modifier":
		r.modifiers[key] = right
	case "same":
		r.same[singular(key)] = right
	case "abbreviation":
		term, near, _ := strings.Cut(right, " | ")
		one := abbreviation{term: term}
		for _, w := range strings.Fields(near) {
			if one.near == nil {
				one.near = map[string]bool{}
			}
			one.near[spell(w)] = true
		}
		r.abbreviations[left] = append(r.abbreviations[left], one)
	default:
		return fmt.Errorf("section %q is not known", section)
	}
	if needsValue := slices.Contains([]string{"name", "severity", "modifier", "same", "abbreviation"}, section); needsValue != equals {
		return fmt.Errorf("%q does not fit section %q", line, section)
	}
	return nil
}

// phrase cuts a line of the rules as texts are cut.
func phrase(line string) []string {
	tokens, _ := tokenize(line)
	words := make([]string, len(tokens))
	for i, t := range tokens {
		words[i] = t.word
	}
	return words
}

// merge makes one trigger of equal phrases (a word that acts before and after)
// and puts the longest first.
func (r *rules) merge() {
	for first, list := range r.triggers {
		var out []trigger
		for _, t := range list {
			merged := false
			for i := range out {
				if out[i].effect == t.effect && out[i].side == t.side && strings.Join(out[i].words, " ") == strings.Join(t.words, " ") {
					out[i].before, out[i].after = out[i].before || t.before, out[i].after || t.after
					merged = true
				}
			}
			if !merged {
				out = append(out, t)
			}
		}
		sort.SliceStable(out, func(i, j int) bool { return len(out[i].words) > len(out[j].words) })
		r.triggers[first] = out
	}
}
