package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/differential"
	"consilium/differential/page"
	"consilium/fault"
)

func newAskNext(a *app) *cobra.Command {
	var k knows
	var n int
	c := &cobra.Command{
		Use:   "ask-next FILE|-",
		Short: "List the findings whose presence or absence would tell most about a case",
		Long: "Reads a case as `consilium rank` does and lists what is worth looking for next: the findings that are expected to lower\n" +
			"the uncertainty about the diagnosis most, whether they turn out to be there or not (expected information gain, in\n" +
			"bits), with the disease that would then lead.",
		Example: "  consilium ask-next case.json\n  consilium ask-next case.json -n 10 --json",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := k.model(a)
			if err != nil {
				return err
			}
			p, err := oneCase(c, args[0])
			if err != nil {
				return err
			}
			questions, err := m.Ask(p, n)
			if err != nil {
				return err
			}
			out := struct {
				Case       string                  `json:"case,omitempty"`
				Questions  []differential.Question `json:"questions"`
				Synthetic  bool                    `json:"synthetic,omitempty"`
				Notice     string                  `json:"notice"`
				Disclaimer string                  `json:"disclaimer"`
			}{p.ID, questions, p.Synthetic || m.Base().Synthetic, m.Base().Notice(), clinical.Disclaimer}
			var printed error
			err = a.show(out, func(w io.Writer) {
				printed = page.NewText(w, atTerminal(w)).Questions(questions)
				a.notices(w, out.Notice, out.Synthetic)
			})
			if printed != nil {
				return printed
			}
			return err
		},
	}
	k.register(c)
	c.Flags().IntVarP(&n, "number", "n", 5, "questions to list")
	return c
}

// oneCase reads a file that holds one case.
func oneCase(c *cobra.Command, path string) (clinical.Phenotype, error) {
	var p clinical.Phenotype
	n := 0
	err := readCases(c.Context(), path, c.InOrStdin(), func(x clinical.Phenotype) error {
		if n++; n > 1 {
			return fault.New(fault.Usage, fmt.Sprintf("%s holds several cases", path), "give one case; `consilium rank` takes many")
		}
		p = x
		return nil
	})
	if err != nil {
		return p, err
	}
	return p, unusable(p)
}
