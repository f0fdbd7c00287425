package hub

import (
	"sync"

	"consilium/federation"
)

// queue holds a job's mail. The link bounds how much mail is out at a time, so this does not.
type queue struct {
	mu   sync.Mutex
	list []federation.Delivery
	news chan struct{} // has room for one: there is mail
}

func newQueue() *queue { return &queue{news: make(chan struct{}, 1)} }

func (q *queue) put(d federation.Delivery) {
	q.mu.Lock()
	q.list = append(q.list, d)
	q.mu.Unlock()
	select {
	case q.news <- struct{}{}:
	default:
	}
}

func (q *queue) take() (federation.Delivery, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return federation.Delivery{}, false
	}
	d := q.list[0]
	q.list[0] = federation.Delivery{}
	q.list = q.list[1:]
	return d, true
}
