package architecture

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	root   = "../.."
	module = "consilium"
)

func tree(t *testing.T) []Package {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	packages, err := List(ctx, root, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 5 {
		t.Fatalf("go list found %d packages; the check would prove nothing", len(packages))
	}
	return packages
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func report(t *testing.T, breaches []string) {
	t.Helper()
	for _, b := range breaches {
		t.Error(b)
	}
}

func TestImportsRunOneWay(t *testing.T) {
	rules, err := ParseRules(module, document(t, "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	report(t, rules.Check(tree(t)))
}

// The two packages that everything rests on rest on nothing.
func TestFoundationsImportNothingOfOurs(t *testing.T) {
	for _, p := range tree(t) {
		if p.ImportPath != module+"/clinical" && p.ImportPath != module+"/fault" {
			continue
		}
		for _, imported := range p.Imports {
			if within(imported, module) {
				t.Errorf("%s imports %s", p.ImportPath, imported)
			}
		}
	}
}

func TestHouse(t *testing.T) { report(t, CheckHouse(tree(t))) }

func TestTrackedText(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	files, err := Tracked(ctx, root)
	if err != nil {
		t.Skip("not a git checkout: ", err)
	}
	folders := map[string]bool{}
	for _, name := range files {
		// go test's cache sees what a test opens: a folder that was read makes it look again when a file is added.
		if dir := filepath.Dir(filepath.Join(root, name)); !folders[dir] {
			folders[dir] = true
			if _, err := os.ReadDir(dir); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		content, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		report(t, CheckText(name, content))
		switch {
		case strings.HasSuffix(name, ".md"):
			report(t, CheckLinks(name, content, func(target string) bool {
				_, err := os.Stat(filepath.Join(root, target))
				return err == nil
			}))
		case strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") && !strings.Contains(name, "testdata/"):
			report(t, CheckFunctions(name, content))
		}
	}
}

func TestDependenciesAreDocumented(t *testing.T) {
	listed, err := ParseDependencies(document(t, "dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	required, err := Requirements(ctx, root)
	if err != nil {
		t.Fatal(err)
	}
	report(t, CheckDependencies(listed, tree(t), required))

	for _, d := range listed {
		dir, err := command(ctx, root, "go", "list", "-m", "-f", "{{.Dir}}", d.Module)
		if err != nil || strings.TrimSpace(string(dir)) == "" {
			t.Logf("%s is not in the module cache; its licence was not compared", d.Module)
			continue
		}
		found, err := LicenceIn(strings.TrimSpace(string(dir)))
		if err != nil {
			t.Fatal(err)
		}
		if found != d.Licence {
			t.Errorf("%s is listed under %s, its licence file says %q", d.Module, d.Licence, found)
		}
	}
}

// What follows shows that the checks can fail.

const fixture = `
## Layers
| layer | packages |
|---|---|
| top | ` + "`cmd/x`" + ` |
| middle | ` + "`train`, `zoo`" + ` |
| low | ` + "`engine`" + ` |

## Gates
| library | only |
|---|---|
| ` + "`lib.example/onnx`" + ` | ` + "`engine`" + ` |
| ` + "`lib.example/onnx/protos`" + ` | ` + "`engine`, `train`" + ` |
`

func TestCheckFinds(t *testing.T) {
	rules, err := ParseRules("m", fixture)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		pkg    Package
		breach string // part of it; "" for none
	}{
		{name: "downward", pkg: Package{ImportPath: "m/train", Imports: []string{"m/engine", "fmt"}}},
		{name: "same row", pkg: Package{ImportPath: "m/train", Imports: []string{"m/zoo"}}},
		{name: "upward", pkg: Package{ImportPath: "m/engine", Imports: []string{"m/zoo"}}, breach: "lies above"},
		{name: "upward from below", pkg: Package{ImportPath: "m/engine/session", Imports: []string{"m/cmd/x"}}, breach: "lies above"},
		{name: "in no row", pkg: Package{ImportPath: "m/stray"}, breach: "in no layer"},
		{name: "prefix of a name is not its package", pkg: Package{ImportPath: "m/trainer"}, breach: "in no layer"},
		{name: "code in the root", pkg: Package{ImportPath: "m", GoFiles: []string{"x.go"}}, breach: "the root holds no package"},
		{name: "tests in the root", pkg: Package{ImportPath: "m"}},
		{name: "gate open", pkg: Package{ImportPath: "m/engine", Imports: []string{"lib.example/onnx"}}},
		{name: "gate shut", pkg: Package{ImportPath: "m/train", Imports: []string{"lib.example/onnx"}}, breach: "which only engine may"},
		{name: "more exact gate open", pkg: Package{ImportPath: "m/train", Imports: []string{"lib.example/onnx/protos"}}},
		{name: "more exact gate shut", pkg: Package{ImportPath: "m/zoo", Imports: []string{"lib.example/onnx/protos"}}, breach: "which only engine, train may"},
		{name: "other library of like name", pkg: Package{ImportPath: "m/zoo", Imports: []string{"lib.example/onnxer"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { expect(t, rules.Check([]Package{test.pkg}), test.breach) })
	}
}

func TestParseRulesRefusesADocumentWithoutTables(t *testing.T) {
	for _, text := range []string{"", "## Layers\n\n## Gates\n", strings.ReplaceAll(fixture, "## Gates", "## Doors")} {
		if _, err := ParseRules("m", text); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func TestCheckHouseFinds(t *testing.T) {
	files := []string{"x.go"}
	tests := []struct {
		name   string
		pkg    Package
		breach string
	}{
		{"good", Package{ImportPath: "m/train", Name: "train", Doc: "Package train trains.", GoFiles: files}, ""},
		{"command", Package{ImportPath: "m/cmd/x", Name: "main", Doc: "Command x runs.", GoFiles: files}, ""},
		{"no comment", Package{ImportPath: "m/train", Name: "train", GoFiles: files}, "must start with"},
		{"comment of another", Package{ImportPath: "m/train", Name: "train", Doc: "Package zoo trains.", GoFiles: files}, "must start with"},
		{"tests only", Package{ImportPath: "m"}, ""},
		{"empty name", Package{ImportPath: "m/train/utils", Name: "utils", Doc: "Package utils helps.", GoFiles: files}, "what it is about"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { expect(t, CheckHouse([]Package{test.pkg}), test.breach) })
	}
}

func TestCheckTextFinds(t *testing.T) {
	tests := []struct {
		name, file, text, breach string
	}{
		{"plain", "a.go", "package a\n", ""},
		{"machine path", "a.md", "see /" + "root/data\n", "absolute path"},
		{"machine path in quotes", "a.go", `const d = "/` + `home/ann/data"`, "absolute path"},
		{"relative path", "a.go", `const d = "../work/data"`, ""},
		{"path of a route", "a.go", `Get("/home")`, ""},
		{"registry", "Makefile", "GOPROXY=https://proxy." + "golang.org\n", "registry"},
		{"package path", "a.go", `import "golang.org/x/image/draw"`, ""},
		{"listener without host", "a.go", `http.ListenAndServe(":` + `8080", nil)`, "every interface"},
		{"listener on any", "a.go", `net.Listen("tcp", "0.0.0.0:` + `80")`, "every interface"},
		{"listener on loopback", "a.go", `net.Listen("tcp", "127.0.0.1:0")`, ""},
		{"binary", "a.onnx", "\x00 /" + "root/x", ""},
		{"long", "a.go", strings.Repeat("\n", MaxLines+1), "more than 600 lines"},
		{"full", "a.go", strings.Repeat("\n", MaxLines), ""},
		{"long table", "a.csv", strings.Repeat("\n", MaxLines+1), ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { expect(t, CheckText(test.file, []byte(test.text)), test.breach) })
	}
}

func TestCheckFunctionsFinds(t *testing.T) {
	function := func(lines int) []byte {
		return []byte("package a\nfunc F() {\n" + strings.Repeat("\n", lines-2) + "}\n")
	}
	expect(t, CheckFunctions("a.go", function(MaxFunctionLines)), "")
	expect(t, CheckFunctions("a.go", function(MaxFunctionLines+1)), "F has 81 lines")
	expect(t, CheckFunctions("a.go", []byte("package")), "expected")
}

func TestCheckLinksFinds(t *testing.T) {
	exists := func(target string) bool { return target == "docs/here.md" }
	for _, good := range []string{"[a](here.md)", "[a](here.md#part)", "[a](https://lib.example/x)", "[a](#part)", "plain (text)"} {
		expect(t, CheckLinks("docs/a.md", []byte(good), exists), "")
	}
	for _, bad := range []string{"[a](gone.md)", "![a](gone.png)", "[a](docs/here.md)", "[a](gone.md#part)"} {
		expect(t, CheckLinks("docs/a.md", []byte(bad), exists), "is not there")
	}
}

func TestCheckDependenciesFinds(t *testing.T) {
	required := []Requirement{{"lib.example/a", "v1.0.0"}, {"lib.example/a/b", "v1.1.0"}}
	importing := func(path string) []Package {
		return []Package{{ImportPath: "m/x", XTestImports: []string{path, "fmt"}}}
	}
	row := func(module, version string) Dependency {
		return Dependency{Module: module, Version: version, Licence: "MIT"}
	}
	tests := []struct {
		name     string
		table    []Dependency
		packages []Package
		breach   string
	}{
		{"agree", []Dependency{row("lib.example/a", "v1.0.0")}, importing("lib.example/a/sub"), ""},
		{"not listed", nil, importing("lib.example/a/sub"), "is not listed"},
		{"nested module is another", []Dependency{row("lib.example/a", "v1.0.0"), row("lib.example/a/b", "v1.1.0")}, importing("lib.example/a/b/c"), "nothing imports it"},
		{"other version", []Dependency{row("lib.example/a", "v0.9.0")}, importing("lib.example/a"), "go.mod has v1.0.0"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			expect(t, CheckDependencies(test.table, test.packages, required), test.breach)
		})
	}
}

func TestLicenceInKnowsThisOne(t *testing.T) {
	got, err := LicenceIn(root)
	if err != nil || got != "Apache-2.0" {
		t.Errorf("our own licence reads as %q, %v", got, err)
	}
	empty, err := LicenceIn(t.TempDir())
	if err != nil || empty != "" {
		t.Errorf("a folder without a licence reads as %q, %v", empty, err)
	}
}

func TestListReportsBadTrees(t *testing.T) {
	if _, err := List(context.Background(), t.TempDir(), "./..."); err == nil {
		t.Error("a folder without a module was listed")
	}
}

func expect(t *testing.T, breaches []string, part string) {
	t.Helper()
	switch {
	case part == "" && len(breaches) > 0:
		t.Errorf("good fixture was refused: %q", breaches)
	case part != "" && !slices.ContainsFunc(breaches, func(b string) bool { return strings.Contains(b, part) }):
		t.Errorf("no breach holds %q: %q", part, breaches)
	}
}
