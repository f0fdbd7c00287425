package benchmark

import (
	"consilium/evidence"
	"consilium/evidence/stance"
)

// Examples gives the abstracts in the reasoning-required setting: the question and the sentences of the
// abstract without its conclusion, which would give the answer away.
func Examples(abstracts []Abstract) []stance.Example {
	out := make([]stance.Example, len(abstracts))
	for i, a := range abstracts {
		out[i] = stance.Example{Question: a.Question, Answer: a.Answer}
		for _, section := range a.Contexts {
			for _, s := range evidence.Sentences(section) {
				out[i].Sentences = append(out[i].Sentences, section[s[0]:s[1]])
			}
		}
	}
	return out
}
