package architecture

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Dependency is one row of the table of Go modules in docs/dependencies.md.
type Dependency struct {
	Module  string
	Version string
	Licence string // SPDX identifier
}

const modulesHeading = "## Go modules"

// ParseDependencies reads the table under "## Go modules".
func ParseDependencies(document string) ([]Dependency, error) {
	var deps []Dependency
	for _, row := range table(document, modulesHeading) {
		if len(row) < 4 || row[3] == "" {
			return nil, fmt.Errorf("row without module, version, licence and reason: %q", row)
		}
		deps = append(deps, Dependency{strings.Trim(row[0], "`"), row[1], row[2]})
	}
	if len(deps) == 0 {
		return nil, fmt.Errorf("no table under %q", modulesHeading)
	}
	return deps, nil
}

// CheckDependencies compares the table with what the packages import and with go.mod.
func CheckDependencies(table []Dependency, packages []Package, requirements []Requirement) []string {
	var breaches []string
	direct := map[string]string{} // module -> one importer
	for _, p := range packages {
		for _, imported := range p.AllImports() {
			if m := moduleOf(imported, requirements); m != "" {
				direct[m] = p.ImportPath
			}
		}
	}
	versions := map[string]string{}
	for _, r := range requirements {
		versions[r.Path] = r.Version
	}
	listed := map[string]bool{}
	for _, d := range table {
		listed[d.Module] = true
		switch {
		case direct[d.Module] == "":
			breaches = append(breaches, fmt.Sprintf("%s is listed, but nothing imports it", d.Module))
		case versions[d.Module] != d.Version:
			breaches = append(breaches, fmt.Sprintf("%s is listed at %s, go.mod has %s", d.Module, d.Version, versions[d.Module]))
		}
	}
	for m, importer := range direct {
		if !listed[m] {
			breaches = append(breaches, fmt.Sprintf("%s (%s), imported by %s, is not listed", m, versions[m], importer))
		}
	}
	slices.Sort(breaches)
	return breaches
}

// moduleOf finds the required module, of the longest path, that holds a package.
func moduleOf(imported string, requirements []Requirement) string {
	longest := ""
	for _, r := range requirements {
		if within(imported, r.Path) && len(r.Path) > len(longest) {
			longest = r.Path
		}
	}
	return longest
}

// Words that tell licences apart, most telling first.
var licenceWords = []struct{ spdx, words string }{
	{"MS-PL", "Microsoft Public License"},
	{"MPL-2.0", "Mozilla Public License"},
	{"FTL OR GPL-2.0-or-later", "The FreeType License"},
	{"CC-BY-4.0", "Creative Commons Attribution 4.0"},
	{"Apache-2.0", "Apache License"},
	{"MIT", "Permission is hereby granted, free of charge"},
	{"BSD-3-Clause", "to endorse or promote products"},
	{"BSD-2-Clause", "Redistributions of source code"},
}

// LicenceIn tells the SPDX identifier of the licence file in a module's folder;
// empty when there is none that is known.
func LicenceIn(dir string) (string, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	for _, f := range files {
		name := strings.ToLower(f.Name())
		if f.IsDir() || !strings.HasPrefix(name, "licen") && !strings.HasPrefix(name, "copying") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return "", err
		}
		flat := strings.Join(strings.Fields(string(text)), " ")
		for _, l := range licenceWords {
			if strings.Contains(flat, l.words) {
				return l.spdx, nil
			}
		}
	}
	return "", nil
}
