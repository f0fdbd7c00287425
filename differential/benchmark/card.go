package benchmark

import (
	"consilium/clinical"
)

// Card says what weights are, in the terms of a model card (Mitchell et al., FAT* 2019).
type Card struct {
	Name       string   `json:"name"`
	Task       string   `json:"task"`
	Command    string   `json:"command"`
	Knowledge  []string `json:"knowledge"` // ontology and annotations, with versions and digests
	Data       string   `json:"data"`
	Licence    string   `json:"licence"`
	Split      string   `json:"split"`
	Figures    []Row    `json:"figures"` // cross-validated: the weights themselves have seen all cases
	Checked    Checked  `json:"probabilities"`
	Limits     []string `json:"limits"`
	Disclaimer string   `json:"disclaimer"`
}

// Checked is the part of Probability that a card carries.
type Checked struct {
	Error       float64 `json:"calibration_error"`
	UnlistedAUC float64 `json:"unlisted_auc"`
	Covered     float64 `json:"covered"`
	Set         float64 `json:"set"`
}

// NewCard describes weights that were learned from the cases of a report.
func NewCard(r *Report, knowledge []string, data, licence, command string) Card {
	c := Card{
		Name:      "differential",
		Task:      "rank annotated diseases for a phenotypic profile: linear weights over all features of a case and a disease, by softmax over 120 candidates; and the probability that the right disease is not among them",
		Command:   command,
		Knowledge: knowledge, Data: data, Licence: licence, Split: r.Protocol,
		Checked: Checked{r.Probability.Error, r.Probability.UnlistedAUC, r.Probability.Covered, r.Probability.Set},
		Limits: []string{
			"rare, monogenic diseases as journals publish them; common diseases were never seen",
			"half of the cases are of a few dozen diseases, described by few groups of authors",
			"the figures of the published cases lean on annotations from the same literature; see the rows with own papers removed",
			"findings must be coded: what was not recorded cannot count",
		},
		Disclaimer: clinical.Disclaimer,
	}
	for _, x := range r.Rows {
		if x.Over == "annotated" {
			x.Within = nil // a curve is for looking at
			c.Figures = append(c.Figures, x)
		}
	}
	return c
}
