package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// pair is a hub with a site that is the test's, and one that has nothing to do with it and must go on.
func pair(t *testing.T, o HubOptions, so SiteOptions) (h *Hub, s, bystander *Site) {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	h = openHub(t, o)
	so.Dir = joined(t, h, "north")
	if so.Now == nil {
		so.Now = h.now
	}
	s = openSite(t, so)
	bystander = openSite(t, SiteOptions{Dir: joined(t, h, "south"), Now: h.now})
	linked(t, bystander)
	return h, s, bystander
}

var mailNumber atomic.Int64

func goesOn(t *testing.T, h *Hub, s *Site) {
	t.Helper()
	id := fmt.Sprint("still-", mailNumber.Add(1))
	if err := s.Send(soon(t), federation.Mail{ID: id, Kind: "update"}); err != nil {
		t.Fatal(err)
	}
	d := receive(t, h)
	if d.ID != id || d.From != s.Name() {
		t.Errorf("got %s of %s", d.ID, d.From)
	}
	if err := d.Done(); err != nil {
		t.Error(err)
	}
}

func TestRevocation(t *testing.T) {
	t.Parallel()
	h, s, bystander := pair(t, HubOptions{}, SiteOptions{})
	linked(t, s)
	start := time.Now()
	if err := Revoke(h.o.Dir, "north"); err != nil {
		t.Fatal(err)
	}
	until(t, "the kick", func() bool { return s.leafID() == 0 })
	t.Logf("the link was cut after %v", time.Since(start).Round(time.Millisecond))
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("the link was cut after %v, more than 2 s", took)
	}
	until(t, "the refusal", func() bool { return fault.CodeOf(s.Trouble()) == fault.SiteRevoked })
	t.Logf("the site knew why after %v", time.Since(start).Round(time.Millisecond))
	wantCode(t, s.Send(soon(t), federation.Mail{ID: "late", Kind: "update"}), fault.SiteRevoked)
	_, err := s.Receive(soon(t))
	wantCode(t, err, fault.SiteRevoked)
	wantCode(t, h.Send(soon(t), "north", federation.Mail{ID: "late", Kind: "round"}), fault.SiteRevoked)
	if m := member(t, h, "north"); !m.Revoked || m.Linked {
		t.Errorf("the member is %+v", m)
	}
	until(t, "an end of the calls", func() bool { s.leafMu.Lock(); defer s.leafMu.Unlock(); return s.leaf == nil })
	goesOn(t, h, bystander)
	// It holds after a restart, and the name can be invited again.
	h = again(t, func() *Hub { closed(t, h); return h }())
	if m := member(t, h, "north"); !m.Revoked {
		t.Error("the revocation was forgotten")
	}
	fresh := openSite(t, SiteOptions{Dir: joined(t, h, "north")})
	linked(t, fresh)
	goesOn(t, h, fresh)
}

func TestCertificatesRenewThemselves(t *testing.T) {
	t.Parallel()
	var now clock
	h, s, bystander := pair(t, HubOptions{Now: now.Now, Life: time.Hour}, SiteOptions{})
	linked(t, s)
	old := s.keep.credentials()
	own, err := h.deskTLS.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	now.add(30 * time.Minute)
	goesOn(t, h, s)
	if s.keep.credentials() != old {
		t.Fatal("renewed too early")
	}
	now.add(15 * time.Minute)
	until(t, "the renewal", func() bool { return s.keep.credentials() != old })
	creds := s.keep.credentials()
	if string(creds.file.Key) == string(old.file.Key) {
		t.Error("the new certificate has the old key")
	}
	until(t, "the neighbour's renewal", func() bool { return len(h.named("south").record().Serials) == 2 })
	goesOn(t, h, s)
	now.add(30 * time.Minute) // the first certificates have ended, the second are not due
	if fresh, err := h.deskTLS.GetCertificate(nil); err != nil || fresh == own {
		t.Error("the hub's own certificate was not renewed", err)
	}
	closed(t, h)
	h = again(t, h)
	linked(t, s)
	goesOn(t, h, s)
	goesOn(t, h, bystander)
	keep, err := openKeeping(s.keep.dir)
	if err != nil {
		t.Fatal(err)
	}
	if keep.credentials().pair.Leaf.SerialNumber.Cmp(creds.pair.Leaf.SerialNumber) != 0 {
		t.Error("the new certificate is not on disk")
	}
	// The old pair is of no use any more.
	stale := &keeping{site: keep.site, hub: keep.hub, ca: keep.ca, creds: old}
	wantCode(t, why(soon(t), stale, nil, federation.Protocol, "", now.Now), fault.CertificateBad)
}

