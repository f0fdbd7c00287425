package local

import (
	"context"
	"math"

	"consilium/calibration"
	"consilium/dataset"
	"consilium/federation"
	"consilium/metric"
	"consilium/train"
)

// scoreChunk is how many examples are held at once while measuring.
const scoreChunk = 256

// Score measures weights on the permitted examples of a split, with the site's own values of personal parameters
// put in. A split without examples gives a score of none: that is no reason to stay out of a round.
func (l *Learner) Score(ctx context.Context, weights []float32, split dataset.Split) (federation.Score, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.checkWeights(weights); err != nil {
		return federation.Score{}, err
	}
	return l.score(ctx, l.placed(weights, l.state.after.kept), split)
}

// score measures weights as they are.
func (l *Learner) score(ctx context.Context, w []float32, split dataset.Split) (federation.Score, error) {
	probs, labels, err := l.probabilities(ctx, w, split)
	if err != nil {
		return federation.Score{}, err
	}
	s := federation.Score{Split: string(split), N: len(labels), Confusion: make([][]int, len(l.job.Data.Labels))}
	for k := range s.Confusion {
		s.Confusion[k] = make([]int, len(s.Confusion))
	}
	if s.N == 0 {
		return s, nil
	}
	for i, p := range probs {
		s.Confusion[labels[i]][metric.Argmax(p)]++
		s.Loss += surprise(p, labels[i]) / float64(s.N)
	}
	s.AUC = train.MeanAUC(probs, labels)
	return s, nil
}

// surprise is the log loss of one example.
func surprise(p []float64, label int) float64 { return -math.Log(max(p[label], 1e-12)) }

func (l *Learner) probabilities(ctx context.Context, w []float32, split dataset.Split) (probs [][]float64, labels []int, err error) {
	which, err := l.own.permitted(ctx, split)
	if err != nil {
		return nil, nil, err
	}
	err = l.each(ctx, w, split, which, func(row []float64, label int) error {
		p, err := calibration.Softmax(row)
		probs, labels = append(probs, p), append(labels, label)
		return err
	})
	return probs, labels, err
}

// each gives the logits of some examples, one at a time.
func (l *Learner) each(ctx context.Context, w []float32, split dataset.Split, which []int, f func(row []float64, label int) error) error {
	classes := len(l.job.Data.Labels)
	for from := 0; from < len(which); from += scoreChunk {
		if ctx.Err() != nil {
			return interrupted(ctx)
		}
		part := which[from:min(from+scoreChunk, len(which))]
		x, labels, err := l.own.read(ctx, split, part)
		if err != nil {
			return err
		}
		logits, err := l.net.Logits(w, x, len(part))
		if err != nil {
			return err
		}
		for i, label := range labels {
			row := make([]float64, classes)
			for k := range row {
				row[k] = float64(logits[i*classes+k])
			}
			if err := f(row, label); err != nil {
				return err
			}
		}
	}
	return nil
}

// loss is the mean loss on some examples.
func (l *Learner) loss(ctx context.Context, w []float32, split dataset.Split, which []int) (float64, error) {
	var sum float64
	err := l.each(ctx, w, split, which, func(row []float64, label int) error {
		p, err := calibration.Softmax(row)
		if err == nil {
			sum += surprise(p, label) / float64(len(which))
		}
		return err
	})
	return sum, err
}
