package store

import (
	"context"
	"time"
)

// blobColumns are all columns that name blobs, as table.column. A blob that
// none of them names is an orphan.
var blobColumns = [][2]string{{"instances", "blob"}, {"pictures", "blob"}}

// SweepGrace is how old an orphan must be before the sweep takes it: a blob is
// written before the index says that it is there.
const SweepGrace = time.Hour

// Sweep removes blobs older than grace that nothing in the index names: those
// of objects that were never filed. It says how many went, and their bytes.
func (s *Store) Sweep(ctx context.Context, grace time.Duration) (removed int, bytes int64, err error) {
	before := time.Now().Add(-grace)
	err = s.blobs.each(ctx, func(digest string, size int64, changed time.Time) error {
		if !changed.Before(before) {
			return nil
		}
		named, err := s.named(ctx, digest)
		if named || err != nil {
			return err
		}
		gone, err := s.blobs.remove(ctx, digest, before)
		if gone {
			removed, bytes = removed+1, bytes+size
		}
		return err
	})
	return removed, bytes, err
}

func (s *Store) named(ctx context.Context, digest string) (bool, error) {
	for _, c := range blobColumns {
		found, err := all(ctx, s, "the blobs in use cannot be listed", value[int], "SELECT 1 FROM "+c[0]+" WHERE "+c[1]+" = ? LIMIT 1", digest)
		if err != nil || len(found) > 0 {
			return true, err
		}
	}
	return false, nil
}

// Optimize refreshes what the database knows about its own tables, which its
// planner lives on. Cheap; to be called now and then, as after an import.
func (s *Store) Optimize(ctx context.Context) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	_, err := s.writer.ExecContext(ctx, "ANALYZE")
	return failed(err, "the index could not be analysed")
}
