package federation

import (
	"context"
	"crypto/ed25519"
	"time"
)

// Mail is one message between hub and site. It is delivered at least once, in the order of its sender; a second
// delivery of an ID is dropped where that can be known, so what a mail does must bear repetition.
type Mail struct {
	ID      string `json:"id"`   // unique
	Kind    string `json:"kind"` // a word: "proposal", "answer", "round", "update" ...
	Job     string `json:"job"`  // the job's ID; "" when it is about none
	Round   int    `json:"round,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	Body    []byte `json:"-"` // up to MaxUpdateBytes; the link cuts it into pieces
}

// Delivery is a mail that came. Done says that it was dealt with; until then it comes again after a restart.
type Delivery struct {
	From string // the sender's name, vouched for by the link and not by the mail
	Mail
	Done func() error
}

// Member is a site as the hub knows it.
type Member struct {
	Name     string            `json:"name"`
	Key      ed25519.PublicKey `json:"key"` // with which it signs answers
	Joined   time.Time         `json:"joined"`
	Revoked  bool              `json:"revoked,omitempty"`
	Linked   bool              `json:"linked"` // heard of within the last few seconds
	Seen     time.Time         `json:"seen"`
	Protocol int               `json:"protocol"`
	Version  string            `json:"version"`  // of the site's program
	Skew     Duration          `json:"skew"`     // the site's clock minus the hub's
	Memory   int64             `json:"memory"`   // resident bytes of the site's process
	Doing    string            `json:"doing"`    // what the site says it does
	Sent     int64             `json:"sent"`     // bytes from hub to site, this session
	Received int64             `json:"received"` // bytes from site to hub
}

// HubEnd is the hub's side of a link. Implemented by link.Hub, and by room.Room in one process.
type HubEnd interface {
	// Members lists the sites that have joined, by name.
	Members(ctx context.Context) ([]Member, error)
	// Send returns when the mail is on the hub's disk.
	Send(ctx context.Context, site string, m Mail) error
	// Receive waits for the next mail of any site.
	Receive(ctx context.Context) (Delivery, error)
}

// SiteEnd is a site's side.
type SiteEnd interface {
	Name() string
	// Send returns when the mail is on the hub's disk; while the link is cut it waits, until ctx ends.
	Send(ctx context.Context, m Mail) error
	Receive(ctx context.Context) (Delivery, error)
	// Report tells the hub, now and then, what the site is doing. It never waits.
	Report(doing string)
}
