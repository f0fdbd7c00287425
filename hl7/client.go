package hl7

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"time"

	"consilium/fault"
)

// Peer is a system that takes messages over MLLP.
type Peer struct {
	Address string      // host:port
	TLS     *tls.Config // nil: none
}

const sendTimeout = 30 * time.Second

// Send gives a message to a peer and waits for its acknowledgement. Errors:
// PEER_UNREACHABLE (nobody, or no answer: it may be sent again, and may then
// arrive twice), PEER_REFUSED (AE or AR). When to try again is the caller's choice.
func Send(ctx context.Context, p Peer, m Message) (ack Message, err error) {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	unreachable := func(err error) error {
		return fault.Wrap(err, fault.PeerUnreachable, "the HL7 receiver at "+p.Address+" does not answer", "look whether it runs and listens there")
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", p.Address)
	if err != nil {
		return ack, unreachable(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	if p.TLS != nil {
		config := p.TLS.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(p.Address)
		}
		conn = tls.Client(conn, config)
	}
	if _, err := conn.Write(frame(m.Bytes())); err != nil {
		return ack, unreachable(err)
	}
	raw, err := readFrame(bufio.NewReader(conn), func() {})
	if err == nil {
		raw, err = Decode(raw)
	}
	if err == nil {
		ack, err = Parse(raw)
	}
	if err != nil {
		return ack, unreachable(err)
	}
	return ack, checkAck(m, ack)
}

// checkAck says what an acknowledgement means.
func checkAck(m, ack Message) error {
	code, control := ack.Of("MSA", 1, 1), ack.Of("MSA", 2, 1)
	if control != m.Control() {
		return fault.New(fault.PeerRefused, fmt.Sprintf("the receiver acknowledged %.40q instead of %.40q", control, m.Control()), "look at the receiver's log")
	}
	switch code {
	case Accept, "CA":
		return nil
	}
	why := orElse(ack.Of("ERR", 8, 1), orElse(ack.Of("MSA", 3, 1), ack.Of("ERR", 3, 2)))
	return fault.New(fault.PeerRefused, fmt.Sprintf("the receiver answered %.10s: %.200s", orElse(code, "nothing"), orElse(why, "it does not say why")), "look at the receiver's log")
}
