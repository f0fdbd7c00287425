package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
)

// newRoot builds the command tree.
func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "consilium",
		Short: "Decision support from images, ECGs, sounds and findings",
		Long: "Consilium diagnoses from images, ECGs and sounds with small models trained on open data, ranks rare\n" +
			"diseases for a patient's findings, and quotes literature with its source: calibrated probabilities,\n" +
			"reasons, and an honest \"cannot tell\".\n\n" + clinical.Disclaimer,
		Example:       "  consilium demo --once\n  consilium diagnose film.dcm ecg.hea cough.wav\n  consilium models list",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noVerb,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
		PersistentPreRun: func(*cobra.Command, []string) {
			a.started = true
		},
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetHelpTemplate(helpTemplate)
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print JSON on standard output, errors as JSON on standard error")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "no progress messages")
	flags.StringVar(&a.backend, "backend", "", "compute backend: auto, onnx, go or xla (default: $"+engine.BackendVariable+", then auto)")
	flags.StringVar(&a.library, "library", "", "path of ONNX Runtime's shared library (default: $"+engine.LibraryVariable+", then the usual places)")
	flags.IntVar(&a.threads, "threads", 0, "threads inside one operator (default: the cores, at most 8)")
	flags.StringVar(&a.dataDir, "data-dir", "", "folder with installed models and keys (default: $CONSILIUM_DATA_DIR, then consilium in the user's configuration folder)")
	root.AddCommand(verbs(a)...)
	return root
}

func noVerb(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fault.New(fault.Usage, fmt.Sprintf("there is no verb %q", args[0]), "see `consilium --help`")
	}
	return nil
}

// helpTemplate is cobra's, with the exit statuses at the end.
var helpTemplate = `{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{if or .Runnable .HasSubCommands}}{{.UsageString}}{{end}}
` + exitText() + "\n" + clinical.Disclaimer + "\n"

// exitText lists the exit statuses with the codes that lead to them.
func exitText() string {
	var b strings.Builder
	b.WriteString("Exit status:\n  0  it worked\n")
	for status := 1; status <= fault.ExitFederation; status++ {
		var codes []string
		for _, e := range fault.Catalogue() {
			if e.Exit == status {
				codes = append(codes, string(e.Code))
			}
		}
		line := fmt.Sprintf("  %d  ", status)
		width := len(line)
		for i, code := range codes {
			if i > 0 {
				line += " "
				width++
			}
			if width+len(code) > 100 {
				line += "\n     "
				width = 5
			}
			line += code
			width += len(code)
		}
		b.WriteString(strings.ReplaceAll(line, " \n", "\n") + "\n")
	}
	return b.String()
}
