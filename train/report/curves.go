package report

import (
	"fmt"

	"consilium/metric"
)

// curved lists the classes that have curves: class 1 of two, each of more, the
// first ones when there are more classes than colours.
func curved(t metric.Report) []metric.Class {
	var out []metric.Class
	for _, c := range t.Classes {
		if c.ROC != nil && len(out) < palette {
			out = append(out, c)
		}
	}
	return out
}

// leftOut says that a picture does not hold every class.
func leftOut(t metric.Report) string {
	if len(t.Classes) <= palette {
		return ""
	}
	return fmt.Sprintf(" Drawn: %d of %d classes; the table above has all.", palette, len(t.Classes))
}

func rocFigure(r Run) (figure, bool) {
	test := r.test()
	classes := curved(test)
	if len(classes) == 0 {
		return figure{}, false
	}
	p := newPlot(figureWidth, figureHeight+40,
		axis{label: "1 − specificity (false positive rate)", low: 0, high: 1}, axis{label: "Sensitivity", low: 0, high: 1})
	p.line(p.point(0, 0), p.point(1, 1), "chance")
	if len(classes) == 1 {
		p.band(classes[0].Band)
	}
	var keys []entry
	t := table{Head: []string{"Class", "False positive rate", "Sensitivity", "From probability"}}
	for i, c := range classes {
		p.polyline(p.points(c.ROC), series("line", i))
		keys = append(keys, entry{series("line", i), c.Label + classFigure(test, c, metric.IDAUC, "AUC")})
		for _, at := range metric.Thin(c.ROC, 25) {
			t.Rows = append(t.Rows, []string{c.Label, fixed(at.X), fixed(at.Y), show(at.Threshold)})
		}
	}
	caption := fmt.Sprintf("ROC curve on %d test examples, one class against the rest. Dashed: chance.", test.Examples) + leftOut(test)
	if len(classes) == 1 {
		caption = fmt.Sprintf("ROC curve for %s on %d test examples. Dashed: chance.", classes[0].Label, test.Examples)
		if classes[0].Band != nil {
			caption += fmt.Sprintf(" Shaded: pointwise %s interval.", level(test))
		}
		if sens, spec, ok := operating(test); ok {
			p.dot(p.point(1-spec, sens), 5.5, "point s2")
			keys = append(keys, entry{"line s2", fmt.Sprintf("threshold %.2f", test.Threshold)})
			caption += fmt.Sprintf(" Dot: sensitivity %s, specificity %s from probability %.2f upwards.", percent(sens), percent(spec), test.Threshold)
		}
	}
	p.legend(lowerRight, keys...)
	return newFigure("roc", "ROC curve", caption, p.drawing, t), true
}

// operating gives sensitivity and specificity at the threshold of two classes.
func operating(t metric.Report) (sens, spec float64, ok bool) {
	a, okA := t.Lookup(metric.IDSensitivity)
	b, okB := t.Lookup(metric.IDSpecificity)
	if !okA || !okB || !usable(a.Value) || !usable(b.Value) {
		return 0, 0, false
	}
	return *a.Value, *b.Value, true
}

func prFigure(r Run) (figure, bool) {
	test := r.test()
	classes := curved(test)
	if len(classes) == 0 {
		return figure{}, false
	}
	p := newPlot(figureWidth, figureHeight+40,
		axis{label: "Recall (sensitivity)", low: 0, high: 1}, axis{label: "Precision (positive predictive value)", low: 0, high: 1})
	var keys []entry
	t := table{Head: []string{"Class", "Recall", "Precision", "From probability"}}
	for i, c := range classes {
		if len(classes) == 1 {
			share := float64(c.Support) / float64(test.Examples)
			p.line(p.point(0, share), p.point(1, share), "chance")
		}
		p.polyline(p.points(c.PR), series("line", i))
		keys = append(keys, entry{series("line", i), c.Label + classFigure(test, c, metric.IDAveragePrecision, "AP")})
		for _, at := range metric.Thin(c.PR, 25) {
			t.Rows = append(t.Rows, []string{c.Label, fixed(at.X), fixed(at.Y), show(at.Threshold)})
		}
	}
	caption := "Precision over recall, one class against the rest. Precision depends on how common each class is in this test split." + leftOut(test)
	if len(classes) == 1 {
		caption = fmt.Sprintf("Precision over recall for %s. Dashed: its share of the test split, which is what guessing reaches.", classes[0].Label)
	}
	p.legend(lowerLeft, keys...)
	return newFigure("pr", "Precision-recall curve", caption, p.drawing, t), true
}

func (p *plot) points(curve []metric.Point) []xy {
	out := make([]xy, len(curve))
	for i, at := range curve {
		out[i] = p.point(at.X, at.Y)
	}
	return out
}

func (p *plot) band(band []metric.BandPoint) {
	var outline []xy
	for _, b := range band {
		outline = append(outline, p.point(b.X, b.High))
	}
	for i := len(band) - 1; i >= 0; i-- {
		outline = append(outline, p.point(band[i].X, band[i].Low))
	}
	p.polygon(outline, "band s1")
}

// classFigure writes ", AUC 0.93" for a class, from its own values or, of two
// classes, from the overall ones.
func classFigure(t metric.Report, c metric.Class, id, name string) string {
	values := c.Values
	if len(t.Classes) == 2 {
		values = t.Values
	}
	for _, v := range values {
		if v.ID == id && usable(v.Value) {
			return fmt.Sprintf(", %s %.3f", name, *v.Value)
		}
	}
	return ""
}

func level(t metric.Report) string { return fmt.Sprintf("%g%%", 100*t.Level) }
