// Package page tells a federation's story to people: one job as a self-contained HTML page with its pictures
// inside, as text, and as the few lines of `status`; a simulation likewise. Everything is drawn from what the hub
// wrote down (federation.History), which may come from another machine: it is cleaned and bounded before it is shown.
package page

import (
	_ "embed"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
	"consilium/figure"
)

//go:embed page.html
var source string

var jobPage = figure.Page(source)

// tile is one of the few figures that stand on top.
type tile struct{ Name, Value, Note string }

// fact is one line of a list.
type fact struct{ Name, Value string }

// view is what the template prints.
type view struct {
	Title, Purpose, Disclaimer string
	Alarms                     []string
	Tiles                      []tile
	Facts                      []fact
	Promises                   []fact
	Rounds, Place, Cost        []figure.Figure
	Sites, Traffic, Consents   figure.Table
	Worst                      string
	Written                    string
}

// HTML writes the job's story as one page that needs nothing else.
func HTML(w io.Writer, h federation.History) error {
	s := tell(h)
	v := view{
		Title: s.title(), Purpose: s.h.Job.Purpose, Disclaimer: clinical.Disclaimer, Alarms: s.alarms(),
		Tiles: s.tiles(), Facts: s.facts(), Promises: s.promises(),
		Rounds:   draw(s.lossFigure, s.macroFigure, s.accuracyFigure, s.epsilonFigure, s.gridFigure),
		Place:    draw(s.siteFigure),
		Cost:     draw(s.bytesFigure, s.secondsFigure),
		Sites:    s.siteTable(),
		Traffic:  s.trafficTable(),
		Consents: s.consentTable(),
		Worst:    s.worstSentence(),
		Written:  s.written(),
	}
	if err := jobPage.Execute(w, v); err != nil {
		return fault.Wrap(err, fault.IO, "the federation report cannot be written", "check the disk")
	}
	return nil
}

// draw draws what there is data for.
func draw(list ...func() (figure.Figure, bool)) []figure.Figure {
	var out []figure.Figure
	for _, f := range list {
		if fig, ok := f(); ok {
			out = append(out, fig)
		}
	}
	return out
}

// when writes a time for people, in UTC; a dash for none.
func when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2 Jan 2006, 15:04:05 UTC")
}

// span writes a duration without digits that nobody needs.
func span(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + span(-max(d, -math.MaxInt64))
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	text := d.Round(time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// size writes bytes in powers of 1000, as the node's page does.
func size(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "B" || v >= 99.95 {
		return fmt.Sprintf("%.0f %s", v, unit)
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}

// share writes "3 of 7".
func share(n, of int) string { return fmt.Sprintf("%d of %d", n, of) }

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}
