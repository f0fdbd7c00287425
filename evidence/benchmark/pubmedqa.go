package benchmark

import (
	"encoding/json"
	"io"
	"slices"
	"strings"

	"consilium/fault"
)

// Abstract is one expert-labelled question of PubMedQA (Jin et al., EMNLP 2019)
// with the abstract it was asked of.
type Abstract struct {
	PMID       string   `json:"-"`
	Question   string   `json:"QUESTION"`
	Contexts   []string `json:"CONTEXTS"` // sections of the abstract without its conclusion
	Labels     []string `json:"LABELS"`   // their headings
	MeSH       []string `json:"MESHES"`
	Year       string   `json:"YEAR"`
	LongAnswer string   `json:"LONG_ANSWER"`    // the abstract's conclusion: it gives the answer away
	Answer     string   `json:"final_decision"` // yes, no or maybe
}

// ReadPubMedQA reads a file of PubMedQA (a JSON object by PMID; gzip too), ordered by PMID.
func ReadPubMedQA(path string) ([]Abstract, error) {
	r, err := open(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	byID := map[string]Abstract{}
	if err := json.NewDecoder(io.LimitReader(r, maxBytes)).Decode(&byID); err != nil {
		return nil, malformed(path, err)
	}
	if len(byID) == 0 {
		return nil, fault.New(fault.InputEmpty, path+" holds no question", "give pqal_cv_500.json")
	}
	all := make([]Abstract, 0, len(byID))
	for id, a := range byID {
		if a.Answer != "yes" && a.Answer != "no" && a.Answer != "maybe" {
			return nil, fault.New(fault.InputMalformed, "question "+id+" has no answer yes, no or maybe", "give a labelled file (PQA-L)")
		}
		a.PMID = id
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b Abstract) int { return strings.Compare(a.PMID, b.PMID) })
	return all, nil
}

// Pairs gives the questions with their abstracts, conclusions left out: the
// known-item task on text that no encoder trained on MedQuAD has seen the like of.
func Pairs(abstracts []Abstract) []Pair {
	pairs := make([]Pair, len(abstracts))
	for i, a := range abstracts {
		pairs[i] = Pair{ID: a.PMID, Source: "PubMed", Focus: a.PMID, Question: a.Question, Answer: strings.Join(a.Contexts, "\n\n")}
	}
	return pairs
}
