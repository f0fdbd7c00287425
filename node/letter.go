package node

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
)

// Letter explains a signed result to the patient, in short sentences. What the
// reviewer decided is what it tells; the model's own words are not a diagnosis.
// Errors: CONFLICT before the report is signed, those of Case.
func (n *Node) Letter(ctx context.Context, r store.Reader, study string) (Letter, error) {
	c, err := n.Case(ctx, r, study)
	if err != nil {
		return Letter{}, err
	}
	if c.Signature == nil || c.Assessment == nil {
		return Letter{}, fault.New(fault.Conflict, "the report is not signed yet", "a letter for the patient tells what a clinician has signed")
	}
	return letter(c), nil
}

func letter(c Case) Letter {
	l := Letter{Title: "About your examination", Disclaimer: clinical.Disclaimer}
	add := func(format string, a ...any) { l.Paragraphs = append(l.Paragraphs, fmt.Sprintf(format, a...)) }
	if c.Study.Synthetic {
		add("%s", clinical.SyntheticNotice)
	}
	add("On %s you had an examination%s. A computer program looked at it first. Then %s, a clinician, checked what the program said and signed the result.",
		date(c.Study.StudyDate), of(c.Study.Description), c.Signature.By)
	for _, f := range c.Assessment.Findings {
		add("%s", finding(f))
	}
	if len(c.Assessment.Findings) == 0 {
		add("The program could not give an answer. That says nothing about your health. Your clinician will tell you what comes next.")
	}
	if len(c.Assessment.Refusals) > 0 && len(c.Assessment.Findings) > 0 {
		add("Some of the material could not be checked by the program. Your clinician knows which.")
	}
	add("A program of this kind can be wrong in both directions. It does not know your history, and it does not feel your symptoms. Your clinician weighs all of this together.")
	add("If you feel worse, do not wait for an appointment: get help as you normally would. Please ask your clinician about anything in this letter that you do not understand.")
	return l
}

// finding says one reviewed finding to a patient.
func finding(f Finding) string {
	about := "We asked the question: " + f.Task + "."
	switch f.Review.Decision {
	case DecisionReject:
		return about + " The program gave an answer that your clinician does not share. It does not count."
	case DecisionCorrect:
		return about + fmt.Sprintf(" Your clinician's answer is: %s. The program had said something else.", f.Review.Answer)
	}
	i := slices.IndexFunc(f.Outcomes, func(o Outcome) bool { return o.Name == f.Answer })
	if f.Verdict != clinical.VerdictFinding || i < 0 {
		return about + " The program could not tell, and your clinician agrees that the examination alone does not answer it."
	}
	return about + fmt.Sprintf(" The answer is: %s. Of 100 people with such an examination, this answer would be right for about %.0f.", f.Answer, 100*f.Outcomes[i].Probability)
}

func of(description string) string {
	if description == "" {
		return ""
	}
	return " (" + strings.ToLower(description) + ")"
}

// date turns YYYYMMDD into a form that is read the same everywhere.
func date(d string) string {
	if len(d) != 8 {
		return "the day of your visit"
	}
	months := []string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	m := int(d[4]-'0')*10 + int(d[5]-'0')
	if m < 1 || m > 12 {
		return d
	}
	return strings.TrimPrefix(d[6:], "0") + " " + months[m-1] + " " + d[:4]
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

func reviewText(f Finding) string {
	text := map[string]string{DecisionAccept: "Accepted", DecisionCorrect: "Corrected", DecisionReject: "Rejected"}[f.Review.Decision] + ": " + f.Answer
	if f.Review.Decision == DecisionCorrect {
		text += " to " + f.Review.Answer
	}
	if f.Review.Comment != "" {
		text += " (" + f.Review.Comment + ")"
	}
	return text + "."
}

func sortSteps(steps []Step) {
	slices.SortStableFunc(steps, func(a, b Step) int { return a.At.Compare(b.At) })
}
