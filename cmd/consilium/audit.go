package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/govern"
	"consilium/store"
)

// auditLog says where a log and its public key are: the node's own, unless
// flags name a copy.
type auditLog struct {
	dir, key string
}

func newAudit(a *app) *cobra.Command {
	l := &auditLog{}
	c := &cobra.Command{
		Use:   "audit",
		Short: "Read and verify the audit log of a node, also while it runs",
		Long: "The audit log says who saw and did what. Each entry is a leaf of a hash tree, whose root the node signs:\n" +
			"no entry can be changed, dropped, moved or inserted unseen. These verbs need no node, only its files.",
		Example: "  consilium audit verify --data-dir /srv/consilium\n  consilium audit list --patient P-1",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	f := c.PersistentFlags()
	f.StringVar(&l.dir, "log", "", "folder of the log (default: "+govern.LogDir+" in the data directory)")
	f.StringVar(&l.key, "key", "", "public key of the log (default: "+govern.KeyDir+"/audit.pub in the data directory)")
	c.AddCommand(newAuditVerify(a, l), newAuditList(a, l), newAuditExport(a, l), newAuditCheckpoint(a, l))
	return c
}

// reader opens the log for reading.
func (l *auditLog) reader(ctx context.Context, a *app) (*govern.Reader, error) {
	dir, key, err := l.places(a)
	if err != nil {
		return nil, err
	}
	verifier, err := govern.PublicKey(key)
	if err != nil {
		return nil, err
	}
	return govern.OpenReader(ctx, dir, verifier)
}

func (l *auditLog) places(a *app) (dir, key string, err error) {
	home, err := a.home()
	if err != nil {
		return "", "", err
	}
	dir, key = l.dir, l.key
	if dir == "" {
		dir = filepath.Join(home, govern.LogDir)
	}
	if key == "" {
		key = filepath.Join(home, govern.KeyDir, "audit.pub")
	}
	if _, err := os.Stat(dir); err != nil {
		return "", "", fault.Wrap(err, fault.InputMissing, "there is no audit log", "name the node's folder with --data-dir, or a copy of the log with --log and --key")
	}
	return dir, key, nil
}

func newAuditVerify(a *app, l *auditLog) *cobra.Command {
	var url string
	var known []string
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check every entry, every hash and every signature",
		Long: "Hashes each entry again, builds the tree again and compares it with the files, with the signed checkpoint,\n" +
			"with the checkpoints that the node's store remembers, and with those in the files of --known. A log that\n" +
			"was replaced as a whole by an older copy shows only against a checkpoint kept elsewhere\n" +
			"(`consilium audit checkpoint`).",
		Example: "  consilium audit verify --data-dir /srv/consilium\n  consilium audit verify --log copy/audit --key audit.pub --known 2026-01.checkpoint",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, key, err := l.places(a)
			if err != nil {
				return err
			}
			verifier, err := govern.PublicKey(key)
			if err != nil {
				return err
			}
			texts, err := readAll(known)
			if err != nil {
				return err
			}
			if l.dir == "" {
				remembered, err := a.remembered(c.Context(), url)
				if err != nil {
					return err
				}
				texts = append(texts, remembered...)
			}
			report, err := govern.Verify(c.Context(), dir, verifier, texts...)
			if err != nil {
				return err
			}
			return a.showVerified(report)
		},
	}
	c.Flags().StringVar(&url, "store", "", "the node's PostgreSQL, when it has one: postgres://user@host/database")
	c.Flags().StringArrayVar(&known, "known", nil, "file with a checkpoint kept elsewhere; may be repeated")
	return c
}

// readAll reads small files.
func readAll(paths []string) ([]string, error) {
	var texts []string
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, fault.Wrap(err, fault.InputMissing, "the checkpoint cannot be read", "check the path")
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// remembered gives the checkpoints that the node's store kept.
func (a *app) remembered(ctx context.Context, url string) ([]string, error) {
	home, err := a.home()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(home, store.IndexFile)); err != nil && url == "" {
		a.progress("the node's store is not here: only the log itself and --known are compared")
		return nil, nil
	}
	s, err := store.Open(ctx, store.Options{DataDir: home, URL: url, Shared: true})
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Checkpoints(ctx)
}

func (a *app) showVerified(r govern.Report) error {
	v := map[string]any{"ok": true, "entries": r.Entries, "root": r.Checkpoint.RootText(), "checkpoint": r.Checkpoint.Text, "known": r.Known,
		"unsigned": r.Unsigned, "clockBack": r.ClockBack, "disclaimer": clinical.Disclaimer}
	return a.show(v, func(w io.Writer) {
		fmt.Fprintf(w, "%d entries are what was written; the log is whole\n", r.Entries)
		fmt.Fprintf(w, "  log         %s\n  root        %s\n  agrees with %d checkpoints kept outside of it\n", r.Checkpoint.Origin, r.Checkpoint.RootText(), r.Known)
		if r.Known == 0 {
			fmt.Fprintln(w, "  note        without a checkpoint kept elsewhere, an older copy of the whole log would look the same")
		}
		if r.Unsigned > 0 {
			fmt.Fprintf(w, "  note        %d entries wait in the journal since the node stopped; they are signed at its next start\n", r.Unsigned)
		}
		if r.ClockBack > 0 {
			fmt.Fprintf(w, "  note        the clock went back %d times\n", r.ClockBack)
		}
	})
}

