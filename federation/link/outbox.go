package link

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"consilium/federation"
)

// parcel is a mail on its way: it knows which of its pieces are on disk, so that they are not sent again when the
// link was cut in between.
type parcel struct {
	head  head
	body  []byte
	kept  []atomic.Bool
	began time.Time // when the first of them was sent
}

func newParcel(m federation.Mail, protocol int) (*parcel, error) {
	h, err := newHead(m, protocol)
	if err != nil {
		return nil, err
	}
	return &parcel{head: h, body: m.Body, kept: make([]atomic.Bool, h.Pieces)}, nil
}

// send stores the pieces, and the head when all of them are on disk.
func (p *parcel) send(ctx context.Context, b *box) error {
	if time.Since(p.began) > pieceTrust { // the first time, or the hub may have swept pieces out meanwhile
		p.began = time.Now()
		for i := range p.kept {
			p.kept[i].Store(false)
		}
	}
	err := inParallel(ctx, p.head.Pieces, func(ctx context.Context, i int) error {
		if p.kept[i].Load() {
			return nil
		}
		from := i * pieceBytes
		if err := b.put(ctx, p.head.pieceSubject(b.prefix, i), p.body[from:from+p.head.pieceLen(i)]); err != nil {
			return err
		}
		p.kept[i].Store(true)
		return nil
	})
	if err != nil {
		return err
	}
	text, err := p.head.marshal(p.body)
	if err != nil {
		return err
	}
	if err := b.put(ctx, p.head.headSubject(b.prefix), text); err != nil {
		return err
	}
	_ = b.conn.Publish(b.bell, nil) // who misses it finds the mail at the next pulse
	return nil
}

// inParallel calls f for 0 to n-1, a few at a time, and gives the first error. It returns when all calls have.
func inParallel(ctx context.Context, n int, f func(context.Context, int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var work sync.WaitGroup
	var first error
	var once sync.Once
	for range min(parallel, n) {
		work.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				if err := f(ctx, i); err != nil {
					once.Do(func() { first = err; cancel(err) })
					return
				}
			}
		})
	}
	work.Wait()
	if first != nil {
		return first
	}
	return context.Cause(ctx)
}
