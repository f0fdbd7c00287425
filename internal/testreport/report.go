package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// event is one line of `go test -json` (see `go doc test2json`).
type event struct {
	Action     string
	Package    string
	ImportPath string // of build-output and build-fail
	Test       string
	Elapsed    float64
	Output     string
}

// report counts what a run of tests did.
type report struct {
	packages, failedPackages int
	passed, failed, skipped  int
	seconds                  float64             // summed over packages, which run side by side
	reasons                  map[string][]string // reason of a skip -> tests
}

// maxLine bounds one line of test output; a longer one is an error, not a hang.
const maxLine = 16 << 20

// read consumes the events, printing packages and failures to w as they come.
func read(r io.Reader, w io.Writer, brief bool) (*report, error) {
	rep := &report{reasons: map[string][]string{}}
	output := map[string][]string{} // lines of each unfinished test or package
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("not the output of go test -json: %q", lines.Text())
		}
		key := e.Package + "\x00" + e.Test
		switch e.Action {
		case "output":
			output[key] = append(output[key], e.Output)
		case "build-output":
			fmt.Fprint(w, e.Output)
		case "pass", "fail", "skip":
			rep.finish(e, output[key], w, brief)
			delete(output, key)
		}
	}
	return rep, lines.Err()
}

// finish counts a test or package that ended.
func (rep *report) finish(e event, output []string, w io.Writer, brief bool) {
	if e.Test == "" {
		rep.finishPackage(e, output, w, brief)
		return
	}
	switch e.Action {
	case "pass":
		rep.passed++
	case "fail":
		rep.failed++
		fmt.Fprintf(w, "FAIL  %s %s\n%s", short(e.Package), e.Test, strings.Join(output, ""))
	case "skip":
		rep.skipped++
		reason := skipReason(output)
		rep.reasons[reason] = append(rep.reasons[reason], short(e.Package)+"."+e.Test)
	}
}

func (rep *report) finishPackage(e event, output []string, w io.Writer, brief bool) {
	rep.seconds += e.Elapsed
	switch e.Action {
	case "skip": // no test files
	case "fail":
		rep.packages++
		rep.failedPackages++
		fmt.Fprintf(w, "FAIL  %-40s %6.1f s\n%s", short(e.Package), e.Elapsed, strings.Join(output, ""))
	case "pass":
		rep.packages++
		if !brief {
			fmt.Fprintf(w, "ok    %-40s %6.1f s\n", short(e.Package), e.Elapsed)
		}
	}
}

// skipReason finds what t.Skip said, the last line that is not a frame line.
func skipReason(output []string) string {
	for _, line := range slices.Backward(output) {
		text := strings.TrimSpace(line)
		if text == "" || strings.HasPrefix(text, "---") || strings.HasPrefix(text, "===") {
			continue
		}
		if _, after, ok := strings.Cut(text, ".go:"); ok { // drop "file_test.go:12: "
			if _, said, ok := strings.Cut(after, ": "); ok {
				return said
			}
		}
		return text
	}
	return "no reason given"
}

func short(pkg string) string {
	if _, rest, ok := strings.Cut(pkg, "/"); ok {
		return rest
	}
	return pkg
}

// green says whether the run proves anything: something ran and nothing failed.
func (rep *report) green() bool {
	return rep.failed == 0 && rep.failedPackages == 0 && rep.passed > 0
}

func (rep *report) print(w io.Writer, title string, brief bool) {
	if !brief {
		reasons := make([]string, 0, len(rep.reasons))
		for r := range rep.reasons {
			reasons = append(reasons, r)
		}
		slices.Sort(reasons)
		for _, r := range reasons {
			fmt.Fprintf(w, "skip  %s (%s)\n", r, strings.Join(rep.reasons[r], ", "))
		}
	}
	fmt.Fprintf(w, "%s: %d packages, %d passed, %d skipped, %d failed, %d packages failed, %.0f s of package time\n",
		title, rep.packages, rep.passed, rep.skipped, rep.failed, rep.failedPackages, rep.seconds)
}
