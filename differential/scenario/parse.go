package scenario

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"consilium/fault"
)

// problem is a line that cannot be used, and what to write instead.
type problem struct {
	line     int
	what, do string
}

// problems gathers them: whoever writes a file wants to hear of all at once.
type problems struct {
	file string
	list []problem
}

func (p *problems) add(line int, what, do string) {
	p.list = append(p.list, problem{line, what, do})
}

// many tells whether looking for names that were meant is no longer worth its time.
func (p *problems) many() bool { return len(p.list) >= 2*maxProblems }

// err is nil when there were none.
func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	if len(p.list) == 1 {
		x := p.list[0]
		return fault.New(fault.InputMalformed, fmt.Sprintf("%s, line %d: %s", p.file, x.line, x.what), x.do)
	}
	slices.SortStableFunc(p.list, func(a, b problem) int { return cmp.Compare(a.line, b.line) })
	var b strings.Builder
	fmt.Fprintf(&b, "%d lines of %s cannot be used", len(p.list), p.file)
	for _, x := range p.list[:min(len(p.list), maxProblems)] {
		fmt.Fprintf(&b, "\n  line %d: %s; %s", x.line, x.what, x.do)
	}
	return fault.New(fault.InputMalformed, b.String(), "correct these lines; docs/scenarios.md describes the language")
}

// parser reads line after line; it is the memory between them.
type parser struct {
	file    File
	problem problems
	now     *Scenario
	given   bool   // now has a patient
	expects bool   // now has an expectation, understood or not
	last    string // disease that was named last in it
}

// Parse reads a text of scenarios. It knows the grammar; names of findings and
// diseases are not looked up.
func Parse(name string, text []byte) (File, error) {
	f, bad, err := parse(name, text)
	if err == nil {
		err = bad.err()
	}
	return f, err
}

// parse tells lines that cannot be used from texts that cannot be read at all.
func parse(name string, text []byte) (File, problems, error) {
	p := parser{file: File{Name: name}, problem: problems{file: name}}
	switch {
	case len(text) > MaxFile:
		return p.file, p.problem, fault.New(fault.InputTooLarge, fmt.Sprintf("%s is longer than %d KiB", name, MaxFile>>10), "part it into several files")
	case !utf8.Valid(text):
		return p.file, p.problem, fault.New(fault.InputMalformed, name+" is no UTF-8 text", "save it as plain text in UTF-8")
	}
	for i, line := range strings.Split(strings.TrimPrefix(string(text), "\ufeff"), "\n") {
		p.line(i+1, line)
	}
	p.close()
	if len(p.file.Scenarios) == 0 && len(p.problem.list) == 0 {
		return p.file, p.problem, fault.New(fault.InputEmpty, name+" holds no scenario", "begin one with a line such as: scenario Marfan syndrome with a dislocated lens")
	}
	return p.file, p.problem, nil
}

var comment = regexp.MustCompile(`(^|\s)#.*$`)

func (p *parser) line(number int, raw string) {
	if len(raw) > maxLine {
		p.problem.add(number, fmt.Sprintf("the line is longer than %d bytes", maxLine), "one finding or expectation a line")
		return
	}
	text := strings.Join(strings.Fields(comment.ReplaceAllString(straight.Replace(raw), "")), " ")
	if text == "" {
		return
	}
	word, rest, _ := strings.Cut(text, " ")
	switch word = strings.ToLower(strings.TrimSuffix(word, ":")); {
	case word == "scenario":
		p.begin(number, rest)
	case word == "needs":
		p.needs(number, rest)
	case p.now == nil:
		p.problem.add(number, fmt.Sprintf("“%s” stands before the first scenario", text), "begin with a line such as: scenario Marfan syndrome")
	default:
		p.within(number, word, rest, text)
	}
}

