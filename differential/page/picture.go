package page

import (
	"fmt"
	"html/template"
	"math"

	"consilium/differential"
)

func clamp(p float64) float64 {
	if math.IsNaN(p) {
		return 0
	}
	return min(max(p, 0), 1)
}

// bar draws a share on a scale of 0 to 1; kind is its class: fill, unlisted or dim.
func bar(share float64, kind string) template.HTML {
	// numbers and fixed text only; kind is a word of the template
	return template.HTML(fmt.Sprintf(`<svg class="bar" viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" width="200" height="14" rx="3"/><rect class="%s" width="%.1f" height="14" rx="3"/></svg>`,
		template.HTMLEscapeString(kind), 200*clamp(share)))
}

// diverging draws a value to the right of the middle when it speaks for, to the
// left when it speaks against; widest is the value that fills a side.
func diverging(value, widest float64) template.HTML {
	const middle, height = 100.0, 14
	length := 0.0
	if widest > 0 {
		length = middle * clamp(math.Abs(value)/widest)
	}
	x, class := middle, "for"
	if value < 0 {
		x, class = middle-length, "against"
	}
	return template.HTML(fmt.Sprintf(`<svg class="bar" viewBox="0 0 200 %d" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" width="200" height="%d" rx="3"/><rect class="%s" x="%.1f" width="%.1f" height="%d"/><path class="zero" d="M100 0v%d"/></svg>`,
		height, height, class, x, length, height, height))
}

// scale is the strongest reason of all candidates: their charts can be compared.
func scale(c []differential.Candidate) float64 {
	widest := 1.0
	for _, x := range c {
		for _, r := range x.Findings {
			widest = max(widest, math.Abs(r.LogRatio))
		}
	}
	return widest
}

// widest is the largest part of a score.
func widest(parts []differential.Part) float64 {
	w := 1e-9
	for _, p := range parts {
		w = max(w, math.Abs(p.Value))
	}
	return w
}

// table is the overview: what each finding says of each of the first candidates.
type table struct {
	Heads []differential.Candidate
	Rows  []tableRow
	More  int // findings that are not shown
}

type tableRow struct {
	Finding  string
	Excluded bool
	Cells    []cell
}

// cell is what one finding says of one disease; Class paints it in four strengths to either side.
type cell struct{ Text, Class, Title string }

// saying is one finding as a key.
type saying struct {
	id       string
	excluded bool
}

// overview has a row for each finding that says something of one of the first candidates.
func overview(c []differential.Candidate) table {
	t := table{Heads: c[:min(len(c), columns)]}
	said := make([]map[saying]differential.Reason, len(t.Heads))
	var all []differential.Reason
	seen := map[saying]bool{}
	for i, h := range t.Heads {
		said[i] = map[saying]differential.Reason{}
		for _, r := range h.Findings {
			k := saying{r.Finding.ID, r.Excluded}
			said[i][k] = r
			if !seen[k] {
				seen[k] = true
				all = append(all, r)
			}
		}
	}
	t.More = rest(all)
	for _, r := range first(all) {
		row := tableRow{Finding: r.Finding.Label, Excluded: r.Excluded}
		for i := range t.Heads {
			x, found := said[i][saying{r.Finding.ID, r.Excluded}]
			if !found { // an exclusion that does not concern the disease
				row.Cells = append(row.Cells, cell{Text: "–"})
				continue
			}
			row.Cells = append(row.Cells, cell{factor(x.LogRatio), strength(x.LogRatio), meaning(x)})
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// strength sorts a log ratio into classes: factors of 1.5, 4, 15 and 60 part them.
func strength(v float64) string {
	side := "for"
	if v < 0 {
		side = "against"
	}
	n := 0
	for _, edge := range []float64{1.5, 4, 15, 60} {
		if math.Exp(math.Abs(v)) >= edge {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s-%d", side, n)
}
