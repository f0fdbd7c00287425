package dimse

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"consilium/fault"
)

// Config says how a Server listens and what it takes. Zero values are the
// defaults of limits.go.
type Config struct {
	Address string // "127.0.0.1:11112" when empty
	AETitle string // what peers must call; "CONSILIUM" when empty

	// Callers are the peers that may associate: "AE", "AE@address" or
	// "AE@network/bits". "*" as the AE title stands for any. An empty list
	// admits everybody, which only a loopback address or mutual TLS allows.
	Callers []string
	TLS     *tls.Config // see ServerTLS; nil means without

	Spool   string   // folder for objects under way; it is the server's own
	Private []string // private SOP classes that are stored too

	// Receive takes over a complete file. The peer is told success when it
	// returns nil: the object must be durable by then. The file is removed
	// after it returned, if it is still there.
	Receive func(context.Context, Received) error
	// Commit answers a storage commitment request: one reason for each
	// reference, Committed where the object is held durably. Nil offers no
	// storage commitment.
	Commit func(ctx context.Context, caller string, refs []Reference) ([]Reason, error)
	// Committed takes the reports that follow RequestCommitment later, on an
	// association of the peer's. Nil takes none.
	Committed func(ctx context.Context, caller string, c Commitment) error
	// Peers finds where a commitment report goes when its association has
	// ended: by AE title. Nil keeps such reports undelivered.
	Peers func(ae string) (Peer, bool)

	MaxPDU          uint32 // bytes, 4 KiB to 1 MiB
	MaxObject       int64  // bytes of one object
	MaxBytes        int64  // bytes of one association
	MaxAssociations int

	Associate time.Duration // from the connection to the association (ARTIM), TLS included
	Idle      time.Duration // between PDUs, and for one PDU to arrive
	Total     time.Duration // of one association
	Grace     time.Duration // for associations to finish their message when the server stops

	Observe Observer
	Log     *slog.Logger // nil discards
}

// Received is an object that has arrived.
type Received struct {
	Path              string // a complete Part 10 file in the spool folder
	CallingAE         string
	Address           string // of the peer, without port
	Class, SOP        string // as the command and the data set say, both alike
	TransferSyntax    string
	Size              int64  // of the file in bytes
	MoveOriginator    string // AE title that asked for it by C-MOVE, if any
	MoveOriginMessage int
}

// Observer counts. Methods are called by many goroutines and must not block.
type Observer interface {
	// Opened tells that an association was accepted.
	Opened()
	// Closed tells how long an association lasted and how it ended.
	Closed(end End, took time.Duration)
	// Received tells of an object that was stored.
	Received(bytes int64, took time.Duration)
	// Refused tells of an association or an object that was not taken.
	Refused(why Refusal)
}

// End is how an association ended; a bounded set, fit for a metric's label.
type End string

// The ends of an association.
const (
	EndReleased  End = "released"  // by the peer, as it should be
	EndAborted   End = "aborted"   // by the peer
	EndLost      End = "lost"      // the connection broke
	EndTimeout   End = "timeout"   // idle or too long
	EndViolation End = "violation" // the peer broke the protocol or a limit
	EndShutdown  End = "shutdown"  // this side stopped
	EndDefect    End = "defect"    // of ours
)

// Refusal is why an association or an object was not taken; a bounded set.
type Refusal string

// The refusals.
const (
	RefusedHandshake  Refusal = "tls"          // no or a wrong certificate, or no TLS
	RefusedRequest    Refusal = "request"      // no association request, or none in time
	RefusedContext    Refusal = "context"      // unsupported application context or protocol version
	RefusedCalled     Refusal = "called_ae"    // wrong called AE title
	RefusedCaller     Refusal = "calling_ae"   // calling AE title not allowed
	RefusedCongestion Refusal = "congestion"   // too many associations
	RefusedPartial    Refusal = "partial"      // the object did not arrive whole
	RefusedMismatch   Refusal = "mismatch"     // command and data set name different objects
	RefusedMalformed  Refusal = "malformed"    // not understood
	RefusedStore      Refusal = "store"        // Receive or the disk refused
	RefusedOperation  Refusal = "unrecognised" // an operation that is not offered
)