// straight turns typographic quotation marks into plain ones.
var straight = strings.NewReplacer("“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`)

func (p *parser) needs(number int, rest string) {
	switch {
	case len(p.file.Scenarios) > 0 || p.now != nil:
		p.problem.add(number, "“needs” comes too late", "write it before the first scenario; it holds for the file")
	case strings.EqualFold(rest, string(NeedsHPO)):
		p.file.Needs = NeedsHPO
	case strings.EqualFold(rest, string(NeedsSample)):
		p.file.Needs = NeedsSample
	default:
		p.problem.add(number, fmt.Sprintf("“%s” is no ontology that can be needed", rest), "write: needs HPO, or: needs sample")
	}
}

func (p *parser) begin(number int, name string) {
	p.close()
	if name == "" {
		p.problem.add(number, "the scenario has no name", "write what it shows, such as: scenario Marfan syndrome with a dislocated lens")
	}
	if len(p.file.Scenarios) == maxScenarios {
		p.problem.add(number, fmt.Sprintf("a file holds at most %d scenarios", maxScenarios), "part it into several files")
	}
	p.now, p.given, p.expects, p.last = &Scenario{Name: name, Line: number}, false, false, ""
}

// close ends the scenario that is being read.
func (p *parser) close() {
	if p.now == nil {
		return
	}
	if !p.expects {
		p.problem.add(p.now.Line, fmt.Sprintf("“%s” expects nothing", p.now.Name), "add a line such as: expect OMIM:154700 in the first 3")
	}
	if len(p.file.Scenarios) < maxScenarios {
		p.file.Scenarios = append(p.file.Scenarios, *p.now)
	}
	p.now = nil
}

func (p *parser) within(number int, word, rest, text string) {
	lower := strings.ToLower(text)
	switch {
	case word == "given":
		p.patient(number, rest)
	case word == "has", strings.HasPrefix(lower, "may have "), strings.HasPrefix(lower, "relative has "):
		p.finding(number, text)
	case word == "without":
		p.without(number, rest)
	case word == "expect":
		p.match(number, expectForms, rest, text)
	case word == "then":
		p.match(number, thenForms, rest, text)
	default:
		p.problem.add(number, fmt.Sprintf("“%s” is not a line of the language", text), "lines begin with: scenario, given, has, has not, may have, relative has, without, expect, then ask")
	}
}

// finding reads: has X; has not X; may have X; relative has X.
func (p *parser) finding(number int, text string) {
	f := Finding{Line: number}
	lower := strings.ToLower(text)
	begins := func(prefix string) bool { return strings.HasPrefix(lower, prefix) }
	n := 0
	switch {
	case begins("may have "):
		n, f.Possible = len("may have "), true
	case begins("relative has "):
		n, f.Relative = len("relative has "), true
	case begins("has not "):
		n, f.Excluded = len("has not "), true
	default:
		n = min(len("has "), len(text))
	}
	f.Words = unquote(text[n:])
	switch {
	case !p.given:
		p.problem.add(number, "there is no patient yet", "write a line before, such as: given a female of 8 years")
	case f.Words == "":
		p.problem.add(number, "the finding is not named", "write its name, such as: has Arachnodactyly")
	default:
		p.now.Findings = append(p.now.Findings, f)
	}
}

func (p *parser) without(number int, rest string) {
	for _, r := range strings.FieldsFunc(rest, func(c rune) bool { return c == ',' || c == ' ' }) {
		if !strings.HasPrefix(r, "PMID:") || len(r) == len("PMID:") {
			p.problem.add(number, fmt.Sprintf("“%s” is no paper", r), "write its PubMed number, such as: without PMID:12345678")
			return
		}
		p.now.Without = append(p.now.Without, r)
	}
	if rest == "" {
		p.problem.add(number, "no paper is named", "write its PubMed number, such as: without PMID:12345678")
	}
}

// unquote takes marks around a name away, and a full stop at its end.
func unquote(s string) string {
	return strings.TrimSpace(strings.Trim(strings.TrimSuffix(strings.TrimSpace(s), "."), `"`))
}

var patient = regexp.MustCompile(`(?i)^(?:an? |the )?(male|man|boy|female|woman|girl|patient|person|child|infant|newborn|adult)` +
	`(?:,? (?:of|aged) (\d{1,3}) (year|month|week|day)s?(?: old)?)?(?:,? (?:with )?(?:an )?onset (.+))?\.?$`)

// patient reads: given a male of 12 years, onset in childhood.
func (p *parser) patient(number int, rest string) {
	if p.given {
		p.problem.add(number, "the scenario has a patient already", "begin another scenario")
		return
	}
	p.given = true
	m := patient.FindStringSubmatch(rest)
	if m == nil {
		p.problem.add(number, fmt.Sprintf("“given %s” is not understood", rest), "write it like: given a male of 12 years, onset in childhood (age and onset may be left out)")
		return
	}
	switch strings.ToLower(m[1]) {
	case "male", "man", "boy":
		p.now.Sex = "M"
	case "female", "woman", "girl":
		p.now.Sex = "F"
	}
	if m[2] != "" {
		p.now.Age = duration(m[2], m[3])
	}
	p.now.onsetAt = number
	if at := age.FindStringSubmatch(m[4]); at != nil {
		p.now.Onset = duration(at[1], at[2])
	} else {
		p.now.Onset = unquote(m[4])
	}
}

var age = regexp.MustCompile(`(?i)^at (\d{1,3}) (year|month|week|day)s?\.?$`)

// duration writes an age as ISO 8601 has it.
func duration(number, unit string) string { return "P" + number + strings.ToUpper(unit[:1]) }
