// Package clinic puts a node together: store, queue, audit log, accounts, the
// node itself and every door to it, in one process with one data directory.
package clinic

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"consilium/access"
	"consilium/dicom/result"
	"consilium/engine"
	"consilium/fault"
	"consilium/govern"
	"consilium/node"
	"consilium/panel"
	"consilium/registry"
	"consilium/server"
	"consilium/store"
	"consilium/work"
)

// Options say how a node runs. What they leave out comes from the settings that
// an administrator made on the page, and then from the defaults.
type Options struct {
	DataDir  string
	StoreURL string       // "" = SQLite in DataDir, "postgres://..."
	Bucket   string       // "" = blobs in DataDir, "s3://..."
	Queue    work.Options // Dir is set by Open

	HTTP    server.Listen
	Hosts   []string
	Proxies []string
	OIDC    *access.OIDC

	DICOM DICOM
	HL7   string // address of the MLLP listener; "" = none
	Peers []server.Peer
	Site  string

	Quiet   time.Duration // 0 = as in the settings
	Workers int           // studies at the same time; 0 = 1, below 0 = none here
	Engine  engine.Options
	Method  string // of the heat maps
	Models  []*registry.Bundle
	Version string
	Log     *slog.Logger
}

// DICOM says how the DIMSE listener runs.
type DICOM struct {
	Address   string // "" = 127.0.0.1:11112, Off = none
	AETitle   string
	Callers   []string
	Cert, Key string // TLS
	ClientCA  string // demands a certificate of every peer
}

// Off switches a listener off.
const Off = "off"

// Addresses are where a running node is reached.
type Addresses struct {
	Page  string `json:"page"`
	DICOM string `json:"dicom"` // "" when it is off
	HL7   string `json:"hl7"`
	Setup string `json:"setup"` // one-time link for the first administrator; "" when there is one
}

// Clinic is an opened node.
type Clinic struct {
	Options
	Settings server.Settings
	Store    *store.Store
	Queue    *work.Queue
	Audit    *govern.Log
	Access   *access.Service
	Node     *node.Node
	metrics  *prometheus.Registry
	saved    server.Settings // as they were when the node started, without what flags say
	said     sayOnce
	close    []func()
}

// Open opens every part. Run sets them to work; Close must be called in any case.
func Open(ctx context.Context, o Options) (*Clinic, error) {
	c := newClinic(o)
	if err := c.open(ctx); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

func newClinic(o Options) *Clinic {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Clinic{Options: o, metrics: prometheus.NewRegistry()}
}

// openBase opens what a node and its workers elsewhere both stand on: store,
// folders, settings, queue.
func (c *Clinic) openBase(ctx context.Context) (err error) {
	if c.Store, err = store.Open(ctx, store.Options{DataDir: c.DataDir, URL: c.StoreURL, Bucket: c.Bucket, Log: c.Log}); err != nil {
		return err
	}
	c.onClose(func() { _ = c.Store.Close() })
	if err := c.folders(); err != nil {
		return err
	}
	if c.Settings, err = server.LoadSettings(ctx, c.Store); err != nil {
		return err
	}
	c.saved = c.Settings
	c.saved.Peers = slices.Clone(c.Settings.Peers)
	c.settle()
	o := c.Options.Queue
	o.Dir, o.Log = filepath.Join(c.DataDir, "queue"), c.Log
	if c.Queue, err = work.Open(ctx, o); err != nil {
		return err
	}
	c.onClose(c.Queue.Close)
	return nil
}

func (c *Clinic) open(ctx context.Context) (err error) {
	if err := c.openBase(ctx); err != nil {
		return err
	}
	if c.Audit, err = govern.OpenLog(ctx, govern.Options{DataDir: c.DataDir, Memory: c.Store, Index: c.Store, Log: c.Log}); err != nil {
		return err
	}
	c.onClose(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
		defer cancel()
		_ = c.Audit.Close(ctx)
	})
	peers, err := c.peers()
	if err != nil {
		return err
	}
	if c.Node, err = c.newNode(ctx, c.Audit, peers); err != nil {
		return err
	}
	c.Access, err = access.New(access.Config{Store: c.Store, Flush: c.Node.Flush, Log: c.Log, OIDC: c.OIDC})
	return err
}

const closeWithin = 20 * time.Second

// folders makes the folders of the data directory, and clears what a killed
// process left on its way.
func (c *Clinic) folders() error {
	for _, name := range []string{node.SpoolDir, scratchDir} {
		path := filepath.Join(c.DataDir, name)
		if err := os.RemoveAll(path); err != nil {
			return fault.Wrap(err, fault.IO, "the folder "+name+" cannot be cleared", "check the data directory")
		}
		if err := os.MkdirAll(path, 0o700); err != nil {
			return fault.Wrap(err, fault.IO, "the folder "+name+" cannot be made", "check the data directory and its free space")
		}
	}
	return nil
}

