package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/store"
)

// storePlace says where a node keeps its store, when it is not all in the data directory.
type storePlace struct{ url, bucket string }

func (p *storePlace) flags(c *cobra.Command) {
	c.Flags().StringVar(&p.url, "store", "", "the node's PostgreSQL, when it has one: postgres://user@host/database")
	c.Flags().StringVar(&p.bucket, "blobs", "", "the node's object store, when it has one: s3://bucket?endpoint=host:port")
}

func newBackup(a *app) *cobra.Command {
	p := &storePlace{}
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write everything that a node keeps into one file, while it runs",
		Long: "Copies index, objects, audit log, keys and installed models into FILE, which must not exist. The index is that\n" +
			"of one moment, every object is compared with its SHA-256 on the way, and FILE appears when it is whole.\n" +
			"FILE holds the node's keys and patients' data: only its owner may read it. Keep it on another disk.",
		Example: "  consilium backup /mnt/backup/2026-03-01.backup --data-dir /srv/consilium",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			if _, err := os.Stat(filepath.Join(home, store.IndexFile)); err != nil && p.url == "" {
				return fault.Wrap(err, fault.InputMissing, "there is no node in the data directory", "name the node's folder with --data-dir, and its database with --store")
			}
			s, err := store.Open(c.Context(), store.Options{DataDir: home, URL: p.url, Bucket: p.bucket, Shared: true})
			if err != nil {
				return err
			}
			defer s.Close()
			bar := newByteBar(a)
			info, err := s.Backup(c.Context(), args[0], bar.set)
			bar.end()
			if err != nil {
				return err
			}
			size := int64(0)
			if f, err := os.Stat(args[0]); err == nil {
				size = f.Size()
			}
			return a.showBackup("written", args[0], size, info)
		},
	}
	p.flags(c)
	return c
}

// showBackup prints what a backup holds.
func (a *app) showBackup(done, path string, size int64, info store.BackupInfo) error {
	v := map[string]any{"path": path, "bytes": size, "made": info.Made, "objects": info.Objects, "objectBytes": info.Bytes, "disclaimer": clinical.Disclaimer}
	return a.show(v, func(w io.Writer) {
		fmt.Fprintf(w, "%-10s%s\n", done, path)
		fmt.Fprintf(w, "%-10s%s\n", "as of", info.Made.Local().Format("2006-01-02 15:04:05"))
		fmt.Fprintf(w, "%-10s%d, %.1f MB\n", "objects", info.Objects, float64(info.Bytes)/1e6)
		if size > 0 {
			fmt.Fprintf(w, "%-10s%.1f MB\n", "size", float64(size)/1e6)
		}
	})
}
