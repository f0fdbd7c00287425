// Command fleet runs a federation as a hospital group would: a hub and many sites, each a process of its own, over
// real TLS, on parts of one data set. It kills some sites and the hub on the way (kill -9), and tells what came out:
// macro-F1 of the shared model and of the sites alone, memory, bytes, and how fast the sites were back.
//
//	fleet -data pneumoniamnist.npz -rare normal:0.03 -sites 23 -kill 5 -kill-hub -seeds 5 -out out/fleet
//	fleet -judge report.json
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"consilium/federation/folder"
	"consilium/federation/page"
)

type options struct {
	program, data, out, rare, plan string
	extra                          string
	alpha                          float64
	sites, kill, seeds             int
	first                          uint64
	killHub, prior                 bool
	limit                          time.Duration
}

func main() {
	var o options
	judge := flag.String("judge", "", "say what a finished job's report.json is worth, and end with an error when no site gained")
	flag.StringVar(&o.program, "program", "bin/consilium", "the program")
	flag.StringVar(&o.data, "data", "synthetic:heart", "data set that is cut into sites")
	flag.StringVar(&o.extra, "open", "", "more flags for the data set, separated by spaces")
	flag.StringVar(&o.rare, "rare", "", "class to thin, CLASS:SHARE")
	flag.StringVar(&o.plan, "plan", "--arch logistic --rounds 20 --rate 0.2 --momentum 0", "flags of `federate propose`, separated by spaces")
	flag.Float64Var(&o.alpha, "alpha", 0.3, "Dirichlet concentration")
	flag.IntVar(&o.sites, "sites", 23, "sites")
	flag.IntVar(&o.kill, "kill", 0, "sites that are killed for good at a third of the rounds")
	flag.BoolVar(&o.killHub, "kill-hub", false, "kill the hub at half of the rounds, and start it again")
	flag.BoolVar(&o.prior, "prior", false, "tell the job the class counts over all sites")
	flag.IntVar(&o.seeds, "seeds", 1, "runs, each with another cut")
	flag.Uint64Var(&o.first, "seed", 1, "the first seed")
	flag.StringVar(&o.out, "out", "out/fleet", "folder for logs, reports and result.json")
	flag.DurationVar(&o.limit, "limit", 10*time.Minute, "for one run")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := func() error {
		if *judge != "" {
			return judgeFile(*judge)
		}
		return o.run(ctx)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

// result is what all runs gave.
type result struct {
	Data      string        `json:"data"`
	Rare      string        `json:"rare,omitempty"`
	Plan      string        `json:"plan"`
	Sites     int           `json:"sites"`
	Killed    int           `json:"killed"`
	KilledHub bool          `json:"killed_hub"`
	Runs      []outcome     `json:"runs"`
	Federated page.Estimate `json:"federated"`
	Alone     page.Estimate `json:"alone"`
	Gain      page.Estimate `json:"gain"`
}

func (o options) run(ctx context.Context) error {
	r := result{Data: o.data, Rare: o.rare, Plan: o.plan, Sites: o.sites, Killed: o.kill, KilledHub: o.killHub}
	var federated, alone, gain []float64
	for i := range o.seeds {
		seed := o.first + uint64(i)
		got, err := o.once(ctx, seed)
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
		r.Runs = append(r.Runs, got)
		federated, alone, gain = append(federated, got.Federated), append(alone, got.Alone), append(gain, got.Federated-got.Alone)
		fmt.Println(got)
		r.Federated, r.Alone, r.Gain = page.Over(federated...), page.Over(alone...), page.Over(gain...)
		if err := folder.WriteJSON(filepath.Join(o.out, "result.json"), r); err != nil {
			return err
		}
	}
	fmt.Printf("\n%d runs of %d sites as processes, %d sites killed", o.seeds, o.sites, o.kill)
	if o.killHub {
		fmt.Print(", and the hub once")
	}
	if r.Runs[0].Told == 0 {
		fmt.Println("\nthe sites keep their figures: the sum that the hub learns is over all their validation examples")
		return nil
	}
	fmt.Printf("\nmacro-F1 on the common test split: federated %s, alone (mean of sites) %s, gain %s\n", interval(r.Federated), interval(r.Alone), interval(r.Gain))
	return nil
}

func interval(e page.Estimate) string {
	text, err := json.Marshal(e)
	if err != nil {
		return string(text)
	}
	if e.Low == nil || e.High == nil {
		return fmt.Sprintf("%.3f", e.Mean)
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", e.Mean, *e.Low, *e.High)
}