func TestExpiredCertificate(t *testing.T) {
	t.Parallel()
	var now clock
	h := openHub(t, HubOptions{Dir: t.TempDir(), Now: now.Now, Life: time.Hour})
	dir := joined(t, h, "north")
	bystander := openSite(t, SiteOptions{Dir: joined(t, h, "south"), Now: now.Now})
	linked(t, bystander)
	now.add(45 * time.Minute)
	until(t, "the neighbour's renewal", func() bool { return len(h.named("south").record().Serials) == 2 })
	now.add(30 * time.Minute)
	s := openSite(t, SiteOptions{Dir: dir, Now: now.Now})
	wantCode(t, s.Send(soon(t), federation.Mail{ID: "late", Kind: "update"}), fault.CertificateBad)
	if s.Linked() {
		t.Error("let in with a certificate that has ended")
	}
	goesOn(t, h, bystander)
}

// A hub ends a link whose certificate ends while it stands.
func TestLinkEndsWithItsCertificate(t *testing.T) {
	t.Parallel()
	var now clock
	h, s, _ := pair(t, HubOptions{Now: now.Now, Life: time.Hour}, SiteOptions{})
	linked(t, s)
	now.add(2 * time.Hour) // it slept, say, and missed its time to renew; now it is too late
	until(t, "the kick", func() bool { return fault.CodeOf(s.Trouble()) == fault.CertificateBad })
	if member(t, h, "north").Sent == 0 {
		t.Error("no bytes were counted")
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		protocol int
		code     fault.Code
	}{
		"the one before":  {federation.Protocol - 1, ""},
		"two before":      {tooOld, fault.VersionUnfit},
		"one ahead of it": {federation.Protocol + 1, fault.VersionUnfit},
	} {
		t.Run(name, func(t *testing.T) {
			h, s, bystander := pair(t, HubOptions{}, SiteOptions{Protocol: c.protocol})
			if c.code == "" {
				linked(t, s)
				goesOn(t, h, s)
				if m := member(t, h, "north"); m.Protocol != c.protocol {
					t.Errorf("the hub takes the site for protocol %d", m.Protocol)
				}
				return
			}
			wantCode(t, s.Send(soon(t), federation.Mail{ID: "odd", Kind: "update"}), c.code)
			_, err := s.Receive(soon(t))
			wantCode(t, err, c.code)
			if m := member(t, h, "north"); m.Protocol != c.protocol {
				t.Errorf("the hub takes the site for protocol %d", m.Protocol)
			}
			goesOn(t, h, bystander)
		})
	}
}

func TestClockOffByADay(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": 24 * time.Hour, "behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			var now clock
			h, s, bystander := pair(t, HubOptions{}, SiteOptions{Now: now.Now})
			linked(t, s)
			now.add(off)
			until(t, "the refusal", func() bool { return fault.CodeOf(s.Trouble()) == fault.ClockSkew })
			wantCode(t, s.Send(soon(t), federation.Mail{ID: "odd", Kind: "update"}), fault.ClockSkew)
			if skew := time.Duration(member(t, h, "north").Skew); (skew - off).Abs() > time.Minute {
				t.Errorf("the hub sees a skew of %v", skew)
			}
			goesOn(t, h, bystander)
			// A site that starts so hears the same, though TLS itself would stumble over the time.
			closed(t, s)
			s = openSite(t, SiteOptions{Dir: s.keep.dir, Now: now.Now})
			wantCode(t, s.Send(soon(t), federation.Mail{ID: "odd", Kind: "update"}), fault.ClockSkew)
			closed(t, s)
			now.add(-off)
			s = openSite(t, SiteOptions{Dir: s.keep.dir, Now: now.Now})
			goesOn(t, h, s)
		})
	}
}

