package node

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"consilium/dicom/result"
	"consilium/fault"
	"consilium/govern"
	"consilium/panel"
	"consilium/registry"
	"consilium/store"
	"consilium/work"
)

// Audit is the log that every step is written to.
type Audit interface {
	AppendAll(ctx context.Context, events []govern.Event) (first uint64, err error)
	Entries(ctx context.Context, q govern.Query) (govern.Page, error)
}

// Peer is a system that gets results.
type Peer struct {
	Name   string
	Kind   string // KindDICOM, KindFHIR, KindHL7
	Sender Sender
}

// Kinds of peers.
const (
	KindDICOM = "dicom"
	KindFHIR  = "fhir"
	KindHL7   = "hl7"
)

// Sender hands results to a peer and returns when the peer has them: one error
// for each. The same result may come again; its identifiers are the same then.
type Sender interface {
	Send(ctx context.Context, results []Result) []error
}

// Result is what a Sender sends: a DICOM object, or the whole case for records
// and messages.
type Result struct {
	Study    string
	Object   string // SOP instance UID; for the other kinds what names this result
	MadeAt   time.Time
	Instance *store.Instance               // KindDICOM
	Open     func() (io.ReadCloser, error) // KindDICOM: the Part 10 file
	Case     *Case                         // the other kinds
}

// Config is what a node is made of.
type Config struct {
	Store *store.Store
	Queue *work.Queue
	Audit Audit // nil = a worker: the process that has the audit log moves the events there
	// Seat makes the panel of one worker; pictures go to the folder.
	Seat func(pictures string) (*panel.Panel, error)
	// Models lists the bundles that Seat seats.
	Models []*registry.Bundle
	Peers  []Peer
	// Quiet is how long a study must rest before it is diagnosed; 0 = DefaultQuiet.
	Quiet time.Duration
	// Workers is how many studies are diagnosed at the same time; 0 = 1, below 0 = none, where workers on other
	// machines do it.
	Workers int
	Scratch string        // folder for pictures on their way; made when absent
	Device  result.Device // as which the node signs its objects
	Observe Observer
	Log     *slog.Logger
	Now     func() time.Time // nil = time.Now
}

// DefaultQuiet is short, because most senders deliver a study in one go, and
// a study that grows is simply diagnosed again.
const DefaultQuiet = 700 * time.Millisecond

// Observer hears how long things took. Its methods may be nil.
type Observer struct {
	Diagnosed func(took time.Duration, err error)
	Delivered func(peer string, took time.Duration, err error)
}

// Node is a running node.
type Node struct {
	Config
	hub     hub
	settled *board          // studies that may have come to rest
	post    []chan struct{} // wakes the sender of each peer
	record  sync.Mutex      // appends the pending audit events in their order
}

// New makes a node of its parts. Run sets it to work.
func New(c Config) (*Node, error) {
	if c.Store == nil || c.Queue == nil {
		return nil, fault.New(fault.Usage, "a node needs a store and a queue", "this is a defect; please report it")
	}
	if c.Quiet <= 0 {
		c.Quiet = DefaultQuiet
	}
	if c.Workers == 0 {
		c.Workers = 1
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	n := &Node{Config: c, settled: newBoard()}
	for range c.Peers {
		n.post = append(n.post, make(chan struct{}, 1))
	}
	return n, nil
}

// Run receives, diagnoses and delivers until ctx ends, which is no error. What
// an earlier process left unfinished is taken up first.
func (n *Node) Run(ctx context.Context) error {
	if err := n.recover(ctx); err != nil {
		if ctx.Err() != nil {
			return nil // stopped before it had begun
		}
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if err := n.Queue.Hear(ctx, n.hub.tell); err != nil {
		return err
	}
	var parts []func(context.Context) error
	if n.Audit != nil { // the node's own process, and not a worker
		parts = append(parts, n.settle, n.deliver, n.flushOften)
	}
	if n.Workers > 0 {
		parts = append(parts, n.diagnose)
	}
	errs := make(chan error, len(parts))
	for _, part := range parts {
		go func() { errs <- part(ctx) }()
	}
	var all []error
	for range parts {
		err := <-errs
		if err != nil || ctx.Err() == nil {
			cancel() // one part that ends ends the others
		}
		all = append(all, err)
	}
	return errors.Join(all...)
}

// recover puts back on the queue what was there when the last process ended,
// and writes into the audit log what it could not write any more. A job that is
// in the queue already, or done, comes to nothing.
func (n *Node) recover(ctx context.Context) error {
	if n.Audit == nil {
		return nil
	}
	if err := n.CatchUp(ctx); err != nil {
		return err
	}
	for _, state := range []store.State{store.StateReceiving, store.StateQueued, store.StateDiagnosing} {
		for offset := 0; ; offset += recoverPage {
			list, _, err := n.Store.Studies(ctx, store.Care, store.StudyQuery{States: []store.State{state}, Limit: recoverPage, Offset: offset})
			if err != nil {
				return err
			}
			for _, s := range list {
				if state == store.StateReceiving {
					n.settled.touch(s.UID, n.Now())
				} else if err := n.enqueue(ctx, s.UID, ""); err != nil {
					return err
				}
			}
			if len(list) < recoverPage {
				break
			}
		}
	}
	return nil
}

const recoverPage = 500

// digest names content by its hash, short enough for an identifier.
func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_ = json.NewEncoder(h).Encode(p) // framed: "ab","c" is not "a","bc"
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
