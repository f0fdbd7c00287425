package main

import (
	"fmt"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"consilium/store"
)

func newRestore(a *app) *cobra.Command {
	p := &storePlace{}
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a node's data directory from a backup",
		Long: "Unpacks FILE into the data directory, which must be new or empty, and checks everything against the backup's\n" +
			"manifest. After an error nothing is left. With --store the index goes into an empty PostgreSQL database,\n" +
			"whichever database the backup was made of; with --blobs the objects go into an object store.",
		Example: "  consilium restore /mnt/backup/2026-03-01.backup --data-dir /srv/consilium-new",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			bar := newByteBar(a)
			info, err := store.Restore(c.Context(), args[0], store.Options{DataDir: home, URL: p.url, Bucket: p.bucket}, bar.set)
			bar.end()
			if err != nil {
				return err
			}
			return a.showBackup("restored", home, 0, info)
		},
	}
	p.flags(c)
	return c
}

// byteBar shows how much of a backup is done, on standard error.
type byteBar struct {
	a   *app
	bar *progressbar.ProgressBar // nil with --quiet and --json, and before there is something to show
}

func newByteBar(a *app) *byteBar { return &byteBar{a: a} }

func (b *byteBar) set(done, total int64) {
	if b.a.quiet || b.a.json {
		return
	}
	if b.bar == nil {
		b.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.a.err), progressbar.OptionShowBytes(true),
			progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(progressThrottle), progressbar.OptionSetWidth(24))
	}
	_ = b.bar.Set64(done)
}

func (b *byteBar) end() {
	if b.bar != nil {
		_ = b.bar.Exit()
		fmt.Fprintln(b.a.err)
	}
}
