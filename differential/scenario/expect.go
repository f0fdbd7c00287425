package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// form is a way to write an expectation. Its groups are named after what they
// hold: d and e diseases, t findings, n a number, s a percentage, c a code.
type form struct {
	kind    kind
	code    string // of a verdict
	pattern *regexp.Regexp
	example string
}

const (
	pTerms = `(?P<t>"[^"]+"(?:(?:,| or|, or| and|, and) ?"[^"]+")*)`
	pShare = `(?P<s>\d{1,3}) ?%`
)

func forms(list ...form) []form { return list }

func of(k kind, pattern, example string) form {
	return form{kind: k, pattern: regexp.MustCompile(`(?i)^` + pattern + `$`), example: example}
}

func says(verdict, pattern, example string) form {
	f := of(verdictIs, pattern, example)
	f.code = verdict
	return f
}

// expectForms are tried in order.
var expectForms = forms(
	says("cannot tell", `(?:to be told )?"?cannot tell"?`, `expect cannot tell`),
	says("unlisted", `none of the known(?: diseases)?`, `expect none of the known diseases`),
	says("likely", `one disease(?: to stand out)?`, `expect one disease`),
	says("several", `several(?: diseases)?(?: to remain)?`, `expect several diseases`),
	of(partial, `(?:the answer to be )?partial`, `expect partial`),
	of(noted, `(?:the )?note (?P<c>[A-Z_]+)(?: (?:for|on) (?:"(?P<d>[^"]+)"|(?P<e>\S+)))?`, `expect note FINDING_OBSOLETE for HP:0000057`),
	of(unlistedAbove, `unlisted above `+pShare, `expect unlisted above 50%`),
	of(unlistedBelow, `unlisted below `+pShare, `expect unlisted below 50%`),
	of(findingsCount, `(?P<n>\d{1,5}) findings? to count`, `expect 3 findings to count`),
	of(exclusionsCount, `(?P<n>\d{1,5}) exclusions? to count`, `expect 1 exclusion to count`),
	of(speaksFor, pTerms+`(?: to)? speaks? for (?P<d>.+)`, `expect "Ectopia lentis" speaks for it`),
	of(speaksAgainst, pTerms+`(?: to)? speaks? against (?P<d>.+)`, `expect "Seizure" speaks against it`),
	of(unexplained, pTerms+` unexplained by (?P<d>.+)`, `expect "Rash" unexplained by it`),
	of(missing, pTerms+` missing in (?P<d>.+)`, `expect "Aortic root aneurysm" missing in it`),
	of(notInFirst, `(?P<d>.+?) not in the first (?P<n>\d{1,3})`, `expect OMIM:154700 not in the first 10`),
	of(inFirst, `(?P<d>.+?) in the first (?P<n>\d{1,3})`, `expect OMIM:154700 Marfan syndrome in the first 3`),
	of(inFirst, `(?P<d>.+?) first`, `expect OMIM:154700 first`),
	of(inSet, `(?P<d>.+?) in the set`, `expect OMIM:154700 in the set`),
	of(aboveShare, `(?P<d>.+?) above `+pShare, `expect OMIM:154700 above 30%`),
	of(belowShare, `(?P<d>.+?) below `+pShare, `expect OMIM:154700 below 10%`),
	of(aboveDisease, `(?P<d>.+?) above (?P<e>.+)`, `expect OMIM:154700 above OMIM:121050`),
)

var thenForms = forms(
	of(asksNothing, `ask nothing`, `then ask nothing`),
	of(asks, `ask (?:one of |for |about )*`+pTerms+`(?: in the first (?P<n>\d{1,2}))?`, `then ask one of "Aortic root aneurysm", "Dural ectasia"`),
	of(asksNot, `do not ask (?:for |about )?`+pTerms+`(?: in the first (?P<n>\d{1,2}))?`, `then do not ask "Seizure"`),
)

// askedFirst is how many questions are looked at when the line does not say.
const askedFirst = 5

// match finds the form of a line and keeps what it says.
func (p *parser) match(number int, forms []form, rest, text string) {
	p.expects = true
	rest = strings.TrimSuffix(strings.TrimSpace(rest), ".")
	for _, f := range forms {
		m := f.pattern.FindStringSubmatch(rest)
		if m == nil {
			continue
		}
		group := func(name string) string {
			if i := f.pattern.SubexpIndex(name); i >= 0 {
				return m[i]
			}
			return ""
		}
		p.keep(number, text, f, group)
		return
	}
	var examples []string
	for _, f := range forms {
		examples = append(examples, f.example)
	}
	p.problem.add(number, fmt.Sprintf("“%s” is not understood", text), "write it like one of: "+strings.Join(nearestTo(text, examples, 3), "; "))
}

func (p *parser) keep(number int, text string, f form, group func(string) string) {
	e := Expectation{Line: number, Text: text, kind: f.kind, code: f.code}
	if f.kind == inFirst || f.kind == asks || f.kind == asksNot {
		e.n = 1
		if f.kind != inFirst {
			e.n = askedFirst
		}
	}
	if n, err := strconv.Atoi(group("n")); err == nil {
		e.n = n
	}
	if s, err := strconv.Atoi(group("s")); err == nil {
		e.share = float64(s) / 100
	}
	for i, t := range strings.Split(group("t"), `"`) {
		if t = strings.TrimSpace(t); i%2 == 1 && t != "" { // between marks
			e.terms = append(e.terms, subject{words: t})
		}
	}
	e.disease.words, e.other.words = unquote(group("d")), unquote(group("e"))
	if f.kind == inFirst {
		e.alternatives()
	}
	switch {
	case f.kind == noted:
		e.code = strings.ToUpper(group("c"))
		if word := e.disease.words + e.other.words; word != "" {
			e.terms = []subject{{words: word}}
		}
		e.disease, e.other = subject{}, subject{}
	case group("t") != "" && len(e.terms) == 0:
		p.problem.add(number, "the finding is not named", "write its name between quotation marks")
		return
	case (f.kind == inFirst || f.kind == notInFirst || f.kind == asks || f.kind == asksNot) && (e.n < 1 || e.n > deepest):
		p.problem.add(number, fmt.Sprintf("the first %d cannot be asked for", e.n), fmt.Sprintf("choose a number from 1 to %d", deepest))
		return
	case e.share > 1:
		p.problem.add(number, "a probability is at most 100%", "correct the number")
		return
	}
	if !p.it(number, &e) {
		return
	}
	p.now.Expect = append(p.now.Expect, e)
}

// either stands before another identifier of a disease; an "or" within a name stays.
var either = regexp.MustCompile(`,? or ([A-Za-z]+:\w)`)

// alternatives parts diseases of which one is enough.
func (e *Expectation) alternatives() {
	words := strings.Split(either.ReplaceAllString(e.disease.words, "\n$1"), "\n")
	e.disease.words = words[0]
	for _, w := range words[1:] {
		e.either = append(e.either, subject{words: w})
	}
}

// it puts the disease that was named last in the place of "it".
func (p *parser) it(number int, e *Expectation) bool {
	for _, s := range []*subject{&e.disease, &e.other} {
		if !strings.EqualFold(s.words, "it") {
			continue
		}
		if p.last == "" {
			p.problem.add(number, "“it” stands for the disease that was named last, and none was", "name the disease, or expect its place in a line before")
			return false
		}
		s.words = p.last
	}
	p.last = cmp.Or(e.disease.words, p.last)
	return true
}
