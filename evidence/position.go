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
}

// Judge says how the sentences of one document, in order, answer a question, and
// which of them decided (evidence/stance has one).
type Judge func(question string, sentences []string) (label string, probabilities map[string]float64, because []int)

// Position judges the document of the best passage, whole: single sentences
// taken out of an abstract do not tell its result from its question. Without a
// sentence that speaks of the question the position is "cannot tell".
func (ix *Index) Position(a Answer, judge Judge) (Position, error) {
	if len(a.Sentences) == 0 {
		return Position{Label: CannotTell}, nil
	}
	best := a.Passages[0]
	d, err := ix.Get(best.Document)
	if err != nil {
		return Position{}, err
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
