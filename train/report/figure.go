package report

import "consilium/figure"

// figures draws what the run has data for, in reading order.
func figures(r Run) []figure.Figure {
	var out []figure.Figure
	for _, draw := range []func(Run) (figure.Figure, bool){
		lossFigure, aucFigure, rocFigure, prFigure, confusionFigure, reliabilityFigure,
		coverageFigure, setFigure, forestFigure,
	} {
		if f, ok := draw(r); ok {
			out = append(out, f)
		}
	}
	return out
}
