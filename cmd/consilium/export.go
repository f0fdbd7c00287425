package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
)

func newExport(a *app) *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "export MODEL --out FOLDER",
		Short: "Write a model's ONNX files and card, for use in other software",
		Long: "Verifies MODEL (a name, or a bundle's folder or zip) and writes NAME.onnx (input -> logits), NAME.gradient.onnx\n" +
			"when there is one, and NAME.zip, the signed bundle that another Consilium installs.",
		Example: "  consilium export pneumonia --out exported\n  consilium models import exported/pneumonia.zip",
		Args:    exactly("MODEL"),
		RunE: func(_ *cobra.Command, args []string) error {
			b, err := a.model(args[0])
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return fault.Wrap(err, fault.IO, "cannot make the folder", "choose another --out")
			}
			written := map[string]string{}
			put := func(what, name string, write func(io.Writer) error) error {
				path := filepath.Join(out, b.Card.Name+name)
				if err := writeFile(path, write); err != nil {
					return err
				}
				written[what] = path
				return nil
			}
			bytes := func(data []byte) func(io.Writer) error {
				return func(w io.Writer) error { _, err := w.Write(data); return err }
			}
			if err := put("model", ".onnx", bytes(b.Model)); err != nil {
				return err
			}
			if b.Gradient != nil {
				if err := put("gradient", ".gradient.onnx", bytes(b.Gradient)); err != nil {
					return err
				}
			}
			if err := put("bundle", ".zip", b.WriteZip); err != nil {
				return err
			}
			return a.show(map[string]any{"files": written, "digest": b.Digest(), "disclaimer": clinical.Disclaimer}, func(w io.Writer) {
				for _, what := range []string{"model", "gradient", "bundle"} {
					if path, ok := written[what]; ok {
						fmt.Fprintf(w, "%-10s%s\n", what, path)
					}
				}
				fmt.Fprintf(w, "%-10s%s\n", "digest", b.Digest())
			})
		},
	}
	c.Flags().StringVar(&out, "out", "exported", "folder for the files")
	return c
}
