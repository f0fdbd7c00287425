package architecture

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The most lines that a file of code, and a function outside of tests, may hold.
const (
	MaxLines         = 600
	MaxFunctionLines = 80
)

// Package names that say nothing about the domain.
var emptyNames = []string{"util", "utils", "helper", "helpers", "common", "manager", "misc", "base", "shared"}

// CheckHouse lists packages that lack a doc comment or a name that means something.
func CheckHouse(packages []Package) []string {
	var breaches []string
	for _, p := range packages {
		if slices.Contains(emptyNames, p.Name) || slices.Contains(emptyNames, path.Base(p.ImportPath)) {
			breaches = append(breaches, fmt.Sprintf("%s: a package is named after what it is about", p.ImportPath))
		}
		if len(p.GoFiles)+len(p.CgoFiles) == 0 {
			continue // tests only
		}
		want := "Package " + p.Name + " "
		if p.Name == "main" {
			want = "Command "
		}
		if !strings.HasPrefix(p.Doc, want) {
			breaches = append(breaches, fmt.Sprintf("%s: the package comment must start with %q", p.ImportPath, want))
		}
	}
	return breaches
}

// A pattern that no tracked text may hold. Built from parts, so that this file
// does not match itself.
var forbidden = []struct {
	why     string
	pattern *regexp.Regexp
}{
	{"an absolute path of one machine", regexp.MustCompile(`(^|[^\w./-])/(` + `work|root|Users|home/\w+)` + `/[\w.]`)},
	{"the host of a package registry", regexp.MustCompile(`\b(` + `proxy|sum)\.` + `golang\.org|registry\.` + `npmjs|(files\.)?py` + `thonhosted\.org|(deb|security)\.` + `debian\.org`)},
}

// A listener on every interface: an address without a host, or the any-address.
var openListener = regexp.MustCompile(`\b(?:Listen(?:AndServe(?:TLS)?|Packet)?|Addr)\b[^\n]*"(?::\d+|0\.0\.0\.0(?::\d+)?|\[::\](?::\d+)?)"`)

// CheckText lists what is wrong with one tracked file; binary content passes.
func CheckText(name string, content []byte) []string {
	if bytes.IndexByte(content[:min(len(content), 8192)], 0) >= 0 {
		return nil
	}
	var breaches []string
	breach := func(line int, why string) {
		breaches = append(breaches, fmt.Sprintf("%s:%d: %s", name, line, why))
	}
	code := slices.Contains([]string{".go", ".sh", ".py", ".ts", ".tsx"}, path.Ext(name))
	lines := bytes.Split(content, []byte("\n"))
	for i, line := range lines {
		for _, f := range forbidden {
			if f.pattern.Match(line) {
				breach(i+1, f.why)
			}
		}
		if code && !strings.HasSuffix(name, "_test.go") && openListener.Match(line) {
			breach(i+1, "listens on every interface; the default is loopback")
		}
	}
	if n := bytes.Count(content, []byte("\n")); code && n > MaxLines {
		breach(n, fmt.Sprintf("more than %d lines", MaxLines))
	}
	return breaches
}

// CheckFunctions lists the functions of a Go file that are too long to be read in one go.
func CheckFunctions(name string, content []byte) []string {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, content, parser.SkipObjectResolution)
	if err != nil {
		return []string{err.Error()}
	}
	var breaches []string
	for _, declaration := range file.Decls {
		f, ok := declaration.(*ast.FuncDecl)
		if !ok {
			continue
		}
		first, last := files.Position(f.Pos()).Line, files.Position(f.End()).Line
		if lines := last - first + 1; lines > MaxFunctionLines {
			breaches = append(breaches, fmt.Sprintf("%s:%d: %s has %d lines, more than %d", name, first, f.Name.Name, lines, MaxFunctionLines))
		}
	}
	return breaches
}

// A link or picture of Markdown to a file of the tree, without its anchor.
var relativeLink = regexp.MustCompile(`\]\(([^():#\s]+)(?:#[^)\s]*)?\)`)

// CheckLinks lists the links of a Markdown file that lead nowhere. exists tells
// of a path relative to the root.
func CheckLinks(name string, content []byte, exists func(string) bool) []string {
	var breaches []string
	for _, link := range relativeLink.FindAllSubmatch(content, -1) {
		if target := path.Join(path.Dir(name), string(link[1])); !exists(target) {
			breaches = append(breaches, fmt.Sprintf("%s: links to %s, which is not there", name, target))
		}
	}
	return breaches
}
