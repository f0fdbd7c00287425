package edge

import (
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// Policy is what the site has decided about asking the hub.
type Policy struct {
	// HandOver allows that cases leave the house: de-identified, and still pictures of patients. Off by default.
	HandOver bool
	// Unsure: a second opinion is wanted when the top probability of a finding is below it. Default 0.8.
	Unsure float64
	// Longest queue that the site works off alone. A case that finds it full is handed over: the newest one and not
	// the oldest, since the oldest is about to be answered here and the newest has the longest wait before it, so
	// that asking costs it least. It stays in the queue too, behind all others: whoever is first answers it. At most
	// as many cases are handed over at once as the queue may be long. Default 20.
	Longest int
	// Deadline for the hub's answer. Afterwards a case that was handed over because of the queue takes its place in it
	// again, and an unsure answer is marked StateWanted. An answer that comes later is still added. Default 30 s.
	Deadline time.Duration
	// Forget is how long an answer is waited for at all. Default 30 days.
	Forget time.Duration
}

func (p Policy) complete() (Policy, error) {
	if p.Unsure == 0 {
		p.Unsure = 0.8
	}
	if p.Longest == 0 {
		p.Longest = 20
	}
	if p.Deadline == 0 {
		p.Deadline = 30 * time.Second
	}
	if p.Forget == 0 {
		p.Forget = 30 * 24 * time.Hour
	}
	if !(p.Unsure >= 0 && p.Unsure <= 1) || p.Longest < 1 || p.Deadline < 0 || p.Forget < p.Deadline {
		return p, fault.New(fault.Usage, "a threshold outside 0 to 1, a queue below 1, or a deadline that makes no sense", "see `consilium federate edge --help`")
	}
	return p, nil
}

// doubt says why an own answer wants a second one; "" when it does not. A file that could not be read wants none:
// the hub reads no better.
func (p Policy) doubt(a Answer) string {
	if len(a.Findings) == 0 {
		for _, c := range a.Refusals {
			if c == fault.InputNoModel || c == fault.ModelMissing || c == fault.EngineMissing || c == fault.EngineFailed {
				return ReasonNoModel
			}
		}
		return ""
	}
	for _, f := range a.Findings {
		if f.Verdict == clinical.VerdictCannotTell {
			return ReasonCannotTell
		}
	}
	for _, f := range a.Findings {
		if f.Top() < p.Unsure {
			return ReasonUnsure
		}
	}
	return ""
}

// Clock is the time; tests bring their own.
type Clock interface {
	Now() time.Time
	At(time.Time) <-chan time.Time // rings at that time, at once when it has passed
}

// SystemClock is the machine's.
type SystemClock struct{}

// Now is the time.
func (SystemClock) Now() time.Time { return time.Now() }

// At rings at a time.
func (SystemClock) At(t time.Time) <-chan time.Time { return time.After(time.Until(t)) }
