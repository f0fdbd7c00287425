package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation/folder"
	"consilium/store"
)

// federationDir is the folder of a hub or site in the data directory.
const federationDir = "federation"

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
		Short: "Write everything that a node, a federation's hub or a site keeps into one file, while it runs",
		Long: "Copies index, objects, audit log, keys and installed models into FILE, which must not exist. The index is that\n" +
			"of one moment, every object is compared with its SHA-256 on the way, and FILE appears when it is whole.\n" +
			"A federation's hub or site in the data directory goes with it, with a node or without: keys, members, jobs,\n" +
			"ledger, edge results, audit log. Of a hub, mail under way, open invitations and nothing else stay out.\n" +
			"FILE holds private keys and patients' data: only its owner may read it. Keep it on another disk.",
		Example: "  consilium backup /mnt/backup/2026-03-01.backup --data-dir /srv/consilium",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			bar := newByteBar(a)
			info, err := p.backup(c.Context(), home, args[0], store.Copying{Progress: bar.set, Leave: leftOut})
			bar.end()
			if err != nil {
				return err
			}
			size := int64(0)
			if f, err := os.Stat(args[0]); err == nil {
				size = f.Size()
			}
			return a.showBackup("written", args[0], size, info, federationPart(home), "")
		},
	}
	p.flags(c)
	return c
}

// backup copies what is there: a node with what lies beside it, or a federation's folder alone.
func (p *storePlace) backup(ctx context.Context, home, file string, c store.Copying) (store.BackupInfo, error) {
	if _, err := os.Stat(filepath.Join(home, store.IndexFile)); err != nil && p.url == "" {
		if federationPart(home) == "" {
			return store.BackupInfo{}, fault.Wrap(err, fault.InputMissing, "there is neither a node nor a federation's hub or site in the data directory",
				"name its folder with --data-dir, and a node's database with --store")
		}
		return store.BackupFiles(ctx, home, file, c)
	}
	s, err := store.Open(ctx, store.Options{DataDir: home, URL: p.url, Bucket: p.bucket, Shared: true})
	if err != nil {
		return store.BackupInfo{}, err
	}
	defer s.Close()
	return s.Backup(ctx, file, c)
}

// leftOut says what of a federation's folder is neither backed up nor restored.
func leftOut(name string) bool {
	below, ok := strings.CutPrefix(name, federationDir+"/")
	return ok && folder.NotInBackup(below)
}

// federationPart says what the federation's folder of a data directory is of: "hub", "site", "job" when it is neither
// yet, or "" when there is none.
func federationPart(home string) string {
	for _, x := range [][2]string{{"hub", "authority.json"}, {"site", "identity.key"}, {"job", ""}} {
		if _, err := os.Stat(filepath.Join(home, federationDir, x[1])); err == nil {
			return x[0]
		}
	}
	return ""
}

// showBackup prints what a backup holds, and what is to be known of it.
func (a *app) showBackup(done, path string, size int64, info store.BackupInfo, part, know string) error {
	v := map[string]any{"path": path, "bytes": size, "made": info.Made, "objects": info.Objects, "objectBytes": info.Bytes, "federation": part, "disclaimer": clinical.Disclaimer}
	if know != "" {
		v["know"] = know
	}
	return a.show(v, func(w io.Writer) {
		fmt.Fprintf(w, "%-12s%s\n", done, path)
		fmt.Fprintf(w, "%-12s%s\n", "as of", info.Made.Local().Format("2006-01-02 15:04:05"))
		fmt.Fprintf(w, "%-12s%d, %.1f MB\n", "objects", info.Objects, float64(info.Bytes)/1e6)
		if part != "" {
			fmt.Fprintf(w, "%-12sof a %s\n", "federation", part)
		}
		if size > 0 {
			fmt.Fprintf(w, "%-12s%.1f MB\n", "size", float64(size)/1e6)
		}
		if know != "" {
			fmt.Fprintf(w, "\n%s\n", know)
		}
	})
}
