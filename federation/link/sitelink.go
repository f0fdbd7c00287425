package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"consilium/fault"
)

// leafOptions describe the site's embedded server: no port, no store, one connection outwards.
func (s *Site) leafOptions() *server.Options {
	remote := &server.RemoteLeafOpts{
		URLs:                    []*url.URL{s.keep.hub.url()},
		TLS:                     true,
		TLSHandshakeFirst:       true,
		TLSTimeout:              shortWait.Seconds(),
		DialTimeout:             shortWait,
		FirstInfoTimeout:        shortWait,
		TLSConfig:               s.tlsConfig(),
		Compression:             server.CompressionOpts{Mode: server.CompressionOff},
		IgnoreDiscoveredServers: true,
		// Read for each connection: a renewed certificate needs no restart.
		SignatureCB: func(nonce []byte) (string, []byte, error) {
			creds := s.keep.credentials()
			sig, err := creds.user.Sign(nonce)
			return creds.file.User, sig, err
		},
	}
	if s.proxy != nil {
		bare := *s.proxy
		bare.User = nil
		remote.Proxy.URL = bare.String()
		remote.Proxy.Username = s.proxy.User.Username()
		remote.Proxy.Password, _ = s.proxy.User.Password()
		remote.Proxy.Timeout = shortWait
	}
	o := &server.Options{
		ServerName: s.keep.site, DontListen: true, NoSigs: true, NoLog: true, NoSystemAccount: true,
		MaxPayload: maxMessage, WriteDeadline: longWait,
	}
	o.LeafNode = server.LeafNodeOpts{Remotes: []*server.RemoteLeafOpts{remote}, ReconnectInterval: reconnect, WriteDeadline: longWait}
	return o
}

func (s *Site) tlsConfig() *tls.Config {
	protocol := alpnLeaf
	if s.keep.hub.web {
		protocol = alpnWeb
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS13, NextProtos: []string{protocol}, Time: s.now,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &s.keep.credentials().pair, nil },
		InsecureSkipVerify:   true, // VerifyConnection does it: by the pinned authority, not by the machine's
		VerifyConnection: func(state tls.ConnectionState) error {
			_, cert, err := showedHub(state.PeerCertificates, s.keep.trusts)
			if err != nil {
				return err
			}
			return checkChain(cert, s.keep.ca, hubName, x509.ExtKeyUsageServerAuth, s.now())
		},
	}
	if host, _, err := net.SplitHostPort(s.keep.hub.host); err == nil {
		c.ServerName = host
	}
	return c
}

// resume starts the embedded server, which calls the hub until it answers.
func (s *Site) resume() error {
	s.leafMu.Lock()
	defer s.leafMu.Unlock()
	if s.leaf != nil || s.ctx.Err() != nil {
		return nil
	}
	leaf, err := startEmbedded(s.leafOptions(), s.log)
	s.leaf = leaf
	return err
}

// pause stops the embedded server: a hub that has said no is not called four times a second.
func (s *Site) pause() {
	s.leafMu.Lock()
	defer s.leafMu.Unlock()
	if s.leaf != nil {
		s.leaf.Shutdown()
		s.leaf.WaitForShutdown()
	}
	s.leaf = nil
}

// inProcess connects the site's client with the embedded server of the moment.
type inProcess struct{ s *Site }

// InProcessConn is what the client calls each time that it has no connection.
func (p inProcess) InProcessConn() (net.Conn, error) {
	s := p.s
	s.leafMu.Lock()
	defer s.leafMu.Unlock()
	if s.leaf == nil {
		return nil, errLink
	}
	return s.leaf.InProcessConn()
}

// leafID is the number of the connection to the hub; 0 when there is none.
func (s *Site) leafID() uint64 {
	s.leafMu.Lock()
	defer s.leafMu.Unlock()
	if s.leaf == nil || s.leaf.NumLeafNodes() == 0 {
		return 0
	}
	leafs, err := s.leaf.Leafz(&server.LeafzOptions{})
	if err != nil || len(leafs.Leafs) == 0 {
		return 0
	}
	return leafs.Leafs[0].ID
}

// watchLink sees the connection come and go, faster than a pulse does.
func (s *Site) watchLink() {
	tick := time.NewTicker(reconnect / 4)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			s.set(func(l *linkState) { l.drop(); l.linked = false })
			return
		case <-tick.C:
		}
		id := s.leafID()
		if id == s.link().link {
			continue
		}
		s.set(func(l *linkState) {
			l.drop()
			l.link, l.linked = id, false
			if id != 0 {
				l.session, l.end = context.WithCancelCause(s.ctx)
			}
		})
		if id != 0 {
			ring(s.nudge)
			ring(s.inbox.wake)
		}
	}
}

