package link

import (
	"context"
	"encoding/json"

	"consilium/fault"
)

// due says whether the certificate is to be renewed.
func (s *Site) due() bool { return dueForRenewal(s.keep.credentials().pair.Leaf, s.now()) }

// renew asks for a certificate of a new key, over the link that the present certificate opened. The link stays as it
// is: the new certificate is shown with the next connection, and until then both count.
func (s *Site) renew() {
	if err := s.tryRenew(); err != nil && s.ctx.Err() == nil {
		s.log.Error("the certificate is not renewed", "until", s.keep.credentials().pair.Leaf.NotAfter, "error", err)
		return
	}
	s.log.Info("the certificate was renewed", "until", s.keep.credentials().pair.Leaf.NotAfter)
}

func (s *Site) tryRenew() error {
	key, csr, err := askCertificate(s.keep.site)
	if err != nil {
		return err
	}
	text, err := json.Marshal(renewRequest{Request: csr})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "no certificate can be asked for", "please report it")
	}
	ctx, cancel := context.WithTimeout(s.ctx, shortWait)
	defer cancel()
	m, err := s.conn.RequestWithContext(ctx, subjectRenew, text)
	if err != nil {
		return unreachable(err, "the hub does not answer")
	}
	var out reply
	if err := json.Unmarshal(m.Data, &out); err != nil {
		return fault.Wrap(err, fault.PeerRefused, "the hub's answer cannot be read", "use the same version of Consilium at hub and site")
	}
	if out.Refused != nil {
		return out.Refused.fault()
	}
	return s.keep.replace(out.Certificate, key)
}
