package stance

import "math"

// A pool is one way to weight the sentences of an answer.
const (
	uniform = iota
	late    // results stand at the end of an abstract
	overlap // a sentence that repeats the question's words speaks to it
	pools
)

// lateness is after how many sentences, counted from the end, the weight falls to 1/e.
const lateness = 2

// reading is a question with its sentences as numbers.
type reading struct {
	question  []float64
	sentences [][]float64
	weights   [pools][]float64 // of each sentence; each sums to one
}

func read(question string, sentences []string) reading {
	q := tokenise(question)
	r := reading{question: describeQuestion(q)}
	n := min(len(sentences), MaxSentences)
	asked := content(q)
	for p := range r.weights {
		r.weights[p] = make([]float64, n)
	}
	for i := range n {
		tokens := tokenise(sentences[i])
		r.sentences = append(r.sentences, describe(tokens))
		r.weights[uniform][i] = 1
		r.weights[late][i] = math.Exp(-float64(n-1-i) / lateness)
		shared := 0.0
		for w := range content(tokens) {
			if asked[w] {
				shared++
			}
		}
		share := shared / float64(max(len(asked), 1))
		r.weights[overlap][i] = 0.05 + share*share
	}
	for _, w := range r.weights {
		sum := 0.0
		for _, v := range w {
			sum += v
		}
		for i := range w {
			w[i] /= sum
		}
	}
	return r
}

// content gives the words of five letters and more, cut to their first five: a crude stem that joins
// plural, verb and noun, and leaves out most function words.
func content(tokens []string) map[string]bool {
	set := map[string]bool{}
	for _, w := range tokens {
		if r := []rune(w); len(r) >= 5 {
			set[string(r[:5])] = true
		}
	}
	return set
}

// crossed are the question's cues that turn the meaning of a result round: no difference means "no" to
// "does it differ" and "yes" to "is it as good".
var crossed = []string{"asks for equality", "asks for soundness", "asks for harm", "is itself negative"}

// crossedWith are the sentence features that they cross with.
var crossedWith = []string{"no significance", "no difference", "equality", "significance", "no association", "difference"}

var (
	crossedQuestion = places(names(questionCues), crossed)
	crossedSentence = places(sentenceFeatures, crossedWith)
	featureCount    = len(questionCues) + pools*len(sentenceFeatures) + len(crossed)*len(crossedWith)
)

func names(list []cue) []string {
	var out []string
	for _, c := range list {
		out = append(out, c.name)
	}
	return out
}

func places(all, wanted []string) []int {
	var out []int
	for _, w := range wanted {
		for i, name := range all {
			if name == w {
				out = append(out, i)
			}
		}
	}
	return out
}

// sentence gives what sentence i adds to the feature vector. The vector is the sum of
// these, and of the question's part.
func (r reading) sentence(i int) []float64 {
	f := make([]float64, featureCount)
	at := len(questionCues)
	for p := range r.weights {
		for _, v := range r.sentences[i] {
			f[at] = r.weights[p][i] * v
			at++
		}
	}
	for _, q := range crossedQuestion {
		for _, s := range crossedSentence {
			f[at] = r.question[q] * r.sentences[i][s] * r.weights[overlap][i]
			at++
		}
	}
	return f
}

// vector is the whole reading.
func (r reading) vector() []float64 {
	f := make([]float64, featureCount)
	copy(f, r.question)
	for i := range r.sentences {
		for j, v := range r.sentence(i) {
			f[j] += v
		}
	}
	return f
}
