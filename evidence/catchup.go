package evidence

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"
)

// pendingChange is one entry of the pending table.
type pendingChange struct {
	number  number
	removed int // passages to forget; 0 when the document is to be indexed
}

// catchUp tells the word index what the documents say. Every step may be
// repeated: entries leave the pending table only when the words are on the disk.
func (ix *Index) catchUp(ctx context.Context, progress func(done, of int)) error {
	done := 0
	for after := []byte(nil); ; {
		var changes []pendingChange
		var total int
		batch := ix.words.change()
		err := ix.view(func(tx *bolt.Tx) error {
			b := tx.Bucket(bucketPending)
			if progress != nil {
				total = ix.state.Documents
			}
			c := b.Cursor()
			k, v := c.First()
			if after != nil {
				k, v = c.Seek(after)
			}
			for bytes := 0; k != nil && len(changes) < groupDocuments && bytes < groupBytes; k, v = c.Next() {
				size, err := stage(tx, batch, k, v)
				if err != nil {
					return err
				}
				bytes += size
				p := pendingChange{number: numberOf(k)}
				if len(v) == 4 {
					p.removed = int(binary.BigEndian.Uint32(v))
				}
				changes = append(changes, p)
			}
			after = slices.Clone(k)
			return nil
		})
		if err != nil {
			return err
		}
		if len(changes) == 0 {
			return nil
		}
		if err := ix.words.apply(batch); err != nil {
			return err
		}
		if err := ix.told(changes); err != nil {
			return err
		}
		done += len(changes)
		if progress != nil {
			progress(done, total)
		}
		if after == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// stage puts one pending entry into a batch for the word index.
func stage(tx *bolt.Tx, batch *change, k, v []byte) (size int, err error) {
	if len(k) != 4 || len(v) != 0 && len(v) != 4 {
		return 0, damaged(fmt.Errorf("a pending entry has %d and %d bytes", len(k), len(v)))
	}
	n := numberOf(k)
	if len(v) == 4 {
		batch.remove(n, int(min(binary.BigEndian.Uint32(v), maxPassages)))
		return 0, nil
	}
	r, err := readRecord(tx, n)
	if err != nil {
		return 0, err
	}
	if r == nil {
		return 0, damaged(fmt.Errorf("pending document %d is not there", n))
	}
	return len(r.Text), batch.add(n, r)
}

// told takes entries out of the pending table.
func (ix *Index) told(changes []pendingChange) error {
	return ix.update(func(tx *bolt.Tx, _ *state) error {
		b := tx.Bucket(bucketPending)
		for _, c := range changes {
			if err := b.Delete(c.number.key()); err != nil {
				return err
			}
		}
		return nil
	})
}
