package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"time"

	"consilium/fault"
	"consilium/figure"
	"consilium/metric"
)

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = figure.Page(pageSource)

// page is what the template prints: a run with its figures drawn and its
// numbers written out.
type page struct {
	Run        Run
	Level      string
	Basis      string
	Tiles      []tile
	Metrics    []metricRow
	Notes      []string
	Classes    figure.Table
	Figures    []figure.Figure
	Splits     figure.Table
	Facts      []Setting
	Candidates figure.Table
}

// tile is one of the few figures that stand on top.
type tile struct{ Name, Value, Note string }

// metricRow is one line of the results table.
type metricRow struct {
	Name, Value, Interval, Baseline, Mean, Both string
	Lower                                       bool
	Picture                                     template.HTML
}

// WriteHTML writes the run as one HTML page that needs nothing else.
func WriteHTML(w io.Writer, r Run) error {
	r, err := r.complete()
	if err != nil {
		return err
	}
	t := r.test()
	p := page{
		Run: r, Level: level(t), Basis: basis(r),
		Tiles: tiles(r), Metrics: metricRows(r), Notes: append(append([]string{}, t.Notes...), r.Notes...),
		Classes: classTable(t), Figures: figures(r), Splits: splitTable(r), Facts: facts(r), Candidates: candidateTable(r),
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fault.Wrap(err, fault.IO, "the report was not written", "check the disk and the permissions")
	}
	return nil
}

// basis says what the figures were measured on and how the intervals were made.
func basis(r Run) string {
	t := r.test()
	s := fmt.Sprintf("%s, seed %d", figure.Plural(t.Examples, "example", "examples"), r.Seeds[r.Shipped].Seed)
	if t.Groups > 0 {
		s += fmt.Sprintf(", %s", figure.Plural(t.Groups, "group", "groups"))
	}
	if t.Draws > 0 {
		s += fmt.Sprintf("; %s bootstrap of %d draws of %s", level(t), t.Draws, t.Resampling)
	}
	if t.Threshold > 0 {
		s += fmt.Sprintf("; sensitivity to NPV with positive from probability %.2f upwards", t.Threshold)
	}
	return s + "."
}

func tiles(r Run) []tile {
	var out []tile
	t := r.test()
	for _, id := range []string{metric.IDAUC, metric.IDBalancedAccuracy, metric.IDECE} {
		if v, ok := t.Lookup(id); ok {
			out = append(out, tile{v.Name, figure.Show(v.Value), fmt.Sprintf("%s · baseline %s", figure.Interval(v.Low, v.High), figure.Show(v.Baseline))})
		}
	}
	if r.Conformal != nil && r.Conformal.Test.Examples > 0 {
		c := r.Conformal.Test
		out = append(out, tile{"Cases with one answer", figure.Percent(c.Answered),
			fmt.Sprintf("coverage %s, promised %s", figure.Percent(c.Measured), figure.Percent(c.Promised))})
	}
	return out
}

func metricRows(r Run) []metricRow {
	var out []metricRow
	for _, v := range r.test().Values {
		row := metricRow{Name: v.Name, Value: figure.Show(v.Value), Interval: figure.Interval(v.Low, v.High),
			Baseline: figure.Show(v.Baseline), Mean: "–", Both: "–", Lower: v.Lower, Picture: sparkInterval(v)}
		for _, a := range r.Across {
			if a.ID == v.ID {
				row.Mean, row.Both = figure.Show(a.Mean), figure.Interval(a.BothLow, a.BothHigh)
			}
		}
		out = append(out, row)
	}
	return out
}

// sparkInterval draws a value, its interval and the baseline from 0 to 1, or
// to the largest of them.
func sparkInterval(v metric.Value) template.HTML {
	d := figure.NewDrawing(180, 18)
	x := figure.Axis{Low: 0, High: 1, From: 4, To: 176}
	if v.Lower || v.ID == metric.IDKappa {
		x.High = 0
		for _, n := range []*float64{v.Value, v.High, v.Baseline} {
			if figure.Usable(n) {
				x.High = max(x.High, *n)
			}
		}
	}
	d.Line(figure.Pt(x.From, 9), figure.Pt(x.To, 9), "grid")
	if figure.Usable(v.Baseline) {
		d.Line(figure.Pt(x.At(*v.Baseline), 2), figure.Pt(x.At(*v.Baseline), 16), "axis")
	}
	if figure.Usable(v.Low) && figure.Usable(v.High) {
		d.Line(figure.Pt(x.At(max(*v.Low, 0)), 9), figure.Pt(x.At(max(*v.High, 0)), 9), "line s1")
	}
	if figure.Usable(v.Value) {
		d.Dot(figure.Pt(x.At(max(*v.Value, 0)), 9), 4.5, "point s1")
	}
	return template.HTML(d.Render(fmt.Sprintf("%s %s, interval %s, baseline %s", v.Name, figure.Show(v.Value), figure.Interval(v.Low, v.High), figure.Show(v.Baseline))))
}

func classTable(t metric.Report) figure.Table {
	var out figure.Table
	for _, c := range t.Classes {
		if len(c.Values) == 0 {
			continue
		}
		if out.Head == nil {
			out.Head = []string{"Class", "Examples"}
			for _, v := range c.Values {
				out.Head = append(out.Head, v.Name)
			}
		}
		row := []string{c.Label, fmt.Sprint(c.Support)}
		for _, v := range c.Values {
			cell := figure.Show(v.Value)
			if figure.Usable(v.Low) {
				cell += "\n" + figure.Interval(v.Low, v.High)
			}
			row = append(row, cell)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func splitTable(r Run) figure.Table {
	out := figure.Table{Head: []string{"Split", "Examples"}}
	for _, l := range r.Data.Labels {
		out.Head = append(out.Head, l.Name)
	}
	for _, s := range r.Splits {
		row := []string{string(s.Name), fmt.Sprint(s.Examples)}
		for i := range r.Data.Labels {
			cell := "–"
			if i < len(s.Classes) {
				cell = fmt.Sprint(s.Classes[i])
			}
			row = append(row, cell)
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

func facts(r Run) []Setting {
	out := []Setting{
		{"Model", r.Model.Name + " " + r.Model.Version},
		{"Network", fmt.Sprintf("%s, %d parameters", r.Model.Arch, r.Model.Parameters)},
		{"Seeds", seedList(r)},
		{"Started", r.Started},
		{"Took", took(r.Seconds)},
	}
	return append(out, r.Environment...)
}

func seedList(r Run) string {
	s := ""
	for i, seed := range r.Seeds {
		if i > 0 {
			s += ", "
		}
		s += fmt.Sprint(seed.Seed)
		if i == r.Shipped {
			s += " (kept)"
		}
	}
	return s
}

func took(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Millisecond).String()
}

func candidateTable(r Run) figure.Table {
	if r.Calibration == nil {
		return figure.Table{}
	}
	out := figure.Table{Head: []string{"Calibration method", "Cross-validated log loss"}}
	for _, c := range r.Calibration.Candidates {
		name := c.Method
		if name == r.Calibration.Map.Method {
			name += " (chosen)"
		}
		out.Rows = append(out.Rows, []string{name, fmt.Sprintf("%.4f", c.LogLoss)})
	}
	return out
}