const scratchDir = "scratch"

// settle fills in from the settings what the options leave out.
func (c *Clinic) settle() {
	s := &c.Settings.Node
	if c.DICOM.AETitle != "" {
		s.AETitle = c.DICOM.AETitle
	}
	if len(c.DICOM.Callers) > 0 {
		s.Callers = c.DICOM.Callers
	}
	if c.Quiet > 0 {
		s.Quiet = c.Quiet.Seconds()
	}
	if c.Site != "" {
		s.Site = c.Site
	}
	for _, p := range c.Peers {
		if i := slices.IndexFunc(c.Settings.Peers, func(q server.Peer) bool { return q.Name == p.Name }); i >= 0 {
			c.Settings.Peers[i] = p
		} else {
			c.Settings.Peers = append(c.Settings.Peers, p)
		}
	}
}

func (c *Clinic) newNode(ctx context.Context, audit node.Audit, peers []node.Peer) (*node.Node, error) {
	serial, err := c.serial(ctx)
	if err != nil {
		return nil, err
	}
	return node.New(node.Config{
		Store: c.Store, Queue: c.Queue, Audit: audit, Models: c.Models, Peers: peers,
		Seat: func(pictures string) (*panel.Panel, error) {
			return panel.New(c.Models, panel.Options{Engine: c.Engine, Method: c.Method, Out: pictures})
		},
		Quiet:   time.Duration(c.Settings.Node.Quiet * float64(time.Second)),
		Workers: c.Workers,
		Scratch: filepath.Join(c.DataDir, scratchDir),
		Device:  result.Device{Version: c.Version, Serial: serial, Station: c.Settings.Node.AETitle},
		Observe: c.observe(),
		Log:     c.Log,
	})
}

// Work diagnoses for a node on another machine until ctx ends, which is no
// error: store and queue are that node's.
func Work(ctx context.Context, o Options) error {
	c := newClinic(o)
	defer c.Close()
	err := c.openBase(ctx)
	if err != nil {
		return err
	}
	if c.Node, err = c.newNode(ctx, nil, c.addressees()); err != nil {
		return err
	}
	return c.Node.Run(ctx)
}

// addressees are the peers without their senders: a worker notes what is to be
// sent, and the node sends it.
func (c *Clinic) addressees() []node.Peer {
	var out []node.Peer
	for _, p := range c.Settings.Peers {
		out = append(out, node.Peer{Name: p.Name, Kind: p.Kind})
	}
	return out
}

// Run serves until ctx ends, which is no error. ready hears of the addresses
// once everything takes connections.
func (c *Clinic) Run(ctx context.Context, ready func(Addresses)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	setup, err := c.Access.FirstLink(ctx)
	if err != nil {
		return err
	}
	web, err := c.server()
	if err != nil {
		return err
	}
	doors, err := c.doors(ctx)
	if err != nil {
		return err
	}
	parts := []func(context.Context) error{c.Node.Run, c.housekeep}
	at := Addresses{}
	for _, d := range doors {
		parts = append(parts, d.serve)
		d.tell(&at)
	}
	parts = append(parts, func(ctx context.Context) error {
		return web.Run(ctx, c.HTTP, func(base string) {
			at.Page = base
			if setup != "" {
				at.Setup = server.SetupAddress(base, setup)
			}
			c.Log.Info("the node is ready", "page", at.Page, "dicom", at.DICOM)
			if ready != nil {
				ready(at)
			}
		})
	})
	return together(ctx, cancel, parts)
}

// together runs the parts of a node until one of them ends, and waits for the
// others to end too. Its error is that of the part that ended first: what the
// others say after that is only that they were stopped.
func together(ctx context.Context, cancel context.CancelFunc, parts []func(context.Context) error) error {
	var first error
	var once sync.Once
	var all sync.WaitGroup
	for _, part := range parts {
		all.Go(func() {
			err := guarded(ctx, part)
			once.Do(func() { first = err })
			cancel()
		})
	}
	all.Wait()
	return first
}

// guarded turns a panic of a part into its error, so that the others can end in order.
func guarded(ctx context.Context, part func(context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fault.New(fault.Internal, fmt.Sprintf("a part of the node failed: %v", r), "this is a defect; please report it")
		}
	}()
	return part(ctx)
}

func (c *Clinic) onClose(f func()) { c.close = append(c.close, f) }

// Close closes what Open opened, last first.
func (c *Clinic) Close() {
	for _, f := range slices.Backward(c.close) {
		f()
	}
	c.close = nil
}
