package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"consilium/clinical"
)

// version of the program; releases set it with -ldflags "-X main.version=...".
var version = "0.1.0"

// build describes the program.
type build struct {
	Version    string `json:"version"`
	Revision   string `json:"revision,omitempty"` // of the source, when it was built inside a checkout
	Modified   bool   `json:"modified,omitempty"`
	Go         string `json:"go"`
	Platform   string `json:"platform"`
	Disclaimer string `json:"disclaimer"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print version, source revision and platform",
		Example: "  consilium version\n  consilium version --json",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			return a.show(b, func(w io.Writer) {
				fmt.Fprintf(w, "consilium %s", b.Version)
				if b.Revision != "" {
					fmt.Fprintf(w, " (%.12s)", b.Revision)
				}
				fmt.Fprintf(w, " %s %s\n", b.Go, b.Platform)
			})
		},
	}
}

func thisBuild() build {
	b := build{Version: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Disclaimer: clinical.Disclaimer}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Revision = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	return b
}
