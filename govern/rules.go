package govern

import (
	"slices"
	"time"

	"consilium/clinical"
	"consilium/store"
)

// classes of data, each of which has its own line of time.
var classes = []clinical.DataClass{clinical.ClassImage, clinical.ClassWaveform, clinical.ClassReport, clinical.ClassRecord}

// Rules computes what a patient's records, in the order they were made, mean
// from now on: for each purpose and class a line of intervals that do not
// overlap. A later record overrules an earlier one for the time it covers, for
// its class, and for every class when it names none. Where nothing holds there
// is no rule.
//
// What ended before now is left out, and what holds now has no beginning: a
// reader whose clock is slow must not see what was withdrawn by a faster one.
func Rules(records []ConsentRecord, now time.Time) []store.ConsentRule {
	var rules []store.ConsentRule
	for _, purpose := range clinical.Purposes() {
		lines := make([][]store.ConsentRule, len(classes))
		for i, class := range classes {
			lines[i] = timeline(records, purpose, class, now)
		}
		if same(lines) {
			for _, r := range lines[0] {
				r.Class = clinical.ClassAll
				rules = append(rules, r)
			}
			continue
		}
		rules = slices.Concat(append([][]store.ConsentRule{rules}, lines...)...)
	}
	return rules
}

// same says whether all classes have the same rules.
func same(lines [][]store.ConsentRule) bool {
	for _, line := range lines[1:] {
		if !slices.EqualFunc(line, lines[0], func(a, b store.ConsentRule) bool { a.Class = b.Class; return a == b }) {
			return false
		}
	}
	return true
}

// timeline paints one line of time, record after record.
func timeline(records []ConsentRecord, purpose clinical.Purpose, class clinical.DataClass, now time.Time) []store.ConsentRule {
	var painted []store.ConsentRule
	for _, r := range records {
		if !touches(r, purpose, class) {
			continue
		}
		fresh := store.ConsentRule{Purpose: purpose, Class: class, From: r.From, Until: r.Until, Allow: r.Decision == Permit}
		if r.Decision == Withdraw {
			fresh.Until = time.Time{}
		}
		painted = cut(painted, fresh.From, fresh.Until)
		if r.Decision != Withdraw {
			painted = append(painted, fresh)
		}
	}
	return present(painted, now)
}

// cut takes an interval out of the rules; a zero end is endless.
func cut(rules []store.ConsentRule, from, until time.Time) []store.ConsentRule {
	var left []store.ConsentRule
	for _, r := range rules {
		before, after := r, r
		if before.Until.IsZero() || before.Until.After(from) {
			before.Until = from
		}
		if before.Until.After(before.From) {
			left = append(left, before)
		}
		if until.IsZero() {
			continue
		}
		if after.From.Before(until) {
			after.From = until
		}
		if after.Until.IsZero() || after.Until.After(after.From) {
			left = append(left, after)
		}
	}
	return left
}

// present leaves out what is over, opens the beginning of what holds now, and
// joins neighbours that say the same.
func present(rules []store.ConsentRule, now time.Time) []store.ConsentRule {
	slices.SortFunc(rules, func(a, b store.ConsentRule) int { return a.From.Compare(b.From) })
	var out []store.ConsentRule
	for _, r := range rules {
		if !r.Until.IsZero() && !r.Until.After(now) {
			continue
		}
		if !r.From.After(now) {
			r.From = time.Time{}
		}
		if n := len(out); n > 0 && out[n-1].Allow == r.Allow && out[n-1].Until.Equal(r.From) {
			out[n-1].Until = r.Until
			continue
		}
		out = append(out, r)
	}
	return out
}
