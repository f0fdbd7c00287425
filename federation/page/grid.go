package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"consilium/figure"
)

// mark is how a state looks: a colour, how full it is, and a letter, so that nobody needs the colour.
type mark struct {
	state, class string
	shade        float64
	letter       string
	means        string
}

// marks from the calmest to the worst: where several rounds share a cell, the worst one shows.
var marks = []mark{
	{stateNot, "cell s8", 0.12, "–", "not asked in that round"},
	{stateIn, "cell s3", 0.55, "", "in: its update counted"},
	{stateLate, "cell s5", 0.48, "L", "late: answered after the round was cut off"},
	{stateDropped, "cell s2", 0.48, "D", "dropped: no answer"},
	{stateRefused, "cell s4", 0.48, "R", "refused: its answer was put aside"},
}

func markOf(state string) (int, mark) {
	for i, m := range marks {
		if m.state == state {
			return i, m
		}
	}
	return len(marks) - 1, mark{state, "cell s4", 0.48, "?", "unknown"}
}

// Bounds of the grid.
const (
	gridColumns = 80
	gridRows    = 100
)

// column is one or several round lines side by side in one cell.
type column struct{ from, to int }

func columns(n, most int) []column {
	step := max((n+most-1)/most, 1)
	var out []column
	for i := 0; i < n; i += step {
		out = append(out, column{i, min(i+step, n)})
	}
	return out
}

// worst state of a site within a column.
func (s *story) worst(c column, site string) mark {
	most, out := -1, mark{}
	for i := c.from; i < c.to; i++ {
		if rank, m := markOf(s.state(i, site)); rank > most {
			most, out = rank, m
		}
	}
	return out
}

// troubled lists the sites, at most so many: when there are more, those that failed most often.
func (s *story) troubled(most int) []string {
	if len(s.sites) <= most {
		return s.sites
	}
	missed := map[string]int{}
	for i := range s.h.Rounds {
		for site, e := range s.entry[i] {
			if e.State != stateIn && e.State != stateNot {
				missed[site]++
			}
		}
	}
	out := slices.Clone(s.sites)
	slices.SortStableFunc(out, func(a, b string) int { return cmp.Compare(missed[b], missed[a]) })
	out = out[:most]
	slices.SortFunc(out, byName)
	return out
}

// gridFigure shows who dropped when: a row a site, a column a round.
func (s *story) gridFigure() (figure.Figure, bool) {
	if len(s.sites) == 0 || len(s.h.Rounds) == 0 {
		return figure.Figure{}, false
	}
	sites, cols := s.troubled(gridRows), columns(len(s.h.Rounds), gridColumns)
	const row, top, right = 17.0, 30.0, 8.0
	left := 70.0
	for _, site := range append(sites, "how it ended") {
		left = max(left, figure.TextWidth(site)+20)
	}
	left = min(left, 260)
	width := (figure.WideWidth - left - right) / float64(len(cols))
	foot := top + row*float64(len(sites)) + 6
	d := figure.NewDrawing(figure.WideWidth, foot+row+46)
	for i, site := range sites {
		y := top + row*float64(i)
		d.Text(figure.Pt(left-8, y+12.5), "end", "tick", clip(site, 38))
		for j, c := range cols {
			m := s.worst(c, site)
			x := left + width*float64(j)
			d.Cell(x, y, width, row, m.shade, m.class)
			if m.letter != "" && width > 9 {
				d.Text(figure.Pt(x+width/2, y+12.5), "middle", "count small", m.letter)
			}
		}
	}
	s.columnHeads(d, cols, left, width, top)
	s.endings(d, cols, left, width, foot, row)
	s.gridKeys(d, left, foot+row+30)
	caption := "Each site in each round, from left to right; a round that was tried again has a column for each attempt. " + s.missing()
	if cols[0].to-cols[0].from > 1 {
		caption += fmt.Sprintf(" A column holds %d rounds and shows the worst of them.", cols[0].to-cols[0].from)
	}
	if len(sites) < len(s.sites) {
		caption += fmt.Sprintf(" Drawn: the %d of %d sites that failed most often.", len(sites), len(s.sites))
	}
	f := figure.New("grid", "Who was in, and who dropped when", caption, d, s.gridTable())
	f.Wide = true
	return f, true
}

// columnHeads numbers the rounds, as many as there is room for.
func (s *story) columnHeads(d *figure.Drawing, cols []column, left, width, top float64) {
	every := max(int(26/width)+1, 1)
	for j, c := range cols {
		if j%every == 0 {
			r := s.h.Rounds[c.from]
			text := fmt.Sprint(r.Round)
			if r.Attempt > 1 {
				text += strings.Repeat("′", min(r.Attempt-1, 3))
			}
			d.Text(figure.Pt(left+width*(float64(j)+0.5), top-8), "middle", "tick", text)
		}
	}
	d.Text(figure.Pt(left-8, top-8), "end", "tick", "round")
}

