package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"consilium/access"
	"consilium/clinic"
	"consilium/clinical"
	"consilium/fault"
	"consilium/node"
	"consilium/panel"
	"consilium/server"
)

// serveFlags are the flags of `serve` and, in part, of `worker`.
type serveFlags struct {
	o          clinic.Options
	peers      []string
	token      string // file
	oidc       access.OIDC
	oidcSecret string // file
	oidcRoles  []string
	selfSigned bool
	logFormat  string
}

func newServe(a *app) *cobra.Command {
	f := &serveFlags{}
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the clinic node: DICOM in, reviewed and signed results out",
		Long: "Runs a node in one process with one data directory: it takes studies in by DICOM (C-STORE), DICOMweb and\n" +
			"upload, diagnoses each once for each version of the models, shows them on a page for review and signature,\n" +
			"and sends results to the receivers as DICOM objects (SR, SEG, Secondary Capture), FHIR and HL7 v2.\n" +
			"Every step is in an audit log that cannot be altered unseen (`consilium audit verify`).\n\n" +
			"Every listener is bound to this machine unless told otherwise. The first start prints a one-time link\n" +
			"for the first administrator. Ctrl-C ends the node in order; kill -9 loses nothing that was confirmed.",
		Example: "  consilium serve --data-dir /srv/consilium\n" +
			"  consilium serve --data-dir /srv/consilium --callers CT1,MR1@10.0.0.0/8 --dicom 10.1.2.3:11112 --to pacs=ARCHIVE@10.1.2.9:104\n" +
			"  consilium serve --data-dir /srv/consilium --listen 0.0.0.0:443 --tls-cert node.pem --tls-key node.key --host ai.example.org\n" +
			"  consilium serve --data-dir /srv/consilium --store postgres://db/consilium --queue nats://queue:4222",
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := f.options(a)
			if err != nil {
				return err
			}
			return a.runNode(c.Context(), o)
		},
	}
	f.doors(c)
	f.backends(c)
	return c
}

// doors adds the flags of the listeners and of who may come in.
func (f *serveFlags) doors(c *cobra.Command) {
	s, o := c.Flags(), &f.o
	s.StringVar(&o.HTTP.Address, "listen", server.DefaultAddress, "address of page, API, DICOMweb and FHIR")
	s.StringVar(&o.HTTP.CertFile, "tls-cert", "", "certificate of the page (PEM), read again when it changes")
	s.StringVar(&o.HTTP.KeyFile, "tls-key", "", "key of the certificate (PEM)")
	s.BoolVar(&f.selfSigned, "tls-self-signed", false, "make a certificate for the page and keep it in the data directory")
	s.BoolVar(&o.HTTP.Plain, "allow-plain-http", false, "HTTP without TLS beyond this machine: only behind a proxy that has TLS")
	s.StringSliceVar(&o.Hosts, "host", nil, "host names that the page is reached by, besides this machine's")
	s.StringSliceVar(&o.Proxies, "proxy", nil, "addresses of proxies whose X-Forwarded-For and -Proto are believed")
	s.StringVar(&o.DICOM.Address, "dicom", "127.0.0.1:11112", "address of the DICOM listener; \"off\" for none")
	s.StringVar(&o.DICOM.AETitle, "ae", "", "AE title of the node (default: the settings, then CONSILIUM)")
	s.StringSliceVar(&o.DICOM.Callers, "callers", nil, "who may send: AE, AE@address or AE@network/bits (default: the settings; on loopback everybody)")
	s.StringVar(&o.DICOM.Cert, "dicom-tls-cert", "", "certificate of the DICOM listener (PEM)")
	s.StringVar(&o.DICOM.Key, "dicom-tls-key", "", "key of that certificate (PEM)")
	s.StringVar(&o.DICOM.ClientCA, "dicom-tls-ca", "", "authority (PEM) whose certificate every DICOM peer must show")
	s.StringVar(&o.HL7, "hl7", "", "address of the HL7 v2 listener (MLLP), such as 127.0.0.1:2575; none when left out")
	s.StringArrayVar(&f.peers, "to", nil, "receiver of results: NAME=AE@host:port, NAME=hl7://host:port or NAME=https://host/fhir; may be repeated")
	s.StringVar(&o.Site, "site", "", "name of the institution, as it stands in results")
	s.StringVar(&f.oidc.Issuer, "oidc-issuer", "", "sign-in by this OpenID provider, besides local accounts")
	s.StringVar(&f.oidc.ClientID, "oidc-client", "", "what this node is called at the provider")
	s.StringVar(&f.oidcSecret, "oidc-secret-file", "", "file with the client secret")
	s.StringVar(&f.oidc.Redirect, "oidc-redirect", "", "this node's callback, https://HOST/auth/oidc/callback")
	s.StringVar(&f.oidc.GroupClaim, "oidc-groups", "groups", "claim with a person's groups")
	s.StringSliceVar(&f.oidcRoles, "oidc-role", nil, "GROUP=ROLE; who is in none of the groups may not sign in")
}

