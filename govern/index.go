package govern

import (
	"context"
	"time"

	"consilium/fault"
	"consilium/store"
)

// Index answers queries faster than reading the log backwards. It can be
// made again from the log at any time, and nothing in it is believed: what it
// finds is read from the log. *store.Store is one.
type Index interface {
	IndexAudit(ctx context.Context, rows []store.AuditRow) error
	AuditIndexed(ctx context.Context) (entries uint64, err error)
	ClearAuditIndex(ctx context.Context) error
	FindAudit(ctx context.Context, q store.AuditQuery) ([]uint64, error)
}

var (
	_ Index  = (*store.Store)(nil)
	_ Memory = (*store.Store)(nil)
)

const (
	indexEvery   = time.Second
	indexTimeout = 30 * time.Second
)

// indexLoop keeps the index close to the log, so that a query has little left to add.
func (l *Log) indexLoop() {
	defer close(l.indexed)
	for l.pause(indexEvery, nil) {
		ctx, cancel := context.WithTimeout(context.Background(), indexTimeout)
		if err := l.catchUp(ctx, l.Checkpoint()); err != nil {
			l.log.Warn("the audit index lags behind", "error", err)
		}
		cancel()
	}
}

// catchUp brings the index to the entries under a checkpoint.
func (l *Log) catchUp(ctx context.Context, signed Checkpoint) error {
	size, r := signed.Size, l.reader(signed)
	l.indexing.Lock()
	defer l.indexing.Unlock()
	if l.known == unknown {
		n, err := l.index.AuditIndexed(ctx)
		if err == nil && n > size { // of another log: a restored backup
			n, err = 0, l.index.ClearAuditIndex(ctx)
		}
		if err != nil {
			return err
		}
		l.known = n
	}
	for l.known < size {
		entries, err := r.Read(ctx, l.known, MaxPage)
		if err != nil {
			return err
		}
		rows := make([]store.AuditRow, len(entries))
		for i, e := range entries {
			rows[i] = store.AuditRow{Number: e.Index, Time: e.Time, Actor: e.Actor, Action: e.Action, Patient: e.Patient, Study: e.Study}
		}
		if err := l.index.IndexAudit(ctx, rows); err != nil {
			return err
		}
		l.known += uint64(len(rows))
	}
	return nil
}

const unknown = ^uint64(0)

// find answers a query through the index.
func (l *Log) find(ctx context.Context, q Query, signed Checkpoint) (Page, error) {
	size, r := signed.Size, l.reader(signed)
	if err := l.catchUp(ctx, signed); err != nil {
		return Page{}, err
	}
	page := Page{Items: []Entry{}, Size: size}
	end := size
	if q.Before > 0 {
		end = min(end, q.Before)
	}
	limit := q.limit()
	numbers, err := l.index.FindAudit(ctx, store.AuditQuery{Actor: q.Actor, Action: q.Action, Patient: q.Patient, Study: q.Study,
		Since: q.Since, Until: q.Until, Before: end, Limit: limit + 1})
	if err != nil {
		return Page{}, err
	}
	if len(numbers) > limit {
		numbers = numbers[:limit]
		page.Next = numbers[limit-1]
	}
	var block []Entry
	for _, n := range numbers {
		if err := ctx.Err(); err != nil {
			return Page{}, fault.Wrap(err, fault.Interrupted, "searching the audit log was stopped", "ask for less")
		}
		if n >= size {
			continue
		}
		if len(block) == 0 || n < block[0].Index || n > block[len(block)-1].Index {
			if block, err = r.block(n / width); err != nil {
				return Page{}, err
			}
		}
		if e := block[n-block[0].Index]; q.matches(e) {
			page.Items = append(page.Items, e)
		}
	}
	return page, nil
}
