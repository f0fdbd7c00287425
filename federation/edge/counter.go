package edge

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
)

// CounterOptions of the hub's side.
type CounterOptions struct {
	Dir      string // results of the sites are kept here, and nothing of the cases that are handed over
	Link     federation.HubEnd
	Diagnose Diagnose
	Workers  int   // default 1
	PerSite  int   // cases of one site that may wait; more are refused with QUEUE_FAILED, and the site answers them itself. Default 32
	Bytes    int64 // of all cases that wait; default 512 MiB
	Most     int   // results that are kept of one site; default 1 million
	Tell     func(site string, s Summary)
	Warn     func(error)
}

// Counter is the hub's side: it diagnoses what sites hand over and collects their results.
type Counter struct {
	o    CounterOptions
	disk *disk

	mu      sync.Mutex
	moved   *sync.Cond
	queue   map[string][]job // by site
	order   []string         // sites with cases, in turns: one site cannot keep the others waiting
	bytes   int64
	counted map[string]int // results by site
}

type job struct {
	c    Case
	size int64
	done func() error
}

// OpenCounter opens the hub's folder. Errors: USAGE, CONFLICT, IO.
func OpenCounter(o CounterOptions) (*Counter, error) {
	if o.Dir == "" || o.Link == nil || o.Diagnose == nil {
		return nil, fault.New(fault.Usage, "a counter needs a folder, a link and something that diagnoses", "set Dir, Link and Diagnose")
	}
	o.Workers = max(o.Workers, 1)
	if o.PerSite == 0 {
		o.PerSite = 32
	}
	if o.Bytes == 0 {
		o.Bytes = 512 << 20
	}
	if o.Most == 0 {
		o.Most = 1_000_000
	}
	store, err := openDisk(o.Dir, resultsDir, tmpDir)
	if err != nil {
		return nil, err
	}
	c := &Counter{o: o, disk: store, queue: map[string][]job{}, counted: map[string]int{}}
	c.moved = sync.NewCond(&c.mu)
	return c, nil
}

// Close gives the folder back. Run must have ended.
func (c *Counter) Close() error { return c.disk.close() }

// Handle takes a mail of a site and does not wait for the diagnosis: a case's mail is done with when its answer is on
// the way, and comes again after a restart until then. Errors: UPDATE_REFUSED for what cannot be used (it is done
// with), STORE_FULL, IO.
func (c *Counter) Handle(ctx context.Context, m federation.Delivery) error {
	var err error
	switch {
	case !federation.Word(m.From):
		err = unusable("came from a site without a proper name")
	case m.Kind == KindResult:
		err = c.collect(m)
	case m.Kind == KindCase:
		var waits bool
		if waits, err = c.enqueue(ctx, m); waits {
			return nil
		}
	default:
		err = unusable("came as " + m.Kind)
	}
	if code := fault.CodeOf(err); code == fault.IO || code == fault.StoreFull || code == fault.Interrupted || code == fault.PeerUnreachable {
		return err
	}
	if done := m.Done(); done != nil {
		return done
	}
	return err
}

