// Package architecture checks that the tree is what docs/architecture.md says:
// which package may import which, and the rules of the house that a compiler
// does not hold. It has no part in the program; its test is the gate.
package architecture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// Package is what `go list -json` says about one package.
type Package struct {
	ImportPath   string
	Name         string
	Doc          string // first sentence of the package comment
	Dir          string
	GoFiles      []string
	CgoFiles     []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// AllImports lists the imports of the package and of its tests.
func (p Package) AllImports() []string {
	return append(append(append([]string(nil), p.Imports...), p.TestImports...), p.XTestImports...)
}

// List runs `go list -json` in dir for the patterns, with every optional backend linked in.
func List(ctx context.Context, dir string, patterns ...string) ([]Package, error) {
	args := append([]string{"list", "-tags=xla", "-json=ImportPath,Name,Doc,Dir,GoFiles,CgoFiles,Imports,TestImports,XTestImports"}, patterns...)
	out, err := command(ctx, dir, "go", args...)
	if err != nil {
		return nil, err
	}
	var packages []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("output of go list: %w", err)
		}
		packages = append(packages, p)
	}
}

// Requirement is one line of go.mod's require blocks.
type Requirement struct {
	Path    string
	Version string
}

// Requirements reads go.mod in dir.
func Requirements(ctx context.Context, dir string) ([]Requirement, error) {
	out, err := command(ctx, dir, "go", "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var mod struct{ Require []Requirement }
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, fmt.Errorf("output of go mod edit: %w", err)
	}
	return mod.Require, nil
}

// Tracked lists the files that git keeps or would keep, relative to dir.
func Tracked(ctx context.Context, dir string) ([]string, error) {
	out, err := command(ctx, dir, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return nil, err
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

func command(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, stderr.String())
	}
	return out, nil
}
