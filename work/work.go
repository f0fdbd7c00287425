// Package work is the queue of jobs between the part of a node that receives
// and the parts that diagnose. It runs on NATS JetStream: embedded in the
// process and kept in the data directory by default, or a cluster named by URL,
// which workers on other machines take from as well.
//
// Put returns when the job is on disk. A job is handed out until a handler has
// finished it: at least once, so handlers must make their effect once, by a
// compare-and-set in the database. A second Put of the same ID within a day is
// dropped.
package work

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"consilium/fault"
)

// Limits of the queue. A full queue refuses a Put; it never drops a job.
const (
	MaxBody   = 64 << 10
	MaxJobs   = 1_000_000
	maxBytes  = 1 << 30
	remember  = 24 * time.Hour // how long the ID of a job is known
	maxTries  = 5
	deadline  = 10 * time.Second // of one exchange with the server
	streamFor = "CONSILIUM_JOBS"
)

// lease is how long a worker may be silent before its job is given to another;
// a working handler renews it three times as often.
const lease = 10 * time.Second

// Options say where the queue is.
type Options struct {
	Dir    string // of the embedded queue
	URL    string // of a NATS server or cluster, "nats://host:4222"; "" = embedded
	Listen string // address on which an embedded queue serves workers of other machines; "" = none
	Token  string // shared secret of URL or Listen
	Log    *slog.Logger
}

// Queue holds jobs.
type Queue struct {
	embedded *server.Server // nil with Options.URL
	conn     *nats.Conn
	stream   jetstream.JetStream
	log      *slog.Logger
}

// Open connects to the queue, or starts the embedded one.
// Errors: QUEUE_FAILED, PEER_UNREACHABLE, USAGE.
func Open(ctx context.Context, o Options) (*Queue, error) {
	q := &Queue{log: o.Log}
	if q.log == nil {
		q.log = slog.New(slog.DiscardHandler)
	}
	if err := q.connect(o); err != nil {
		q.Close()
		return nil, err
	}
	js, err := jetstream.New(q.conn)
	if err != nil {
		q.Close()
		return nil, failed(err, "cannot use the queue")
	}
	q.stream = js
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name:       streamFor,
		Subjects:   []string{"consilium.jobs.>"},
		Retention:  jetstream.WorkQueuePolicy,
		Storage:    jetstream.FileStorage,
		Discard:    jetstream.DiscardNew,
		MaxMsgs:    MaxJobs,
		MaxBytes:   maxBytes,
		MaxMsgSize: MaxBody,
		Duplicates: remember,
	})
	if err != nil {
		q.Close()
		return nil, failed(err, "the queue's stream cannot be made")
	}
	return q, nil
}

func (q *Queue) connect(o Options) error {
	options := []nats.Option{nats.Name("consilium"), nats.MaxReconnects(-1), nats.ReconnectWait(time.Second), nats.Timeout(deadline)}
	if o.Token != "" {
		options = append(options, nats.Token(o.Token))
	}
	url := o.URL
	if url == "" {
		if err := q.embed(o); err != nil {
			return err
		}
		options = append(options, nats.InProcessServer(q.embedded))
	}
	conn, err := nats.Connect(url, options...)
	if err != nil {
		return fault.Wrap(err, fault.PeerUnreachable, "the job queue does not answer", "check --queue and its token, and that the NATS server runs with JetStream")
	}
	q.conn = conn
	return nil
}

// Close gives unfinished jobs back and ends the embedded server.
func (q *Queue) Close() {
	if q.conn != nil {
		q.conn.Close()
	}
	if q.embedded != nil {
		q.embedded.Shutdown()
		q.embedded.WaitForShutdown()
	}
}

// Job is one piece of work.
type Job struct {
	ID   string          `json:"id"`   // the same ID is the same work
	Kind string          `json:"kind"` // a word: letters, digits, hyphens
	Body json.RawMessage `json:"body"`
}

// Put adds a job and returns when it is on disk.
// Errors: QUEUE_FAILED, STORE_FULL when the queue has no room, USAGE.
func (q *Queue) Put(ctx context.Context, j Job) error {
	if j.ID == "" || !word(j.Kind) {
		return fault.New(fault.Usage, fmt.Sprintf("a job needs an ID and a kind, got %q and %q", j.ID, j.Kind), "this is a defect; please report it")
	}
	body, err := json.Marshal(j)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a job cannot be written", "this is a defect; please report it")
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	_, err = q.stream.Publish(ctx, subject(j.Kind), body, jetstream.WithMsgID(j.ID))
	var api *jetstream.APIError
	if errors.As(err, &api) && (api.ErrorCode == 10077 || api.ErrorCode == 10047) { // maximum messages or bytes, no space
		return fault.Wrap(err, fault.StoreFull, "the job queue is full", "wait until work is done, or make room on the disk")
	}
	if err != nil {
		return failed(err, "a job was not taken by the queue")
	}
	return nil
}

// Waiting counts the jobs of a kind that are not finished, at work or not.
func (q *Queue) Waiting(ctx context.Context, kind string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	s, err := q.stream.Stream(ctx, streamFor)
	if err != nil {
		return 0, failed(err, "the queue does not answer")
	}
	info, err := s.Info(ctx, jetstream.WithSubjectFilter(subject(kind)))
	if err != nil {
		return 0, failed(err, "the queue does not answer")
	}
	return int(info.State.Subjects[subject(kind)]), nil
}

func subject(kind string) string { return "consilium.jobs." + kind }

func word(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func failed(err error, what string) error {
	return fault.Wrap(err, fault.QueueFailed, what, "see the node's log; free disk space and the health of the NATS server decide")
}