func newAuditList(a *app, l *auditLog) *cobra.Command {
	var q govern.Query
	var since, until string
	c := &cobra.Command{
		Use:     "list",
		Short:   "Show entries, the newest first",
		Example: "  consilium audit list --patient 4711 --since 2026-01-01\n  consilium audit list --action report.signed --limit 20 --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var err error
			if q.Since, err = day(since); err != nil {
				return err
			}
			if q.Until, err = day(until); err != nil {
				return err
			}
			r, err := l.reader(c.Context(), a)
			if err != nil {
				return err
			}
			page, err := r.Entries(c.Context(), q)
			if err != nil {
				return err
			}
			v := map[string]any{"items": page.Items, "size": page.Size, "next": page.Next, "disclaimer": clinical.Disclaimer}
			return a.show(v, func(w io.Writer) { listEntries(w, page) })
		},
	}
	f := c.Flags()
	f.StringVar(&q.Patient, "patient", "", "patient ID")
	f.StringVar(&q.Study, "study", "", "Study Instance UID")
	f.StringVar(&q.Actor, "actor", "", "who did it")
	f.StringVar(&q.Action, "action", "", "what was done, such as study.viewed or report.signed")
	f.StringVar(&since, "since", "", "from this day or time on (2026-01-31 or 2026-01-31T08:00:00Z)")
	f.StringVar(&until, "until", "", "before this day or time")
	f.Uint64Var(&q.Before, "before", 0, "continue before this entry, as the page before says")
	f.IntVar(&q.Limit, "limit", 50, fmt.Sprintf("entries to show, at most %d", govern.MaxPage))
	return c
}

func day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Usage, fmt.Sprintf("%q is no time", text), "write 2026-01-31 or 2026-01-31T08:00:00Z")
}

func listEntries(w io.Writer, page govern.Page) {
	for _, e := range page.Items {
		fmt.Fprintf(w, "%8d  %s  %-20s %-16s", e.Index, e.Time.Format("2006-01-02 15:04:05"), printable(e.Action), printable(e.Actor))
		for _, field := range []struct{ name, value string }{{"patient", e.Patient}, {"study", e.Study}, {"object", e.Object}, {"model", e.Model}, {"outcome", e.Outcome}} {
			if field.value != "" && field.value != "ok" {
				fmt.Fprintf(w, " %s=%s", field.name, printable(field.value))
			}
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d of %d entries", len(page.Items), page.Size)
	if page.Next > 0 {
		fmt.Fprintf(w, "; more with --before %d", page.Next)
	}
	fmt.Fprintln(w)
}

// printable keeps what came from outside from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, s)
}

func newAuditExport(a *app, l *auditLog) *cobra.Command {
	return &cobra.Command{
		Use:     "export FILE",
		Short:   "Write all entries to a file, one JSON object a line",
		Example: "  consilium audit export audit.jsonl",
		Args:    exactly("FILE"),
		RunE: func(c *cobra.Command, args []string) error {
			r, err := l.reader(c.Context(), a)
			if err != nil {
				return err
			}
			n := uint64(0)
			err = writeFile(args[0], func(w io.Writer) error {
				enc := json.NewEncoder(w)
				enc.SetEscapeHTML(false)
				for n < r.Checkpoint.Size {
					entries, err := r.Read(c.Context(), n, govern.MaxPage)
					if err != nil {
						return err
					}
					for _, e := range entries {
						if err := enc.Encode(e); err != nil {
							return err
						}
					}
					n += uint64(len(entries))
				}
				return nil
			})
			if err != nil {
				return err
			}
			return a.shown("entries", fmt.Sprint(n))
		},
	}
}

func newAuditCheckpoint(a *app, l *auditLog) *cobra.Command {
	var since string
	c := &cobra.Command{
		Use:   "checkpoint",
		Short: "Print the signed checkpoint, to be kept by somebody else",
		Long: "Prints the signed statement of the log's size and root hash (C2SP tlog-checkpoint). Give it to another site,\n" +
			"a notary, or print it: whoever has it can later prove that the log was cut or rewritten. With --since, also\n" +
			"proves that the log continues the one of an older checkpoint (RFC 6962, section 2.1.2).",
		Example: "  consilium audit checkpoint > $(date +%F).checkpoint\n  consilium audit checkpoint --since 2026-01-01.checkpoint",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			r, err := l.reader(c.Context(), a)
			if err != nil {
				return err
			}
			v := map[string]any{"checkpoint": r.Checkpoint.Text, "size": r.Checkpoint.Size, "root": r.Checkpoint.RootText()}
			var proof []string
			if since != "" {
				if proof, err = l.continues(c.Context(), a, r, since); err != nil {
					return err
				}
				v["since"], v["proof"] = since, proof
			}
			if a.json {
				return json.NewEncoder(a.out).Encode(v)
			}
			fmt.Fprint(a.out, r.Checkpoint.Text)
			if since != "" {
				fmt.Fprintf(a.out, "\nThe log continues the one of %s. Proof:\n%s\n", since, strings.Join(proof, "\n"))
			}
			return nil
		},
	}
	c.Flags().StringVar(&since, "since", "", "file with an older checkpoint of this log")
	return c
}

// continues proves that the log begins with the entries of an older checkpoint.
func (l *auditLog) continues(ctx context.Context, a *app, r *govern.Reader, since string) ([]string, error) {
	texts, err := readAll([]string{since})
	if err != nil {
		return nil, err
	}
	_, key, err := l.places(a)
	if err != nil {
		return nil, err
	}
	verifier, err := govern.PublicKey(key)
	if err != nil {
		return nil, err
	}
	older, err := govern.ParseCheckpoint(texts[0], verifier)
	if err != nil {
		return nil, err
	}
	hashes, err := r.Consistency(ctx, older)
	if err != nil {
		return nil, err
	}
	proof := []string{}
	for _, h := range hashes {
		proof = append(proof, base64.StdEncoding.EncodeToString(h))
	}
	return proof, nil
}
