package main

import (
	"github.com/spf13/cobra"

	"consilium/registry"
)

func newExplain(a *app) *cobra.Command {
	var show pictures
	c := &cobra.Command{
		Use:   "explain MODEL FILE",
		Short: "Draw what one model's answer to one input rests on",
		Long: "Asks one model (its name, or a bundle's folder or zip) about one FILE and draws a heat map.\n" +
			"grad-cam and integrated-gradients need a model with a gradient; occlusion works with any.\n" +
			"A heat map explains the model, not the disease.",
		Example: "  consilium explain pneumonia film.dcm --method grad-cam\n  consilium explain ecg record.hea --method occlusion --label \"atrial fibrillation\" --out maps",
		Args:    exactly("MODEL", "FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			b, err := store.Open(args[0])
			if err != nil {
				return err
			}
			assessment, err := a.examine(c.Context(), []*registry.Bundle{b}, args[1:], show)
			if err != nil {
				return err
			}
			return refused(assessment)
		},
	}
	show.register(c)
	c.Flags().StringVar(&show.label, "label", "", "label to explain (default: the most probable)")
	return c
}
