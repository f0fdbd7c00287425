package encoder

import (
	"math"

	"gonum.org/v1/gonum/blas"
)

// contrast is the InfoNCE loss of a batch, mean over its pairs and over both directions (question to
// passages, passage to questions), and its derivatives by the unit vectors. sharpness is the inverse
// temperature. related(i, j) takes question i and passage j out of each other's negatives: pairs that
// share their question or their passage are no contradiction.
func contrast(questions, passages []float32, d int, sharpness float64, related func(i, j int) bool) (loss float64, dQuestions, dPassages []float32) {
	n := len(questions) / d
	scores := make([]float32, n*n)
	multiply(blas.NoTrans, blas.Trans, n, n, d, questions, passages, scores, 0)
	for i := range n {
		for j := range n {
			scores[i*n+j] *= float32(sharpness)
			if i != j && related(i, j) {
				scores[i*n+j] = float32(math.Inf(-1))
			}
		}
	}
	dScores := make([]float32, n*n)
	for i := range n {
		loss += softmaxGradient(scores, dScores, i*n, 1, n, i)
		loss += softmaxGradient(scores, dScores, i, n, n, i)
	}
	scale := float32(sharpness / float64(2*n))
	for i := range dScores {
		dScores[i] *= scale
	}
	dQuestions, dPassages = make([]float32, n*d), make([]float32, n*d)
	multiply(blas.NoTrans, blas.NoTrans, n, d, n, dScores, passages, dQuestions, 0)
	multiply(blas.Trans, blas.NoTrans, n, d, n, dScores, questions, dPassages, 0)
	return loss / float64(2*n), dQuestions, dPassages
}

// softmaxGradient gives -log of the softmax at the target over n scores that start at first, stride
// apart, and adds softmax minus one-hot to d at the same places.
func softmaxGradient(scores, d []float32, first, stride, n, target int) float64 {
	top := math.Inf(-1)
	for k := range n {
		top = max(top, float64(scores[first+k*stride]))
	}
	sum := 0.0
	for k := range n {
		sum += math.Exp(float64(scores[first+k*stride]) - top)
	}
	for k := range n {
		d[first+k*stride] += float32(math.Exp(float64(scores[first+k*stride])-top) / sum)
	}
	d[first+target*stride]--
	return top + math.Log(sum) - float64(scores[first+target*stride])
}
