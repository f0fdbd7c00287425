package benchmark

import (
	_ "embed"
	"fmt"
	"io"

	"consilium/clinical"
	"consilium/evidence"
	"consilium/fault"
	"consilium/figure"
)

//go:embed page.html.tmpl
var pageSource string

var pageTemplate = figure.Page(pageSource)

// page is what the template prints: a comparison with its figures drawn.
type page struct {
	*Comparison
	Disclaimer string
	Share      string
	Tiles      []tile
	Figures    []figure.Figure
	Results    figure.Table
	Times      figure.Table
}

// tile is one of the few figures that stand on top.
type tile struct{ Name, Value, Note string }

// WriteHTML writes the comparison as one HTML page that needs nothing else.
func WriteHTML(w io.Writer, c *Comparison) error {
	p := page{Comparison: c, Disclaimer: clinical.Disclaimer, Share: fmt.Sprintf("%.2f", c.Fusion.Dense), Tiles: c.tiles(), Results: c.results(), Times: c.times()}
	if len(c.Runs) > 0 {
		p.Figures = append(p.Figures, c.forest())
	}
	if f, ok := c.differences(); ok {
		p.Figures = append(p.Figures, f)
	}
	if err := pageTemplate.Execute(w, p); err != nil {
		return fault.Wrap(err, fault.IO, "the report was not written", "check the disk and the permissions")
	}
	return nil
}

// wayNames of the ways of searching, as people call them.
var wayNames = map[string]string{evidence.Words: "BM25", evidence.Dense: "vectors", evidence.Fused: "fused"}

func (r Run) title() string {
	if name := wayNames[r.Name]; name != "" {
		return name
	}
	return r.Name
}

// tiles are of the last way, which is the one that a search takes.
func (c *Comparison) tiles() []tile {
	if len(c.Runs) == 0 {
		return nil
	}
	last := c.Runs[len(c.Runs)-1]
	var out []tile
	for _, f := range last.Figures {
		out = append(out, tile{f.Name, figure.Fixed(f.Value), "95% " + figure.Interval(&f.Low, &f.High) + " · " + last.title()})
	}
	return out
}

// forest shows every measure of every way of searching.
func (c *Comparison) forest() figure.Figure {
	p := figure.Panel{Label: "mean over questions", High: 1}
	names, keys := measureNames(c.Runs[0].Figures), []figure.Entry(nil)
	p.Marks = make([][]figure.Mark, len(names))
	t := figure.Table{Head: []string{"Measure", "Search", "Mean", "Interval"}}
	for way, r := range c.Runs {
		keys = append(keys, figure.Entry{Class: figure.Series("line", way), Label: r.title()})
		for i, f := range r.Figures[:min(len(r.Figures), len(names))] {
			p.Marks[i] = append(p.Marks[i], figure.MarkOf(f.Estimate, way))
			t.Rows = append(t.Rows, []string{f.Name, r.title(), figure.Fixed(f.Value), figure.Interval(&f.Low, &f.High)})
		}
	}
	caption := fmt.Sprintf("Means over %d questions with 95%% intervals by bootstrap over questions.", c.Questions)
	f := figure.New("measures", "How well an answer is found", caption, figure.Forest(names, []figure.Panel{p}, keys...), t)
	f.Wide = true
	return f
}

// differences shows what each way of searching adds to BM25 on the same questions.
func (c *Comparison) differences() (figure.Figure, bool) {
	zero := 0.0
	p := figure.Panel{Label: "difference to BM25 (dashed: none)", Reference: &zero, Signed: true, Low: -1, High: 1}
	var names []string
	var keys []figure.Entry
	t := figure.Table{Head: []string{"Measure", "Search", "Difference", "Interval"}}
	for way, r := range c.Runs {
		if len(r.Less) == 0 {
			continue
		}
		if names == nil {
			names = measureNames(r.Less)
			p.Marks = make([][]figure.Mark, len(names))
		}
		keys = append(keys, figure.Entry{Class: figure.Series("line", way), Label: r.title() + " less BM25"})
		for i, f := range r.Less[:min(len(r.Less), len(names))] {
			p.Marks[i] = append(p.Marks[i], figure.MarkOf(f.Estimate, way))
			t.Rows = append(t.Rows, []string{f.Name, r.title(), fmt.Sprintf("%+.3f", f.Value), fmt.Sprintf("%+.3f to %+.3f", f.Low, f.High)})
		}
	}
	if names == nil {
		return figure.Figure{}, false
	}
	f := figure.New("differences", "What vectors add to words", "Paired differences to BM25 on the same questions, with 95% intervals of the paired bootstrap. An interval to the right of the dashed line is a gain that chance does not explain; one to its left, a loss.",
		figure.Forest(names, []figure.Panel{p}, keys...), t)
	f.Wide = true
	return f, true
}

func measureNames(figures []Figure) []string {
	names := make([]string, len(figures))
	for i, f := range figures {
		names[i] = f.Name
	}
	return names
}

func (c *Comparison) results() figure.Table {
	t := figure.Table{Head: []string{"Search"}}
	for i, r := range c.Runs {
		if i == 0 {
			t.Head = append(t.Head, measureNames(r.Figures)...)
		}
		row := []string{r.title()}
		for _, f := range r.Figures {
			row = append(row, figure.Fixed(f.Value)+"\n"+figure.Interval(&f.Low, &f.High))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

func (c *Comparison) times() figure.Table {
	t := figure.Table{Head: []string{"Search", "Median (ms)", "99th percentile (ms)"}}
	for _, r := range c.Runs {
		t.Rows = append(t.Rows, []string{r.title(), fmt.Sprintf("%.2f", r.P50), fmt.Sprintf("%.2f", r.P99)})
	}
	return t
}