// endings is the last row: how each round ended.
func (s *story) endings(d *figure.Drawing, cols []column, left, width, y, row float64) {
	d.Text(figure.Pt(left-8, y+12.5), "end", "key strong", "how it ended")
	for j, c := range cols {
		class, shade, letter := "cell s3", 0.55, ""
		for i := c.from; i < c.to; i++ {
			if l := ending(s.h.Rounds[i].Outcome); l != "" {
				class, shade, letter = "cell s2", 0.48, l
			}
		}
		x := left + width*float64(j)
		d.Cell(x, y, width, row, shade, class)
		if letter != "" && width > 9 {
			d.Text(figure.Pt(x+width/2, y+12.5), "middle", "count small", letter)
		}
	}
}

// ending is the letter of a round that brought no new weights; "" of one that did.
func ending(outcome string) string {
	switch outcome {
	case "done":
		return ""
	case "no quorum":
		return "Q"
	case "broken":
		return "B"
	case "cut short":
		return "C"
	}
	return "?"
}

func (s *story) gridKeys(d *figure.Drawing, left, y float64) {
	x := left
	for _, m := range marks[1:] {
		label := m.state
		if m.letter != "" {
			label = m.letter + " " + label
		}
		d.Cell(x, y-10, 12, 12, m.shade, m.class)
		d.Text(figure.Pt(x+18, y), "start", "key", label)
		x += 40 + figure.TextWidth(label)
	}
	d.Cell(x, y-10, 12, 12, marks[0].shade, marks[0].class)
	d.Text(figure.Pt(x+18, y), "start", "key", "– not asked")
	d.Text(figure.Pt(x+130, y), "start", "key", "Round: Q no quorum, B broken, C cut short")
}

// missing says in words who was missing how often.
func (s *story) missing() string {
	times := map[string]map[string]int{}
	for i := range s.h.Rounds {
		for site, e := range s.entry[i] {
			if e.State != stateIn && e.State != stateNot && e.State != "" {
				if times[site] == nil {
					times[site] = map[string]int{}
				}
				times[site][e.State]++
			}
		}
	}
	if len(times) == 0 {
		return "Every site that was asked was in, in every round."
	}
	var parts []string
	list := sorted(times)
	for _, site := range list[:min(len(list), 12)] {
		var what []string
		for _, state := range sorted(times[site]) {
			what = append(what, fmt.Sprintf("%s %d×", state, times[site][state]))
		}
		parts = append(parts, site+" "+strings.Join(what, ", "))
	}
	text := "Missing: " + strings.Join(parts, "; ")
	if more := len(list) - len(parts); more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text + "."
}

// gridTable says for each round line who was not in, and why.
func (s *story) gridTable() figure.Table {
	t := figure.Table{Head: []string{"Round", "Attempt", "How it ended", "In", "Late", "Dropped", "Refused", "Why"}}
	for _, i := range everyRow(indexes(len(s.h.Rounds))) {
		r := s.h.Rounds[i]
		t.Rows = append(t.Rows, []string{fmt.Sprint(r.Round), fmt.Sprint(r.Attempt), orDash(r.Outcome), fmt.Sprint(s.count(i, stateIn)),
			s.listed(i, stateLate), s.listed(i, stateDropped), s.listed(i, stateRefused), s.reasons(i)})
	}
	return t
}

// listed names the sites of a round line in a state, a few of many.
func (s *story) listed(round int, state string) string {
	var out []string
	for _, site := range sorted(s.entry[round]) {
		if s.entry[round][site].State == state {
			out = append(out, site)
		}
	}
	return some(out, 6)
}

func some(list []string, most int) string {
	text := strings.Join(list[:min(len(list), most)], ", ")
	if more := len(list) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return orDash(text)
}

// reasons gives the round's own reason and those of its sites, a few of many.
func (s *story) reasons(round int) string {
	var out []string
	if r := s.h.Rounds[round].Reason; r != "" {
		out = append(out, r)
	}
	for _, site := range sorted(s.entry[round]) {
		if reason := s.entry[round][site].Reason; reason != "" {
			out = append(out, site+": "+reason)
		}
	}
	return clip(strings.Join(out[:min(len(out), 4)], "; "), 220)
}

// clip shortens a text to about n characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return orDash(s)
}

func indexes(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}

// everyRow thins the rows of a table that would be longer than anybody reads; the last one stays.
func everyRow(list []int) []int {
	step := (len(list) + mostRows - 1) / mostRows
	if step <= 1 {
		return list
	}
	var out []int
	for i := 0; i < len(list)-1; i += step {
		out = append(out, list[i])
	}
	return append(out, list[len(list)-1])
}

func sortedInts(list []int) []int {
	out := slices.Clone(list)
	slices.Sort(out)
	return slices.Compact(out)
}

func sortedRounds(m map[int]float64) []int {
	var out []int
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
