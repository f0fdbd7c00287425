package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"consilium/bench"
	"consilium/clinical"
	"consilium/panel"
)

func newBench(a *app) *cobra.Command {
	var o bench.Options
	var steps, cases bool
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure inference and training speed on this machine",
		Long: "Times every network at each batch size: median, 10th, 90th and 99th percentile of at least 10 calls, after warm-up.\n" +
			"--steps times training steps (batch 64) instead; --cases times whole answers, from the file to the calibrated\n" +
			"probability. Run it on an idle machine.",
		Example: "  consilium bench --cases --threads 1\n  consilium bench --net mobilenet2d --batch 1,64 --for 5s --json\n  consilium bench --steps --backend go --net cnn5",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			o.Engine = a.engine()
			var all []bench.Timing
			measure := bench.Infer
			if steps {
				measure = bench.Steps
			}
			if cases {
				measure = func(ctx context.Context, o bench.Options, each func(bench.Timing)) error {
					store, err := a.store()
					if err != nil {
						return err
					}
					entries, err := store.List()
					if err != nil {
						return err
					}
					return bench.Cases(ctx, panel.Newest(entries), o, each)
				}
			}
			err := measure(c.Context(), o, func(t bench.Timing) {
				a.progress("%s %s batch %d: %.2f ms", t.Net, t.Mode, t.Batch, t.Median)
				all = append(all, t)
			})
			if err != nil {
				return err
			}
			return a.show(map[string]any{"timings": all, "disclaimer": clinical.Disclaimer}, func(w io.Writer) {
				fmt.Fprintf(w, "%-28s %-6s %6s %8s %10s %10s %10s %10s\n", "network", "mode", "batch", "calls", "median ms", "p10", "p90", "p99")
				for _, t := range all {
					fmt.Fprintf(w, "%-28s %-6s %6d %8d %10.3f %10.3f %10.3f %10.3f\n", t.Net, t.Mode, t.Batch, t.Calls, t.Median, t.P10, t.P90, t.P99)
				}
			})
		},
	}
	f := c.Flags()
	f.IntSliceVar(&o.Batches, "batch", []int{1, 64}, "batch sizes for inference")
	f.DurationVar(&o.For, "for", 2*time.Second, "time for each inference case")
	f.StringVar(&o.Only, "net", "", "one network only")
	f.BoolVar(&steps, "steps", false, "time training steps instead of inference")
	f.BoolVar(&cases, "cases", false, "time whole answers with the installed models instead of bare networks")
	c.MarkFlagsMutuallyExclusive("steps", "cases")
	return c
}
