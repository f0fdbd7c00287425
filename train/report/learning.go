package report

import (
	"fmt"
	"math"
)

// pick reads one split's score from an epoch.
type pick func(Epoch) *float64

func lossFigure(r Run) (figure, bool) {
	return learning(r, "loss", "Learning curves: loss", "Loss", upperRight,
		func(e Epoch) *float64 { return e.Train.Loss }, func(e Epoch) *float64 { return e.Validation.Loss })
}

func aucFigure(r Run) (figure, bool) {
	return learning(r, "auc", "Learning curves: AUC", "ROC AUC", lowerRight,
		func(e Epoch) *float64 { return e.Train.AUC }, func(e Epoch) *float64 { return e.Validation.AUC })
}

// learning draws a score over epochs: the kept seed in full, the others faint,
// and the epoch whose weights were kept.
func learning(r Run, id, title, label string, corner int, train, validation pick) (figure, bool) {
	low, high, last, points := math.Inf(1), math.Inf(-1), 1, 0
	for _, s := range r.Seeds {
		for _, e := range s.Curve {
			for _, v := range []*float64{train(e), validation(e)} {
				if usable(v) {
					low, high, points = min(low, *v), max(high, *v), points+1
				}
			}
			last = max(last, e.Epoch)
		}
	}
	if points == 0 {
		return figure{}, false
	}
	pad := max((high-low)*0.06, 1e-3)
	low, high = low-pad, high+pad
	if id == "auc" {
		high = min(high, 1)
	} else {
		low = max(low, 0)
	}
	p := newPlot(figureWidth, figureHeight,
		axis{label: "Epoch", low: 1, high: math.Max(float64(last), 2), whole: true}, axis{label: label, low: low, high: high})
	for i, s := range r.Seeds {
		if i != r.Shipped {
			p.curve(s.Curve, train, "line faint s1")
			p.curve(s.Curve, validation, "line faint s2")
		}
	}
	kept := r.Seeds[r.Shipped]
	p.line(p.point(float64(kept.Best), low), p.point(float64(kept.Best), high), "marker")
	p.curve(kept.Curve, train, "line s1")
	p.curve(kept.Curve, validation, "line s2")
	for _, e := range kept.Curve {
		if v := validation(e); e.Epoch == kept.Best && usable(v) {
			p.dot(p.point(float64(e.Epoch), *v), 5, "point s2")
		}
	}
	p.legend(corner, entry{"line s1", "training"}, entry{"line s2", "validation"},
		entry{"marker", fmt.Sprintf("kept: epoch %d", kept.Best)})

	caption := fmt.Sprintf("%s after each epoch for seed %d, which is kept; weights come from epoch %d.", label, kept.Seed, kept.Best)
	if n := len(r.Seeds) - 1; n > 0 {
		caption += fmt.Sprintf(" Faint: %s.", plural(n, "other seed", "other seeds"))
	}
	t := table{Head: []string{"Epoch", "Training", "Validation"}}
	for _, e := range kept.Curve {
		t.Rows = append(t.Rows, []string{fmt.Sprint(e.Epoch), show(train(e)), show(validation(e))})
	}
	return newFigure(id, title, caption, p.drawing, t), true
}

func (p *plot) curve(epochs []Epoch, of pick, class string) {
	var points []xy
	for _, e := range epochs {
		if v := of(e); usable(v) {
			points = append(points, p.point(float64(e.Epoch), *v))
		}
	}
	p.polyline(points, class)
}
