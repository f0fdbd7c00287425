package page

import (
	"cmp"
	"fmt"
	"math"
	"strconv"
	"strings"

	"consilium/differential"
)

// Percent prints a probability without pretending to more digits than a
// calibration on some thousand cases has.
func Percent(p float64) string {
	switch {
	case p > 0.99 && p < 1:
		return "> 99 %"
	case p < 0.01 && p > 0:
		return "< 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*p)
}

// factor prints a log likelihood ratio as what it does to the odds: × 12 makes the
// disease twelve times as likely, ÷ 12 a twelfth.
func factor(logRatio float64) string {
	sign, f := "×", math.Exp(min(math.Abs(logRatio), 50))
	if logRatio < 0 {
		sign = "÷"
	}
	switch {
	case f < 1.05:
		return "± 0"
	case f < 10:
		return sign + " " + strconv.FormatFloat(f, 'f', 1, 64)
	case f < 10_000:
		return fmt.Sprintf("%s %.0f", sign, f)
	}
	return sign + " 10 000 +"
}

func decimal(v float64) string { return strings.Replace(fmt.Sprintf("%+.2f", v), "-", "−", 1) }

// meaning says in words how a finding meets a disease.
func meaning(r differential.Reason) string {
	by := "it"
	if r.By != nil && r.By.ID != r.Finding.ID {
		by = "“" + r.By.Label + "”"
	}
	var s string
	switch r.Relation {
	case differential.RelationExact:
		s = "part of the disease"
	case differential.RelationGeneral:
		s = "the disease has a form of " + by
	case differential.RelationSpecific:
		s = "the disease is described only with " + by
	case differential.RelationRelated:
		s = "the disease has something else under " + by
	case differential.RelationAbsent:
		s = "the disease can have " + by
	case differential.RelationNot:
		s = "was looked for in the disease and not found"
	default:
		s = "nothing in the disease explains it"
		if r.LogRatio > 0.05 {
			s = "only something remotely alike in the disease"
		}
	}
	switch {
	case r.Relation == differential.RelationNone || r.Frequency <= 0:
	case r.Assumed:
		s += ", how often is not recorded"
	default:
		s += ", in " + Percent(r.Frequency) + " of patients"
	}
	if r.Common > 0 {
		s += "; " + commonness(r.Common)
	}
	return s
}

// commonness says how many diseases have a finding: shares below a hundredth as one in so many.
func commonness(share float64) string {
	if share >= 0.01 {
		return "in " + Percent(share) + " of diseases"
	}
	return fmt.Sprintf("in 1 of %.0f diseases", min(1/share, 1e6))
}

// share prints a frequency, unless it is a guess.
func share(e differential.Expectation) string {
	if e.Assumed {
		return "not recorded"
	}
	return Percent(e.Frequency)
}

// listed names the first terms of a list in a row.
func listed(names []differential.Named) string {
	const most = 20
	var labels []string
	for _, n := range names[:min(len(names), most)] {
		labels = append(labels, n.Label)
	}
	if more := len(names) - most; more > 0 {
		labels = append(labels, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(labels, ", ")
}

// genes names the first genes of a disease.
func genes(g []string) string {
	const most = 6
	if len(g) > most {
		return strings.Join(g[:most], ", ") + fmt.Sprintf(" and %d more", len(g)-most)
	}
	return strings.Join(g, ", ")
}

// verdict is the short word over the list.
func verdict(d differential.Differential) string {
	switch d.Verdict {
	case differential.VerdictLikely:
		return "Likely"
	case differential.VerdictSeveral:
		return "Several remain"
	case differential.VerdictUnlisted:
		return "None of the known"
	}
	return "Cannot tell"
}

// sentence says what the verdict means for this case.
func sentence(d differential.Differential) string {
	if len(d.Candidates) == 0 {
		return "No disease can be named from these findings."
	}
	lead := d.Candidates[0]
	switch d.Verdict {
	case differential.VerdictLikely:
		return fmt.Sprintf("%s stands out, with %s.", lead.Name, Percent(lead.Probability))
	case differential.VerdictSeveral:
		return fmt.Sprintf("A few diseases share the probability; %s leads with %s.", lead.Name, Percent(lead.Probability))
	case differential.VerdictUnlisted:
		return fmt.Sprintf("It is more likely (%s) that the disease is not among those known here than that it is any one of them; %s comes closest.", Percent(d.Unlisted), lead.Name)
	}
	return "The findings say too little to tell the diseases apart."
}

// tone chooses the colour of a verdict; the word says the same.
func tone(d differential.Differential) string {
	switch d.Verdict {
	case differential.VerdictLikely:
		return "calm"
	case differential.VerdictSeveral:
		return "lead"
	}
	return "open"
}

// counts says what was compared with what.
func counts(d differential.Differential) string {
	return fmt.Sprintf("%s, %d looked for and absent, compared with %s", plural(d.Observed, "finding"), d.Excluded, plural(d.Diseases, "disease"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// others is the probability of the listed diseases that are not shown.
func others(d differential.Differential) float64 {
	left := 1 - d.Unlisted
	for _, c := range d.Candidates {
		left -= c.Probability
	}
	return max(left, 0)
}

// maxSet is how many members of the set are named.
const maxSet = 10

// set names the smallest list of diseases that reaches the coverage.
func set(d differential.Differential) string {
	names := map[string]string{}
	for _, c := range d.Candidates {
		names[c.ID] = c.Name
	}
	var out []string
	more, outside := 0, false
	for _, id := range d.Set {
		switch {
		case id == "unlisted":
			outside = true
		case len(out) == maxSet:
			more++
		default:
			out = append(out, cmp.Or(names[id], id))
		}
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("one of %d more", more))
	}
	if outside {
		out = append(out, "a disease that is not on this list")
	}
	if len(out) > 1 {
		return strings.Join(out[:len(out)-1], ", ") + " or " + out[len(out)-1]
	}
	return strings.Join(out, "")
}

// synonyms gives the other words for what is asked.
func synonyms(q differential.Question) string {
	var out []string
	for _, s := range q.Synonyms {
		if !strings.EqualFold(s, q.Label) {
			out = append(out, s)
		}
	}
	return strings.Join(out, ", ")
}

// unbroken keeps numbers and their signs on one line of the page.
var unbroken = strings.NewReplacer(" %", "\u00a0%", "< ", "<\u00a0", "> ", ">\u00a0", "1 of ", "1\u00a0of\u00a0", "× ", "×\u00a0", "÷ ", "÷\u00a0", "± ", "±\u00a0")

// leader says who would lead after an answer.
func leader(o []differential.Outlook) string {
	if len(o) == 0 {
		return "–"
	}
	return o[0].Name + " (" + Percent(o[0].Probability) + ")"
}

// truth says where the recorded diagnosis came.
func truth(t differential.Truth) string {
	name := strings.TrimSpace(t.ID + " " + t.Name)
	switch {
	case !t.Listed:
		return "The recorded diagnosis, " + name + ", is not among the diseases compared here."
	case t.Rank == 0:
		return "The recorded diagnosis, " + name + ", did not come near."
	}
	return fmt.Sprintf("The recorded diagnosis, %s, came on place %d.", name, t.Rank)
}
