package train

import (
	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas
)

// Loss mixes cross-entropy and focal loss over (possibly smoothed) targets.
type Loss struct {
	Smoothing float64 `json:"smoothing"` // label smoothing (Szegedy et al. 2016)
	Focal     float64 `json:"focal"`     // gamma of the focal loss (Lin et al. 2017); 0 = cross-entropy
	Mix       float64 `json:"mix"`       // weight of the focal part, when Focal > 0; the rest is cross-entropy
}

// graph is the mean loss over the batch: logits and target are [B, K], importance is [B] with mean 1.
func (l Loss) graph(logits, target, importance *Node) *Node {
	logp := LogSoftmax(logits, -1)
	cross := Neg(ReduceSum(Mul(target, logp), -1))
	value := cross
	if l.Focal > 0 && l.Mix > 0 {
		p := Exp(logp)
		weight := PowScalar(MaxScalar(OneMinus(p), 1e-6), l.Focal)
		focal := Neg(ReduceSum(Mul(Mul(target, weight), logp), -1))
		value = Add(MulScalar(focal, l.Mix), MulScalar(cross, 1-l.Mix))
	}
	return ReduceAllMean(Mul(value, importance))
}
