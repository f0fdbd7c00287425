package report

import (
	"fmt"

	"consilium/figure"
	"consilium/metric"
)

// curved lists the classes that have curves: class 1 of two, each of more, the
// first ones when there are more classes than colours.
func curved(t metric.Report) []metric.Class {
	var out []metric.Class
	for _, c := range t.Classes {
		if c.ROC != nil && len(out) < figure.Palette {
			out = append(out, c)
		}
	}
	return out
}

// leftOut says that a picture does not hold every class.
func leftOut(t metric.Report) string {
	if len(t.Classes) <= figure.Palette {
		return ""
	}
	return fmt.Sprintf(" Drawn: %d of %d classes; the table above has all.", figure.Palette, len(t.Classes))
}

func rocFigure(r Run) (figure.Figure, bool) {
	test := r.test()
	classes := curved(test)
	if len(classes) == 0 {
		return figure.Figure{}, false
	}
	p := figure.NewPlot(figure.Width, figure.Height+40,
		figure.Axis{Label: "1 − specificity (false positive rate)", Low: 0, High: 1}, figure.Axis{Label: "Sensitivity", Low: 0, High: 1})
	p.Line(p.At(0, 0), p.At(1, 1), "chance")
	if len(classes) == 1 {
		band(p, classes[0].Band)
	}
	var keys []figure.Entry
	t := figure.Table{Head: []string{"Class", "False positive rate", "Sensitivity", "From probability"}}
	for i, c := range classes {
		p.Polyline(points(p, c.ROC), figure.Series("line", i))
		keys = append(keys, figure.Entry{Class: figure.Series("line", i), Label: c.Label + classFigure(test, c, metric.IDAUC, "AUC")})
		for _, at := range metric.Thin(c.ROC, 25) {
			t.Rows = append(t.Rows, []string{c.Label, figure.Fixed(at.X), figure.Fixed(at.Y), figure.Show(at.Threshold)})
		}
	}
	caption := fmt.Sprintf("ROC curve on %d test examples, one class against the rest. Dashed: chance.", test.Examples) + leftOut(test)
	if len(classes) == 1 {
		caption = fmt.Sprintf("ROC curve for %s on %d test examples. Dashed: chance.", classes[0].Label, test.Examples)
		if classes[0].Band != nil {
			caption += fmt.Sprintf(" Shaded: pointwise %s interval.", level(test))
		}
		if sens, spec, ok := operating(test); ok {
			p.Dot(p.At(1-spec, sens), 5.5, "point s2")
			keys = append(keys, figure.Entry{Class: "line s2", Label: fmt.Sprintf("threshold %.2f", test.Threshold)})
			caption += fmt.Sprintf(" Dot: sensitivity %s, specificity %s from probability %.2f upwards.", figure.Percent(sens), figure.Percent(spec), test.Threshold)
		}
	}
	p.Legend(figure.LowerRight, keys...)
	return figure.New("roc", "ROC curve", caption, p.Drawing, t), true
}

// operating gives sensitivity and specificity at the threshold of two classes.
func operating(t metric.Report) (sens, spec float64, ok bool) {
	a, okA := t.Lookup(metric.IDSensitivity)
	b, okB := t.Lookup(metric.IDSpecificity)
	if !okA || !okB || !figure.Usable(a.Value) || !figure.Usable(b.Value) {
		return 0, 0, false
	}
	return *a.Value, *b.Value, true
}

func prFigure(r Run) (figure.Figure, bool) {
	test := r.test()
	classes := curved(test)
	if len(classes) == 0 {
		return figure.Figure{}, false
	}
	p := figure.NewPlot(figure.Width, figure.Height+40,
		figure.Axis{Label: "Recall (sensitivity)", Low: 0, High: 1}, figure.Axis{Label: "Precision (positive predictive value)", Low: 0, High: 1})
	var keys []figure.Entry
	t := figure.Table{Head: []string{"Class", "Recall", "Precision", "From probability"}}
	for i, c := range classes {
		if len(classes) == 1 {
			share := float64(c.Support) / float64(test.Examples)
			p.Line(p.At(0, share), p.At(1, share), "chance")
		}
		p.Polyline(points(p, c.PR), figure.Series("line", i))
		keys = append(keys, figure.Entry{Class: figure.Series("line", i), Label: c.Label + classFigure(test, c, metric.IDAveragePrecision, "AP")})
		for _, at := range metric.Thin(c.PR, 25) {
			t.Rows = append(t.Rows, []string{c.Label, figure.Fixed(at.X), figure.Fixed(at.Y), figure.Show(at.Threshold)})
		}
	}
	caption := "Precision over recall, one class against the rest. Precision depends on how common each class is in this test split." + leftOut(test)
	if len(classes) == 1 {
		caption = fmt.Sprintf("Precision over recall for %s. Dashed: its share of the test split, which is what guessing reaches.", classes[0].Label)
	}
	p.Legend(figure.LowerLeft, keys...)
	return figure.New("pr", "Precision-recall curve", caption, p.Drawing, t), true
}

func points(p *figure.Plot, curve []metric.Point) []figure.Point {
	out := make([]figure.Point, len(curve))
	for i, at := range curve {
		out[i] = p.At(at.X, at.Y)
	}
	return out
}

func band(p *figure.Plot, band []metric.BandPoint) {
	var outline []figure.Point
	for _, b := range band {
		outline = append(outline, p.At(b.X, b.High))
	}
	for i := len(band) - 1; i >= 0; i-- {
		outline = append(outline, p.At(band[i].X, band[i].Low))
	}
	p.Polygon(outline, "band s1")
}

// classFigure writes ", AUC 0.93" for a class, from its own values or, of two
// classes, from the overall ones.
func classFigure(t metric.Report, c metric.Class, id, name string) string {
	values := c.Values
	if len(t.Classes) == 2 {
		values = t.Values
	}
	for _, v := range values {
		if v.ID == id && figure.Usable(v.Value) {
			return fmt.Sprintf(", %s %.3f", name, *v.Value)
		}
	}
	return ""
}

func level(t metric.Report) string { return fmt.Sprintf("%g%%", 100*t.Level) }
