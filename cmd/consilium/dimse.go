package main

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/dimse"
	"consilium/fault"
)

func newPacs(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "pacs",
		Short: "Talk to a PACS: test the line, send, search, fetch",
		Long: "Speaks DICOM's network protocol to one peer, named AE@HOST:PORT: its AE title, address and port.\n" +
			"With --tls both sides show certificates where they are asked to.",
		Example: "  consilium pacs echo ARCHIVE@pacs.example:11112\n  consilium pacs find ARCHIVE@pacs.example:11112 PatientID=4711 StudyDate=20260101-",
		Args:    noVerb,
		RunE:    func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newPacsEcho(a), newPacsSend(a), newPacsFind(a), newPacsMove(a), newPacsGet(a))
	return c
}

// peerFlags say how to reach a peer; its name is the first argument.
type peerFlags struct {
	calling                string
	timeout                time.Duration
	tls                    bool
	ca, cert, key, tlsName string
}

func (p *peerFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&p.calling, "calling", "CONSILIUM", "our own AE title")
	f.DurationVar(&p.timeout, "timeout", time.Minute, "longest wait for one answer")
	f.BoolVar(&p.tls, "tls", false, "encrypt (TLS 1.2 or later)")
	f.StringVar(&p.ca, "ca", "", "PEM file of the authority that the peer's certificate must be by (default: the system's)")
	f.StringVar(&p.cert, "cert", "", "PEM file of our certificate")
	f.StringVar(&p.key, "key", "", "PEM file of its key")
	f.StringVar(&p.tlsName, "tls-name", "", "name in the peer's certificate (default: HOST)")
}

// peer reads AE@HOST:PORT.
func (p *peerFlags) peer(arg string) (dimse.Peer, error) {
	ae, address, ok := strings.Cut(arg, "@")
	if !ok || ae == "" || !strings.Contains(address, ":") {
		return dimse.Peer{}, fault.New(fault.Usage, fmt.Sprintf("%q does not name a peer", arg), "write AE@HOST:PORT, such as ARCHIVE@192.0.2.7:11112")
	}
	out := dimse.Peer{Address: address, AETitle: ae, CallingAE: p.calling, Timeout: p.timeout}
	if !p.tls {
		if p.ca != "" || p.cert != "" || p.key != "" || p.tlsName != "" {
			return out, fault.New(fault.Usage, "certificates without --tls", "add --tls")
		}
		return out, nil
	}
	var err error
	out.TLS, err = dimse.ClientTLS(p.ca, p.cert, p.key, p.tlsName)
	return out, err
}

// atLeast checks that arguments follow the peer.
func atLeast(n int, what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < n {
			return fault.New(fault.Usage, what+" is missing", "see the examples in --help")
		}
		return nil
	}
}

func newPacsEcho(a *app) *cobra.Command {
	var p peerFlags
	c := &cobra.Command{
		Use:     "echo AE@HOST:PORT",
		Short:   "Test the line (C-ECHO)",
		Example: "  consilium pacs echo ARCHIVE@pacs.example:11112\n  consilium pacs echo ARCHIVE@pacs.example:2762 --tls --ca ca.pem --cert us.pem --key us.key",
		Args:    exactly("AE@HOST:PORT"),
		RunE: func(c *cobra.Command, args []string) error {
			peer, err := p.peer(args[0])
			if err != nil {
				return err
			}
			started := time.Now()
			if err := dimse.Echo(c.Context(), peer); err != nil {
				return err
			}
			took := time.Since(started)
			return a.show(map[string]any{"peer": args[0], "ms": took.Milliseconds(), "disclaimer": clinical.Disclaimer}, func(w io.Writer) {
				fmt.Fprintf(w, "%s answers, in %d ms\n", peer.AETitle, took.Milliseconds())
			})
		},
	}
	p.add(c)
	return c
}

// sentLine is one object of `pacs send`.
type sentLine struct {
	File    string `json:"file"`
	SOP     string `json:"sop,omitempty"`
	Warning string `json:"warning,omitempty"`
	Fault   string `json:"fault,omitempty"`
}

func newPacsSend(a *app) *cobra.Command {
	var p peerFlags
	c := &cobra.Command{
		Use:     "send AE@HOST:PORT FILE|FOLDER...",
		Short:   "Send DICOM files as they are (C-STORE)",
		Long:    "Sends DICOM files, and every file in the folders named, as they are: a peer that does not take a file's transfer\nsyntax does not get it, and the answer says so.",
		Example: "  consilium pacs send ARCHIVE@pacs.example:11112 film.dcm\n  consilium pacs send ARCHIVE@pacs.example:11112 study/",
		Args:    atLeast(2, "the peer, or the file to send,"),
		RunE: func(c *cobra.Command, args []string) error {
			peer, err := p.peer(args[0])
			if err != nil {
				return err
			}
			sources, err := sourcesIn(args[1:])
			if err != nil {
				return err
			}
			done := 0
			sent, failure := dimse.Store(c.Context(), peer, sources, func(s dimse.Sent) {
				done++
				if s.Err != nil {
					a.progress("%d/%d %s: %v", done, len(sources), s.Name, s.Err)
				} else if done%100 == 0 {
					a.progress("%d/%d", done, len(sources))
				}
			})
			lines, stored := make([]sentLine, len(sent)), 0
			for i, s := range sent {
				lines[i] = sentLine{File: s.Name, SOP: s.SOP, Warning: s.Warning}
				if s.Err != nil {
					lines[i].Fault = s.Err.Error()
				} else {
					stored++
				}
			}
			if err := a.show(map[string]any{"objects": lines, "stored": stored, "disclaimer": clinical.Disclaimer}, func(w io.Writer) {
				fmt.Fprintf(w, "%d of %d objects stored by %s\n", stored, len(sent), peer.AETitle)
			}); err != nil {
				return err
			}
			return failure
		},
	}
	p.add(c)
	return c
}

// sourcesIn lists the files that the arguments name, folders opened.
func sourcesIn(paths []string) ([]dimse.Source, error) {
	var out []dimse.Source
	for _, root := range paths {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && (d.Type().IsRegular() || path == root && !d.IsDir()) {
				out = append(out, dimse.File(path))
			}
			return err
		})
		if err != nil {
			return nil, fault.Wrap(err, fault.InputMissing, "cannot read "+root, "check the path and its permissions")
		}
	}
	if len(out) == 0 {
		return nil, fault.New(fault.InputEmpty, "there is no file in the folder", "name files, or a folder with files")
	}
	return out, nil
}
