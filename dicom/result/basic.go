package result

import (
	"fmt"
	"strings"

	"consilium/dicom"
)

// BasicSR makes a Basic Text SR (PS3.3 A.35.1): the same findings as SR, in
// sentences, for systems that show text only. Errors are those of SR.
func BasicSR(in Input) (*dicom.Object, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	d := in.begin(kindText)
	in.document(d)
	root := container("", textTitle, "", coded(hasModifier, language, english))
	root.below = append(root.below, in.observers()...)
	root.below = append(root.below, in.comments()...)
	findings := container(contains, findingsName, "")
	for _, f := range in.Findings {
		findings.below = append(findings.below, text(contains, findingName, sentence(f)))
		for _, sop := range f.Sources {
			findings.below = append(findings.below, in.link(sop, f.Frame))
		}
	}
	if len(in.Findings) == 0 {
		findings.below = append(findings.below, text(contains, findingName, "No model judged these inputs."))
	}
	root.below = append(root.below, findings)
	root.write(d)
	return d.finish()
}

// sentence says a finding in words.
func sentence(f Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s.", orElse(f.Task, f.Model), f.Answer)
	for i, o := range f.Outcomes {
		if i == 0 {
			b.WriteString(" Probabilities:")
		} else {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %s %.1f%%", o.Name, 100*o.Probability)
		if o.Low != nil && o.High != nil {
			fmt.Fprintf(&b, " (%.1f to %.1f)", 100**o.Low, 100**o.High)
		}
	}
	if len(f.Outcomes) > 0 {
		b.WriteString(".")
	}
	fmt.Fprintf(&b, " Model %s %s.", f.Model, f.Version)
	for _, note := range f.Notes {
		b.WriteString(" " + note)
	}
	if r := f.Review; r != nil {
		fmt.Fprintf(&b, " Reviewer: %s", strings.ToLower(reviews[r.Decision].Meaning))
		if r.Decision == Correct {
			b.WriteString(" to " + r.Answer)
		}
		b.WriteString(".")
		if r.Comment != "" {
			b.WriteString(" " + r.Comment)
		}
	}
	return b.String()
}
