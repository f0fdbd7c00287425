package main

import (
	"strings"
	"testing"

	"consilium/dataset"
	"consilium/metric"
	"consilium/train/report"
)

func value(v float64) *float64 { return &v }

func example() report.Run {
	return report.Run{
		Model:  report.Model{Name: "m", Arch: "mobilenet2d", Parameters: 12},
		Data:   dataset.Info{Name: "PneumoniaMNIST", SplitBy: "official", Caveats: []string{"small"}},
		Splits: []report.Split{{Name: dataset.Test, Examples: 624}},
		Seeds: []report.Seed{{Test: metric.Report{Values: []metric.Value{
			{ID: "auc", Name: "ROC AUC", Value: value(0.5), Low: value(0.4), High: value(0.6), Baseline: value(0.5)}}}}, {}},
		Across: []metric.SeedValue{{ID: "auc", Name: "ROC AUC", Values: []*float64{value(0.25), value(0.75)}, Mean: value(0.5),
			Low: value(0.1), High: value(0.9), BothLow: value(0.05), BothHigh: value(0.95), Baseline: value(0.5)}},
		Command: "consilium train", Started: "2026-01-01",
	}
}

func printed(t *testing.T, r report.Run) string {
	t.Helper()
	var b strings.Builder
	if err := write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func holds(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("lacks %q:\n%s", p, text)
		}
	}
}

func TestSeveralSeedsGiveTheWiderInterval(t *testing.T) {
	holds(t, printed(t, example()), "2 seeds, test split of 624", "| ROC AUC | 0.500 | 0.050 to 0.950 | 0.500 | 0.250 0.750 |",
		"| ResNet-18 (28) | 0.944 | 0.854 |", "| **Consilium mobilenet2d**, 12 parameters, 2 seeds | **0.500** | **–** |", "- small")
}

func TestOneSeedGivesItsBootstrap(t *testing.T) {
	r := example()
	r.Seeds, r.Across = r.Seeds[:1], nil
	holds(t, printed(t, r), "| ROC AUC | 0.500 | 0.400 to 0.600 | 0.500 | one seed |")
}

func TestSyntheticSaysSo(t *testing.T) {
	r := example()
	r.Data.Name, r.Data.Synthetic = "synthetic ECG", true
	text := printed(t, r)
	holds(t, text, "**SYNTHETIC DATA")
	if strings.Contains(text, "ResNet") {
		t.Error("published rows beside another data set")
	}
}

func TestPublishedRowsAreComplete(t *testing.T) {
	for _, set := range []string{"PneumoniaMNIST", "RetinaMNIST"} {
		if rows := published(set); len(rows) != 7 {
			t.Errorf("%s has %d published rows, want 7", set, len(rows))
		}
	}
}
