package report

import (
	"fmt"
	"math"

	"consilium/figure"
)

// pick reads one split's score from an epoch.
type pick func(Epoch) *float64

func lossFigure(r Run) (figure.Figure, bool) {
	return learning(r, "loss", "Learning curves: loss", "Loss", figure.UpperRight,
		func(e Epoch) *float64 { return e.Train.Loss }, func(e Epoch) *float64 { return e.Validation.Loss })
}

func aucFigure(r Run) (figure.Figure, bool) {
	return learning(r, "auc", "Learning curves: AUC", "ROC AUC", figure.LowerRight,
		func(e Epoch) *float64 { return e.Train.AUC }, func(e Epoch) *float64 { return e.Validation.AUC })
}

// learning draws a score over epochs: the kept seed in full, the others faint,
// and the epoch whose weights were kept.
func learning(r Run, id, title, label string, corner figure.Corner, train, validation pick) (figure.Figure, bool) {
	low, high, last, points := math.Inf(1), math.Inf(-1), 1, 0
	for _, s := range r.Seeds {
		for _, e := range s.Curve {
			for _, v := range []*float64{train(e), validation(e)} {
				if figure.Usable(v) {
					low, high, points = min(low, *v), max(high, *v), points+1
				}
			}
			last = max(last, e.Epoch)
		}
	}
	if points == 0 {
		return figure.Figure{}, false
	}
	pad := max((high-low)*0.06, 1e-3)
	low, high = low-pad, high+pad
	if id == "auc" {
		high = min(high, 1)
	} else {
		low = max(low, 0)
	}
	p := figure.NewPlot(figure.Width, figure.Height,
		figure.Axis{Label: "Epoch", Low: 1, High: math.Max(float64(last), 2), Whole: true}, figure.Axis{Label: label, Low: low, High: high})
	for i, s := range r.Seeds {
		if i != r.Shipped {
			curve(p, s.Curve, train, "line faint s1")
			curve(p, s.Curve, validation, "line faint s2")
		}
	}
	kept := r.Seeds[r.Shipped]
	p.Line(p.At(float64(kept.Best), low), p.At(float64(kept.Best), high), "marker")
	curve(p, kept.Curve, train, "line s1")
	curve(p, kept.Curve, validation, "line s2")
	for _, e := range kept.Curve {
		if v := validation(e); e.Epoch == kept.Best && figure.Usable(v) {
			p.Dot(p.At(float64(e.Epoch), *v), 5, "point s2")
		}
	}
	p.Legend(corner, figure.Entry{Class: "line s1", Label: "training"}, figure.Entry{Class: "line s2", Label: "validation"},
		figure.Entry{Class: "marker", Label: fmt.Sprintf("kept: epoch %d", kept.Best)})

	caption := fmt.Sprintf("%s after each epoch for seed %d, which is kept; weights come from epoch %d.", label, kept.Seed, kept.Best)
	if n := len(r.Seeds) - 1; n > 0 {
		caption += fmt.Sprintf(" Faint: %s.", figure.Plural(n, "other seed", "other seeds"))
	}
	t := figure.Table{Head: []string{"Epoch", "Training", "Validation"}}
	for _, e := range kept.Curve {
		t.Rows = append(t.Rows, []string{fmt.Sprint(e.Epoch), figure.Show(train(e)), figure.Show(validation(e))})
	}
	return figure.New(id, title, caption, p.Drawing, t), true
}

func curve(p *figure.Plot, epochs []Epoch, of pick, class string) {
	var points []figure.Point
	for _, e := range epochs {
		if v := of(e); figure.Usable(v) {
			points = append(points, p.At(float64(e.Epoch), *v))
		}
	}
	p.Polyline(points, class)
}
