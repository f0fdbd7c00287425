package panel

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"consilium/clinical"
)

// Urgency orders findings for the reader: what needs eyes first comes first.
type Urgency int

// From last to first on the page.
const (
	Normal   Urgency = iota // the only label left says that nothing was found
	Open                    // the model cannot tell
	Abnormal                // the only label left names a disease or an abnormality
)

// UrgencyOf judges one finding by its verdict and its answer.
func UrgencyOf(f clinical.Finding) Urgency {
	if f.Verdict != clinical.VerdictFinding {
		return Open
	}
	for _, o := range f.Outcomes {
		if o.Name == f.Answer && normal(o.Concept) {
			return Normal
		}
	}
	return Abnormal
}

// normal says whether a label means that nothing was found: by its ICD-10
// chapter (Z: factors, not diseases), by its first word, or by its last one.
func normal(c clinical.Concept) bool {
	if c.System == "ICD-10" && strings.HasPrefix(c.Code, "Z") {
		return true
	}
	words := strings.FieldsFunc(strings.ToLower(c.Name), func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;:()", r) })
	if len(words) == 0 {
		return false
	}
	switch words[0] {
	case "normal", "no", "none", "negative", "healthy", "not", "absent", "benign":
		return true
	}
	switch words[len(words)-1] {
	case "negative", "absent", "excluded": // "COVID-19 negative"
		return true
	}
	return false
}

// suspicion is the probability that something is wrong: that of all labels
// which do not mean "nothing was found".
func suspicion(f clinical.Finding) float64 {
	sum := 0.0
	for _, o := range f.Outcomes {
		if !normal(o.Concept) {
			sum += o.Probability
		}
	}
	return sum
}

// Sort puts the most urgent finding first; equals keep the order of the inputs.
func Sort(findings []clinical.Finding) { slices.SortStableFunc(findings, compare) }

// Order gives the indices of findings as Sort would put them.
func Order(findings []clinical.Finding) []int {
	order := make([]int, len(findings))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compare(findings[a], findings[b]) })
	return order
}

func compare(a, b clinical.Finding) int {
	return cmp.Or(
		cmp.Compare(UrgencyOf(b), UrgencyOf(a)),
		cmp.Compare(suspicion(b), suspicion(a)),
	)
}
