package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/dimse"
	"consilium/fault"
)

// queryFlags say what to ask for; the keys are arguments.
type queryFlags struct {
	level   string
	patient bool
}

func (q *queryFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&q.level, "level", "STUDY", "PATIENT, STUDY, SERIES or IMAGE")
	c.Flags().BoolVar(&q.patient, "patient-root", false, "ask by the patient root model (default: study root)")
}

// query reads KEYWORD=VALUE or KEYWORD arguments; the tags keep their order.
func (q *queryFlags) query(args []string, wanted ...dicom.Tag) (dimse.Query, []dicom.Tag, error) {
	out := dimse.Query{Level: strings.ToUpper(q.level), Keys: dicom.New("")}
	if q.patient {
		out.Root = dimse.PatientRoot
	}
	tags := slices.Clone(wanted)
	for _, t := range wanted {
		if err := out.Keys.Set(t); err != nil {
			return out, nil, err
		}
	}
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		t, err := dicom.ParseTag(name)
		if err != nil {
			return out, nil, fault.Wrap(err, fault.Usage, fmt.Sprintf("%q is no key", arg), "write KEYWORD=VALUE, such as PatientID=4711, or KEYWORD")
		}
		if value == "" {
			err = out.Keys.Set(t)
		} else {
			values := []any{}
			for v := range strings.SplitSeq(value, `\`) { // a list of UIDs matches each
				values = append(values, v)
			}
			err = out.Keys.Set(t, values...)
		}
		if err != nil {
			return out, nil, err
		}
		if !slices.Contains(tags, t) {
			tags = append(tags, t)
		}
	}
	return out, tags, nil
}

// shown are the attributes that find asks for by itself, by level.
var shown = map[string][]dicom.Tag{
	"PATIENT": {dicom.PatientID, dicom.PatientName, dicom.PatientBirthDate, dicom.PatientSex},
	"STUDY":   {dicom.StudyDate, dicom.PatientID, dicom.PatientName, dicom.ModalitiesInStudy, dicom.StudyDescription, dicom.StudyInstanceUID},
	"SERIES":  {dicom.Modality, dicom.SeriesNumber, dicom.SeriesDescription, dicom.SeriesInstanceUID},
	"IMAGE":   {dicom.InstanceNumber, dicom.SOPClassUID, dicom.SOPInstanceUID},
}

func newPacsFind(a *app) *cobra.Command {
	var p peerFlags
	var q queryFlags
	limit := 0
	c := &cobra.Command{
		Use:   "find AE@HOST:PORT [KEYWORD=VALUE...]",
		Short: "Search (C-FIND)",
		Long: "Searches by attributes (keywords of DICOM, or eight hexadecimal digits). * and ? match any letters, 20260101-20260131\n" +
			"a range of dates. A keyword without a value is shown, not searched for.",
		Example: "  consilium pacs find ARCHIVE@pacs.example:11112 'PatientName=DOE*' StudyDate=20260101-\n  consilium pacs find ARCHIVE@pacs.example:11112 --level SERIES StudyInstanceUID=1.2.3",
		Args:    atLeast(1, "the peer"),
		RunE: func(c *cobra.Command, args []string) error {
			peer, err := p.peer(args[0])
			if err != nil {
				return err
			}
			query, tags, err := q.query(args[1:], shown[strings.ToUpper(q.level)]...)
			if err != nil {
				return err
			}
			matches, more, err := find(c.Context(), peer, query, limit)
			if err != nil {
				return err
			}
			list := make([]json.RawMessage, len(matches))
			for i, o := range matches {
				if list[i], err = o.JSON(nil); err != nil {
					return err
				}
			}
			return a.show(map[string]any{"matches": list, "more": more, "disclaimer": clinical.Disclaimer}, func(w io.Writer) { printMatches(w, matches, tags, more) })
		},
	}
	p.add(c)
	q.add(c)
	c.Flags().IntVar(&limit, "limit", 200, "stop after so many matches")
	return c
}

// find collects up to limit matches, and tells whether there were more.
func find(ctx context.Context, p dimse.Peer, q dimse.Query, limit int) (matches []*dicom.Object, more bool, err error) {
	enough := fault.New(fault.Interrupted, "enough", "")
	err = dimse.Find(ctx, p, q, func(o *dicom.Object) error {
		if len(matches) == limit {
			more = true
			return enough
		}
		matches = append(matches, o)
		return nil
	})
	if more && err == error(enough) {
		err = nil
	}
	return matches, more, err
}

func printMatches(w io.Writer, matches []*dicom.Object, tags []dicom.Tag, more bool) {
	for i, o := range matches {
		if i > 0 {
			fmt.Fprintln(w)
		}
		for _, t := range tags {
			name := t.Keyword()
			if name == "" {
				name = t.String()
			}
			fmt.Fprintf(w, "%-22s%s\n", name, strings.Join(o.Texts(t), `\`))
		}
	}
	switch {
	case len(matches) == 0:
		fmt.Fprintln(w, "Nothing matches.")
	case more:
		fmt.Fprintf(w, "\nThere are more than these %d: narrow the search, or raise --limit.\n", len(matches))
	}
}

func newPacsMove(a *app) *cobra.Command {
	var p peerFlags
	var q queryFlags
	to := ""
	c := &cobra.Command{
		Use:     "move AE@HOST:PORT --to AE KEYWORD=VALUE...",
		Short:   "Have objects sent to a node that the peer knows (C-MOVE)",
		Example: "  consilium pacs move ARCHIVE@pacs.example:11112 --to CONSILIUM StudyInstanceUID=1.2.3",
		Args:    atLeast(2, "the peer, or what to move,"),
		RunE: func(c *cobra.Command, args []string) error {
			peer, err := p.peer(args[0])
			if err != nil {
				return err
			}
			query, _, err := q.query(args[1:])
			if err != nil {
				return err
			}
			done, failure := dimse.Move(c.Context(), peer, query, to, func(s dimse.SubOperations) { a.progress("%d sent, %d to go", s.Completed, s.Remaining) })
			return a.retrieved(done, failure, "sent to "+to)
		},
	}
	p.add(c)
	q.add(c)
	c.Flags().StringVar(&to, "to", "CONSILIUM", "AE title of the receiver, as the peer knows it")
	return c
}

func newPacsGet(a *app) *cobra.Command {
	var p peerFlags
	var q queryFlags
	out := ""
	c := &cobra.Command{
		Use:     "get AE@HOST:PORT --out FOLDER KEYWORD=VALUE...",
		Short:   "Fetch objects into a folder (C-GET)",
		Long:    "Fetches objects over the connection that asks, and writes each as FOLDER/SOPINSTANCEUID.dcm.",
		Example: "  consilium pacs get ARCHIVE@pacs.example:11112 --out study StudyInstanceUID=1.2.3",
		Args:    atLeast(2, "the peer, or what to fetch,"),
		RunE: func(c *cobra.Command, args []string) error {
			peer, err := p.peer(args[0])
			if err != nil {
				return err
			}
			query, _, err := q.query(args[1:])
			if err != nil {
				return err
			}
			if err := os.MkdirAll(out, 0o755); err != nil {
				return fault.Wrap(err, fault.IO, "cannot make the folder", "choose another --out")
			}
			spool, err := os.MkdirTemp(out, ".arriving-")
			if err != nil {
				return fault.Wrap(err, fault.IO, "cannot write into the folder", "choose another --out")
			}
			defer os.RemoveAll(spool)
			done, failure := dimse.Get(c.Context(), peer, query, dimse.Inbox{Spool: spool, Receive: func(_ context.Context, r dimse.Received) error {
				if err := os.Rename(r.Path, filepath.Join(out, r.SOP+".dcm")); err != nil { // a UID is digits and dots
					return fault.Wrap(err, fault.IO, "cannot write into the folder", "choose another --out")
				}
				return nil
			}}, func(s dimse.SubOperations) { a.progress("%d fetched, %d to go", s.Completed, s.Remaining) })
			return a.retrieved(done, failure, "fetched into "+out)
		},
	}
	p.add(c)
	q.add(c)
	c.Flags().StringVar(&out, "out", "fetched", "folder for the files")
	return c
}

// retrieved prints the counts of a transfer, whole or not.
func (a *app) retrieved(done dimse.SubOperations, failure error, where string) error {
	if failure != nil && done.Completed == 0 {
		return failure
	}
	if err := a.show(map[string]any{"completed": done.Completed, "failed": done.Failed, "warning": done.Warning, "disclaimer": clinical.Disclaimer}, func(w io.Writer) {
		fmt.Fprintf(w, "%d objects %s, %d failed\n", done.Completed+done.Warning, where, done.Failed)
	}); err != nil {
		return err
	}
	return failure
}
