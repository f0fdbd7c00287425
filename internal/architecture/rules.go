package architecture

import (
	"fmt"
	"slices"
	"strings"
)

// Rules are the two tables of docs/architecture.md, so that the text a person
// reads and the text that is enforced are one.
type Rules struct {
	Module string
	Layers [][]string // highest first; package paths without the module
	Gates  []Gate
}

// Gate says which packages alone may import a library.
type Gate struct {
	Library string   // import path; a prefix, at path boundaries
	Allowed []string // package paths without the module
}

// Headings of the two tables in the document.
const (
	layersHeading = "## Layers"
	gatesHeading  = "## Gates"
)

// ParseRules reads the tables out of the document.
func ParseRules(module, document string) (Rules, error) {
	rules := Rules{Module: module}
	for _, row := range table(document, layersHeading) {
		if len(row) < 2 {
			return Rules{}, fmt.Errorf("layers: row with fewer than 2 columns: %q", row)
		}
		rules.Layers = append(rules.Layers, names(row[1]))
	}
	for _, row := range table(document, gatesHeading) {
		if len(row) < 2 {
			return Rules{}, fmt.Errorf("gates: row with fewer than 2 columns: %q", row)
		}
		rules.Gates = append(rules.Gates, Gate{Library: strings.Trim(row[0], "`"), Allowed: names(row[1])})
	}
	if len(rules.Layers) == 0 || len(rules.Gates) == 0 {
		return Rules{}, fmt.Errorf("no table under %q or %q", layersHeading, gatesHeading)
	}
	return rules, nil
}

// table gives the body rows of the first Markdown table under a heading.
func table(document, heading string) [][]string {
	var rows [][]string
	inSection, line := false, 0
	for text := range strings.Lines(document) {
		text = strings.TrimSpace(text)
		switch {
		case text == heading:
			inSection = true
		case inSection && strings.HasPrefix(text, "## "):
			return rows
		case inSection && strings.HasPrefix(text, "|"):
			if line++; line > 2 { // after the header and its rule
				rows = append(rows, cells(text))
			}
		case inSection && line > 0:
			return rows
		}
	}
	return rows
}

func cells(row string) []string {
	parts := strings.Split(strings.Trim(row, "|"), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// names splits "`a`, `b/c`".
func names(cell string) []string {
	var out []string
	for name := range strings.SplitSeq(cell, ",") {
		if name = strings.Trim(strings.TrimSpace(name), "`"); name != "" {
			out = append(out, name)
		}
	}
	return out
}

// within says whether path is prefix or lies below it.
func within(path, prefix string) bool {
	return path == prefix || strings.HasPrefix(path, prefix+"/")
}

// layer gives the index of a package's layer, highest first, by the longest
// listed path that contains it; -1 when none does.
func (r Rules) layer(path string) int {
	found, longest := -1, -1
	for i, layer := range r.Layers {
		for _, name := range layer {
			if within(path, name) && len(name) > longest {
				found, longest = i, len(name)
			}
		}
	}
	return found
}

// Check lists every breach of the tables, empty when there is none.
func (r Rules) Check(packages []Package) []string {
	var breaches []string
	breach := func(format string, args ...any) { breaches = append(breaches, fmt.Sprintf(format, args...)) }
	for _, p := range packages {
		path, ours := strings.CutPrefix(p.ImportPath, r.Module+"/")
		if !ours {
			if len(p.GoFiles) > 0 {
				breach("%s: the root holds no package", p.ImportPath)
			}
			continue
		}
		from := r.layer(path)
		if from < 0 {
			breach("%s: in no layer of docs/architecture.md", path)
			continue
		}
		for _, imported := range p.Imports {
			if to, ours := strings.CutPrefix(imported, r.Module+"/"); ours {
				if l := r.layer(to); l >= 0 && l < from {
					breach("%s: imports %s, which lies above it", path, to)
				}
				continue
			}
			if gate, shut := r.shut(path, imported); shut {
				breach("%s: imports %s, which only %s may", path, imported, strings.Join(gate.Allowed, ", "))
			}
		}
	}
	slices.Sort(breaches)
	return breaches
}

// shut finds the gate, the most exact one, that keeps package path from a library.
func (r Rules) shut(path, library string) (Gate, bool) {
	best := Gate{}
	for _, g := range r.Gates {
		if within(library, g.Library) && len(g.Library) > len(best.Library) {
			best = g
		}
	}
	allowed := best.Library == "" || slices.ContainsFunc(best.Allowed, func(a string) bool { return within(path, a) })
	return best, !allowed
}
