package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"consilium/fault"
	"consilium/registry"
)

func newExplain(a *app) *cobra.Command {
	var show pictures
	var check explanationCheck
	c := &cobra.Command{
		Use:   "explain MODEL (FILE | --check --data SET)",
		Short: "Draw what one model's answer to one input rests on, or check whether such drawings can be believed",
		Long: "Asks one model (its name, or a bundle's folder or zip) about one FILE and draws a heat map.\n" +
			"grad-cam and integrated-gradients need a model with a gradient; occlusion works with any.\n" +
			"A heat map explains the model, not the disease.\n\n" +
			"--check measures instead how far the maps can be believed, for --method or for all that the model has:\n" +
			"examples are drawn evenly from a split of SET, and the most probable class of each is explained.\n" +
			"Faithfulness: the probability while the most important parts are deleted (a low area is good) and put\n" +
			"back (a high one is), against random orders, with the 95% paired bootstrap interval of the gain.\n" +
			"Sanity: how much the maps still resemble the original ones (rank correlation, SSIM) when the network's\n" +
			"weights are shuffled, layer by layer from the output: a map that stays alike shows the input, not the model.",
		Example: "  consilium explain pneumonia film.dcm --method grad-cam\n" +
			"  consilium explain ecg record.hea --method occlusion --label \"atrial fibrillation\" --out maps\n" +
			"  consilium explain pneumonia --check --data pneumoniamnist.npz --examples 60",
		Args: func(c *cobra.Command, args []string) error {
			if check.wanted {
				return exactly("MODEL")(c, args)
			}
			for _, name := range []string{"data", "split", "examples", "seed"} {
				if c.Flags().Changed(name) {
					return fault.New(fault.Usage, fmt.Sprintf("--%s belongs to --check", name), "add --check, or leave it out")
				}
			}
			return exactly("MODEL", "FILE")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.model(args[0])
			if err != nil {
				return err
			}
			if check.wanted {
				return check.run(c, a, b, show)
			}
			assessment, err := a.examine(c.Context(), []*registry.Bundle{b}, args[1:], show)
			if err != nil {
				return err
			}
			return refused(assessment)
		},
	}
	show.register(c)
	c.Flags().StringVar(&show.label, "label", "", "label to explain (default: the most probable); with --check, the label column of a table, or COLUMN>NUMBER")
	check.register(c)
	return c
}