// backends adds the flags of what the node stands on.
func (f *serveFlags) backends(c *cobra.Command) {
	s, o := c.Flags(), &f.o
	s.StringVar(&o.StoreURL, "store", "", "PostgreSQL instead of SQLite in the data directory: postgres://user@host/database")
	s.StringVar(&o.Bucket, "blobs", "", "object store instead of files in the data directory: s3://bucket?endpoint=host:port")
	s.StringVar(&o.Queue.URL, "queue", "", "NATS server or cluster instead of the embedded one: nats://host:4222")
	s.StringVar(&o.Queue.Listen, "queue-listen", "", "let workers on other machines take jobs from the embedded queue, at this address")
	s.StringVar(&f.token, "queue-token-file", "", "file with the queue's shared secret")
	s.DurationVar(&o.Quiet, "settle", 0, "how long a study must rest before it is diagnosed (default: the settings, then "+node.DefaultQuiet.String()+")")
	s.IntVar(&o.Workers, "workers", 1, "studies diagnosed at the same time; -1 leaves it to `consilium worker` on other machines")
	s.StringVar(&o.Method, "method", panel.MethodAuto, "heat maps: "+strings.Join(panel.Methods(), ", "))
	s.StringVar(&f.logFormat, "log", "text", "log to standard error as text or json")
}

// options turns flags into what package clinic takes.
func (f *serveFlags) options(a *app) (clinic.Options, error) {
	o := f.o
	var err error
	if o.DataDir, err = a.home(); err != nil {
		return o, err
	}
	if f.selfSigned {
		o.HTTP.SelfSigned = o.DataDir
	}
	if o.Queue.Token, err = secretFile(f.token); err != nil {
		return o, err
	}
	if o.OIDC, err = f.provider(); err != nil {
		return o, err
	}
	for _, text := range f.peers {
		p, err := parsePeer(text)
		if err != nil {
			return o, err
		}
		o.Peers = append(o.Peers, p)
	}
	models, err := a.store()
	if err != nil {
		return o, err
	}
	entries, err := models.List()
	if err != nil {
		return o, err
	}
	o.Models, o.Engine, o.Version = panel.Newest(entries), a.engine(), version
	o.Log, err = newLog(a.err, f.logFormat, a.quiet)
	return o, err
}

func (f *serveFlags) provider() (*access.OIDC, error) {
	if f.oidc.Issuer == "" {
		return nil, nil
	}
	p := f.oidc
	var err error
	if p.ClientSecret, err = secretFile(f.oidcSecret); err != nil {
		return nil, err
	}
	p.Roles = map[string]access.Role{}
	for _, pair := range f.oidcRoles {
		group, name, found := strings.Cut(pair, "=")
		role, err := access.ParseRole(name)
		if !found || err != nil {
			return nil, fault.New(fault.Usage, "--oidc-role "+pair+" is not GROUP=ROLE", "roles are viewer, reader, researcher and admin")
		}
		p.Roles[group] = role
	}
	return &p, nil
}

// parsePeer reads a receiver of --to.
func parsePeer(text string) (server.Peer, error) {
	bad := fault.New(fault.Usage, "--to "+text+" names no receiver", "NAME=AE@host:port, NAME=hl7://host:port or NAME=https://host/fhir")
	name, where, found := strings.Cut(text, "=")
	if !found || name == "" {
		return server.Peer{}, bad
	}
	if address, is := strings.CutPrefix(where, "hl7://"); is {
		return server.Peer{Name: name, Kind: node.KindHL7, Address: address}, nil
	}
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		return server.Peer{Name: name, Kind: node.KindFHIR, Address: where}, nil
	}
	ae, address, found := strings.Cut(where, "@")
	if !found || ae == "" {
		return server.Peer{}, bad
	}
	return server.Peer{Name: name, Kind: node.KindDICOM, AETitle: ae, Address: address}, nil
}

// secretFile reads a secret; "" has none.
func secretFile(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fault.Wrap(err, fault.InputMissing, "a file with a secret cannot be read", "check "+path+" and its permissions")
	}
	return strings.TrimSpace(string(text)), nil
}

func newLog(w io.Writer, format string, quiet bool) (*slog.Logger, error) {
	level := &slog.HandlerOptions{Level: slog.LevelInfo}
	if quiet {
		level.Level = slog.LevelWarn
	}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(w, level)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, level)), nil
	}
	return nil, fault.New(fault.Usage, "there is no log format "+format, "text or json")
}

// runNode runs a node until Ctrl-C, which is the way to end and no error.
func (a *app) runNode(ctx context.Context, o clinic.Options) error {
	c, err := clinic.Open(ctx, o)
	if err != nil {
		return err
	}
	defer c.Close()
	return c.Run(ctx, func(at clinic.Addresses) { a.welcome(at) })
}

// welcome prints where the node is reached.
func (a *app) welcome(at clinic.Addresses) {
	if a.json {
		_ = a.show(struct {
			clinic.Addresses
			Disclaimer string `json:"disclaimer"`
		}{at, clinical.Disclaimer}, nil)
		return
	}
	fmt.Fprintf(a.out, "page   %s\n", at.Page)
	if at.DICOM != "" {
		fmt.Fprintf(a.out, "DICOM  %s\n", at.DICOM)
	}
	if at.HL7 != "" {
		fmt.Fprintf(a.out, "HL7    %s\n", at.HL7)
	}
	if at.Setup != "" {
		fmt.Fprintf(a.out, "\nThe node has no administrator yet. Open this link once, within a day, to make one:\n  %s\n", at.Setup)
	}
	fmt.Fprintf(a.out, "\n%s\n", clinical.Disclaimer)
}
