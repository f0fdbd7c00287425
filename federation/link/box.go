package link

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"consilium/fault"
)

// box is one stream as its users see it: put a message where none is, get one, take one out. Only these three calls of
// JetStream's interface are used, so only they need be allowed to a site.
type box struct {
	conn   *nats.Conn
	stream string
	prefix string
	bell   string
	api    string // where JetStream's interface is

	// patience is how long the next call waits. A call that is lost while a link comes up must not hold the mail up
	// for a minute; a piece over a slow link must be given one. So it doubles with each call that is not answered.
	patience atomic.Int64
}

func upBox(c *nats.Conn, api string) *box {
	return &box{conn: c, stream: streamUp, prefix: prefixUp, bell: bellUp, api: api}
}

func downBox(c *nats.Conn, api string) *box {
	return &box{conn: c, stream: streamDown, prefix: prefixDown, bell: bellDown, api: api}
}

// errLink is a call that may work when the link is back.
var errLink = errors.New("the link is down")

type apiError struct {
	Code        int    `json:"code"`
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

// Codes of JetStream.
const (
	jsTaken    = 10071 // something has this subject
	jsFailed   = 10077 // the store refused: a limit, or the disk
	jsNoStream = 10059
	jsDown     = 10008 // JetStream is not available, or not yet
	jsOff      = 10076
)

var jsFull = []int{10002, 10023, 10028, 10047, 10122}

func (e *apiError) fault(what string) error {
	switch {
	case e.ErrCode == jsFailed, slices.Contains(jsFull, e.ErrCode), strings.Contains(e.Description, "no space left"):
		return fault.New(fault.StoreFull, what+": the hub's store is full ("+cut(e.Description, 100)+")", "free space on the hub's disk, or wait until it has dealt with the mail before")
	case e.ErrCode == jsNoStream, e.ErrCode == jsDown, e.ErrCode == jsOff, e.Code == 503:
		return errLink
	}
	return fault.New(fault.QueueFailed, what+": "+cut(e.Description, 200)+" ("+strconv.Itoa(e.ErrCode)+")", "see the hub's log")
}

// call sends a request. A missing answer is errLink; the end of ctx is ctx's.
func (b *box) call(ctx context.Context, m *nats.Msg) (*nats.Msg, error) {
	patience := max(time.Duration(b.patience.Load()), leastWait)
	wait, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	began := time.Now()
	out, err := b.conn.RequestMsgWithContext(wait, m)
	switch {
	case err == nil:
		if time.Since(began) < leastWait/2 {
			b.patience.Store(int64(leastWait))
		}
		return out, nil
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.Is(err, nats.ErrMaxPayload):
		return nil, fault.Wrap(err, fault.Internal, "a message is too long", "please report it")
	}
	b.patience.Store(int64(min(2*patience, longWait)))
	return nil, errLink
}

// put stores a message where none has its subject; one that has is no error. Errors: STORE_FULL.
func (b *box) put(ctx context.Context, subject string, data []byte) error {
	m := nats.NewMsg(subject)
	m.Data = data
	m.Header.Set(nats.ExpectedLastSubjSeqHdr, "0")
	out, err := b.call(ctx, m)
	if err != nil {
		return err
	}
	var ack struct {
		Stream string    `json:"stream"`
		Seq    uint64    `json:"seq"`
		Error  *apiError `json:"error"`
	}
	if err := json.Unmarshal(out.Data, &ack); err != nil {
		return errLink
	}
	switch {
	case ack.Error != nil && ack.Error.ErrCode == jsTaken:
		return nil
	case ack.Error != nil:
		return ack.Error.fault("mail is not kept")
	case ack.Stream != b.stream || ack.Seq == 0:
		return errLink
	}
	return nil
}

// stored is a message of the stream.
type stored struct {
	seq     uint64
	subject string
	data    []byte
}

// get asks for one message; nil when there is none.
func (b *box) get(ctx context.Context, query map[string]any) (*stored, error) {
	text, err := json.Marshal(query)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a query cannot be written", "please report it")
	}
	out, err := b.call(ctx, &nats.Msg{Subject: b.api + "DIRECT.GET." + b.stream, Data: text})
	if err != nil {
		return nil, err
	}
	switch status := out.Header.Get("Status"); status {
	case "":
	case "404":
		return nil, nil
	case "408", "503":
		return nil, errLink
	default:
		return nil, fault.New(fault.QueueFailed, "mail cannot be read: "+cut(out.Header.Get("Description"), 100), "see the hub's log")
	}
	seq, err := strconv.ParseUint(out.Header.Get(nats.JSSequence), 10, 64)
	if err != nil {
		return nil, errLink
	}
	return &stored{seq: seq, subject: out.Header.Get(nats.JSSubject), data: out.Data}, nil
}

// next is the first head from a sequence number on.
func (b *box) next(ctx context.Context, seq uint64) (*stored, error) {
	return b.get(ctx, map[string]any{"seq": seq, "next_by_subj": b.prefix + ".*.*.h"})
}

func (b *box) at(ctx context.Context, subject string) (*stored, error) {
	return b.get(ctx, map[string]any{"last_by_subj": subject})
}

// purge takes out all that fits a subject.
func (b *box) purge(ctx context.Context, subject string) error {
	text, err := json.Marshal(map[string]string{"filter": subject})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "a query cannot be written", "please report it")
	}
	out, err := b.call(ctx, &nats.Msg{Subject: b.api + "STREAM.PURGE." + b.stream, Data: text})
	if err != nil {
		return err
	}
	var answer struct {
		Error *apiError `json:"error"`
	}
	if err := json.Unmarshal(out.Data, &answer); err != nil {
		return errLink
	}
	if answer.Error != nil {
		return answer.Error.fault("mail cannot be taken out")
	}
	return nil
}

// forget takes a mail out, and what is left of others under its ID.
func (b *box) forget(ctx context.Context, m mark) error {
	return b.purge(ctx, b.prefix+"."+m.String()+".>")
}
