package link

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A sender that died within a long mail leaves pieces without a head, and nobody ever asks for them. The hub sweeps
// them out when the newest of them is a day old. A sender that lives sends pieces anew that are half as old.
const (
	sweepEvery = time.Hour
	orphanAge  = 24 * time.Hour
	pieceTrust = orphanAge / 2
)

// sweepLoop sweeps both streams of a site now and then, until ctx ends.
func (s *hubSite) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		for _, b := range []*box{s.inbox.box, s.down} {
			if err := s.sweep(ctx, b, time.Now().Add(-orphanAge)); err != nil && ctx.Err() == nil {
				s.hub.log.Warn("pieces without a mail are not swept", "site", s.name, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// sweep takes out pieces that have no head and of which the newest is older than before.
func (s *hubSite) sweep(ctx context.Context, b *box, before time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, longWait)
	defer cancel()
	js, err := jetstream.New(b.conn)
	if err != nil {
		return err
	}
	stream, err := js.Stream(ctx, b.stream)
	if err != nil {
		return err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter(b.prefix+".*.*.p.*"))
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for subject := range info.State.Subjects {
		mail, _, _ := strings.Cut(subject, ".p.")
		if seen[mail] {
			continue
		}
		seen[mail] = true
		if head, err := b.at(ctx, mail+".h"); err != nil || head != nil {
			continue
		}
		last, err := stream.GetLastMsgForSubject(ctx, mail+".p.*")
		if errors.Is(err, nats.ErrMsgNotFound) || errors.Is(err, jetstream.ErrMsgNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if last.Time.Before(before) {
			s.hub.log.Info("pieces without a mail are swept out", "site", s.name, "subject", mail)
			if err := b.purge(ctx, mail+".p.>"); err != nil {
				return err
			}
		}
	}
	return nil
}
