package link

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"

	"consilium/fault"
)

func operators(o *jwt.OperatorClaims) []*jwt.OperatorClaims { return []*jwt.OperatorClaims{o} }

// startEmbedded starts a NATS server in this process.
func startEmbedded(o *server.Options, log *slog.Logger) (*server.Server, error) {
	s, err := server.NewServer(o)
	if err != nil {
		return nil, fault.Wrap(err, fault.QueueFailed, "the embedded server cannot start", "please report it")
	}
	s.SetLogger(serverLog{log}, false, false)
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		s.Shutdown()
		return nil, fault.New(fault.QueueFailed, "the embedded server did not start within 30 s", "see the log, and the free disk space")
	}
	return s, nil
}

// serverLog is what the embedded server has to say. Its notices are of use to who looks for a defect only.
type serverLog struct{ log *slog.Logger }

func (l serverLog) Noticef(f string, v ...any) { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Warnf(f string, v ...any)   { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Errorf(f string, v ...any)  { l.log.Info("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Fatalf(f string, v ...any)  { l.log.Error("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Debugf(f string, v ...any)  { l.log.Debug("nats: " + fmt.Sprintf(f, v...)) }
func (l serverLog) Tracef(string, ...any)      {}

// ended is the coded error of a context that is over.
func ended(ctx context.Context, what string) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.Wrap(ctx.Err(), fault.Timeout, what+" in time", "wait longer, or see whether the other side runs")
	}
	return fault.Wrap(ctx.Err(), fault.Interrupted, what+" before this was stopped", "")
}

// retry calls f until the link is back.
func retry(ctx context.Context, f func(context.Context) error) error {
	for wait := 20 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := f(ctx)
		if ctx.Err() != nil && err != nil {
			return ended(ctx, "the mail was not moved")
		}
		if !errors.Is(err, errLink) {
			return err
		}
		if !sleep(ctx, wait) {
			return ended(ctx, "the mail was not moved")
		}
	}
}

// sleep waits, and says whether ctx goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
