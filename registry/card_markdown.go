package registry

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"consilium/clinical"
)

// Markdown renders the card for people (CARD.md), after Mitchell et al., "Model
// Cards for Model Reporting", FAT* 2019. The same card gives the same text.
func (c Card) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s %s\n\n%s\n", c.Name, c.Version, line(c.Task))
	if c.Synthetic {
		fmt.Fprintf(&b, "\n> **%s**\n> This model has never seen a patient. Its figures say how well it reads generated data, and nothing about patients.\n", clinical.SyntheticNotice)
	}
	fmt.Fprintf(&b, "\n> %s\n", clinical.Disclaimer)
	c.writeUse(&b)
	c.writeFigures(&b)
	c.writeData(&b)
	c.writeModel(&b)
	return b.String()
}

func (c Card) writeUse(b *strings.Builder) {
	fmt.Fprintf(b, "\n## Intended use\n\n%s\n\n## Limits\n\n", line(c.IntendedUse))
	for _, limit := range c.Limits {
		fmt.Fprintf(b, "- %s\n", line(limit))
	}
	b.WriteString("\n## Answers\n\n| label | code |\n|---|---|\n")
	for _, label := range c.Labels {
		fmt.Fprintf(b, "| %s | %s |\n", cell(label.Name), cell(strings.TrimSpace(label.System+" "+label.Code)))
	}
	if c.Calibrated() {
		fmt.Fprintf(b, "\nProbabilities are calibrated (%s).\n", c.Calibration.Method)
	} else {
		b.WriteString("\n**Uncalibrated**: the probabilities order cases, but do not say how often the model is right.\n")
	}
	if c.Conforms() {
		fmt.Fprintf(b, "Conformal sets promise %s coverage, from %d calibration examples; a set with several labels, or none, means \"cannot tell\".\n",
			percent(c.Conformal.Coverage), c.Conformal.Examples)
	}
}

func (c Card) writeFigures(b *strings.Builder) {
	b.WriteString("\n## Figures\n\n")
	if len(c.Figures) == 0 {
		b.WriteString("None were measured here: how good this model is, is unknown.\n")
		return
	}
	b.WriteString("| metric | split | value | interval | baseline | note |\n|---|---|---|---|---|---|\n")
	for _, f := range c.Figures {
		baseline := ""
		if f.Baseline != nil {
			baseline = fmt.Sprintf("%.3f", *f.Baseline)
		}
		fmt.Fprintf(b, "| %s | %s | %.3f | %.3f to %.3f | %s | %s |\n", cell(f.Metric), cell(f.Split), f.Value, f.Low, f.High, baseline, cell(f.Note))
	}
}

func (c Card) writeData(b *strings.Builder) {
	b.WriteString("\n## Data\n\n")
	if c.Data.Name == "" {
		b.WriteString("What this model was trained on was not stated.\n")
	} else {
		fmt.Fprintf(b, "%s. Licence: %s.\n", line(c.Data.Name), orUnknown(c.Data.Licence))
		if c.Data.Citation != "" {
			fmt.Fprintf(b, "\nCite: %s\n", line(c.Data.Citation))
		}
	}
	if len(c.Data.Splits) > 0 {
		fmt.Fprintf(b, "\n| split | examples |\n|---|---|\n")
		for _, split := range slices.Sorted(maps.Keys(c.Data.Splits)) {
			fmt.Fprintf(b, "| %s | %d |\n", cell(split), c.Data.Splits[split])
		}
		fmt.Fprintf(b, "\nSplit by: %s.\n", orUnknown(c.Data.SplitBy))
	}
	for i, caveat := range c.Data.Caveats {
		if i == 0 {
			b.WriteString("\nCaveats:\n\n")
		}
		fmt.Fprintf(b, "- %s\n", line(caveat))
	}
}

func (c Card) writeModel(b *strings.Builder) {
	b.WriteString("\n## Model\n\n| | |\n|---|---|\n")
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(b, "| %s | %s |\n", name, cell(value))
		}
	}
	row("network", c.Arch)
	if c.Parameters > 0 {
		row("parameters", fmt.Sprint(c.Parameters))
	}
	row("input", fmt.Sprintf("%s %v", c.Kind, c.Input.Shape))
	if c.Input.Rate > 0 {
		row("sampling", fmt.Sprintf("%g Hz, %g s; recordings below %g Hz are refused", c.Input.Rate, c.Input.Seconds, c.Input.MinRate))
	}
	row("leads", strings.Join(c.Input.Leads, " "))
	row("DICOM modalities", strings.Join(c.Input.Modalities, " "))
	row("body parts", strings.Join(c.Input.BodyParts, " "))
	row("licence", c.Licence)
	row("made by", c.MadeBy)
	row("trained", c.Trained)
	if o := c.Origin; o != nil {
		row("imported from", strings.TrimSpace(o.Producer+" ONNX, SHA-256 "+o.SHA256))
	}
}

// Gaps lists what a reader of the card would miss. A bundle opens with gaps; a shipped one has none.
func (c Card) Gaps() []string {
	var gaps []string
	miss := func(missing bool, what string) {
		if missing {
			gaps = append(gaps, what)
		}
	}
	miss(len(c.Figures) == 0, "no figures")
	for _, f := range c.Figures {
		miss(f.Baseline == nil, "the figure "+f.Metric+" has no baseline")
		miss(f.Low == f.High, "the figure "+f.Metric+" has no interval")
	}
	miss(c.Data.Name == "" || c.Data.Licence == "" || c.Data.Citation == "", "data without name, licence or citation")
	miss(len(c.Data.Splits) == 0 || c.Data.SplitBy == "", "data without splits, or without how it was split")
	miss(c.Arch == "" || c.Parameters == 0, "no network or number of parameters")
	miss(c.MadeBy == "" || c.Trained == "", "not stated what made it, or when")
	miss(!c.Calibrated(), "uncalibrated")
	miss(!c.Conforms(), "no conformal rule")
	if c.Synthetic {
		said := strings.Contains(strings.ToLower(c.Task+" "+c.Data.Name+" "+strings.Join(c.Limits, " ")), "synthetic")
		miss(!said, "trained on synthetic data, but task, data and limits do not say so")
	}
	return gaps
}

func percent(p float64) string { return fmt.Sprintf("%g%%", 100*p) }

func orUnknown(text string) string {
	if text == "" {
		return "not stated"
	}
	return line(text)
}

// markdown neutralises what would turn a card's text into links, pictures, HTML or headings.
var markdown = strings.NewReplacer("\\", "\\\\", "<", "&lt;", ">", "&gt;", "[", "\\[", "]", "\\]", "`", "\\`", "#", "\\#")

// line puts a text on one line and takes the markup out of it.
func line(text string) string { return markdown.Replace(strings.Join(strings.Fields(text), " ")) }

// cell is a line that may stand in a table.
func cell(text string) string { return strings.ReplaceAll(line(text), "|", "\\|") }
