package main

import (
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	const pass = `{"Action":"run","Package":"m/a","Test":"TestX"}
{"Action":"pass","Package":"m/a","Test":"TestX","Elapsed":0.1}
{"Action":"pass","Package":"m/a","Elapsed":0.5}
`
	tests := []struct {
		name  string
		in    string
		green bool
		want  []string // parts of what is printed
	}{
		{"one pass", pass, true, []string{"ok    a", "1 packages, 1 passed, 0 skipped, 0 failed"}},
		{"nothing ran", ``, false, []string{"0 packages, 0 passed"}},
		{"package without tests", `{"Action":"skip","Package":"m/b"}`, false, []string{"0 packages, 0 passed"}},
		{"failing test", pass + `{"Action":"output","Package":"m/a","Test":"TestY","Output":"    y_test.go:3: want 1\n"}
{"Action":"fail","Package":"m/a","Test":"TestY"}
{"Action":"fail","Package":"m/a"}
`, false, []string{"FAIL  a TestY", "want 1", "1 failed, 1 packages failed"}},
		{"does not compile", pass + `{"Action":"build-output","ImportPath":"m/c","Output":"c.go:1:1: expected 'package'\n"}
{"Action":"build-fail","ImportPath":"m/c"}
{"Action":"fail","Package":"m/c"}
`, false, []string{"expected 'package'", "1 packages failed"}},
		{"skip with its reason", pass + `{"Action":"output","Package":"m/a","Test":"TestZ","Output":"=== RUN   TestZ\n"}
{"Action":"output","Package":"m/a","Test":"TestZ","Output":"    z_test.go:9: no dcmdump here\n"}
{"Action":"output","Package":"m/a","Test":"TestZ","Output":"--- SKIP: TestZ (0.00s)\n"}
{"Action":"skip","Package":"m/a","Test":"TestZ"}
`, true, []string{"skip  no dcmdump here (a.TestZ)", "1 passed, 1 skipped"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out strings.Builder
			rep, err := read(strings.NewReader(test.in), &out, false)
			if err != nil {
				t.Fatal(err)
			}
			rep.print(&out, "tests", false)
			if rep.green() != test.green {
				t.Errorf("green is %v, want %v", rep.green(), test.green)
			}
			for _, part := range test.want {
				if !strings.Contains(out.String(), part) {
					t.Errorf("output lacks %q:\n%s", part, out.String())
				}
			}
		})
	}
}

func TestReadRefusesPlainText(t *testing.T) {
	if _, err := read(strings.NewReader("ok  \tm/a\t0.1s\n"), &strings.Builder{}, false); err == nil {
		t.Error("plain text was accepted as go test -json")
	}
}
