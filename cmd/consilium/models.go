package main

import (
	"crypto/ed25519"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/registry"
)

func newModels(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:     "models",
		Short:   "List, show, verify, import and remove models; manage keys",
		Long:    "A model is a signed bundle of data: ONNX graph, card, calibration, manifest. It never runs code.\nA bundle opens only when a trusted key signed it and every file matches its manifest.",
		Example: "  consilium models list\n  consilium models verify ./pneumonia.zip\n  consilium models import classifier.onnx --card card.json",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newModelsList(a), newModelsShow(a), newModelsVerify(a), newModelsImport(a), newModelsTrust(a), newModelsKeygen(a), newModelsRemove(a))
	return c
}

// modelLine is one row of `models list`.
type modelLine struct {
	Name       string        `json:"name"`
	Version    string        `json:"version"`
	Kind       clinical.Kind `json:"kind,omitempty"`
	Task       string        `json:"task,omitempty"`
	Parameters int           `json:"parameters,omitempty"`
	Bytes      int           `json:"bytes,omitempty"` // of the ONNX files
	Signer     string        `json:"signer,omitempty"`
	Digest     string        `json:"digest,omitempty"`
	Shipped    bool          `json:"shipped"`
	Synthetic  bool          `json:"synthetic"` // trained on generated data
	Fault      string        `json:"fault,omitempty"`
}

func lineOf(e registry.Entry) modelLine {
	l := modelLine{Name: e.Name, Version: e.Version, Shipped: e.Shipped, Fault: e.Fault}
	if b := e.Bundle; b != nil {
		l.Kind, l.Task, l.Parameters, l.Synthetic = b.Card.Kind, b.Card.Task, b.Card.Parameters, b.Card.Synthetic
		l.Bytes, l.Signer, l.Digest = len(b.Model)+len(b.Gradient), b.Signer(), b.Digest()
	}
	return l
}

func newModelsList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List shipped and installed models",
		Example: "  consilium models list\n  consilium models list --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			entries, err := store.List()
			if err != nil {
				return err
			}
			lines := make([]modelLine, len(entries))
			for i, e := range entries {
				lines[i] = lineOf(e)
			}
			return a.show(struct {
				Models     []modelLine `json:"models"`
				Disclaimer string      `json:"disclaimer"`
			}{lines, clinical.Disclaimer}, func(w io.Writer) { printModels(w, lines) })
		},
	}
}

func printModels(w io.Writer, lines []modelLine) {
	if len(lines) == 0 {
		fmt.Fprintln(w, "No model is installed. `consilium models import` brings one in.")
		return
	}
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "MODEL\tKIND\tSIZE\tFROM\tSIGNER\tTASK")
	for _, l := range lines {
		from := "installed"
		if l.Shipped {
			from = "shipped"
		}
		if l.Fault != "" {
			fmt.Fprintf(t, "%s@%s\t\t\t%s\t\tREFUSED %s\n", l.Name, l.Version, from, l.Fault)
			continue
		}
		task := l.Task
		if l.Synthetic {
			task += " (trained on SYNTHETIC data)"
		}
		fmt.Fprintf(t, "%s@%s\t%s\t%d KB\t%s\t%s\t%s\n", l.Name, l.Version, l.Kind, (l.Bytes+1023)/1024, from, l.Signer, task)
	}
	t.Flush()
}

func newModelsShow(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "show MODEL",
		Short:   "Show a model's card: data, figures, intended use, limits",
		Example: "  consilium models show pneumonia\n  consilium models show pneumonia@1.0.0 --json",
		Args:    exactly("MODEL"),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := a.model(args[0])
			if err != nil {
				return err
			}
			return a.show(struct {
				Card       registry.Card `json:"card"`
				Signer     string        `json:"signer"`
				Digest     string        `json:"digest"`
				Disclaimer string        `json:"disclaimer"`
			}{b.Card, b.Signer(), b.Digest(), clinical.Disclaimer}, func(w io.Writer) {
				fmt.Fprint(w, b.Card.Markdown())
				fmt.Fprintf(w, "\nSigned by %s. SHA-256 of the manifest: %s\n", b.Signer(), b.Digest())
			})
		},
	}
}

