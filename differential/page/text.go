package page

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"consilium/clinical"
	"consilium/differential"
	"consilium/fault"
)

// Text prints differentials for a terminal.
type Text struct {
	w      io.Writer
	colour bool
	err    error
}

// NewText prints to w, with ANSI colours when colour is set.
func NewText(w io.Writer, colour bool) *Text { return &Text{w: w, colour: colour} }

// ANSI colours by tone.
var ansi = map[string]string{"calm": "32;1", "lead": "34;1", "open": "33;1", "for": "34", "against": "33", "soft": "2", "bold": "1"}

// What is printed; the rest is in --json and on the page.
const (
	textReasons    = 12
	textUnlisted   = "not among the known diseases"
	textOthers     = "all others"
	barCells       = 20
	halfCells      = 8
	textCandidates = 3 // with their reasons
	mostNotes      = 12
)

func (t *Text) paint(tone, s string) string {
	if !t.colour || ansi[tone] == "" {
		return s
	}
	return "\x1b[" + ansi[tone] + "m" + s + "\x1b[0m"
}

func (t *Text) printf(format string, args ...any) {
	if t.err != nil {
		return
	}
	if _, err := fmt.Fprintf(t.w, format, args...); err != nil {
		t.err = fault.Wrap(err, fault.IO, "the answer cannot be written", "check where the output goes")
	}
}

// Differential prints the answer to one case: the verdict, a bar for each
// candidate, what the findings say of the first of them, and what did not count.
func (t *Text) Differential(d differential.Differential) error {
	t.printf("%s  %s\n", t.paint(tone(d), strings.ToUpper(verdict(d))), printable(sentence(d)))
	head := counts(d)
	if d.Case != "" {
		head = printable(d.Case) + " · " + head
	}
	t.printf("  %s\n\n", t.paint("soft", head))
	for _, c := range d.Candidates {
		t.printf("  %2d  %s %6s  %s  %s%s\n", c.Rank, textBar(c.Probability), Percent(c.Probability), c.ID, t.paint("bold", printable(c.Name)), t.paint("soft", bracketed(c.Genes)))
	}
	if len(d.Candidates) > 0 {
		t.printf("      %s %6s  %s\n", textBar(others(d)), Percent(others(d)), textOthers)
		t.printf("      %s %6s  %s\n", textBar(d.Unlisted), Percent(d.Unlisted), t.paint("open", textUnlisted))
	}
	for _, c := range d.Candidates[:min(len(d.Candidates), textCandidates)] {
		t.candidate(c, scale(d.Candidates))
	}
	if d.Truth != nil {
		t.printf("\n%s\n", printable(truth(*d.Truth)))
	}
	t.notes(d)
	return t.err
}

func bracketed(g []string) string {
	if len(g) == 0 {
		return ""
	}
	return " (" + printable(genes(g)) + ")"
}

func (t *Text) candidate(c differential.Candidate, widest float64) {
	t.printf("\n%d  %s\n", c.Rank, t.paint("bold", printable(c.Name)))
	width := 0
	shown := c.Findings[:min(len(c.Findings), textReasons)]
	for _, r := range shown {
		width = max(width, utf8.RuneCountInString(finding(r)))
	}
	for _, r := range shown {
		label := finding(r)
		pad := strings.Repeat(" ", width-utf8.RuneCountInString(label))
		t.printf("   %s%s %s %8s  %s\n", label, pad, t.sides(r.LogRatio, widest), factor(r.LogRatio), t.paint("soft", printable(meaning(r))))
	}
	if more := len(c.Findings) - len(shown); more > 0 {
		t.printf("   and %d findings that say less\n", more)
	}
	if len(c.Unexplained) > 0 {
		t.printf("   not explained: %s\n", printable(listed(c.Unexplained)))
	}
	if len(c.Missing) > 0 {
		var list []string
		for _, e := range expected(c.Missing) {
			list = append(list, fmt.Sprintf("%s (%s)", e.Label, share(e)))
		}
		t.printf("   expected, and nobody has said: %s\n", printable(strings.Join(list, ", ")))
	}
	var parts []string
	for _, p := range c.Parts {
		parts = append(parts, p.Name+" "+decimal(p.Value))
	}
	if len(parts) > 0 {
		t.printf("   %s\n", t.paint("soft", "score "+decimal(c.Score)+" = "+printable(strings.Join(parts, ", "))))
	}
}

