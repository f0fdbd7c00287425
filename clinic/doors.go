package clinic

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"consilium/access"
	"consilium/dicomweb"
	"consilium/dimse"
	"consilium/fault"
	report "consilium/federation/page"
	"consilium/fhir"
	"consilium/govern"
	"consilium/node"
	"consilium/server"
	"consilium/store"
	"consilium/web"
)

// door is a listener of its own, besides the page's.
type door struct {
	serve func(ctx context.Context) error
	tell  func(*Addresses)
}

// doors opens the listeners, so that a port that is taken is known at once.
func (c *Clinic) doors(ctx context.Context) ([]door, error) {
	var out []door
	if c.DICOM.Address != Off {
		d, err := c.dicomDoor(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	if c.HL7 != "" {
		d, err := c.hl7Door()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

func (c *Clinic) dicomDoor(ctx context.Context) (door, error) {
	var config *tls.Config
	var err error
	if c.DICOM.Cert != "" {
		if config, err = dimse.ServerTLS(c.DICOM.Cert, c.DICOM.Key, c.DICOM.ClientCA); err != nil {
			return door{}, err
		}
	}
	address := c.DICOM.Address
	if address == "" {
		address = "127.0.0.1:11112"
	}
	s, err := dimse.NewServer(dimse.Config{
		Address: address, AETitle: c.Settings.Node.AETitle, Callers: c.Settings.Node.Callers, TLS: config,
		Spool: filepath.Join(c.DataDir, node.SpoolDir, "dimse"),
		Receive: func(ctx context.Context, r dimse.Received) error {
			_, err := c.Node.Receive(ctx, r.Path, r.CallingAE)
			return err
		},
		Commit:  c.commit,
		Peers:   c.dimsePeer,
		Observe: c.dimseObserver(),
		Log:     c.Log,
	})
	if err != nil {
		return door{}, err
	}
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return door{}, fault.Wrap(err, fault.IO, "the DICOM listener cannot take "+address, "choose another address with --dicom, or stop what has it")
	}
	return door{
		serve: func(ctx context.Context) error { return s.Serve(ctx, l) },
		tell:  func(a *Addresses) { a.DICOM = c.Settings.Node.AETitle + "@" + l.Addr().String() },
	}, nil
}

// commit answers a storage commitment request: what is in the index lies in a
// blob that was made durable before.
func (c *Clinic) commit(ctx context.Context, _ string, refs []dimse.Reference) ([]dimse.Reason, error) {
	reasons := make([]dimse.Reason, len(refs))
	for i, ref := range refs {
		found, err := c.Store.Instance(ctx, store.Care, ref.SOP)
		switch {
		case fault.CodeOf(err) == fault.NotFound, fault.CodeOf(err) == fault.ConsentWithheld:
			reasons[i] = dimse.CommitNoSuchObject
		case err != nil:
			return nil, err
		case found.Class != ref.Class:
			reasons[i] = dimse.CommitClassConflict
		}
	}
	return reasons, nil
}

// peers makes the senders of the settings.
func (c *Clinic) peers() ([]node.Peer, error) {
	var out []node.Peer
	for _, p := range c.Settings.Peers {
		sender, err := c.sender(p)
		if err != nil {
			return nil, err
		}
		out = append(out, node.Peer{Name: p.Name, Kind: p.Kind, Sender: sender})
	}
	return out, nil
}

func (c *Clinic) dimseOf(p server.Peer) (dimse.Peer, error) {
	peer := dimse.Peer{Address: p.Address, AETitle: p.AETitle, CallingAE: c.Settings.Node.AETitle}
	if p.TLS {
		config, err := dimse.ClientTLS(c.DICOM.ClientCA, c.DICOM.Cert, c.DICOM.Key, "")
		if err != nil {
			return peer, err
		}
		peer.TLS = config
	}
	return peer, nil
}

// dimsePeer finds a receiver by its AE title.
func (c *Clinic) dimsePeer(ae string) (dimse.Peer, bool) {
	for _, p := range c.Settings.Peers {
		if p.Kind == node.KindDICOM && p.AETitle == ae {
			peer, err := c.dimseOf(p)
			return peer, err == nil
		}
	}
	return dimse.Peer{}, false
}

// FederationDir is where the data folder of a node holds what a hub or a site keeps.
const FederationDir = "federation"

// server makes the face of the node.
func (c *Clinic) server() (*server.Server, error) {
	page, _ := web.FS()
	return server.New(server.Config{
		Node: c.Node, Store: c.Store, Access: c.Access, Audit: c.Audit, Models: c.Models, VerifyAudit: c.verifyAudit,
		Page: page, DICOMweb: c.dicomweb(), FHIR: fhir.Handler(c.fhirConfig()), Metrics: c.metrics, Status: c.status, Running: &c.saved, Readonly: c.readonly(),
		Federation: &report.Folder{Dir: filepath.Join(c.DataDir, FederationDir)},
		Version:    c.Version, Spool: filepath.Join(c.DataDir, node.SpoolDir), Hosts: c.Hosts, Proxies: c.Proxies, Log: c.Log,
	})
}

// dicomweb serves the stored objects to viewers and archives, with the rights
// and for the purpose of who asks.
func (c *Clinic) dicomweb() http.Handler {
	return dicomweb.Handler(dicomweb.Config{
		Store: c.Store, Receive: c.Node.Receive, Spool: filepath.Join(c.DataDir, node.SpoolDir), Root: "/dicomweb", Log: c.Log,
		Reader: func(r *http.Request) store.Reader { return store.Reader{Purpose: access.From(r.Context()).Purpose()} },
		Observe: func(ctx context.Context, action, study string) error {
			who := access.From(ctx)
			words, now := who.ID+" "+action+" "+study, time.Now()
			if c.said.lately(now, words) {
				return nil
			}
			err := c.Node.Tell(ctx, govern.Event{Actor: who.Name, Role: string(who.Role), Action: action, Study: study, Outcome: "ok", Detail: map[string]string{"by": "dicomweb"}})
			if err == nil { // what was not recorded is not said
				c.said.note(now, words)
			}
			return err
		},
	})
}
