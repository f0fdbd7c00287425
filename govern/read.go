package govern

import (
	"context"
	"fmt"
	"time"

	"github.com/transparency-dev/tessera/api/layout"
	"golang.org/x/mod/sumdb/note"

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

// Reader reads the entries under one signed checkpoint. It does not need the
// node, and does not mind when one is writing.
type Reader struct {
	Checkpoint Checkpoint
	leaves     func(index uint64) ([][]byte, error) // of a bundle
	tile       func(level, index uint64) (raw []byte, err error)
}

// OpenReader opens the folder of a log for reading. The checkpoint is checked,
// each entry's form as it is read; Verify checks that they belong together.
func OpenReader(ctx context.Context, dir string, verifier note.Verifier) (*Reader, error) {
	c := checker{ctx: ctx, dir: dir, live: true}
	if err := c.snapshot(verifier); err != nil {
		return nil, err
	}
	size := c.report.Checkpoint.Size
	return &Reader{
		Checkpoint: c.report.Checkpoint,
		leaves: func(index uint64) ([][]byte, error) {
			p := layout.PartialTileSize(0, index, size)
			raw, err := c.read(layout.EntriesPath(index, p))
			if err != nil {
				return nil, err
			}
			return bundle(raw, tileWidth(p))
		},
		tile: func(level, index uint64) ([]byte, error) {
			return c.read(layout.TilePath(level, index, layout.PartialTileSize(level, index, size)))
		},
	}, nil
}

// reader gives what is under the present checkpoint of an open log.
func (l *Log) reader(c Checkpoint) *Reader {
	now := func() tree { return tree{dir: l.dir, size: l.checkpoint.Size} }
	return &Reader{
		Checkpoint: c,
		leaves: func(index uint64) ([][]byte, error) {
			l.mu.RLock()
			defer l.mu.RUnlock()
			leaves, err := now().leaves(index)
			if err != nil {
				return nil, err
			}
			return leaves[:min(uint64(len(leaves)), c.Size-index*width)], nil
		},
		tile: func(level, index uint64) ([]byte, error) {
			l.mu.RLock()
			defer l.mu.RUnlock()
			return now().tile(context.Background(), level, index, 0)
		},
	}
}

// Read gives up to n entries from index on, oldest first.
func (l *Log) Read(ctx context.Context, index uint64, n int) ([]Entry, error) {
	signed, err := l.settled(ctx)
	if err != nil {
		return nil, err
	}
	return l.reader(signed).Read(ctx, index, n)
}

// Read gives up to n entries, at most MaxPage, from index on, oldest first.
func (r *Reader) Read(ctx context.Context, index uint64, n int) ([]Entry, error) {
	n = min(n, MaxPage)
	var out []Entry
	for index < r.Checkpoint.Size && len(out) < n {
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(err, fault.Interrupted, "reading the audit log was stopped", "ask for less")
		}
		entries, err := r.block(index / width)
		if err != nil {
			return nil, err
		}
		entries = entries[index-entries[0].Index:]
		entries = entries[:min(len(entries), n-len(out))]
		out = append(out, entries...)
		index += uint64(len(entries))
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
		page, err := l.find(ctx, q, signed)
		if err == nil || ctx.Err() != nil {
			return page, err
		}
		l.log.Warn("the audit index does not answer; reading the log itself", "error", err)
	}
	return l.reader(signed).Entries(ctx, q)
}

// Entries answers a query by reading the log backwards.
func (r *Reader) Entries(ctx context.Context, q Query) (Page, error) {
	page := Page{Items: []Entry{}, Size: r.Checkpoint.Size}
	end := page.Size
	if q.Before > 0 {
		end = min(end, q.Before)
	}
	for end > 0 {
		if err := ctx.Err(); err != nil {
			return Page{}, fault.Wrap(err, fault.Interrupted, "searching the audit log was stopped", "ask for a shorter time")
		}
		entries, err := r.block((end - 1) / width)
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
func (r *Reader) block(index uint64) ([]Entry, error) {
	leaves, err := r.leaves(index)
	if err != nil {
		return nil, broken(fmt.Sprintf("entries %d and following cannot be read: %v", index*width, err))
	}
	entries := make([]Entry, len(leaves))
	for i, leaf := range leaves {
		if entries[i], err = decode(index*width+uint64(i), leaf); err != nil {
			return nil, broken(err.Error())
		}
	}
	return entries, nil
}
