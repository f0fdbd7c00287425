package report

import (
	"fmt"

	"consilium/figure"
	"consilium/metric"
)

// reliabilityFigure sets promised against observed frequency, before and
// after calibration: for two classes of class 1, for more of the predicted class.
func reliabilityFigure(r Run) (figure.Figure, bool) {
	after, afterECE, what := reliable(r.test())
	if len(after) == 0 {
		return figure.Figure{}, false
	}
	var sets []figure.Reliable
	if r.Calibration != nil {
		before, ece, _ := reliable(r.Calibration.Before)
		sets = append(sets, figure.Reliable{Name: "before", Error: ece, Bins: before})
	}
	sets = append(sets, figure.Reliable{Name: "after", Error: afterECE, Bins: after})
	d, t := figure.Reliability(what, sets...)
	caption := fmt.Sprintf("Observed frequency over the %s on the test split; on the diagonal, probabilities mean what they say. Large dots stand for many examples; below: how many.", what)
	if r.Calibration != nil {
		caption += fmt.Sprintf(" Calibration: %s, fitted on the %s split.", describeMap(r), r.Calibration.Split)
	}
	return figure.New("reliability", "Reliability before and after calibration", caption, d, t), true
}

// reliable picks the bins to show and says what they are of.
func reliable(t metric.Report) (bins []metric.Bin, ece float64, what string) {
	if len(t.Classes) == 2 {
		return t.Classes[1].Bins, t.Classes[1].ECE, "predicted probability of " + t.Classes[1].Label
	}
	if v, ok := t.Lookup(metric.IDECE); ok && figure.Usable(v.Value) {
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
