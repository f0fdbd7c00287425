package clinic

import (
	"context"
	"maps"
	"sync"
	"time"

	"consilium/store"
)

// housekeepEvery is how often blobs that nothing names are removed and the
// database's statistics are refreshed; the first time comes soon after a start.
const (
	housekeepEvery = 24 * time.Hour
	housekeepFirst = 5 * time.Minute
)

func (c *Clinic) housekeep(ctx context.Context) error {
	next := time.NewTimer(housekeepFirst)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		removed, bytes, err := c.Store.Sweep(ctx, store.SweepGrace)
		if err == nil {
			err = c.Store.Optimize(ctx)
		}
		if err != nil && ctx.Err() == nil {
			c.Log.Warn("the store could not be tidied", "error", err)
		} else if removed > 0 {
			c.Log.Info("objects that were never filed were removed", "count", removed, "bytes", bytes)
		}
		next.Reset(housekeepEvery)
	}
}

// sayOnce joins what is said again within a minute: a viewer that fetches the
// four hundred frames of a series views the study once.
type sayOnce struct {
	mu   sync.Mutex
	said map[string]time.Time
}

const (
	sayAgain = time.Minute
	mostSaid = 10_000
)

// lately says whether the words were said within the last minute.
func (s *sayOnce) lately(now time.Time, words string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.said[words]
	return known && now.Sub(at) < sayAgain
}

// note remembers words that were said.
func (s *sayOnce) note(now time.Time, words string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.said) >= mostSaid {
		maps.DeleteFunc(s.said, func(_ string, at time.Time) bool { return now.Sub(at) >= sayAgain })
	}
	if s.said == nil || len(s.said) >= mostSaid { // that many within a minute: some are said twice
		s.said = map[string]time.Time{}
	}
	s.said[words] = now
}
