package edge

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"consilium/clinical"
	"consilium/fault"
)

// Finding is what one model says, without anything of the file that it looked at.
type Finding struct {
	Task     string             `json:"task"`
	Model    string             `json:"model"`
	Version  string             `json:"version"`
	Verdict  string             `json:"verdict"` // clinical.VerdictFinding or VerdictCannotTell
	Answer   string             `json:"answer"`
	Outcomes []clinical.Outcome `json:"outcomes"` // the most probable first
}

// Top is the probability of the most probable label.
func (f Finding) Top() float64 {
	top := 0.0
	for _, o := range f.Outcomes {
		top = max(top, o.Probability)
	}
	return top
}

// Label is the most probable label; the first on a tie.
func (f Finding) Label() string {
	name, top := "", -1.0
	for _, o := range f.Outcomes {
		if o.Probability > top {
			name, top = o.Name, o.Probability
		}
	}
	return name
}

// Answer is what a diagnosis gave: findings, and the codes of what was refused.
type Answer struct {
	Findings []Finding    `json:"findings"`
	Refusals []fault.Code `json:"refusals,omitempty"`
}

// Limits of an answer.
const (
	maxFindings  = 32
	maxOutcomes  = 1000
	maxTextBytes = 512
	sumTolerance = 1e-3
)

// Check refuses an answer whose numbers or texts cannot be used. Errors: UPDATE_REFUSED.
func (a Answer) Check() error {
	if len(a.Findings) > maxFindings || len(a.Refusals) > maxFindings {
		return unusable("has too many findings")
	}
	for _, c := range a.Refusals {
		if !word(string(c)) || c == "" {
			return unusable("has a code that is none")
		}
	}
	for _, f := range a.Findings {
		if err := f.check(); err != nil {
			return err
		}
	}
	return nil
}

func (f Finding) check() error {
	if f.Verdict != clinical.VerdictFinding && f.Verdict != clinical.VerdictCannotTell {
		return unusable("has a verdict that is none")
	}
	if f.Task == "" || f.Model == "" {
		return unusable("names no model")
	}
	if len(f.Outcomes) < 2 || len(f.Outcomes) > maxOutcomes {
		return unusable("has no labels, or too many")
	}
	texts := []string{f.Task, f.Model, f.Version}
	if len(f.Answer) > 64<<10 || !utf8.ValidString(f.Answer) || strings.ContainsFunc(f.Answer, unicode.IsControl) { // names every label that remains
		return unusable("has a text that cannot be shown")
	}
	sum := 0.0
	for _, o := range f.Outcomes {
		texts = append(texts, o.Name, o.Code, o.System)
		if o.Name == "" || !(o.Probability >= 0 && o.Probability <= 1+sumTolerance) || !inUnit(o.Low) || !inUnit(o.High) {
			return unusable("has a probability that is none")
		}
		sum += o.Probability
	}
	if !(math.Abs(sum-1) <= sumTolerance) {
		return unusable("has probabilities that do not sum to 1")
	}
	if slices.ContainsFunc(texts, func(s string) bool { return !word(s) }) {
		return unusable("has a text that cannot be shown")
	}
	return nil
}

func inUnit(v *float64) bool { return v == nil || *v >= 0 && *v <= 1 }

// word says whether foreign text may be shown: short, and nothing in it that moves a cursor.
func word(s string) bool {
	return len(s) <= maxTextBytes && utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

func unusable(what string) error {
	return fault.New(fault.UpdateRefused, "an answer about a case "+what, "nothing; it was put aside. Ask the other side which version it runs")
}

// Agree compares the most probable labels of two answers, task by task; known is false when they share no task.
func Agree(a, b Answer) (agree, known bool) {
	agree = true
	for _, f := range a.Findings {
		for _, g := range b.Findings {
			if f.Task == g.Task {
				known = true
				agree = agree && f.Label() == g.Label()
			}
		}
	}
	return agree && known, known
}

// States of a result.
const (
	StateLocal    = "local"                           // the site's own answer, sure
	StateAsked    = "local, second opinion asked for" // the own answer stands while the hub is asked
	StateWanted   = "local, second opinion wanted"    // none came in time, or none could be asked for
	StateSeconded = "local, second opinion given"     // the hub's answer stands beside the own one
	StateHub      = "answered by the hub"             // handed over while the site was busy
)

// Reasons for a second opinion.
const (
	ReasonUnsure     = "unsure"      // top probability below the threshold
	ReasonCannotTell = "cannot tell" // the conformal set has not exactly one label
	ReasonNoModel    = "no model"    // no model of the site fits
	ReasonBusy       = "busy"        // the queue was too long
)

// Result is what the site is told about a case. Local never changes once it is written.
type Result struct {
	Case       string     `json:"case"`
	Name       string     `json:"name"`
	State      string     `json:"state"`
	Reason     string     `json:"reason,omitempty"`    // why a second opinion was wanted
	Handed     bool       `json:"handed_over"`         // whether the hub was asked
	NotAsked   fault.Code `json:"not_asked,omitempty"` // why it was not, or gave none
	Accepted   time.Time  `json:"accepted"`
	Answered   time.Time  `json:"answered"`
	WaitMS     float64    `json:"wait_ms"` // from acceptance to the start of the work
	WorkMS     float64    `json:"work_ms"`
	SecondMS   float64    `json:"second_ms,omitempty"` // from asking the hub to its answer
	Local      *Answer    `json:"local,omitempty"`
	Second     *Answer    `json:"second,omitempty"`
	Disclaimer string     `json:"disclaimer"`
}

// Summary is what the hub hears of every case.
type Summary struct {
	Case   string  `json:"case"` // pseudonym
	By     string  `json:"by"`   // "site", or "hub" when its own answer was taken
	Reason string  `json:"reason,omitempty"`
	Handed bool    `json:"handed_over"`
	WaitMS float64 `json:"wait_ms"`
	WorkMS float64 `json:"work_ms"`
	Answer Answer  `json:"answer"`
}

// Opinion is the hub's answer to a case that was handed over.
type Opinion struct {
	Case   string     `json:"case"` // pseudonym
	Code   fault.Code `json:"code,omitempty"`
	Answer Answer     `json:"answer"`
}

// DecodeOpinion reads and checks a hub's answer. Errors: UPDATE_REFUSED.
func DecodeOpinion(b []byte) (Opinion, error) {
	var o Opinion
	if err := decode(b, &o); err != nil {
		return o, err
	}
	if !pseudonymous(o.Case) || !word(string(o.Code)) {
		return o, unusable("names no case")
	}
	return o, o.Answer.Check()
}

// DecodeSummary reads and checks a site's summary. Errors: UPDATE_REFUSED.
func DecodeSummary(b []byte) (Summary, error) {
	var s Summary
	if err := decode(b, &s); err != nil {
		return s, err
	}
	if !pseudonymous(s.Case) || !word(s.Reason) || s.By != "site" && s.By != "hub" || !(s.WaitMS >= 0) || !(s.WorkMS >= 0) {
		return s, unusable("names no case, or impossible times")
	}
	return s, s.Answer.Check()
}

func decode(b []byte, into any) error {
	if len(b) > MaxAnswerBytes {
		return unusable("is too large")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(into); err != nil {
		return unusable("cannot be read")
	}
	if dec.More() {
		return unusable("has bytes after its end")
	}
	return nil
}

// pseudonymous says whether s is a pseudonym: 32 lower-case hexadecimal digits.
func pseudonymous(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
