package edge

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"consilium/deid"
	"consilium/fault"
	"consilium/federation"
)

// Diagnose answers for one case. Input that cannot be judged is a refusal in the answer; an error is for what may be
// better later: a broken engine. With several workers it is called by several goroutines.
type Diagnose func(ctx context.Context, c Case) (Answer, error)

// Prepare makes a case fit to leave the house, or refuses it with DEID_REFUSED.
type Prepare func(c Case) (Case, error)

// Options of a desk.
type Options struct {
	Dir      string
	Link     federation.SiteEnd // nil: there is none; results wait
	Diagnose Diagnose
	Prepare  Prepare // nil: Strip
	Policy   Policy
	Workers  int           // default 1
	Accept   int64         // bytes of cases that may wait for their diagnosis; default 1 GiB
	Room     int64         // bytes that may wait for the hub; default 256 MiB
	Retry    time.Duration // after a failure of engine, disk or link; default 30 s
	Clock    Clock
	// Leaving hears of a case by its pseudonym before it leaves the house, to write it down; after an error it stays.
	Leaving func(ctx context.Context, pseudonym, reason string, bytes int) error
	Tell    func(Result) // hears of every result, and again when a second opinion was added
	Warn    func(error)  // hears of what went wrong and did not end the work
}

// Tries is how often a case is given to a Diagnose that fails before the failure is its result.
const Tries = 3

// Desk is the site's side. It is safe for concurrent use.
type Desk struct {
	o      Options
	disk   *disk
	secret deid.Key

	mu    sync.Mutex
	moved *sync.Cond
	kick  chan struct{} // the next deadline may have changed
	seq   uint64
	live  map[string]*entry // by ID: not answered, or with a second opinion to come
	names map[string]*entry // by pseudonym: those of live with an ask
	queue []*entry          // not answered and not being worked on, by age
	posts []*post           // summaries for the hub, by age
	held  []key             // likewise, beyond the bound
	bytes struct{ accepted, kept int64 }
	tally tally
}

// entry is a case on its way.
type entry struct {
	key
	size      int64
	answered  bool
	working   bool
	cancel    context.CancelFunc // of the work
	tries     int
	notBefore time.Time
	ask       *ask
	kept      bool // counts in bytes.kept: answered, and to be handed over still
}

// ask is what asked/SEQ-ID.json holds.
type ask struct {
	Reason    string    `json:"reason"`
	At        time.Time `json:"at"`
	Until     time.Time `json:"until"`
	Sent      bool      `json:"sent"`
	expired   bool
	notBefore time.Time
	cancel    context.CancelFunc // of the sending
}

// aside says whether others go first: the hub was asked instead.
func (e *entry) aside() bool { return e.ask != nil && !e.ask.expired }

// post is a summary in the outbox.
type post struct {
	key
	size      int64
	notBefore time.Time
}

// Open takes up a desk's folder where the last process left it. Errors: USAGE, CONFLICT, IO, STORE_FULL.
func Open(o Options) (*Desk, error) { return open(o, nil) }

func open(o Options, prepare func(*disk)) (*Desk, error) {
	if o.Diagnose == nil || o.Dir == "" {
		return nil, fault.New(fault.Usage, "a desk needs a folder and something that diagnoses", "set Dir and Diagnose")
	}
	var err error
	if o.Policy, err = o.Policy.complete(); err != nil {
		return nil, err
	}
	o.Workers = max(o.Workers, 1)
	if o.Accept == 0 {
		o.Accept = 1 << 30
	}
	if o.Room == 0 {
		o.Room = 256 << 20
	}
	if o.Retry == 0 {
		o.Retry = 30 * time.Second
	}
	if o.Clock == nil {
		o.Clock = SystemClock{}
	}
	store, err := openDisk(o.Dir, casesDir, askedDir, outboxDir, heldDir, resultsDir, tmpDir)
	if err != nil {
		return nil, err
	}
	if prepare != nil {
		prepare(store)
	}
	d := &Desk{o: o, disk: store, kick: make(chan struct{}, 1), live: map[string]*entry{}, names: map[string]*entry{}}
	d.moved = sync.NewCond(&d.mu)
	d.tally.begin(o.Clock.Now())
	if d.secret, _, err = deid.OpenKey(store.path("secret")); err == nil {
		err = d.recover()
	}
	if err != nil {
		_ = store.close()
		return nil, err
	}
	if d.o.Prepare == nil {
		if d.o.Prepare, err = Strip(d.secret); err != nil {
			_ = store.close()
			return nil, err
		}
	}
	return d, nil
}

// Close gives the folder back. Run must have ended.
func (d *Desk) Close() error { return d.disk.close() }

