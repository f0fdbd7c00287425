// Package page writes an assessment for people: as one self-contained HTML
// file with its pictures inside, or as compact text for a terminal.
package page

import (
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"os"
	"strings"

	"consilium/clinical"
	"consilium/fault"
	"consilium/panel"
	"consilium/registry"
)

// Limits of what is embedded; pictures beyond them are named by their path.
const (
	maxPicture  = 8 << 20  // bytes of one picture
	maxEmbedded = 64 << 20 // bytes of all, so that a browser can still open the page
)

// Data is what a page shows.
type Data struct {
	Assessment clinical.Assessment
	Models     []registry.Card // of the models that answered
	Drawn      []string        // what the generator of a synthetic patient drew
	Version    string          // of the program
	Made       string          // date and time, as it should be printed
	Command    string          // that repeats the assessment, "" to leave it out
}

//go:embed page.html
var source string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent":  Percent,
	"interval": interval,
	"bar":      bar,
	"embed":    func(string) template.URL { return "" }, // HTML puts an album in its place
	"verdict":  verdict,
	"tone":     tone,
	"names":    setNames,
	"answer":   answer,
	"promise":  promise,
	"figure":   figure,
	"baseline": baseline,
	"notice":   func() string { return clinical.SyntheticNotice },
}).Parse(source))

// HTML writes the page. It refers to nothing outside itself; pictures are read
// one at a time while it is written.
func HTML(w io.Writer, d Data) error {
	p, err := page.Clone()
	if err == nil {
		err = p.Funcs(template.FuncMap{"embed": (&album{room: maxEmbedded}).embed}).Execute(w, d)
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "the page cannot be written", "check the disk")
	}
	return nil
}

// Percent prints a probability without pretending to more digits than a
// calibration on some hundred examples has.
func Percent(p float64) string {
	switch {
	case p > 0.99 && p < 1:
		return "> 99 %"
	case p < 0.01 && p > 0:
		return "< 1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*p)
}

func interval(o clinical.Outcome) string {
	if o.Low == nil || o.High == nil {
		return ""
	}
	return fmt.Sprintf("%.0f–%.0f %%", 100**o.Low, 100**o.High)
}

// bar draws probability and interval on a scale of 0 to 100.
func bar(o clinical.Outcome) template.HTML {
	var s strings.Builder
	class := "out"
	if o.InSet {
		class = "in"
	}
	fmt.Fprintf(&s, `<svg class="bar %s" viewBox="0 0 200 14" preserveAspectRatio="none" aria-hidden="true"><rect class="rail" width="200" height="14" rx="3"/><rect class="fill" width="%.1f" height="14" rx="3"/>`, class, 200*clamp(o.Probability))
	if o.Low != nil && o.High != nil {
		low, high := 200*clamp(*o.Low), 200*clamp(*o.High)
		fmt.Fprintf(&s, `<path class="whisker" d="M%.1f 3v8M%.1f 7H%.1fM%.1f 3v8"/>`, low, low, high, high)
	}
	s.WriteString(`</svg>`)
	return template.HTML(s.String()) // numbers and fixed text only
}

func clamp(p float64) float64 { return min(max(p, 0), 1) }

// album keeps count of the bytes that were embedded.
type album struct{ room int64 }

// embed turns a PNG file into a data URL; "" when it is gone or too large.
func (a *album) embed(path string) template.URL {
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > min(maxPicture, a.room) {
		return ""
	}
	a.room -= info.Size()
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(b))
}

// verdict is the short word over a finding.
func verdict(f clinical.Finding) string {
	if f.Verdict == clinical.VerdictCannotTell {
		return "Cannot tell"
	}
	if panel.UrgencyOf(f) == panel.Abnormal {
		return "Finding"
	}
	return "Nothing found"
}

// answer is what stands beside the verdict, without repeating it.
func answer(f clinical.Finding) string {
	return strings.TrimPrefix(f.Answer, clinical.VerdictCannotTell+": ")
}

// tone chooses the colour of a finding; the verdict says the same in words.
func tone(f clinical.Finding) string {
	switch verdict(f) {
	case "Finding":
		return "alarm"
	case "Cannot tell":
		return "open"
	default:
		return "calm"
	}
}

// setNames lists the members of the conformal set.
func setNames(f clinical.Finding) string {
	var names []string
	for _, o := range f.Outcomes {
		if o.InSet {
			names = append(names, o.Name)
		}
	}
	return joinOr(names)
}

func joinOr(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:len(names)-1], ", ") + " or " + names[len(names)-1]
	}
}

// promise says in one sentence what the conformal set means here.
func promise(f clinical.Finding) string {
	if f.Coverage <= 0 {
		return "This model carries no conformal rule; the answer is its most probable label."
	}
	return fmt.Sprintf("In %.0f of 100 examples like those it was calibrated on, the true label is in the set.", 100*f.Coverage)
}

func figure(f registry.Figure) string {
	s := fmt.Sprintf("%.3f", f.Value)
	if f.High > f.Low {
		s += fmt.Sprintf(" (%.3f–%.3f)", f.Low, f.High)
	}
	return s
}

func baseline(f registry.Figure) string {
	if f.Baseline == nil {
		return "–"
	}
	return fmt.Sprintf("%.3f", *f.Baseline)
}
