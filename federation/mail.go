package federation

import (
	"context"
	"crypto/ed25519"
	"slices"
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

// Body is bytes that may still lie where they were kept.
type Body struct {
	Size int64
	// Blocks gives them from the first to the last, as often as it is called; a block is the body's again when take
	// returns. Errors: UPDATE_REFUSED when they are not what was sent, and those of take.
	Blocks func(ctx context.Context, take func(block []byte) error) error
}

// BodyOf is a body that is in memory.
func BodyOf(b []byte) Body {
	return Body{Size: int64(len(b)), Blocks: func(_ context.Context, take func([]byte) error) error { return take(b) }}
}

// Delivery is a mail that came. Done says that it was dealt with; until then it comes again after a restart.
type Delivery struct {
	From string // the sender's name, vouched for by the link and not by the mail
	Mail
	Left *Body // a body too large to be handed out: Mail.Body is nil and this is it; nil otherwise
	Done func() error
}

// Source is the body, wherever it lies.
func (d Delivery) Source() Body {
	if d.Left != nil {
		return *d.Left
	}
	return BodyOf(d.Body)
}

// trusted is how much memory a body gets before more of it has come: its size alone may say 1 GiB.
const trusted = 16 << 20

// Load gets the whole body into memory. Errors: those of Body.Blocks.
func (d Delivery) Load(ctx context.Context) (Delivery, error) {
	if d.Left == nil {
		return d, nil
	}
	body := make([]byte, 0, min(d.Left.Size, trusted))
	err := d.Left.Blocks(ctx, func(block []byte) error {
		if len(body)+len(block) > cap(body) {
			body = slices.Grow(body, int(d.Left.Size)-len(body))
		}
		body = append(body, block...)
		return nil
	})
	if err != nil {
		return d, err
	}
	d.Body, d.Left = body, nil
	return d, nil
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
	// Receive waits for the next mail of any site. A large body stays on the hub's disk until it is read.
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