// A refused site comes back by itself when the cause is gone.
func TestTroubleEnds(t *testing.T) {
	t.Parallel()
	var now clock
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	dir := joined(t, h, "north")
	now.add(-24 * time.Hour)
	late := openSite(t, SiteOptions{Dir: dir, Now: now.Now, slow: 10 * time.Millisecond})
	until(t, "the refusal", func() bool { return fault.CodeOf(late.Trouble()) == fault.ClockSkew })
	now.add(24 * time.Hour)
	linked(t, late)
	goesOn(t, h, late)
}

func TestOtherHubAtTheAddress(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	dir := joined(t, h, "north")
	closed(t, h)
	o := h.o
	o.Dir, o.Listen = t.TempDir(), h.Addresses()[0]
	openHub(t, o)
	s := openSite(t, SiteOptions{Dir: dir})
	wantCode(t, s.Send(soon(t), federation.Mail{ID: "odd", Kind: "update"}), fault.HubMistaken)
}

// Without a certificate, with one of another authority, and below TLS 1.3, nobody reaches the inner listener.
func TestOnlyMutualTLS13(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir(), WebSocket: "127.0.0.1:0"})
	dir := joined(t, h, "north")
	keep, err := openKeeping(dir)
	if err != nil {
		t.Fatal(err)
	}
	other := openHub(t, HubOptions{Dir: t.TempDir()})
	foreign, err := openKeeping(joined(t, other, "north"))
	if err != nil {
		t.Fatal(err)
	}
	try := func(address, alpn string, cert *tls.Certificate, most uint16) error {
		config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{alpn}, MaxVersion: most}
		if cert != nil {
			config.Certificates = []tls.Certificate{*cert}
		}
		conn, err := tls.Dial("tcp", address, config)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close() }()
		_ = conn.SetDeadline(time.Now().Add(shortWait))
		if alpn == alpnWeb {
			if _, err := conn.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n")); err != nil {
				return err
			}
		}
		_, err = conn.Read(make([]byte, 1))
		return err
	}
	for _, address := range h.Addresses() {
		for _, alpn := range []string{alpnLeaf, alpnWeb} {
			if err := try(address, alpn, &keep.credentials().pair, tls.VersionTLS13); err != nil {
				t.Errorf("%s: the site's own certificate is refused: %v", alpn, err)
			}
			if try(address, alpn, nil, tls.VersionTLS13) == nil {
				t.Errorf("%s: let in without a certificate", alpn)
			}
			if try(address, alpn, &foreign.credentials().pair, tls.VersionTLS13) == nil {
				t.Errorf("%s: let in with a certificate of another hub", alpn)
			}
			if try(address, alpn, &keep.credentials().pair, tls.VersionTLS12) == nil {
				t.Errorf("%s: TLS 1.2 is spoken", alpn)
			}
		}
		if try(address, "h2", &keep.credentials().pair, tls.VersionTLS13) == nil {
			t.Error("an unknown protocol is served")
		}
	}
}

func TestTwoOfAKind(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	_, err := OpenHub(soon(t), HubOptions{Dir: h.o.Dir, Listen: "127.0.0.1:0"})
	wantCode(t, err, fault.Conflict)
	_, err = OpenHub(soon(t), HubOptions{Dir: t.TempDir(), Listen: h.Addresses()[0]})
	wantCode(t, err, fault.IO)
	dir := joined(t, h, "north")
	openSite(t, SiteOptions{Dir: dir})
	_, err = OpenSite(context.Background(), SiteOptions{Dir: dir})
	wantCode(t, err, fault.Conflict)
}

func TestDamagedFolders(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	dir := joined(t, h, "north")
	for _, name := range []string{"site.json", "credentials.json"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, damage := range []string{"", "{}", string(text[:len(text)/2])} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(damage), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := OpenSite(soon(t), SiteOptions{Dir: dir})
			wantCode(t, err, fault.StoreCorrupt)
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "identity.key"), []byte("zz"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Identity(dir)
	wantCode(t, err, fault.StoreCorrupt)
	closed(t, h)
	if err := os.WriteFile(filepath.Join(h.o.Dir, "authority.json"), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = OpenHub(soon(t), h.o)
	wantCode(t, err, fault.StoreCorrupt)
}