// collect keeps a result: the first one of a case. The same once more is no error.
func (c *Counter) collect(m federation.Delivery) error {
	s, err := DecodeSummary(m.Body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	folder, name := resultsDir+"/"+m.From, s.Case+".json"
	if err := c.count(folder, m.From); err != nil {
		return err
	}
	if c.disk.has(folder, name) {
		was, err := c.disk.read(folder, name, MaxAnswerBytes)
		if err == nil && !bytes.Equal(was, m.Body) {
			err = unusable("came a second time and is another one; the first was kept")
		}
		return err
	}
	if c.counted[m.From] >= c.o.Most {
		return unusable(fmt.Sprintf("is beyond the %d that are kept of one site", c.o.Most))
	}
	if err := c.disk.put(folder, name, m.Body); err != nil {
		return err
	}
	c.counted[m.From]++
	if c.o.Tell != nil {
		c.o.Tell(m.From, s)
	}
	return nil
}

// count looks once at what is there of a site.
func (c *Counter) count(in, site string) error {
	if _, known := c.counted[site]; known {
		return nil
	}
	if err := os.MkdirAll(c.disk.path(in), 0o700); err != nil {
		return folder.Failed(err, "the folder of "+site+" cannot be made")
	}
	files, err := c.disk.list(in)
	if err == nil {
		c.counted[site] = len(files)
	}
	return err
}

// enqueue takes a case into the queue; waits is false when it is dealt with already.
func (c *Counter) enqueue(ctx context.Context, m federation.Delivery) (waits bool, err error) {
	one, err := DecodeCase(m.Body)
	if err == nil && !pseudonymous(one.ID) {
		err = unusable("names no case")
	}
	if err != nil {
		return false, fault.Wrap(err, fault.UpdateRefused, "a case that was handed over by "+m.From+" cannot be used", "nothing; it was put aside")
	}
	size := int64(len(m.Body))
	c.mu.Lock()
	waiting := c.queue[m.From]
	for _, j := range waiting {
		if j.c.ID == one.ID { // came again; that one's answer serves both, and then neither comes again
			c.mu.Unlock()
			return false, nil
		}
	}
	if len(waiting) >= c.o.PerSite || c.bytes+size > c.o.Bytes {
		c.mu.Unlock()
		return false, c.answer(ctx, m.From, Opinion{Case: one.ID, Code: fault.QueueFailed})
	}
	if len(waiting) == 0 {
		c.order = append(c.order, m.From)
	}
	c.queue[m.From] = append(waiting, job{c: one, size: size, done: m.Done})
	c.bytes += size
	c.moved.Signal()
	c.mu.Unlock()
	return true, nil
}

// Run diagnoses until ctx ends.
func (c *Counter) Run(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.moved.Broadcast()
	})
	defer stop()
	var all sync.WaitGroup
	for range c.o.Workers {
		all.Go(func() {
			for {
				site, j, ok := c.take(ctx)
				if !ok {
					return
				}
				if err := c.serve(ctx, site, j); err != nil && ctx.Err() == nil && c.o.Warn != nil {
					c.o.Warn(err)
				}
			}
		})
	}
	all.Wait()
	return nil
}

func (c *Counter) take(ctx context.Context) (string, job, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for ctx.Err() == nil {
		if len(c.order) == 0 {
			c.moved.Wait()
			continue
		}
		site := c.order[0]
		c.order = c.order[1:]
		j := c.queue[site][0]
		if c.queue[site] = c.queue[site][1:]; len(c.queue[site]) > 0 {
			c.order = append(c.order, site)
		} else {
			delete(c.queue, site)
		}
		c.bytes -= j.size
		return site, j, true
	}
	return "", job{}, false
}

func (c *Counter) serve(ctx context.Context, site string, j job) error {
	o := Opinion{Case: j.c.ID}
	a, err := c.o.Diagnose(ctx, j.c)
	if ctx.Err() != nil {
		return nil // the mail is not done: it comes again
	}
	if err == nil {
		err = a.Check()
	}
	if err != nil {
		o.Code = fault.CodeOf(err)
	} else {
		o.Answer = a
		if len(a.Findings) == 0 && len(a.Refusals) == 0 {
			o.Code = fault.InputNoModel
		}
	}
	if sent := c.answer(ctx, site, o); sent != nil {
		return sent
	}
	if done := j.done(); done != nil {
		return done
	}
	return err
}

func (c *Counter) answer(ctx context.Context, site string, o Opinion) error {
	body, err := json.Marshal(o)
	if err != nil {
		return fault.Wrap(err, fault.InputNotFinite, "an answer cannot be written", "have the case read by a person")
	}
	// The same answer again is the same mail; another one, after a refusal, is another.
	sum := sha256.Sum256(body)
	return c.o.Link.Send(ctx, site, federation.Mail{ID: fmt.Sprintf("edge-answer-%s-%x", o.Case, sum[:8]), Kind: KindAnswer, Body: body})
}
