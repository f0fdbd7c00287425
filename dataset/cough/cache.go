package cough

import (
	"container/list"
	"sync"
)

// maxCached bounds the cached spectrograms, in values: 64 MiB. The whole set
// at DefaultSpec takes a quarter of it; a larger spec is decoded again and again
// instead of filling the memory.
const maxCached = 16 << 20

// cache keeps the spectrograms that were used last, least recently used out
// first. Decoding a recording takes about 15 ms, a copy from here microseconds.
type cache struct {
	mu     sync.Mutex
	size   int        // values that fit in all
	room   int        // of it, unused
	newest *list.List // of *entry
	byKey  map[string]*list.Element
}

type entry struct {
	key    string
	values []float32
}

func newCache(size int) *cache {
	return &cache{size: size, room: size, newest: list.New(), byKey: map[string]*list.Element{}}
}

func (c *cache) get(key string, into []float32) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return false
	}
	c.newest.MoveToFront(e)
	copy(into, e.Value.(*entry).values)
	return true
}

func (c *cache) put(key string, values []float32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok || len(values) > c.size {
		return
	}
	for c.room < len(values) {
		c.drop(c.newest.Back())
	}
	c.byKey[key] = c.newest.PushFront(&entry{key, append([]float32(nil), values...)})
	c.room -= len(values)
}

func (c *cache) drop(e *list.Element) {
	old := c.newest.Remove(e).(*entry)
	delete(c.byKey, old.key)
	c.room += len(old.values)
}

func (c *cache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.newest.Len() > 0 {
		c.drop(c.newest.Back())
	}
}
