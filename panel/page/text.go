package page

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"consilium/clinical"
)

// Text prints findings for a terminal as they come.
type Text struct {
	w      io.Writer
	colour bool
	err    error
}

// NewText prints to w, with ANSI colours when colour is set.
func NewText(w io.Writer, colour bool) *Text { return &Text{w: w, colour: colour} }

// ANSI colours by tone.
var ansi = map[string]string{"alarm": "31;1", "open": "33;1", "calm": "32;1", "soft": "2"}

const (
	barCells   = 24
	mostLabels = 6 // outcomes printed; the rest is in --json
)

func (t *Text) paint(tone, s string) string {
	if !t.colour || ansi[tone] == "" {
		return s
	}
	return "\x1b[" + ansi[tone] + "m" + s + "\x1b[0m"
}

func (t *Text) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

// Finding prints one finding: verdict and answer, a bar for each label with
// probability and interval, the set, the model, pictures and notes.
func (t *Text) Finding(f clinical.Finding) error {
	t.printf("\n%s  %s\n", t.paint(tone(f), strings.ToUpper(verdict(f))), answer(f))
	t.printf("  %s\n", t.paint("soft", f.Task+" · "+printable(f.Input)+" · "+f.Model+"@"+f.Version))
	width := 0
	for _, o := range f.Outcomes {
		width = max(width, utf8.RuneCountInString(o.Name))
	}
	for _, o := range f.Outcomes[:min(len(f.Outcomes), mostLabels)] {
		mark := " "
		if o.InSet {
			mark = "●"
		}
		t.printf("  %s %-*s %s %6s%s\n", mark, width, o.Name, textBar(o.Probability), Percent(o.Probability), t.paint("soft", bracketed(o)))
	}
	if more := len(f.Outcomes) - mostLabels; more > 0 {
		t.printf("    and %d labels less probable\n", more)
	}
	if f.Coverage > 0 {
		t.printf("  set      %s (the true label is in it for %.0f of 100)\n", setNames(f), 100*f.Coverage)
	}
	for _, p := range f.Pictures {
		t.printf("  picture  %s  %s\n", printable(p.Path), t.paint("soft", p.Method+", "+p.Outcome))
	}
	for _, n := range f.Notes {
		t.printf("  note     %s\n", n)
	}
	return t.err
}

// Refusal prints an input that was not judged.
func (t *Text) Refusal(r clinical.Refusal) error {
	t.printf("\n%s  %s\n", t.paint("open", "REFUSED"), printable(r.Input))
	t.printf("  %s: %s\n", r.Code, printable(r.What))
	if r.Do != "" {
		t.printf("  what to do: %s\n", r.Do)
	}
	return t.err
}

// Summary closes the list: what came first in urgency, and the disclaimer.
func (t *Text) Summary(a clinical.Assessment) error {
	if len(a.Findings) > 1 {
		t.printf("\nMost urgent first:\n")
		for i, f := range a.Findings {
			if i == 10 {
				t.printf("  and %d more\n", len(a.Findings)-i)
				break
			}
			t.printf("  %2d  %s  %s  %s\n", i+1, t.paint(tone(f), fmt.Sprintf("%-13s", verdict(f))), answer(f), t.paint("soft", printable(f.Input)))
		}
	}
	if a.Synthetic {
		t.printf("\n%s\n", clinical.SyntheticNotice)
	}
	t.printf("\n%s\n", a.Disclaimer)
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

func bracketed(o clinical.Outcome) string {
	if i := interval(o); i != "" {
		return " [" + i + "]"
	}
	return ""
}

// printable keeps control characters of hostile names off the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}
