// Package figure draws measurements as SVG pictures for self-contained HTML
// pages: curves, forest plots, reliability diagrams.
//
// A picture follows the reader's light or dark scheme and prints, by the one
// style sheet of this package. Every figure has a title, a caption that says
// what it shows, which is also what a screen reader says, and the numbers
// behind it as a table. Nothing is loaded from outside, and no script runs.
package figure

import (
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"unicode"
)

//go:embed style.css
var style string

//go:embed figures.html.tmpl
var shared string

// Figure is a picture with its title, what it shows in words, and its numbers.
type Figure struct {
	ID      string // of the element; unique in the page
	Title   string
	Caption string
	SVG     template.HTML // made by Drawing alone, which escapes all text
	Table   Table
	Wide    bool // over the whole width of the page
}

// Table holds text cells; the first column names the row.
type Table struct {
	Head []string
	Rows [][]string
}

// New closes a drawing.
func New(id, title, caption string, d *Drawing, t Table) Figure {
	return Figure{ID: id, Title: title, Caption: caption, SVG: template.HTML(d.Render(title + ". " + caption)), Table: t}
}

// Page parses the template of a page. It may use the function style (the
// style sheet) and the templates "figures" (of a []Figure) and "table" (of a Table). Source is part of the program: a
// mistake in it panics.
func Page(source string) *template.Template {
	t := template.New("page").Funcs(template.FuncMap{"style": func() template.CSS { return template.CSS(style) }})
	return template.Must(template.Must(t.Parse(shared)).Parse(source))
}

// Sizes of pictures in their own units; the page scales them. Two stand side by side.
const (
	Width     = 520
	Height    = 380
	WideWidth = 2*Width + 20
)

// Fixed writes three decimals.
func Fixed(v float64) string { return strconv.FormatFloat(v, 'f', 3, 64) }

// Percent writes a share with one decimal.
func Percent(v float64) string { return strconv.FormatFloat(100*v, 'f', 1, 64) + "%" }

// Show writes a number with three decimals, a dash where there is none.
func Show(v *float64) string {
	if !Usable(v) {
		return "–"
	}
	return Fixed(*v)
}

// Interval writes "low–high", with "to" where a bound is negative, or a dash.
func Interval(low, high *float64) string {
	if !Usable(low) || !Usable(high) {
		return "–"
	}
	if *low < 0 || *high < 0 {
		return Fixed(*low) + " to " + Fixed(*high)
	}
	return Fixed(*low) + "–" + Fixed(*high)
}

// Usable tells whether a number is there and finite.
func Usable(v *float64) bool { return v != nil && !math.IsNaN(*v) && !math.IsInf(*v, 0) }

// Plural counts.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Capital writes the first letter large.
func Capital(s string) string {
	for i, r := range s {
		return string(unicode.ToUpper(r)) + s[i+len(string(r)):]
	}
	return s
}
