package report

import (
	"fmt"

	"consilium/figure"
)

func confusionFigure(r Run) (figure.Figure, bool) {
	test := r.test()
	k := len(test.Confusion)
	if k == 0 || k > maxConfusion {
		return figure.Figure{}, false
	}
	left, top, size := 132.0, 40.0, min(340.0/float64(k), 130)
	d := figure.NewDrawing(figure.Width, top+size*float64(k)+58)
	left = max(left, (figure.Width-size*float64(k))/2)
	for truth, row := range test.Confusion {
		total := 0
		for _, n := range row {
			total += n
		}
		for predicted, n := range row {
			share := 0.0
			if total > 0 {
				share = float64(n) / float64(total)
			}
			confusionCell(d, figure.Pt(left+size*float64(predicted), top+size*float64(truth)), size, n, share, truth == predicted)
		}
		middle := top + size*(float64(truth)+0.5)
		d.Text(figure.Pt(left-10, middle+4), "end", "key", clip(test.Classes[truth].Label, int((left-34)/6.4)))
	}
	foot := top + size*float64(k)
	for class := range test.Classes {
		d.Text(figure.Pt(left+size*(float64(class)+0.5), foot+18), "middle", "key", clip(test.Classes[class].Label, int(size/6.4)))
	}
	d.Text(figure.Pt(left+size*float64(k)/2, foot+44), "middle", "title", "Predicted (most probable class)")
	d.Upward(figure.Pt(14, top+size*float64(k)/2), "title", "True class")

	t := figure.Table{Head: []string{"True class"}}
	for _, c := range test.Classes {
		t.Head = append(t.Head, "predicted "+c.Label)
	}
	for truth, row := range test.Confusion {
		cells := []string{test.Classes[truth].Label}
		for _, n := range row {
			cells = append(cells, fmt.Sprint(n))
		}
		t.Rows = append(t.Rows, cells)
	}
	caption := "Test examples by true and predicted class; shade and percentage are the share of the row."
	return figure.New("confusion", "Confusion matrix", caption, d, t), true
}

// maxConfusion is the most classes a matrix stays legible with.
const maxConfusion = 16

func confusionCell(d *figure.Drawing, at figure.Point, size float64, n int, share float64, right bool) {
	class := "cell s2"
	if right {
		class = "cell s1"
	}
	d.Rect(at.X, at.Y, size, size, "cellback")
	d.Cell(at.X, at.Y, size, size, 0.05+0.5*share, class) // never so full that the count loses contrast
	if size < 44 {
		d.Text(figure.Pt(at.X+size/2, at.Y+size/2+4), "middle", "count small", fmt.Sprint(n))
		return
	}
	d.Text(figure.Pt(at.X+size/2, at.Y+size/2+1), "middle", "count", fmt.Sprint(n))
	d.Text(figure.Pt(at.X+size/2, at.Y+size/2+18), "middle", "count small", figure.Percent(share))
}

// clip shortens a label to about n characters.
func clip(s string, n int) string {
	runes := []rune(s)
	if len(runes) <= max(n, 3) {
		return s
	}
	return string(runes[:max(n, 3)-1]) + "…"
}
