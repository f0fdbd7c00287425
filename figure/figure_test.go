package figure

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/metric"
)

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		a    Axis
		n    int
		want []string
	}{
		{Axis{Low: 0, High: 1}, 5, []string{"0", "0.2", "0.4", "0.6", "0.8", "1"}},
		{Axis{Low: 1, High: 24, Whole: true}, 6, []string{"5", "10", "15", "20"}},
		{Axis{Low: 0.7, High: 1, Percent: true}, 3, []string{"70%", "80%", "90%", "100%"}},
		{Axis{Low: 3, High: 3}, 5, []string{"3"}},
		{Axis{Low: 1, High: 100, Log: true}, 6, []string{"1", "2", "5", "10", "20", "50", "100"}},
	} {
		var got []string
		for _, v := range c.a.Ticks(c.n) {
			got = append(got, c.a.Format(v))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%+v: %s", c.a, diff)
		}
	}
}

// Equal ratios are equal lengths.
func TestLogAxis(t *testing.T) {
	a := Axis{Low: 1, High: 100, From: 50, To: 250, Log: true}
	for v, want := range map[float64]float64{1: 50, 10: 150, 100: 250} {
		if got := a.At(v); got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%g is at %g, want %g", v, got, want)
		}
	}
}

// Whatever the estimates, marks stay within their panel and the picture is well-formed.
func TestForestStaysInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(name string) *float64 {
			if rapid.Bool().Draw(t, name+" known") {
				v := rapid.Float64Range(-2, 2).Draw(t, name)
				return &v
			}
			return nil
		}
		rows := rapid.SliceOfN(rapid.StringMatching(`[ -~é]{0,12}`), 0, 5).Draw(t, "rows")
		panels := make([]Panel, rapid.IntRange(1, 3).Draw(t, "panels"))
		for i := range panels {
			panels[i] = Panel{Title: "<t>", Label: "l & m", Reference: draw("reference"), Signed: i == 1, Low: -1, High: 1}
			for range rows {
				var marks []Mark
				for n := range rapid.IntRange(0, 3).Draw(t, "marks") {
					marks = append(marks, Mark{draw("value"), draw("low"), draw("high"), n, n == 1, n == 2})
				}
				panels[i].Marks = append(panels[i].Marks, marks)
			}
		}
		d := Forest(rows, panels, Entry{"line s1", "<key>"})
		svg := d.Render("a picture")
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Fatal(svg)
		}
		decoder := xml.NewDecoder(strings.NewReader(svg))
		for {
			_, err := decoder.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, svg)
			}
		}
	})
}

func TestForestMarksAreWhereTheyShouldBe(t *testing.T) {
	zero := 0.0
	e := metric.Estimate{Value: 0.25, Low: 0.125, High: 0.5}
	p := Panel{Reference: &zero, Signed: true, Low: -1, High: 1, Marks: [][]Mark{{MarkOf(e, 2)}}}
	svg := Forest([]string{"a"}, []Panel{p}).Render("")
	for _, want := range []string{`class="chance"`, `class="line s3"`, `class="point s3"`, "+0.250 (+0.125 to +0.500)"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in\n%s", want, svg)
		}
	}
	x := p.axis()
	if !(x.Low < 0 && x.High > 0.5 && x.High < 0.6) {
		t.Errorf("the axis is from %g to %g", x.Low, x.High)
	}
}

func TestReliability(t *testing.T) {
	bins := []metric.Bin{{Low: 0, High: 0.5, Count: 30, Predicted: 0.2, Observed: 0.25}, {Low: 0.5, High: 1, Count: 10, Predicted: 0.8, Observed: 0.7}}
	d, table := Reliability("probability <of it>", Reliable{"before", 0.2, bins}, Reliable{"after", 0.1, bins})
	svg := d.Render("")
	for _, want := range []string{"before, error 0.200", "after, error 0.100", "Probability &lt;of it&gt;", `class="bar s1"`, ">30<"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %q in\n%s", want, svg)
		}
	}
	if len(table.Rows) != 4 || table.Rows[3][3] != "10" {
		t.Errorf("table %v", table.Rows)
	}
	one, _ := Reliability("p", Reliable{"", 0.1, bins})
	if strings.Contains(one.Render(""), ", error") {
		t.Error("a lone set needs no name")
	}
	if none, table := Reliability("p"); len(table.Rows) > 0 || strings.Contains(none.Render(""), "bar") {
		t.Error("something is drawn of nothing")
	}
}

func TestNumbers(t *testing.T) {
	low, high := -0.01, 0.02
	if got := Interval(&low, &high); got != "-0.010 to 0.020" {
		t.Error(got)
	}
	low = 0.01
	if got := Interval(&low, &high); got != "0.010–0.020" {
		t.Error(got)
	}
	if Show(nil) != "–" || Interval(nil, &high) != "–" || Percent(0.1234) != "12.3%" {
		t.Error("dashes, percent")
	}
}

func TestPageEscapes(t *testing.T) {
	page := Page(`<style>{{style}}</style>{{template "figures" .}}`)
	d := NewDrawing(1, 1)
	d.Text(Pt(0, 0), "start", "key", "<script>")
	var b strings.Builder
	err := page.Execute(&b, []Figure{New("f", "<b>", "a & b", d, Table{Head: []string{"<i>"}, Rows: [][]string{{"<u>", "1"}}})})
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script>", "<b>", "<i>", "<u>"} {
		if strings.Contains(b.String(), bad) {
			t.Errorf("%s passes", bad)
		}
	}
	if !strings.Contains(b.String(), "--c1: #0072b2") {
		t.Error("the style sheet is not there")
	}
}
