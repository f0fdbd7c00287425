package govern

import (
	"context"
	"fmt"
	"time"

	"consilium/fault"
)

// MaxPage is the largest number of entries that one call gives.
const MaxPage = 1000

// Query selects entries. Zero values leave a condition out; the others must
// all hold.
type Query struct {
	Patient, Study, Actor, Action string
	Since, Until                  time.Time // of Event.Time; Since is included, Until is not
	Before                        uint64    // only entries with a smaller index; 0 = from the newest
	Limit                         int       // 0 = 50, at most MaxPage
}

// Page is an answer: the newest matching entries first.
type Page struct {
	Items []Entry
	Size  uint64 // entries in the log
	Next  uint64 // Before of the next page; 0 when this was the last one
}

func (q Query) matches(e Entry) bool {
	fits := func(want, have string) bool { return want == "" || want == have }
	return fits(q.Patient, e.Patient) && fits(q.Study, e.Study) && fits(q.Actor, e.Actor) && fits(q.Action, e.Action) &&
		(q.Since.IsZero() || !e.Time.Before(q.Since)) && (q.Until.IsZero() || e.Time.Before(q.Until))
}

func (q Query) limit() int {
	if q.Limit <= 0 {
		return 50
	}
	return min(q.Limit, MaxPage)
}

// Read gives up to n entries from index on, oldest first.
func (l *Log) Read(ctx context.Context, index uint64, n int) ([]Entry, error) {
	signed, err := l.settled(ctx)
	if err != nil {
		return nil, err
	}
	return l.read(ctx, index, signed.Size, min(n, MaxPage))
}

// read gives up to n of the entries from index on, of the first size ones.
func (l *Log) read(ctx context.Context, index, size uint64, n int) ([]Entry, error) {
	var out []Entry
	for at := index; at < size && len(out) < n; {
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(err, fault.Interrupted, "reading the audit log was stopped", "ask for less")
		}
		entries, err := l.block(at / width)
		if err != nil {
			return nil, err
		}
		skip := at - entries[0].Index
		if skip >= uint64(len(entries)) {
			break
		}
		entries = entries[skip:]
		entries = entries[:min(len(entries), n-len(out), int(size-at))]
		out = append(out, entries...)
		at += uint64(len(entries))
	}
	return out, nil
}

// Entries answers a query: through the index when there is one, else by
// reading the log backwards.
func (l *Log) Entries(ctx context.Context, q Query) (Page, error) {
	signed, err := l.settled(ctx)
	if err != nil {
		return Page{}, err
	}
	if l.index != nil {
		page, err := l.find(ctx, q, signed.Size)
		if err == nil || ctx.Err() != nil {
			return page, err
		}
		l.log.Warn("the audit index does not answer; reading the log itself", "error", err)
	}
	return l.scan(ctx, q, signed.Size)
}

// scan answers a query by reading the log backwards.
func (l *Log) scan(ctx context.Context, q Query, size uint64) (Page, error) {
	page := Page{Items: []Entry{}, Size: size}
	end := page.Size
	if q.Before > 0 {
		end = min(end, q.Before)
	}
	for end > 0 {
		if err := ctx.Err(); err != nil {
			return Page{}, fault.Wrap(err, fault.Interrupted, "searching the audit log was stopped", "ask for a shorter time")
		}
		entries, err := l.block((end - 1) / width)
		if err != nil {
			return Page{}, err
		}
		first := entries[0].Index
		for i := int(end-first) - 1; i >= 0; i-- {
			if !q.matches(entries[i]) {
				continue
			}
			if len(page.Items) == q.limit() {
				page.Next = page.Items[len(page.Items)-1].Index
				return page, nil
			}
			page.Items = append(page.Items, entries[i])
		}
		end = first
	}
	return page, nil
}

// settled gives the checkpoint that a reader sees: with all that was
// acknowledged before, unless the disk refuses to take it.
func (l *Log) settled(ctx context.Context) (Checkpoint, error) {
	c, err := l.Settle(ctx)
	if fault.CodeOf(err) == fault.Timeout {
		return c, err
	}
	return c, nil
}

// block reads the up to 256 entries of one bundle.
func (l *Log) block(index uint64) ([]Entry, error) {
	l.mu.RLock()
	leaves, err := tree{dir: l.dir, size: l.checkpoint.Size}.leaves(index)
	l.mu.RUnlock()
	if err != nil {
		return nil, broken(fmt.Sprintf("entries cannot be read: %v", err))
	}
	return decodeAll(index*width, leaves)
}

func decodeAll(first uint64, leaves [][]byte) ([]Entry, error) {
	entries := make([]Entry, len(leaves))
	for i, leaf := range leaves {
		e, err := decode(first+uint64(i), leaf)
		if err != nil {
			return nil, broken(err.Error())
		}
		entries[i] = e
	}
	return entries, nil
}