var discard = slog.New(slog.DiscardHandler)

type silent struct{}

func (silent) Opened()                       {}
func (silent) Closed(End, time.Duration)     {}
func (silent) Received(int64, time.Duration) {}
func (silent) Refused(Refusal)               {}

// fill sets defaults and checks the rest.
func (c *Config) fill() error {
	orDefault(&c.Address, "127.0.0.1:11112")
	orDefault(&c.AETitle, "CONSILIUM")
	orDefault(&c.MaxPDU, uint32(DefaultMaxPDU))
	orDefault(&c.MaxObject, int64(DefaultMaxObject))
	orDefault(&c.MaxBytes, int64(DefaultMaxBytes))
	orDefault(&c.MaxAssociations, DefaultMaxAssociations)
	orDefault(&c.Associate, DefaultAssociate)
	orDefault(&c.Idle, DefaultIdle)
	orDefault(&c.Total, DefaultTotal)
	orDefault(&c.Grace, DefaultGrace)
	if c.Observe == nil {
		c.Observe = silent{}
	}
	if c.Log == nil {
		c.Log = discard
	}
	switch {
	case !validAE(c.AETitle):
		return usage("the AE title %q is not one", c.AETitle)
	case c.Receive == nil || c.Spool == "":
		return usage("a DICOM server needs a spool folder and a receiver")
	case c.MaxPDU < minPDU || c.MaxPDU > maxPDU:
		return usage("the longest PDU must be %d to %d bytes", minPDU, maxPDU)
	}
	if err := os.MkdirAll(c.Spool, 0o700); err != nil {
		return fault.Wrap(err, fault.StoreFailed, "the spool folder cannot be made", "check the path and its permissions")
	}
	return nil
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}

func usage(format string, a ...any) error {
	return fault.New(fault.Usage, fmt.Sprintf(format, a...), "see docs/dimse.md")
}

// validAE: 1 to 16 printable characters without backslash, not only spaces
// (PS3.5 table 6.2-1).
func validAE(s string) bool {
	return s != "" && len(s) <= 16 && strings.TrimSpace(s) == s && printable(s) == s && !strings.Contains(s, `\`)
}

// caller is one entry of Config.Callers.
type caller struct {
	ae  string // "*" for any
	net netip.Prefix
	all bool // any address
}

func parseCallers(entries []string) ([]caller, error) {
	var out []caller
	for _, entry := range entries {
		ae, where, limited := strings.Cut(entry, "@")
		c := caller{ae: ae, all: !limited}
		if ae != "*" && !validAE(ae) {
			return nil, usage("%q names no AE title", entry)
		}
		if limited {
			var err error
			if c.net, err = parsePrefix(where); err != nil {
				return nil, usage("%q names no address after the @", entry)
			}
		}
		out = append(out, c)
	}
	return out, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if strings.Contains(s, "/") {
		return netip.ParsePrefix(s)
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	return a.Prefix(a.BitLen())
}

// admits tells whether a peer of this title at this address may associate.
func admits(list []caller, ae string, from net.Addr) bool {
	if len(list) == 0 {
		return true
	}
	addr := addressOf(from)
	for _, c := range list {
		if (c.ae == "*" || c.ae == ae) && (c.all || addr.IsValid() && c.net.Contains(addr)) {
			return true
		}
	}
	return false
}

// addressOf gives the IP address; invalid for connections that have none.
func addressOf(a net.Addr) netip.Addr {
	if p, err := netip.ParseAddrPort(a.String()); err == nil {
		return p.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// clean removes what a killed process left in the spool folder. Nothing in it
// was ever confirmed to a peer.
func clean(spool string) error {
	left, err := filepath.Glob(filepath.Join(spool, spoolPattern))
	if err != nil {
		return fault.Wrap(err, fault.Usage, "the spool folder has an odd name", "choose one without * ? [")
	}
	for _, path := range left {
		if err := os.Remove(path); err != nil {
			return fault.Wrap(err, fault.StoreFailed, "the spool folder cannot be cleaned", "check its permissions")
		}
	}
	return nil
}
