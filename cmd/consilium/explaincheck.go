package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/panel"
	"consilium/registry"
	"consilium/train"
)

// explanationCheck is `explain --check`.
type explanationCheck struct {
	wanted bool
	data   dataFlags
	split  string
	o      train.ExplanationOptions
}

func (k *explanationCheck) register(c *cobra.Command) {
	k.data.offer(c)
	f := c.Flags()
	f.BoolVar(&k.wanted, "check", false, "measure faithfulness and sanity on a data set instead of drawing")
	f.StringVar(&k.split, "split", "test", "with --check: train, val or test")
	f.IntVar(&k.o.Examples, "examples", 50, "with --check: examples drawn evenly from the split")
	f.Uint64Var(&k.o.Seed, "seed", 1, "with --check: seed of the draw, the random orders, the bootstrap and the shuffled weights")
}

func (k *explanationCheck) run(c *cobra.Command, a *app, b *registry.Bundle, show pictures) error {
	if k.data.ref == "" {
		return fault.New(fault.Usage, "--check needs a data set", "name one with --data")
	}
	split, err := splitNamed(k.split)
	if err != nil {
		return err
	}
	k.data.o.Label = show.label
	set, err := k.data.open(c)
	if err != nil {
		return err
	}
	defer set.Close()
	if show.method != panel.MethodAuto {
		k.o.Methods = []string{show.method}
	}
	k.o.Engine = a.engine()
	bar := newBar(a)
	if bar != nil {
		k.o.Progress = func(method string, done, total int) {
			bar.ChangeMax(total)
			bar.Describe(method)
			_ = bar.Set(done)
		}
	}
	e, err := train.CheckExplanations(c.Context(), b, set, split, k.o)
	if bar != nil {
		_ = bar.Exit()
		fmt.Fprintln(a.err)
	}
	if err != nil {
		return err
	}
	out := struct {
		*train.Explanations
		Disclaimer string `json:"disclaimer"`
	}{e, clinical.Disclaimer}
	return a.show(out, func(w io.Writer) { writeExplanations(w, e) })
}

func writeExplanations(w io.Writer, e *train.Explanations) {
	fmt.Fprintf(w, "%s %s on %s, split %s: %d of %d examples, the most probable class of each (%s, seed %d)\n",
		e.Model, e.Version, e.Data.Name, e.Split, e.Examples, e.Of, e.Backend, e.Seed)
	if e.Data.Synthetic {
		fmt.Fprintln(w, clinical.SyntheticNotice)
	}
	for _, m := range e.Methods {
		fmt.Fprintf(w, "\n%s\n", m.Faithfulness)
		for _, c := range m.Faithfulness.Classes {
			name := e.Data.Labels[c.Class].Name
			fmt.Fprintf(w, "  %s (%d examples): deletion %s\n  %s (%d examples): insertion %s\n", name, c.Examples, c.DeletionGain, name, c.Examples, c.InsertionGain)
		}
		fmt.Fprintln(w, m.Sanity)
	}
}