// pseudonym is what the hub knows a case by: without the site's secret nobody finds the case, or the film, to it.
func (d *Desk) pseudonym(id string) string {
	mac := hmac.New(sha256.New, d.secret[:])
	mac.Write([]byte("consilium edge case\n" + id))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// Submit accepts a case: when it returns without an error the case is on the disk and will be answered. fresh is
// false when the case was accepted before. Errors: those of Case.Check, STORE_FULL, IO.
func (d *Desk) Submit(ctx context.Context, c Case) (id string, fresh bool, err error) {
	if ctx.Err() != nil {
		return "", false, fault.Wrap(ctx.Err(), fault.Interrupted, "the case was not accepted", "hand it in again")
	}
	if c.ID == "" {
		c.ID = c.contentID()
	}
	c.Accepted = d.o.Clock.Now().UTC()
	text, err := c.Encode()
	if err != nil {
		return c.ID, false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.live[c.ID]; known || d.disk.has(resultsDir, c.ID+".json") {
		return c.ID, false, nil
	}
	size := int64(len(text))
	if d.bytes.accepted+size > d.o.Accept {
		return c.ID, false, fault.New(fault.StoreFull, "the cases that wait for their diagnosis fill the room they have", "hand it in again when the queue is shorter")
	}
	e := &entry{key: key{d.seq, c.ID}, size: size}
	if err := d.disk.put(casesDir, e.String()+".case", text); err != nil {
		return c.ID, false, err
	}
	d.seq++
	d.bytes.accepted += size
	d.live[c.ID] = e
	d.enqueue(e)
	d.tally.accepted++
	d.relieve()
	d.changed()
	return c.ID, true, nil
}

// relieve hands the newest cases over while the queue is too long, and only as many at once as the queue may be long:
// a hub that is slower than the site, or a cut link, must not gather the cases that the site could answer in turn.
func (d *Desk) relieve() {
	if !d.o.Policy.HandOver || d.o.Link == nil {
		return
	}
	long, out := d.length()-d.o.Policy.Longest, 0
	for _, e := range d.queue {
		if e.ask != nil {
			out++
		}
	}
	for i := len(d.queue) - 1; i >= 0 && long > 0 && out < d.o.Policy.Longest; i-- {
		e := d.queue[i]
		if e.ask != nil {
			continue
		}
		if err := d.request(e, ReasonBusy); err != nil {
			d.warn(err) // it is answered here, as all others
			return
		}
		long--
		out++
	}
}

func (d *Desk) enqueue(e *entry) {
	at, _ := slices.BinarySearchFunc(d.queue, e.seq, func(x *entry, seq uint64) int {
		switch {
		case x.seq < seq:
			return -1
		case x.seq > seq:
			return 1
		}
		return 0
	})
	d.queue = slices.Insert(d.queue, at, e)
}

func (d *Desk) dequeue(e *entry) {
	d.queue = slices.DeleteFunc(d.queue, func(x *entry) bool { return x == e })
}

// length of the queue that counts: what was handed over in time is not in it.
func (d *Desk) length() int {
	n := 0
	for _, e := range d.queue {
		if !e.aside() {
			n++
		}
	}
	return n
}

// request writes down that the hub is asked about a case; the sender does the rest.
func (d *Desk) request(e *entry, reason string) error {
	now := d.o.Clock.Now().UTC()
	a := &ask{Reason: reason, At: now, Until: now.Add(d.o.Policy.Deadline)}
	if err := d.putAsk(e, a); err != nil {
		return err
	}
	e.ask = a
	d.names[d.pseudonym(e.id)] = e
	return nil
}

// release forgets an ask, and the case's bytes with it when they were kept for that only.
func (d *Desk) release(e *entry) error {
	if e.ask == nil {
		return nil
	}
	if err := d.disk.remove(askedDir, e.String()+".json"); err != nil {
		return err
	}
	if e.ask.cancel != nil {
		e.ask.cancel()
	}
	e.ask = nil
	delete(d.names, d.pseudonym(e.id))
	if !e.answered {
		return nil
	}
	delete(d.live, e.id)
	return d.drop(e)
}

// drop deletes the bytes of a case that nobody needs any more.
func (d *Desk) drop(e *entry) error {
	if e.kept {
		d.bytes.kept -= e.size
		e.kept = false
	}
	return d.disk.remove(casesDir, e.String()+".case")
}

// changed wakes everybody who waits, and notes the length of the queue.
func (d *Desk) changed() {
	d.tally.length(d.o.Clock.Now(), d.length())
	d.moved.Broadcast()
	select {
	case d.kick <- struct{}{}:
	default:
	}
}

func (d *Desk) warn(err error) {
	d.tally.fault(err)
	if d.o.Warn != nil && err != nil {
		d.o.Warn(err)
	}
}

// Run works until ctx ends: diagnoses, sends, and keeps the deadlines. What is unfinished then stays on the disk.
func (d *Desk) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.moved.Broadcast()
	})
	defer stop()
	var all sync.WaitGroup
	for range d.o.Workers {
		all.Go(func() { d.work(ctx) })
	}
	if d.o.Link != nil {
		all.Go(func() { d.sendCases(ctx) })
		all.Go(func() { d.sendSummaries(ctx) })
	}
	all.Go(func() { d.watchClock(ctx) })
	all.Wait()
	return nil
}
