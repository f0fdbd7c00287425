package report

import (
	"fmt"
	"math"

	"consilium/metric"
)

// reliabilityFigure sets promised against observed frequency, before and
// after calibration: for two classes of class 1, for more of the predicted class.
func reliabilityFigure(r Run) (figure, bool) {
	after, afterECE, what := reliable(r.test())
	if len(after) == 0 {
		return figure{}, false
	}
	d := newDrawing(figureWidth, figureHeight+110)
	p := &plot{drawing: d,
		x: axis{label: "", low: 0, high: 1}, y: axis{label: "Observed frequency", low: 0, high: 1}}
	p.place(0, 0, figureWidth, figureHeight+12)
	p.line(p.point(0, 0), p.point(1, 1), "chance")
	var keys []entry
	t := table{Head: []string{"", "Predicted from", "to", "Examples", "Mean predicted", "Observed"}}
	if r.Calibration != nil {
		before, ece, _ := reliable(r.Calibration.Before)
		p.bins(before, "line dashed s8", "point hollow s8")
		keys = append(keys, entry{"line dashed s8", "before, error " + fixed(ece)})
		t.addBins("before", before)
	}
	p.bins(after, "line s1", "point s1")
	t.addBins("after", after)
	name := "error " + fixed(afterECE)
	if r.Calibration != nil {
		name = "after, " + name
	}
	keys = append(keys, entry{"line s1", name})
	p.legend(upperLeft, keys...)
	p.histogram(after, what)

	caption := fmt.Sprintf("Observed frequency over the %s on the test split; on the diagonal, probabilities mean what they say. Large dots stand for many examples; below: how many.", what)
	if r.Calibration != nil {
		caption += fmt.Sprintf(" Calibration: %s, fitted on the %s split.", describeMap(r), r.Calibration.Split)
	}
	return newFigure("reliability", "Reliability before and after calibration", caption, d, t), true
}

// reliable picks the bins to show and says what they are of.
func reliable(t metric.Report) (bins []metric.Bin, ece float64, what string) {
	if len(t.Classes) == 2 {
		return t.Classes[1].Bins, t.Classes[1].ECE, "predicted probability of " + t.Classes[1].Label
	}
	if v, ok := t.Lookup(metric.IDECE); ok && usable(v.Value) {
		ece = *v.Value
	}
	return t.TopBins, ece, "probability of the predicted class"
}

func describeMap(r Run) string {
	m := r.Calibration.Map
	if m.Temperature > 0 {
		return fmt.Sprintf("temperature %.3f", m.Temperature)
	}
	return m.Method
}

// bins draws one dot a bin; its area grows with the examples that stand behind it.
func (p *plot) bins(bins []metric.Bin, line, dot string) {
	var points []xy
	most := 1
	for _, b := range bins {
		most = max(most, b.Count)
	}
	for _, b := range bins {
		points = append(points, p.point(b.Predicted, b.Observed))
	}
	p.polyline(points, line)
	for i, at := range points {
		p.dot(at, 2+4*math.Sqrt(float64(bins[i].Count)/float64(most)), dot)
	}
}

// histogram stands under the diagram on the same x axis.
func (p *plot) histogram(bins []metric.Bin, label string) {
	const top, height = figureHeight + 4, 62.0
	most := 1
	for _, b := range bins {
		most = max(most, b.Count)
	}
	base := top + height
	for _, b := range bins {
		h := height * float64(b.Count) / float64(most)
		p.rect(p.x.at(b.Low)+1, base-h, p.x.at(b.High)-p.x.at(b.Low)-2, h, "bar s1")
	}
	p.line(xy{p.x.from, base}, xy{p.x.to, base}, "axis")
	p.text(xy{p.x.from - 8, top + 8}, "end", "tick", fmt.Sprint(most))
	p.text(xy{p.x.from - 8, base}, "end", "tick", "0")
	p.text(xy{(p.x.from + p.x.to) / 2, base + 26}, "middle", "title", capital(label))
}

func (t *table) addBins(when string, bins []metric.Bin) {
	for _, b := range bins {
		t.Rows = append(t.Rows, []string{when, fixed(b.Low), fixed(b.High), fmt.Sprint(b.Count), fixed(b.Predicted), fixed(b.Observed)})
	}
}
