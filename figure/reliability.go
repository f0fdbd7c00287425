package figure

import (
	"fmt"
	"math"

	"consilium/metric"
)

// Reliable is a set of predictions of one event, binned by probability.
type Reliable struct {
	Name  string // such as "before" and "after"; shown when there are several
	Error float64
	Bins  []metric.Bin
}

// Reliability sets promised against observed frequency (DeGroot and Fienberg,
// The Statistician 32, 1983), with the counts of the last set under it. The
// sets before it are drawn faintly. What says what is predicted.
func Reliability(what string, sets ...Reliable) (*Drawing, Table) {
	p := &Plot{Drawing: NewDrawing(Width, Height+110), X: Axis{High: 1}, Y: Axis{Label: "Observed frequency", High: 1}}
	p.place(Width, Height+12)
	p.Line(p.At(0, 0), p.At(1, 1), "chance")
	t := Table{Head: []string{"", "Predicted from", "to", "Examples", "Mean predicted", "Observed"}}
	var keys []Entry
	for i, s := range sets {
		line, dot := "line s1", "point s1"
		if i < len(sets)-1 {
			line, dot = "line dashed s8", "point hollow s8"
		}
		p.bins(s.Bins, line, dot)
		name := "error " + Fixed(s.Error)
		if len(sets) > 1 {
			name = s.Name + ", " + name
		}
		keys = append(keys, Entry{line, name})
		for _, b := range s.Bins {
			t.Rows = append(t.Rows, []string{s.Name, Fixed(b.Low), Fixed(b.High), fmt.Sprint(b.Count), Fixed(b.Predicted), Fixed(b.Observed)})
		}
	}
	p.Legend(UpperLeft, keys...)
	if len(sets) > 0 {
		p.histogram(sets[len(sets)-1].Bins, what)
	}
	return p.Drawing, t
}

// bins draws one dot a bin; its area grows with the examples that stand behind it.
func (p *Plot) bins(bins []metric.Bin, line, dot string) {
	var points []Point
	for _, b := range bins {
		points = append(points, p.At(b.Predicted, b.Observed))
	}
	p.Polyline(points, line)
	for i, at := range points {
		p.Dot(at, 2+4*math.Sqrt(float64(bins[i].Count)/float64(most(bins))), dot)
	}
}

// most is the count of the fullest bin, at least 1.
func most(bins []metric.Bin) int {
	most := 1
	for _, b := range bins {
		most = max(most, b.Count)
	}
	return most
}

// histogram stands under the diagram on the same x axis.
func (p *Plot) histogram(bins []metric.Bin, label string) {
	const top, height = Height + 4, 62.0
	most, base := most(bins), top+height
	for _, b := range bins {
		h := height * float64(b.Count) / float64(most)
		p.Rect(p.X.At(b.Low)+1, base-h, p.X.At(b.High)-p.X.At(b.Low)-2, h, "bar s1")
	}
	p.Line(Pt(p.X.From, base), Pt(p.X.To, base), "axis")
	p.Text(Pt(p.X.From-8, top+8), "end", "tick", fmt.Sprint(most))
	p.Text(Pt(p.X.From-8, base), "end", "tick", "0")
	p.Text(Pt((p.X.From+p.X.To)/2, base+26), "middle", "title", Capital(label))
}
