package link

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"sync"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// inbox reads one stream, in order. What it hands out stays in the stream until Done; it is handed out once in the
// life of the inbox, and again by the next one.
type inbox struct {
	from string
	box  *box
	done *doneFile
	log  *slog.Logger
	wake chan struct{} // there may be mail
	tidy chan struct{} // mail was dealt with
	out  chan<- arrived
	fit  func(protocol int) error

	mu   sync.Mutex
	next uint64        // sequence number to go on from
	open map[mark]bool // handed out, not done
	owed map[mark]bool // done, and still in the stream
}

// arrived is a mail whose body may still lie in the stream: it is fetched when somebody asks for the mail.
type arrived struct {
	in   *inbox
	head head
	body []byte
}

func newInbox(from string, b *box, done *doneFile, log *slog.Logger, out chan<- arrived, fit func(int) error) *inbox {
	return &inbox{from: from, box: b, done: done, log: log, wake: make(chan struct{}, 1), tidy: make(chan struct{}, 1), out: out, fit: fit,
		next: 1, open: map[mark]bool{}, owed: map[mark]bool{}}
}

// ring wakes one of the two loops. It never waits.
func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// run reads and tidies until ctx ends.
func (in *inbox) run(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { in.loop(ctx, in.wake, in.step) })
	work.Go(func() { in.loop(ctx, in.tidy, in.settle) })
	work.Wait()
}

// loop calls f until there is nothing more to do, and again when the bell rings, or at the next pulse.
func (in *inbox) loop(ctx context.Context, bell chan struct{}, f func(context.Context) bool) {
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	for ctx.Err() == nil {
		if f(ctx) {
			continue
		}
		select {
		case <-ctx.Done():
		case <-bell:
		case <-tick.C:
		}
	}
}

// rewind begins anew: the hub was set up again.
func (in *inbox) rewind() {
	in.mu.Lock()
	in.next = 1
	in.mu.Unlock()
	ring(in.wake)
}

// step deals with the next head and says whether there was one.
func (in *inbox) step(ctx context.Context) bool {
	in.mu.Lock()
	at := in.next
	in.mu.Unlock()
	m, err := in.box.next(ctx, at)
	if err != nil || m == nil {
		if err != nil && ctx.Err() == nil && !errors.Is(err, errLink) {
			in.log.Error("mail cannot be read", "peer", in.from, "error", err)
		}
		return false
	}
	h, body, err := parseHead(m.data)
	if err == nil && m.subject != h.headSubject(in.box.prefix) {
		err = fault.New(fault.UpdateRefused, "a mail was thrown away: it lies under the name of another", "see who writes to this account")
	}
	if err == nil {
		err = in.fit(h.Protocol)
	}
	if err != nil {
		in.drop(ctx, m.subject, err)
	} else if !in.offer(ctx, h, body) {
		return false
	}
	in.mu.Lock()
	if in.next == at { // not rewound meanwhile
		in.next = m.seq + 1
	}
	in.mu.Unlock()
	return true
}

// offer hands a mail out unless it was before.
func (in *inbox) offer(ctx context.Context, h head, body []byte) bool {
	m := markOf(h.ID)
	in.mu.Lock()
	known := in.done.has(m)
	if known {
		in.owed[m] = true
	}
	twice := in.open[m]
	in.open[m] = true
	if known {
		delete(in.open, m)
	}
	in.mu.Unlock()
	if known {
		ring(in.tidy)
	}
	if known || twice {
		return true
	}
	select {
	case in.out <- arrived{in, h, body}:
		return true
	case <-ctx.Done():
		in.mu.Lock()
		delete(in.open, m)
		in.mu.Unlock()
		return false
	}
}

// drop throws a head away that is none, or whose body is not what it says. Mail behind it goes on.
func (in *inbox) drop(ctx context.Context, subject string, why error) {
	in.log.Error("mail is thrown away", "peer", in.from, "subject", subject, "error", why)
	if err := in.box.purge(ctx, subject); err != nil && ctx.Err() == nil {
		in.log.Warn("thrown away mail stays in the store until it is too old", "peer", in.from, "error", err)
	}
}

// settle takes one mail out of the stream that was dealt with, and says whether there was one.
func (in *inbox) settle(ctx context.Context) bool {
	in.mu.Lock()
	var m mark
	for m = range in.owed {
		break
	}
	n := len(in.owed)
	in.mu.Unlock()
	if n == 0 || in.box.forget(ctx, m) != nil {
		return false // at the next pulse
	}
	in.mu.Lock()
	delete(in.owed, m)
	in.mu.Unlock()
	return true
}

// finish is a Delivery's Done: once it returns the mail does not come again, even when the link is cut.
func (in *inbox) finish(m mark) error {
	if err := in.done.add(m); err != nil {
		return err
	}
	in.mu.Lock()
	delete(in.open, m)
	in.owed[m] = true
	in.mu.Unlock()
	ring(in.tidy)
	return nil
}

var errBroken = errors.New("it is not what its head says")

// delivery is the mail, whose body may still lie in the stream. over tries a call again when the link was down.
func (a arrived) delivery(over func(context.Context, func(context.Context) error) error) federation.Delivery {
	m := markOf(a.head.ID)
	d := federation.Delivery{From: a.in.from, Mail: a.head.mail(a.body), Done: func() error { return a.in.finish(m) }}
	if a.head.Pieces > 0 {
		d.Left = &federation.Body{Size: a.head.Size, Blocks: func(ctx context.Context, take func([]byte) error) error { return a.blocks(ctx, over, take) }}
	}
	return d
}

// blocks reads the pieces of a body, a few at a time, and compares the whole with its hash at the end. A mail that is
// not what its head says is thrown away: UPDATE_REFUSED, with errBroken inside.
func (a arrived) blocks(ctx context.Context, over func(context.Context, func(context.Context) error) error, take func([]byte) error) error {
	sum := sha256.New()
	pieces := make([][]byte, parallel)
	for from := 0; from < a.head.Pieces; from += parallel {
		n := min(parallel, a.head.Pieces-from)
		err := over(ctx, func(ctx context.Context) error {
			return inParallel(ctx, n, func(ctx context.Context, i int) (err error) {
				pieces[i], err = a.piece(ctx, from+i)
				return err
			})
		})
		if errors.Is(err, errBroken) {
			return a.broken(ctx, "a piece of its body is missing or of the wrong length")
		}
		if err != nil {
			return err
		}
		for _, p := range pieces[:n] {
			sum.Write(p)
			if err := take(p); err != nil {
				return err
			}
		}
	}
	if hex.EncodeToString(sum.Sum(nil)) != a.head.Sum {
		return a.broken(ctx, "its body is not the one that was sent")
	}
	return nil
}

func (a arrived) piece(ctx context.Context, i int) ([]byte, error) {
	m, err := a.in.box.at(ctx, a.head.pieceSubject(a.in.box.prefix, i))
	if err != nil {
		return nil, err
	}
	if m == nil || len(m.data) != a.head.pieceLen(i) {
		return nil, errBroken
	}
	return m.data, nil
}

func (a arrived) broken(ctx context.Context, what string) error {
	err := fault.Wrap(errBroken, fault.UpdateRefused, "a mail was thrown away: "+what, "the sender sends it again")
	a.in.drop(ctx, a.head.subject(a.in.box.prefix)+".>", err)
	a.in.mu.Lock()
	delete(a.in.open, markOf(a.head.ID))
	a.in.mu.Unlock()
	return err
}
