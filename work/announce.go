package work

import (
	"context"

	"github.com/nats-io/nats.go"
)

// Announcements are words between the processes of one node: who is not there
// misses them, and nothing may depend on them but what a page shows live.

const announcements = "consilium.said"

// Announce says something to every process of the node, this one included.
func (q *Queue) Announce(text string) {
	if err := q.conn.Publish(announcements, []byte(text)); err != nil {
		q.log.Debug("an announcement was lost", "error", err)
	}
}

// Hear calls f with what is announced, until ctx ends. f must not block.
// Errors: QUEUE_FAILED.
func (q *Queue) Hear(ctx context.Context, f func(text string)) error {
	s, err := q.conn.Subscribe(announcements, func(m *nats.Msg) { f(string(m.Data)) })
	if err != nil {
		return failed(err, "announcements cannot be heard")
	}
	context.AfterFunc(ctx, func() { _ = s.Unsubscribe() })
	return nil
}
