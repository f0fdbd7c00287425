package store

import (
	"context"
	"time"
)

// States lists the states of a study.
func States() []State {
	return []State{StateReceiving, StateQueued, StateDiagnosing, StateReady, StateFailed, StateSigned}
}

// CountStates counts the studies that the reader may see, by state, each up to
// CountLimit: a worklist says "1000 or more" and does not read the whole index.
func (s *Store) CountStates(ctx context.Context, r Reader) (map[State]int, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	may, args := r.maySeeStudy(time.Now())
	counts := map[State]int{}
	for _, state := range States() {
		n, err := one(ctx, s, "the studies could not be counted", value[int],
			"SELECT count(*) FROM (SELECT 1 FROM studies WHERE state = ? AND "+may+" LIMIT ?) AS counted", append(append([]any{string(state)}, args...), CountLimit)...)
		if err != nil {
			return nil, err
		}
		counts[state] = n
	}
	return counts, nil
}