func finding(r differential.Reason) string {
	if r.Excluded {
		return "no " + printable(r.Finding.Label)
	}
	return printable(r.Finding.Label)
}

// sides draws a value left or right of the middle.
func (t *Text) sides(v, widest float64) string {
	n := 0
	if widest > 0 {
		n = int(clamp(max(v, -v)/widest)*halfCells + 0.5)
	}
	blank, full := strings.Repeat("·", halfCells-n), strings.Repeat("█", n)
	if v < 0 {
		return blank + t.paint("against", full) + "│" + strings.Repeat("·", halfCells)
	}
	return strings.Repeat("·", halfCells) + "│" + t.paint("for", full) + blank
}

func (t *Text) notes(d differential.Differential) {
	if d.Partial {
		t.printf("\n%s not all of the case was looked at.\n", t.paint("open", "PARTIAL"))
	}
	for i, n := range d.Notes {
		if i == 0 {
			t.printf("\nWhat did not count:\n")
		}
		if i == mostNotes {
			t.printf("  and %d more\n", len(d.Notes)-i)
			break
		}
		t.note(n)
	}
}

func (t *Text) note(n clinical.Refusal) {
	t.printf("  %s: %s\n", n.Code, printable(n.What))
	if n.Do != "" {
		t.printf("    what to do: %s\n", printable(n.Do))
	}
}

// Refusal prints a part of a case, or a case of many, that could not be read.
func (t *Text) Refusal(r clinical.Refusal) error {
	t.printf("%s  %s\n", t.paint("open", "REFUSED"), printable(r.Input))
	t.note(r)
	return t.err
}

// Questions prints what to look for next, the most telling first.
func (t *Text) Questions(list []differential.Question) error {
	if len(list) == 0 {
		t.printf("No single finding would tell the diseases further apart.\n")
		return t.err
	}
	t.printf("Look for next, the most telling first:\n")
	for i, q := range list {
		t.printf("\n  %d  %s  %s\n", i+1, t.paint("bold", printable(q.Label)), t.paint("soft", q.ID))
		if s := synonyms(q); s != "" {
			t.printf("     also called: %s\n", printable(s))
		}
		t.printf("     if yes (%s): %s\n", Percent(q.Chance), printable(leader(q.IfYes)))
		t.printf("     if no  (%s): %s\n", Percent(1-q.Chance), printable(leader(q.IfNo)))
		t.printf("     %s\n", t.paint("soft", fmt.Sprintf("tells %.2f bits", q.Gain)))
	}
	return t.err
}

// Line prints the answer to one case of many on a line.
func (t *Text) Line(d differential.Differential) error {
	lead := "–"
	p := d.Unlisted
	if len(d.Candidates) > 0 {
		lead, p = d.Candidates[0].ID+" "+d.Candidates[0].Name, d.Candidates[0].Probability
	}
	place := ""
	if d.Truth != nil {
		switch {
		case !d.Truth.Listed:
			place = "  diagnosis not listed"
		case d.Truth.Rank == 0:
			place = "  diagnosis not found"
		default:
			place = fmt.Sprintf("  diagnosis on place %d", d.Truth.Rank)
		}
	}
	note := ""
	if n := len(d.Notes); n > 0 {
		note = fmt.Sprintf("  %s", plural(n, "note"))
	}
	t.printf("%s  %s  %s  %s%s%s\n", printable(d.Case), t.paint(tone(d), string(d.Verdict)), Percent(p), printable(lead), place, t.paint("soft", note))
	return t.err
}

func textBar(p float64) string {
	eighths := int(clamp(p)*barCells*8 + 0.5)
	s := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[rest])
	}
	return s + strings.Repeat("·", barCells-utf8.RuneCountInString(s))
}

// printable keeps control characters of hostile files off the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
			return '?'
		}
		return r
	}, s)
}
