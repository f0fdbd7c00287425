package link

import (
	"context"
	"crypto/ed25519"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
)

func TestJoinKeepsKeysAtTheSite(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	dir := joined(t, h, "north")
	for _, name := range []string{"identity.key", "site.json", "credentials.json"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	key, err := Identity(dir)
	if err != nil {
		t.Fatal(err)
	}
	members, err := h.Members(soon(t))
	if err != nil || len(members) != 1 || !members[0].Key.Equal(key.Public()) {
		t.Fatalf("the hub does not know the site's key: %+v, %v", members, err)
	}
	keep, err := openKeeping(dir)
	if err != nil {
		t.Fatal(err)
	}
	creds := keep.credentials().file
	secrets := map[string]string{"identity": string(key.Seed()), "certificate": string(creds.Key), "user": creds.UserSeed}
	err = filepath.WalkDir(h.o.Dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 && !strings.Contains(path, "store") {
			t.Errorf("others can read %s", path)
		}
		text, err := os.ReadFile(path)
		for name, secret := range secrets {
			if strings.Contains(string(text), secret) {
				t.Errorf("the hub has the site's %s key in %s", name, path)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestJoinRefusals(t *testing.T) {
	t.Parallel()
	var now clock
	h := openHub(t, HubOptions{Dir: t.TempDir(), Now: now.Now})
	other := openHub(t, HubOptions{Dir: t.TempDir(), Now: now.Now})
	invite := func(h *Hub, site string, valid time.Duration) string {
		code, err := Invite(h.o.Dir, site, valid)
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	used := invite(h, "used", time.Hour)
	dir := t.TempDir()
	if err := Join(soon(t), JoinOptions{Dir: dir, Hub: h.Addresses()[0], Code: used, Now: now.Now}); err != nil {
		t.Fatal(err)
	}
	wrong, err := parseCode(invite(h, "wrong", time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	wrong.Secret[0] ^= 1
	nobody := wrong
	nobody.Site = "nobody"
	closedPort := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}()
	good := invite(h, "good", time.Hour)
	day := func() time.Time { return now.Now().Add(24 * time.Hour) }
	yesterday := func() time.Time { return now.Now().Add(-24 * time.Hour) }
	for name, c := range map[string]struct {
		o    JoinOptions
		code fault.Code
	}{
		"used":        {JoinOptions{Code: used}, fault.JoinRefused},
		"wrong":       {JoinOptions{Code: wrong.String()}, fault.JoinRefused},
		"not invited": {JoinOptions{Code: nobody.String()}, fault.JoinRefused},
		"mistyped":    {JoinOptions{Code: good[:len(good)-2] + "77"}, fault.JoinRefused},
		"no code":     {JoinOptions{Code: ""}, fault.JoinRefused},
		"other site":  {JoinOptions{Code: good, Site: "south"}, fault.JoinRefused},
		"other hub":   {JoinOptions{Code: good, Hub: other.Addresses()[0]}, fault.HubMistaken},
		"no hub":      {JoinOptions{Code: good, Hub: closedPort}, fault.PeerUnreachable},
		"no address":  {JoinOptions{Code: good, Hub: "http://x/y"}, fault.Usage},
		"old version": {JoinOptions{Code: good, Protocol: tooOld}, fault.VersionUnfit},
		"new version": {JoinOptions{Code: good, Protocol: federation.Protocol + 1}, fault.VersionUnfit},
		"tomorrow":    {JoinOptions{Code: good, Now: day}, fault.ClockSkew},
		"yesterday":   {JoinOptions{Code: good, Now: yesterday}, fault.ClockSkew},
	} {
		t.Run(name, func(t *testing.T) {
			o := c.o
			o.Dir = t.TempDir()
			if o.Hub == "" {
				o.Hub = h.Addresses()[0]
			}
			if o.Now == nil {
				o.Now = now.Now
			}
			wantCode(t, Join(soon(t), o), c.code)
			if _, err := openKeeping(o.Dir); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("a refused join left a site behind: %v", err)
			}
		})
	}
	// None of it has cost the good code, nor kept it from working with the version before.
	o := JoinOptions{Dir: t.TempDir(), Hub: h.Addresses()[0], Code: strings.ToLower(good), Now: now.Now, Protocol: federation.OldestProtocol}
	if err := Join(soon(t), o); err != nil {
		t.Fatal(err)
	}
	late := invite(h, "late", time.Hour)
	now.add(2 * time.Hour)
	wantCode(t, Join(soon(t), JoinOptions{Dir: t.TempDir(), Hub: h.Addresses()[0], Code: late, Now: now.Now}), fault.JoinRefused)
}

func TestFiveWrongTriesEndACode(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	text, err := Invite(h.o.Dir, "north", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	code, err := parseCode(text)
	if err != nil {
		t.Fatal(err)
	}
	for range maxTries {
		guess := code
		guess.Secret[4]++
		wantCode(t, Join(soon(t), JoinOptions{Dir: t.TempDir(), Hub: h.Addresses()[0], Code: guess.String()}), fault.JoinRefused)
	}
	wantCode(t, Join(soon(t), JoinOptions{Dir: t.TempDir(), Hub: h.Addresses()[0], Code: text}), fault.JoinRefused)
}

// A hub of which only the authority's certificate was copied proves nothing.
func TestCopiedAuthorityDoesNotDeceive(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	thief := openHub(t, HubOptions{Dir: t.TempDir()})
	text, err := Invite(h.o.Dir, "north", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	thief.deskTLS.GetCertificate = nil
	own := &serving{a: thief.authority, now: time.Now, life: time.Hour}
	cert, err := own.get(nil)
	if err != nil {
		t.Fatal(err)
	}
	cert.Certificate[1] = h.authority.cert.Raw
	thief.deskTLS.Certificates = append(thief.deskTLS.Certificates, *cert)
	wantCode(t, Join(soon(t), JoinOptions{Dir: t.TempDir(), Hub: thief.Addresses()[0], Code: text}), fault.HubMistaken)
}

func TestJoinAgainReplacesTheUser(t *testing.T) {
	t.Parallel()
	h := openHub(t, HubOptions{Dir: t.TempDir()})
	before := joined(t, h, "north")
	old := openSite(t, SiteOptions{Dir: before})
	linked(t, old)
	after := joined(t, h, "north")
	fresh := openSite(t, SiteOptions{Dir: after})
	linked(t, fresh)
	until(t, "the end of the folder before", func() bool { return fault.CodeOf(old.Trouble()) == fault.CertificateBad })
	a, err := Identity(before)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Identity(after)
	if err != nil {
		t.Fatal(err)
	}
	if a.Equal(b) || !h.named("north").record().Key.Equal(b.Public().(ed25519.PublicKey)) {
		t.Error("the hub does not know the new identity")
	}
}

func TestInviteAndRevokeRefuseNonsense(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, site := range []string{"", "../x", "A", "a b"} {
		_, err := Invite(dir, site, time.Hour)
		wantCode(t, err, fault.Usage)
		wantCode(t, Revoke(dir, site), fault.Usage)
	}
	_, err := Invite(dir, "a", 0)
	wantCode(t, err, fault.Usage)
	wantCode(t, Revoke(dir, "a"), fault.NotFound)
	_, err = OpenSite(context.Background(), SiteOptions{Dir: t.TempDir()})
	wantCode(t, err, fault.NotFound)
	_, err = Identity(t.TempDir())
	wantCode(t, err, fault.NotFound)
}

// tooOld is a protocol before the oldest. 0 would be the default.
const tooOld = -1
