// Package stance says whether evidence answers a question with yes, no or
// maybe, and says "cannot tell" when it should not choose.
//
// The model is a logistic regression over what each sentence says in the
// language of results: significance, association, direction, negation, hedges,
// p-values; weighted by how late the sentence stands and how much of the question it
// repeats; beside the form of the question. It is linear in the sentences, so
// the sentences that decided are part of the answer, not a guess about it.
// Probabilities are calibrated by temperature, and the abstention is split
// conformal (package calibration).
//
// It was trained on 500 abstracts of PubMedQA and is a weak reader: docs/evidence.md
// gives its figures beside those of a majority vote.
package stance
