package evidence

import "consilium/clinical"

// CannotTell is the position of an index that does not speak of what was asked.
const CannotTell = "cannot tell"

// Position is what the best document says to a question that yes or no can answer.
type Position struct {
	Label         string             `json:"label"` // yes, no, maybe or cannot tell
	Probabilities map[string]float64 `json:"probabilities,omitempty"`
	Document      string             `json:"document,omitempty"` // the one that was judged
	Because       []Sentence         `json:"because,omitempty"`  // its sentences that decided
	Note          string             `json:"note,omitempty"`     // why nothing was judged
}

// Judge says how the sentences of one document, in order, answer a question, and
// which of them decided (evidence/stance has one).
type Judge func(question string, sentences []string) (label string, probabilities map[string]float64, because []int)

// Position judges the best document that speaks of all that was asked, whole: single
// sentences taken out of an abstract do not tell its result from its question. Without
// such a document the position is "cannot tell".
func (ix *Index) Position(a Answer, judge Judge) (Position, error) {
	if len(a.Sentences) == 0 {
		return Position{Label: CannotTell}, nil
	}
	weights, err := ix.weights(a.Question)
	if err != nil {
		return Position{}, err
	}
	d, found, err := ix.speaking(a.Passages, weights)
	if err != nil {
		return Position{}, err
	}
	if !found {
		return Position{Label: CannotTell, Note: "no document that was found speaks of all that was asked"}, nil
	}
	spans := Sentences(d.Text)
	spans = spans[:min(len(spans), maxSentences)]
	texts := make([]string, len(spans))
	for i, s := range spans {
		texts[i] = d.Text[s[0]:s[1]]
	}
	label, probabilities, because := judge(a.Question, texts)
	p := Position{Label: label, Probabilities: probabilities, Document: d.ID}
	for _, i := range because {
		s := spans[i]
		p.Because = append(p.Because, Sentence{
			Document: d.ID, Title: d.Title, Source: d.Source, URL: d.URL, Year: d.Year, Retracted: d.Retracted, Page: pageOf(d.Text, s[0]),
			Span: clinical.Span{Start: s[0], End: s[1], Text: texts[i]},
		})
	}
	return p, nil
}

// judgedCoverage is the share of a question's weight that a document must hold to be judged. What
// was asked about is in its rarest words: a document on another subject has no stance on it.
const judgedCoverage = 0.75

// speaking gives the first of the passages' documents that holds the question's rarest
// word and most of its weight.
func (ix *Index) speaking(passages []Passage, weights map[string]float64) (Document, bool, error) {
	rarest := ""
	for term, w := range weights {
		if rarest == "" || w > weights[rarest] || w == weights[rarest] && term < rarest {
			rarest = term
		}
	}
	tried := map[string]bool{}
	for _, p := range passages {
		if tried[p.Document] {
			continue
		}
		tried[p.Document] = true
		d, err := ix.Get(p.Document)
		if err != nil {
			return Document{}, false, err
		}
		terms, _ := ix.words.terms(d.Title + " " + d.Text)
		held, seen := 0.0, map[string]bool{}
		for _, t := range terms {
			if !seen[t] {
				seen[t] = true
				held += weights[t]
			}
		}
		if seen[rarest] && held >= judgedCoverage {
			return d, true, nil
		}
	}
	return Document{}, false, nil
}
