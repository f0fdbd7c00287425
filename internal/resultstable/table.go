package main

import (
	_ "embed"
	"fmt"
	"io"
	"strings"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/metric"
	"consilium/train/report"
)

// Metrics of the table, by ID, in this order.
var shown = []string{metric.IDAUC, metric.IDAccuracy, metric.IDBalancedAccuracy, metric.IDMacroF1, metric.IDBrier, metric.IDECE}

//go:embed published.tsv
var publishedText string

// row is one published result.
type row struct{ method, auc, accuracy string }

// published finds the rows of a data set. A set's name may say more than the
// row's key does ("PneumoniaMNIST (MedMNIST v2)").
func published(set string) []row {
	var rows []row
	for line := range strings.Lines(publishedText) {
		f := strings.Split(strings.TrimSpace(line), "\t")
		if len(f) == 4 && !strings.HasPrefix(line, "#") && strings.HasPrefix(strings.ToLower(set), f[0]) {
			rows = append(rows, row{f[1], f[2], f[3]})
		}
	}
	return rows
}

func write(w io.Writer, r report.Run) error {
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n", r.Data.Name)
	if r.Data.Synthetic {
		fmt.Fprintf(&b, "**%s**\n\n", clinical.SyntheticNotice)
	}
	fmt.Fprintf(&b, "%s, %s, %d parameters, %d seeds, test split of %d examples (split by %s).\n\n",
		r.Model.Name, r.Model.Arch, r.Model.Parameters, len(r.Seeds), testExamples(r), r.Data.SplitBy)
	ours(&b, r)
	beside(&b, r)
	fmt.Fprintf(&b, "`%s`, %.0f s, %s.\n\n", r.Command, r.Seconds, r.Started)
	for _, n := range append(append([]string(nil), r.Data.Caveats...), r.Notes...) {
		fmt.Fprintf(&b, "- %s\n", n)
	}
	b.WriteString("\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func testExamples(r report.Run) int {
	for _, s := range r.Splits {
		if s.Name == dataset.Test {
			return s.Examples
		}
	}
	return r.Seeds[r.Shipped].Test.Examples
}

// ours prints the mean over seeds, or of one seed its bootstrap interval.
func ours(b *strings.Builder, r report.Run) {
	b.WriteString("| metric | mean over seeds | 95% interval | trivial baseline | each seed |\n|---|---|---|---|---|\n")
	for _, id := range shown {
		for _, v := range r.Across {
			if v.ID != id {
				continue
			}
			low, high := v.BothLow, v.BothHigh // other seeds and other examples: the honest one
			if low == nil {
				low, high = v.Low, v.High
			}
			var each []string
			for _, one := range v.Values {
				each = append(each, number(one))
			}
			fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", v.Name, number(v.Mean), interval(low, high), number(v.Baseline), strings.Join(each, " "))
		}
		if len(r.Across) > 0 {
			continue
		}
		if v, ok := r.Seeds[r.Shipped].Test.Lookup(id); ok {
			fmt.Fprintf(b, "| %s | %s | %s | %s | one seed |\n", v.Name, number(v.Value), interval(v.Low, v.High), number(v.Baseline))
		}
	}
	b.WriteString("\n")
}

// beside prints the published rows and ours at their end.
func beside(b *strings.Builder, r report.Run) {
	rows := published(r.Data.Name)
	if len(rows) == 0 {
		return
	}
	b.WriteString("| method, same test split | AUC | accuracy |\n|---|---|---|\n")
	for _, p := range rows {
		fmt.Fprintf(b, "| %s | %s | %s |\n", p.method, p.auc, p.accuracy)
	}
	fmt.Fprintf(b, "| **Consilium %s**, %d parameters, %d seeds | **%s** | **%s** |\n\n", r.Model.Arch, r.Model.Parameters, len(r.Seeds), central(r, metric.IDAUC), central(r, metric.IDAccuracy))
}

// central is the mean over seeds, or the value of the only one.
func central(r report.Run, id string) string {
	for _, v := range r.Across {
		if v.ID == id {
			return number(v.Mean)
		}
	}
	v, _ := r.Seeds[r.Shipped].Test.Lookup(id)
	return number(v.Value)
}

func number(v *float64) string {
	if v == nil {
		return "–"
	}
	return fmt.Sprintf("%.3f", *v)
}

func interval(low, high *float64) string {
	if low == nil || high == nil {
		return "–"
	}
	return number(low) + " to " + number(high)
}
