package link

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"consilium/fault"
)

// watch looks after the sites: whether one was revoked by another process, whether a certificate has ended.
func (h *Hub) watch() {
	tick := time.NewTicker(pulse / 2)
	defer tick.Stop()
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-tick.C:
		}
		h.room()
		for _, s := range h.all() {
			h.look(s)
		}
	}
}

func (h *Hub) look(s *hubSite) {
	rec, err := h.roster.site(s.name)
	if err != nil {
		h.log.Error("the record of a site cannot be read", "site", s.name, "error", err)
		rec = s.record()
	} else {
		h.refresh(s, rec)
	}
	if rec.Revoked != nil || !h.now().Before(rec.until()) {
		s.kick() // its certificate would not be let in now
	}
}

// refresh takes over what another process wrote into a record.
func (h *Hub) refresh(s *hubSite, fresh *record) {
	s.mu.Lock()
	was := s.rec
	s.rec = fresh
	s.mu.Unlock()
	if was.User == fresh.User && (was.Revoked == nil) == (fresh.Revoked == nil) {
		return
	}
	if err := h.publish(fresh); err != nil {
		h.log.Error("the account of a site cannot be changed", "site", s.name, "error", err)
	}
	if fresh.Revoked != nil {
		h.log.Warn("a site was shut out", "site", s.name)
	}
	s.kick()
}

// admit lets a site in that shows a join code.
func (h *Hub) admit(q request) (reply, error) {
	h.admitMu.Lock()
	defer h.admitMu.Unlock()
	now := h.now()
	code := joinCode{Site: q.Site, Print: fingerprint(h.authority.cert.Raw)}
	copy(code.Secret[:], q.Secret)
	if err := h.roster.redeem(code, now); err != nil {
		return reply{}, err
	}
	key, err := parseCSR(q.Request, q.Site)
	if err != nil {
		return reply{}, err
	}
	cert, err := h.authority.issue(q.Site, key, x509.ExtKeyUsageClientAuth, now, h.o.Life)
	if err != nil {
		return reply{}, err
	}
	rec, err := h.roster.change(q.Site, func(rec *record) error {
		if rec.User != "" {
			rec.Old = append(rec.Old, rec.User)
		}
		rec.Key, rec.User, rec.Joined, rec.Revoked, rec.Serials = q.Identity, q.User, now.UTC(), nil, nil
		rec.certify(cert.SerialNumber, cert.NotAfter, now)
		return newAccount(rec)
	})
	if err != nil {
		return reply{}, err
	}
	if s := h.named(q.Site); s != nil {
		h.refresh(s, rec)
	} else {
		ctx, cancel := context.WithTimeout(h.ctx, shortWait)
		defer cancel()
		if err := h.take(ctx, rec); err != nil {
			return reply{}, err
		}
	}
	user, err := siteUser(rec)
	if err != nil {
		return reply{}, err
	}
	h.log.Info("a site has joined", "site", q.Site, "version", cut(q.Version, 64))
	return reply{Certificate: cert.Raw, Account: rec.Account, User: user}, nil
}

// renew gives a site a new certificate. The request came through the site's own account, over its present one.
func (s *hubSite) renew(m *nats.Msg) {
	var out reply
	cert, err := s.certify(m.Data)
	if err != nil {
		s.hub.log.Error("a certificate is not renewed", "site", s.name, "error", err)
		out.Refused = refuse(err)
	} else {
		out.Certificate = cert
	}
	if text, err := json.Marshal(out); err == nil && m.Reply != "" {
		_ = m.Respond(text)
	}
}

func (s *hubSite) certify(data []byte) ([]byte, error) {
	var q renewRequest
	if len(data) > maxFrame || json.Unmarshal(data, &q) != nil {
		return nil, fault.New(fault.CertificateBad, "the request for a new certificate cannot be read", "use the same version of Consilium at hub and site")
	}
	key, err := parseCSR(q.Request, s.name)
	if err != nil {
		return nil, err
	}
	now := s.hub.now()
	cert, err := s.hub.authority.issue(s.name, key, x509.ExtKeyUsageClientAuth, now, s.hub.o.Life)
	if err != nil {
		return nil, err
	}
	rec, err := s.hub.roster.change(s.name, func(rec *record) error {
		if rec.Revoked != nil {
			return fault.New(fault.SiteRevoked, "the hub has shut "+s.name+" out", "speak with the hub's administrator")
		}
		if !now.Before(rec.until()) { // the link stands a moment longer than the certificate that opened it
			return fault.New(fault.CertificateBad, "the certificate of "+s.name+" has ended", "invite the site again")
		}
		rec.certify(cert.SerialNumber, cert.NotAfter, now)
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.rec = rec
	s.mu.Unlock()
	s.hub.log.Info("a certificate was renewed", "site", s.name, "until", cert.NotAfter)
	return cert.Raw, nil
}

// noteAsked keeps what a site says of itself that does not get so far as a pulse: that its clock is wrong, for one.
// Only who has a certificate of the site is believed.
func (h *Hub) noteAsked(q request, certs []*x509.Certificate, unfit error) {
	if s := h.named(q.Site); s != nil && h.letIn(q.Site, certs) == nil {
		s.note(pulseMessage{Protocol: q.Protocol, Version: cut(q.Version, 64), Time: q.Time}, h.now(), unfit)
	}
}

// userKeys makes the key of a site's user.
func userKeys() (nkeys.KeyPair, string, error) {
	pair, err := nkeys.CreateUser()
	if err != nil {
		return nil, "", badKey(err, "a user")
	}
	public, err := pair.PublicKey()
	if err != nil {
		return nil, "", badKey(err, "a user")
	}
	return pair, public, nil
}
