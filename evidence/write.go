package evidence

import (
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"

	bolt "go.etcd.io/bbolt"

	"consilium/clinical"
	"consilium/fault"
)

// Documents are written in groups: one transaction and one sync of the disk each.
const (
	groupDocuments = 512
	groupBytes     = 8 << 20
	maxRefusals    = 100 // kept word for word; all are counted
)

// Report tells what became of the documents that were offered.
type Report struct {
	Added     int                `json:"added"`
	Changed   int                `json:"changed"`
	Unchanged int                `json:"unchanged"`
	Renamed   int                `json:"renamed"` // another document of this run had the same identifier: now ID#2
	Removed   int                `json:"removed"`
	Refused   int                `json:"refused"`
	Refusals  []clinical.Refusal `json:"refusals,omitempty"` // the first of them
}

// Seen counts the documents that were looked at.
func (r Report) Seen() int { return r.Added + r.Changed + r.Unchanged + r.Refused }

func (r *Report) refuse(id string, err error) {
	r.Refused++
	if e := fault.Of(err); len(r.Refusals) < maxRefusals {
		r.Refusals = append(r.Refusals, clinical.Refusal{Input: id, Code: string(e.Code), What: e.What, Do: e.Do})
	}
}

// Add puts documents into the index: new ones are added, changed ones replace
// what had their identifier, unchanged ones cost nothing. A document that cannot
// be taken is reported and the rest goes on. When ctx ends, what was written
// stays, and the same call continues there. progress may be nil.
func (ix *Index) Add(ctx context.Context, documents iter.Seq2[Document, error], progress func(Report)) (Report, error) {
	var report Report
	if err := ix.writable(); err != nil {
		return report, err
	}
	ix.writing.Lock()
	defer ix.writing.Unlock()
	if err := ix.use(); err != nil {
		return report, err
	}
	g := group{ix: ix, report: &report, seen: map[string][sha256.Size]byte{}}
	for d, err := range documents {
		if ctx.Err() != nil {
			return report, ctx.Err()
		}
		if err == nil {
			err = d.check()
		}
		if err != nil {
			if ctx.Err() != nil {
				return report, ctx.Err()
			}
			report.refuse(d.ID, err)
			continue
		}
		if err := g.take(&d); fault.CodeOf(err) == fault.InputTooLarge {
			report.refuse(d.ID, err)
			continue
		} else if err != nil {
			return report, err
		}
		if len(g.records) >= groupDocuments || g.bytes >= groupBytes {
			if err := g.write(ctx); err != nil {
				return report, err
			}
			if progress != nil {
				progress(report)
			}
		}
	}
	err := g.write(ctx)
	if err == nil && progress != nil {
		progress(report)
	}
	return report, err
}

func (ix *Index) writable() error {
	if ix.readOnly {
		return fault.New(fault.Usage, "the index was opened for searching", "open it for writing")
	}
	if ix.encoder == nil && ix.state.Encoder != "" {
		return fault.New(fault.Conflict, "the index has vectors of encoder "+ix.state.Encoder+", and no encoder was given", "give that encoder, so that every passage has its vector")
	}
	return nil
}

// group collects the documents of one transaction.
type group struct {
	ix      *Index
	report  *Report
	seen    map[string][sha256.Size]byte // identifiers of this run
	records []*record
	old     []number // what they replace
	bytes   int
}

// take decides what is to be done with a document.
func (g *group) take(d *Document) error {
	h := d.hash()
	for i, id := 2, d.ID; ; i++ {
		before, again := g.seen[d.ID]
		if again && before == h {
			g.report.Unchanged++
			return nil
		}
		if !again {
			break
		}
		if i == 2 {
			g.report.Renamed++
		}
		d.ID = fmt.Sprintf("%s#%d", id, i)
	}
	g.seen[d.ID] = h
	entry, err := g.ix.entry(d.ID)
	if err != nil {
		return err
	}
	if entry != nil && [sha256.Size]byte(entry[4:]) == h {
		g.report.Unchanged++
		return nil
	}
	r := &record{Document: *d, Passages: passages(d.Text, g.ix.state.Passage)}
	if len(r.Passages) > maxPassages {
		return fault.New(fault.InputTooLarge, fmt.Sprintf("document %q has more than %d passages", d.ID, maxPassages), "divide it, or make longer passages")
	}
	if entry == nil {
		g.report.Added++
	} else {
		g.report.Changed++
		g.old = append(g.old, numberOf(entry))
	}
	g.records = append(g.records, r)
	g.bytes += len(d.Text)
	return nil
}

// entry gives number and hash of the document with an identifier, nil when there is none.
func (ix *Index) entry(id string) (entry []byte, err error) {
	err = ix.view(func(tx *bolt.Tx) error {
		entry = slices.Clone(tx.Bucket(bucketIDs).Get([]byte(id)))
		if entry != nil && len(entry) != 4+sha256.Size {
			return damaged(fmt.Errorf("the entry of %q has %d bytes", id, len(entry)))
		}
		return nil
	})
	return entry, err
}

