package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"consilium/calibration"
	"consilium/clinical"
	"consilium/fault"
	"consilium/figure/pagetest"
	"consilium/internal/golden"
	"consilium/metric"
)

var keep = flag.String("keep", "", "folder to keep the example pages in, to look at them")

func TestJSONGolden(t *testing.T) {
	r := exampleRun(t, 2, 2, 60, -1)
	for i := range r.Seeds {
		r.Seeds[i].Curve = r.Seeds[i].Curve[:2]
	}
	var b bytes.Buffer
	must(t, WriteJSON(&b, r))
	path := "testdata/run.json"
	if *golden.Update {
		must(t, os.WriteFile(path, b.Bytes(), 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	// By value: other processors may round the last digit another way.
	if diff := cmp.Diff(decode(t, want), decode(t, b.Bytes()), cmpopts.EquateApprox(1e-9, 1e-12)); diff != "" {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, diff)
	}
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	var v any
	must(t, json.Unmarshal(data, &v))
	return v
}

func TestJSONReadsBack(t *testing.T) {
	r := exampleRun(t, 3, 2, 90, 20)
	var b bytes.Buffer
	must(t, WriteJSON(&b, r))
	var back Run
	must(t, json.Unmarshal(b.Bytes(), &back))
	want, err := r.complete()
	must(t, err)
	if diff := cmp.Diff(want, back, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

func TestHTMLIsWellFormedAndComplete(t *testing.T) {
	for name, k := range map[string]int{"two": 2, "five": 5} {
		t.Run(name, func(t *testing.T) {
			r := exampleRun(t, k, 3, 400, 100)
			var b bytes.Buffer
			must(t, WriteHTML(&b, r))
			if *keep != "" {
				must(t, os.WriteFile(filepath.Join(*keep, name+".html"), b.Bytes(), 0o644))
			}
			seen := pagetest.Check(t, b.String())
			for _, id := range []string{"loss", "auc", "roc", "pr", "confusion", "reliability", "coverage", "sets", "forest"} {
				if !seen[id] {
					t.Errorf("there is no figure %q", id)
				}
			}
			for _, text := range []string{clinical.Disclaimer, clinical.SyntheticNotice, "Trivial baseline",
				"&lt;for tests &amp; pictures&gt;", r.Data.Licence, r.Command} {
				if !strings.Contains(b.String(), text) {
					t.Errorf("the page does not say %q", text)
				}
			}
		})
	}
}

func TestSyntheticNoticeOnlyWhereSynthetic(t *testing.T) {
	r := exampleRun(t, 2, 1, 40, 10)
	r.Data.Synthetic = false
	for name, write := range writers {
		var b bytes.Buffer
		must(t, write(&b, r))
		if strings.Contains(b.String(), clinical.SyntheticNotice) {
			t.Errorf("%s calls real data synthetic", name)
		}
		r.Data.Synthetic = true
		b.Reset()
		must(t, write(&b, r))
		if !strings.Contains(b.String(), clinical.SyntheticNotice) || !strings.Contains(b.String(), clinical.Disclaimer) {
			t.Errorf("%s lacks the notice or the disclaimer", name)
		}
		r.Data.Synthetic = false
	}
}

var writers = map[string]func(io.Writer, Run) error{"HTML": WriteHTML, "JSON": WriteJSON, "text": WriteText}

// A run stopped after its first epoch, with one class in the test split, has
// little to show; the report says so and does not fall over.
func TestMinimalRun(t *testing.T) {
	test, err := metric.Evaluate([][]float64{{0.4, 0.6}}, []int{1}, metric.Options{Draws: 10, Labels: []string{"well", "ill <b> & \"more\""}})
	must(t, err)
	r := Run{Title: "Stopped early", Seeds: []Seed{{Test: test, Curve: []Epoch{{Epoch: 1}}}}}
	for name, write := range writers {
		var b bytes.Buffer
		must(t, write(&b, r))
		if name == "HTML" {
			pagetest.Check(t, b.String())
		}
		if !strings.Contains(b.String(), "no example of class") {
			t.Errorf("%s does not say that a class is missing", name)
		}
	}
}

// A class-by-class rule has no band, and must not be drawn as if it had one.
func TestMondrianCoverageFigure(t *testing.T) {
	held, heldLabels := cases(300, 2, 1)
	logits, labels := cases(300, 2, 2)
	probs, heldProbs := apply(t, calibration.Map{}, logits), apply(t, calibration.Map{}, held)
	rule, err := calibration.FitMondrian(heldProbs, heldLabels, 0.9)
	must(t, err)
	got, err := rule.Assess(probs, labels)
	must(t, err)
	like, err := SweepLike(rule, heldProbs, heldLabels, probs, labels)
	must(t, err)
	plain, err := Sweep(heldProbs, heldLabels, probs, labels)
	must(t, err)
	for _, c := range []struct {
		sweep []calibration.Coverage
		band  bool
	}{{like, false}, {plain, true}} {
		f, ok := coverageFigure(Run{Seeds: []Seed{{}}, Conformal: &Conformal{Rule: rule, Test: got, Sweep: c.sweep}})
		if !ok || strings.Contains(string(f.SVG), "95% of test sets") != c.band ||
			strings.Contains(f.Caption, "one threshold over all") != c.band || !strings.Contains(f.Caption, "within every class") {
			t.Errorf("band expected %v: %q", c.band, f.Caption)
		}
	}
}

// More classes than colours, and than a matrix can show.
func TestManyClasses(t *testing.T) {
	const k = 20
	logits, labels := cases(400, k, 1)
	test, err := metric.Evaluate(apply(t, calibration.Map{}, logits), labels, metric.Options{Draws: 20})
	must(t, err)
	var b bytes.Buffer
	must(t, WriteHTML(&b, Run{Title: "Many", Seeds: []Seed{{Test: test}}}))
	seen := pagetest.Check(t, b.String())
	if !seen["roc"] || seen["confusion"] || !strings.Contains(b.String(), "Drawn: 8 of 20 classes") {
		t.Errorf("figures %v", seen)
	}
}

func TestBadRunsAreCoded(t *testing.T) {
	r := exampleRun(t, 2, 1, 40, 10)
	none, wrong, nan := r, r, r
	none.Seeds = nil
	wrong.Shipped = 3
	nan.Seconds = math.NaN()
	for name, write := range writers {
		for _, bad := range []Run{none, wrong} {
			if err := write(io.Discard, bad); fault.CodeOf(err) != fault.Usage {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := write(broken{}, r); fault.CodeOf(err) != fault.IO {
			t.Errorf("%s to a broken writer: %v", name, err)
		}
	}
	if err := WriteJSON(io.Discard, nan); fault.CodeOf(err) != fault.InputNotFinite {
		t.Errorf("NaN: %v", err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestTextGolden(t *testing.T) {
	var b bytes.Buffer
	must(t, WriteText(&b, exampleRun(t, 2, 2, 60, 50)))
	golden.Check(t, "testdata/run.txt", b.String())
}
