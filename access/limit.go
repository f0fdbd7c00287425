package access

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter holds one token bucket per key, for a bounded number of keys: the
// least recently used is forgotten first.
type Limiter struct {
	every rate.Limit
	burst int
	most  int

	mu   sync.Mutex
	used *list.List // of *bucket, most recently used first
	keys map[string]*list.Element
}

type bucket struct {
	key  string
	rate *rate.Limiter
}

// NewLimiter allows burst at once and then one in each interval, for each of at
// most `most` keys.
func NewLimiter(interval time.Duration, burst, most int) *Limiter {
	return &Limiter{every: rate.Every(interval), burst: burst, most: most, used: list.New(), keys: map[string]*list.Element{}}
}

// Allow takes one token of the key's bucket. wait is how long until there is one when it is empty.
func (l *Limiter) Allow(now time.Time, key string) (ok bool, wait time.Duration) {
	_, wait = l.take(now, key)
	return wait == 0, wait
}

// take is Allow for what costs only when it fails: giveBack returns the token.
func (l *Limiter) take(now time.Time, key string) (giveBack func(), wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.bucket(key).rate.ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now)
		return func() {}, wait
	}
	return func() { r.CancelAt(now) }, 0
}

// Forget fills the key's bucket again, after a success.
func (l *Limiter) Forget(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e, ok := l.keys[key]; ok {
		l.used.Remove(e)
		delete(l.keys, key)
	}
}

// bucket finds or makes the key's bucket. The lock is held.
func (l *Limiter) bucket(key string) *bucket {
	if e, ok := l.keys[key]; ok {
		l.used.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if l.used.Len() >= l.most {
		oldest := l.used.Back()
		delete(l.keys, l.used.Remove(oldest).(*bucket).key)
	}
	b := &bucket{key: key, rate: rate.NewLimiter(l.every, l.burst)}
	l.keys[key] = l.used.PushFront(b)
	return b
}