// write stores the group: first the documents with the note that the words
// have to follow, then the words. A kill between the two loses nothing.
func (g *group) write(ctx context.Context) error {
	if len(g.records) == 0 {
		return nil
	}
	ix := g.ix
	quantised, err := ix.encode(ctx, g.records)
	if err != nil {
		return err
	}
	for _, r := range g.records {
		r.Tokens[0] = ix.words.tokens(r.Title)
		for _, p := range r.Passages {
			r.Tokens[1] += ix.words.tokens(r.Text[p[0]:p[1]])
		}
	}
	first := ix.state.Next
	err = ix.update(func(tx *bolt.Tx, s *state) error {
		for _, n := range g.old {
			if err := remove(tx, s, n); err != nil {
				return err
			}
		}
		for i, r := range g.records {
			if err := put(tx, s, r, quantised[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	ix.follow(first, quantised, g.old)
	g.records, g.old, g.bytes = g.records[:0], g.old[:0], 0
	return ix.catchUp(ctx, nil)
}

// encode gives the quantised vectors of each document's passages; nil without an encoder.
func (ix *Index) encode(ctx context.Context, records []*record) ([][]byte, error) {
	out := make([][]byte, len(records))
	if ix.encoder == nil {
		return out, nil
	}
	var texts []string
	for _, r := range records {
		for _, p := range r.Passages {
			texts = append(texts, withTitle(r.Title, r.Text[p[0]:p[1]]))
		}
	}
	encoded, err := encodeAll(ctx, ix.encoder, texts, false)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		out[i] = []byte{}
		for range r.Passages {
			out[i] = quantise(out[i], encoded[0])
			encoded = encoded[1:]
		}
	}
	return out, nil
}

// withTitle is what an encoder reads of a passage.
func withTitle(title, text string) string {
	if title == "" {
		return text
	}
	return title + "\n" + text
}

// follow brings the vectors in memory up to the documents.
func (ix *Index) follow(first number, quantised [][]byte, gone []number) {
	if ix.vectors == nil {
		return
	}
	ix.mu.Lock()
	defer ix.mu.Unlock()
	if len(gone) > 0 {
		set := map[number]bool{}
		for _, n := range gone {
			set[n] = true
		}
		ix.vectors.drop(set)
	}
	for i, raw := range quantised {
		_ = ix.vectors.add(first+number(i), raw) // its own bytes: they fit
	}
}

// Delete takes out documents by identifier and by source. Identifiers that are
// not there are given back.
func (ix *Index) Delete(ctx context.Context, ids, sources []string) (removed int, absent []string, err error) {
	if ix.readOnly {
		return 0, nil, ix.writable()
	}
	ix.writing.Lock()
	defer ix.writing.Unlock()
	if err := ix.use(); err != nil {
		return 0, nil, err
	}
	var gone []number
	before := ix.state.Documents
	err = ix.update(func(tx *bolt.Tx, s *state) error {
		for _, id := range ids {
			entry := tx.Bucket(bucketIDs).Get([]byte(id))
			if entry == nil {
				absent = append(absent, id)
				continue
			}
			gone = append(gone, numberOf(entry))
		}
		for _, source := range sources {
			prefix := append([]byte(source), 0)
			c := tx.Bucket(bucketSources).Cursor()
			found := len(gone)
			for k, _ := c.Seek(prefix); k != nil && len(k) == len(prefix)+4 && string(k[:len(prefix)]) == string(prefix); k, _ = c.Next() {
				gone = append(gone, numberOf(k[len(prefix):]))
			}
			if len(gone) == found {
				absent = append(absent, source)
			}
		}
		for _, n := range gone {
			if err := remove(tx, s, n); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, nil, err
	}
	ix.follow(0, nil, gone)
	return before - ix.state.Documents, absent, ix.catchUp(ctx, nil)
}

// Rebuild makes the word index again from the documents. It may be interrupted
// at any time: whoever opens the index next goes on.
func Rebuild(ctx context.Context, dir string, progress func(done, of int)) error {
	if _, err := os.Stat(filepath.Join(dir, documentsFile)); err != nil {
		return fault.Wrap(err, fault.NotFound, "there is no index in "+dir, "make one: consilium evidence index FILE...")
	}
	db, err := openDocuments(dir, false, state{})
	if err != nil {
		return err
	}
	ix := &Index{dir: dir, db: db}
	defer func() { _ = ix.Close() }()
	if err := ix.view(func(tx *bolt.Tx) error { ix.state, err = readState(tx); return err }); err != nil {
		return err
	}
	err = ix.update(func(tx *bolt.Tx, _ *state) error {
		pending := tx.Bucket(bucketPending)
		return tx.Bucket(bucketDocuments).ForEach(func(k, _ []byte) error { return pending.Put(k, []byte{}) })
	})
	if err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(dir, wordsFolder)); err != nil {
		return cannotWrite(err)
	}
	if ix.words, err = openWords(dir, false); err != nil {
		return err
	}
	return ix.catchUp(ctx, progress)
}
