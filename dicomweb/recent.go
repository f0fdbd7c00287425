package dicomweb

import (
	"context"
	"slices"
	"sync"

	"consilium/dicom"
)

// recent keeps the objects that were read last: a viewer asks for the frames
// of one object one by one.
type recent struct {
	turns chan struct{} // taken while an object is read

	mu   sync.Mutex
	kept []keptObject // latest last
	size int64
}

type keptObject struct {
	digest string
	object *dicom.Object
	size   int64
}

const (
	readAtOnce = 4
	recentSize = 48 << 20 // bytes that are kept
)

func newRecent() *recent { return &recent{turns: make(chan struct{}, readAtOnce)} }

// get gives the object of that digest, by read when it is not kept. Who gets
// it must not change it.
func (c *recent) get(ctx context.Context, digest string, read func() (*dicom.Object, int64, error)) (*dicom.Object, error) {
	if o := c.find(digest); o != nil {
		return o, nil
	}
	select {
	case c.turns <- struct{}{}:
		defer func() { <-c.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if o := c.find(digest); o != nil { // another request was waiting for it too
		return o, nil
	}
	o, size, err := read()
	if err == nil {
		c.keep(keptObject{digest, o, size})
	}
	return o, err
}

func (c *recent) find(digest string) *dicom.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.kept, func(k keptObject) bool { return k.digest == digest })
	if i < 0 {
		return nil
	}
	k := c.kept[i]
	c.kept = append(slices.Delete(c.kept, i, i+1), k)
	return k.object
}

func (c *recent) keep(k keptObject) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if k.size > recentSize {
		return
	}
	c.kept, c.size = append(c.kept, k), c.size+k.size
	for c.size > recentSize {
		c.size -= c.kept[0].size
		c.kept = slices.Delete(c.kept, 0, 1)
	}
}
