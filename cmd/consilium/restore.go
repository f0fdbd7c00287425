package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"consilium/federation/folder"
	"consilium/govern"
	"consilium/store"
)

func newRestore(a *app) *cobra.Command {
	p := &storePlace{}
	var nothingSince bool
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory from a backup",
		Long: "Unpacks FILE into the data directory, which must be new or empty, and checks everything against the backup's\n" +
			"manifest. After an error nothing is left. With --store the index goes into an empty PostgreSQL database,\n" +
			"whichever database the backup was made of; with --blobs the objects go into an object store.\n\n" +
			"A federation's hub or site that is put back has forgotten what happened since the backup, and is marked for good\n" +
			"(federation/restored.json). Such a site gives nothing more in jobs from before with a secure sum or noise, and the\n" +
			"quarter's whole epsilon counts as spent; such a hub ends jobs from before with its own noise, and others go on\n" +
			"after the last round of the backup. --nothing-since leaves no mark: say it only of a process that was stopped\n" +
			"before the backup was made and has not run since, as when it moves to another machine.",
		Example: "  consilium restore /mnt/backup/2026-03-01.backup --data-dir /srv/consilium-new",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			home, err := a.home()
			if err != nil {
				return err
			}
			bar := newByteBar(a)
			info, err := store.Restore(c.Context(), args[0], store.Options{DataDir: home, URL: p.url, Bucket: p.bucket}, store.Copying{Progress: bar.set, Leave: leftOut,
				Finish: func(dir string, of store.BackupInfo) error {
					if nothingSince || federationPart(dir) == "" {
						return nil
					}
					return folder.MarkRestored(filepath.Join(dir, federationDir), folder.Restored{At: time.Now().UTC(), Made: of.Made})
				}})
			bar.end()
			if err == nil {
				err = mendLogs(c.Context(), home)
			}
			if err != nil {
				return err
			}
			part, know := federationPart(home), ""
			if !nothingSince {
				know = forgotten(part, info.Made)
			}
			return a.showBackup("restored", home, 0, info, part, know)
		},
	}
	p.flags(c)
	c.Flags().BoolVar(&nothingSince, "nothing-since", false, "the federation's process was stopped before the backup was made and has not run since")
	return c
}

// mendLogs opens the audit logs that were put back once. A log that was copied while it grew has files of different
// moments, which its opening puts right as far as its signed checkpoint vouches for it; `audit verify` would find
// files that belong to none. Errors: those of OpenLog.
func mendLogs(ctx context.Context, home string) error {
	for _, dir := range []string{home, filepath.Join(home, federationDir)} {
		if _, err := os.Stat(filepath.Join(dir, govern.LogDir)); err != nil {
			continue
		}
		l, err := govern.OpenLog(ctx, govern.Options{DataDir: dir})
		if err == nil {
			err = l.Close(ctx)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// forgotten tells what a hub or a site that was put back does not know.
func forgotten(part string, made time.Time) string {
	since := made.Local().Format("2006-01-02 15:04:05")
	switch part {
	case "hub":
		return "The hub has forgotten everything since " + since + ". Jobs go on after the last round of the backup, but for those in\n" +
			"which it adds noise: they end. A job with a secure sum ends too when its sites have opened a later round: propose\n" +
			"it anew. Sites that were revoked since are let in again: revoke them once more. Sites that joined, or that got a\n" +
			"new certificate, since then need a new invitation. Mail under way and open invitations are gone."
	case "site":
		return "The site has forgotten everything since " + since + ". In jobs from before now it gives nothing more that goes\n" +
			"into a secure sum or spends epsilon, and until the end of the quarter all epsilon counts as spent."
	}
	return ""
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