func (l *linkState) drop() {
	if l.end != nil {
		l.end(errLink)
	}
	l.end = nil
}

// set changes the state and wakes who waits for that.
func (s *Site) set(f func(*linkState)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.state
	f(&s.state)
	if was.linked != s.state.linked || was.link != s.state.link || (was.trouble == nil) != (s.state.trouble == nil) ||
		fault.CodeOf(was.trouble) != fault.CodeOf(s.state.trouble) {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// Times of asking the hub why it does not answer.
const (
	askAfter = 1500 * time.Millisecond // without an answer
	askAgain = 5 * time.Second         // when the hub could not be reached either
	askSlow  = time.Minute             // when the hub has said no
)

// beat sends a pulse each second, asks the hub what is wrong when no answer comes, and renews the certificate.
func (s *Site) beat() {
	tick := time.NewTicker(pulse)
	defer tick.Stop()
	silent := time.Now() // since when the hub has not answered
	var asked, renewed time.Time
	for {
		answer, err := s.pulse()
		for again := 0; errors.Is(err, context.DeadlineExceeded) && again < 3 && s.link().link != 0 && !s.link().linked; again++ {
			answer, err = s.pulse()
		}
		switch {
		case err == nil:
			s.heard(answer)
			silent = time.Now()
			if answer.Refused == nil && time.Since(renewed) > askAgain && s.due() {
				renewed = time.Now()
				s.renew()
			}
		case s.ctx.Err() == nil:
			s.set(func(l *linkState) { l.linked = false })
			wait := askAgain
			if s.Trouble() != nil {
				wait = s.slow
			}
			if time.Since(silent) > askAfter && time.Since(asked) > wait {
				s.ask()
				asked = time.Now()
			}
		}
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		case <-s.nudge:
		}
	}
}

func (s *Site) pulse() (pulseAnswer, error) {
	var answer pulseAnswer
	s.mu.Lock()
	doing, link, session, fresh := s.doing, s.state.link, s.state.session, !s.state.linked
	s.mu.Unlock()
	if link == 0 {
		return answer, errLink
	}
	text, err := json.Marshal(pulseMessage{Protocol: s.protocol, Version: s.version, Time: s.now(), Memory: resident(), Doing: doing})
	if err != nil {
		return answer, err
	}
	patience := deaf
	if fresh { // the first over a new connection may be lost while the hub opens the account: better to ask again soon
		patience = deaf / 8
	}
	ctx, cancel := context.WithTimeout(session, patience) // what went over a connection that is gone is not waited for
	defer cancel()
	m, err := s.conn.RequestWithContext(ctx, subjectPresence, text)
	if err != nil {
		return answer, err
	}
	return answer, json.Unmarshal(m.Data, &answer)
}

// heard takes the hub's answer to a pulse.
func (s *Site) heard(answer pulseAnswer) {
	s.gauge.set(answer.Full)
	trouble := answer.Refused.fault()
	if trouble != nil && fault.CodeOf(trouble) != fault.CodeOf(s.Trouble()) {
		s.log.Error("the hub does not work with this site", "error", trouble)
	}
	again := false
	s.set(func(l *linkState) {
		l.linked, l.trouble = l.link != 0, trouble
		again = !l.born.IsZero() && !l.born.Equal(answer.Born)
		l.born = answer.Born
	})
	if again {
		s.log.Warn("the hub's store is a new one")
		s.inbox.rewind()
	}
}

// ask finds out why the hub does not answer. A refusal stops the calls until it is taken back.
func (s *Site) ask() {
	ctx, cancel := context.WithTimeout(s.ctx, 2*shortWait)
	defer cancel()
	err := why(ctx, s.keep, s.proxy, s.protocol, s.version, s.now)
	if s.ctx.Err() != nil || fault.CodeOf(err) == fault.PeerUnreachable {
		return // cut, not refused
	}
	if err != nil && fault.CodeOf(s.Trouble()) != fault.CodeOf(err) {
		s.log.Error("the hub does not let this site in", "error", err)
	}
	s.set(func(l *linkState) { l.trouble = err })
	if err != nil {
		s.pause()
	} else if err := s.resume(); err != nil {
		s.log.Error("the link does not start", "error", err)
	}
}
