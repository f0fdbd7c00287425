package differential

import "consilium/clinical"

// Differential is the ranked answer to one case.
type Differential struct {
	Disclaimer string             `json:"disclaimer"`
	Notice     string             `json:"notice"` // which ontology and annotations; or that they are synthetic
	Case       string             `json:"case,omitempty"`
	Candidates []Candidate        `json:"candidates"`
	Unlisted   float64            `json:"unlisted"`  // probability that the disease is not among those that are known
	Elsewhere  float64            `json:"elsewhere"` // probability that it is known, and not among those that were looked at closely
	Verdict    Verdict            `json:"verdict"`
	Set        []string           `json:"set"`      // the smallest list of answers whose probabilities reach Coverage together; "unlisted" among them stands for every disease that is not a candidate
	Observed   int                `json:"observed"` // findings that counted
	Excluded   int                `json:"excluded"` // exclusions that counted
	Partial    bool               `json:"partial,omitempty"`
	Notes      []clinical.Refusal `json:"notes,omitempty"` // what did not count, and why
	Diseases   int                `json:"diseases"`        // how many were compared
	Reranked   bool               `json:"reranked"`        // the learned second pass was on
	Truth      *Truth             `json:"truth,omitempty"` // when the case's diagnosis is recorded
}

// Verdict is what the whole list comes to.
type Verdict string

// Verdicts.
const (
	VerdictLikely   Verdict = "likely"      // one disease stands out
	VerdictSeveral  Verdict = "several"     // a few diseases share the probability
	VerdictUnlisted Verdict = "unlisted"    // more likely none of the known ones
	VerdictUnknown  Verdict = "cannot tell" // the findings say too little
)

// Candidate is one disease of the list.
type Candidate struct {
	Rank        int           `json:"rank"`
	ID          string        `json:"id"`
	Name        string        `json:"name"`
	Genes       []string      `json:"genes,omitempty"`
	Probability float64       `json:"probability"`           // calibrated: of 100 answers with 0.3, about 30 are right
	Score       float64       `json:"score"`                 // natural log, before normalisation; differences between candidates are what counts
	Parts       []Part        `json:"parts"`                 // what the score is made of; they add up to it
	Findings    []Reason      `json:"findings"`              // each finding of the case, strongest first
	Unexplained []Named       `json:"unexplained,omitempty"` // findings that the disease does not explain
	Missing     []Expectation `json:"missing,omitempty"`     // what patients with the disease mostly have, and nobody has said of this one
}

// Part is a share of a candidate's score.
type Part struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// Relation says how a finding meets a disease.
type Relation string

// Relations, from closest to none.
const (
	RelationExact    Relation = "exact"     // the disease is annotated with the very term
	RelationGeneral  Relation = "form of"   // the disease has a more specific form of the finding
	RelationSpecific Relation = "vague"     // the disease is annotated with a more general term
	RelationRelated  Relation = "related"   // they share an ancestor that says something
	RelationNone     Relation = "none"      // nothing in the disease explains the finding
	RelationAbsent   Relation = "absent"    // an excluded finding that the disease can have
	RelationNot      Relation = "not there" // a finding that was looked for in the disease and not found
)

// Reason is what one finding says about one disease.
type Reason struct {
	Finding   Named    `json:"finding"`
	Excluded  bool     `json:"excluded,omitempty"`
	Relation  Relation `json:"relation"`
	By        *Named   `json:"by,omitempty"`        // the term of the disease, or the shared ancestor, that it is seen through
	Frequency float64  `json:"frequency,omitempty"` // of By among patients with the disease
	Assumed   bool     `json:"assumed,omitempty"`   // no source tells the frequency; it is a guess for all such terms
	Common    float64  `json:"common"`              // share of all diseases that have By (of the finding when there is none)
	LogRatio  float64  `json:"log_ratio"`           // natural log of the likelihood ratio: above 0 it speaks for the disease
}

// Named is a term with its label.
type Named struct {
	ID    string `json:"id"`
	Label string `json:"label"`
}

// Expectation is a term that a disease makes one expect.
type Expectation struct {
	Named
	Frequency float64 `json:"frequency"`
	Assumed   bool    `json:"assumed,omitempty"` // as in Reason
}

// Truth tells where the recorded diagnosis came.
type Truth struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Listed bool   `json:"listed"` // it is among the diseases that are known
	Rank   int    `json:"rank"`   // 0: not among those that were looked at closely, or not listed
}

// Question is a finding that is worth looking for next.
type Question struct {
	Named
	Gain     float64   `json:"gain"`   // expected drop of uncertainty about the diagnosis, in bits
	Chance   float64   `json:"chance"` // probability that the answer is yes
	IfYes    []Outlook `json:"if_yes"` // who would then lead
	IfNo     []Outlook `json:"if_no"`
	Synonyms []string  `json:"synonyms,omitempty"` // words of patients
}

// Outlook is a disease with the probability it would have.
type Outlook struct {
	ID          string  `json:"id"`
	Name        string  `json:"name"`
	Probability float64 `json:"probability"`
}