func newModelsVerify(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "verify MODEL...",
		Short:   "Check signature, hashes, card and graph of bundles",
		Long:    "Checks bundles (folder, zip file, or the name of an installed model) without running anything:\nsignature by a trusted key, SHA-256 of every file, card, ONNX opset, operators and shapes.",
		Example: "  consilium models verify pneumonia\n  consilium models verify ./downloaded.zip",
		Args:    files("model"),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			var lines []modelLine
			for _, ref := range args {
				b, err := store.Open(ref)
				if err != nil {
					return err
				}
				lines = append(lines, lineOf(registry.Entry{Name: b.Card.Name, Version: b.Card.Version, Bundle: b}))
			}
			return a.show(struct {
				Verified   []modelLine `json:"verified"`
				Disclaimer string      `json:"disclaimer"`
			}{lines, clinical.Disclaimer}, func(w io.Writer) {
				for _, l := range lines {
					fmt.Fprintf(w, "ok  %s@%s  signed by %s  %s\n", l.Name, l.Version, l.Signer, l.Digest)
				}
			})
		},
	}
}

func newModelsImport(a *app) *cobra.Command {
	var card string
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Install a signed bundle, or anybody's ONNX classifier with a card",
		Long: "Installs a bundle (folder or zip) that a trusted key signed. With --card, FILE is an ONNX classifier:\n" +
			"graph and card are checked against each other, signed with this machine's key and installed. An\n" +
			"imported classifier is uncalibrated until it is calibrated here.",
		Example: "  consilium models import ./pneumonia-1.1.0.zip\n  consilium models import classifier.onnx --card card.json",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			b, err := a.bundle(store, args[0], card)
			if err != nil {
				return err
			}
			e, err := store.Install(b)
			if err != nil {
				return err
			}
			return a.shown("installed", e.Ref())
		},
	}
	c.Flags().StringVar(&card, "card", "", "card (JSON) that describes an ONNX classifier")
	return c
}

// bundle opens a signed bundle, or seals an ONNX file and its card with this machine's key.
func (a *app) bundle(store *registry.Store, path, card string) (*registry.Bundle, error) {
	if card == "" {
		if strings.HasSuffix(strings.ToLower(path), ".onnx") {
			return nil, fault.New(fault.Usage, "an ONNX file says nothing about its labels and its input", "describe it in a card and add --card card.json (docs/bundle.md has an example)")
		}
		return store.Open(path)
	}
	raw, err := registry.Import(path, card)
	if err != nil {
		return nil, err
	}
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	key, err := registry.SigningKey(dir)
	if err != nil {
		return nil, err
	}
	return registry.Seal(raw, key)
}

func newModelsTrust(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "trust KEY",
		Short:   "Trust the bundles that a key signed",
		Long:    "Adds a public key (PEM) to the trusted ones. Compare its name with the maker's over another way first.",
		Example: "  consilium models trust hospital.pem",
		Args:    exactly("KEY"),
		RunE: func(_ *cobra.Command, args []string) error {
			key, err := registry.LoadPublicKey(args[0])
			if err != nil {
				return err
			}
			dir, err := a.home()
			if err != nil {
				return err
			}
			id, err := registry.AddTrust(dir, key)
			if err != nil {
				return err
			}
			return a.shown("trusted", id)
		},
	}
}

func newModelsKeygen(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "keygen PUBLIC",
		Short:   "Make this machine's signing key and write its public half",
		Long:    "Makes the signing key in the data directory, unless it is there, and writes the public half to the\nfile PUBLIC for those who shall trust it. The signing key itself never leaves the data directory.",
		Example: "  consilium models keygen hospital.pem",
		Args:    exactly("PUBLIC"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.home()
			if err != nil {
				return err
			}
			key, err := registry.SigningKey(dir)
			if err != nil {
				return err
			}
			public := key.Public().(ed25519.PublicKey)
			if err := registry.SavePublicKey(args[0], public); err != nil {
				return err
			}
			return a.shown("key", registry.KeyID(public))
		},
	}
}

func newModelsRemove(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME@VERSION",
		Short:   "Delete an installed model",
		Example: "  consilium models remove classifier@1.0.0",
		Args:    exactly("NAME@VERSION"),
		RunE: func(_ *cobra.Command, args []string) error {
			store, err := a.store()
			if err != nil {
				return err
			}
			if err := store.Remove(args[0]); err != nil {
				return err
			}
			return a.shown("removed", args[0])
		},
	}
}

// shown prints a result of one word.
func (a *app) shown(what, value string) error {
	return a.show(map[string]string{what: value, "disclaimer": clinical.Disclaimer}, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n", what, value)
	})
}
