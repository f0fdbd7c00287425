package dimse

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"consilium/fault"
)

// authority signs certificates for a test; files are PEM.
type authority struct {
	dir, file string
	cert      *x509.Certificate
	key       *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{dir: t.TempDir()}
	a.cert, a.key = a.sign(t, name, true, time.Hour)
	a.file = filepath.Join(a.dir, name+".pem")
	return a
}

// sign makes a certificate for 127.0.0.1 and writes name.pem and name.key.
func (a *authority) sign(t *testing.T, name string, ca bool, life time.Duration) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62))
	template := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(life),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: ca, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for ext, block := range map[string]*pem.Block{".pem": {Type: "CERTIFICATE", Bytes: der}, ".key": {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(filepath.Join(a.dir, name+ext), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// pair gives the files of a certificate.
func (a *authority) pair(t *testing.T, name string, life time.Duration) (string, string) {
	a.sign(t, name, false, life)
	return filepath.Join(a.dir, name+".pem"), filepath.Join(a.dir, name+".key")
}

func mustTLS(t *testing.T) func(c *tls.Config, err error) *tls.Config {
	return func(c *tls.Config, err error) *tls.Config {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

func TestMutualTLS(t *testing.T) {
	must := mustTLS(t)
	ours, foreign := newAuthority(t, "ours"), newAuthority(t, "foreign")
	cert, key := ours.pair(t, "server", time.Hour)
	count := newTally()
	peer := start(t, Config{TLS: must(ServerTLS(cert, key, ours.file)), Observe: count, Associate: 5 * time.Second})
	with := func(c *tls.Config) Peer { p := peer; p.TLS = c; return p }
	cert, key = ours.pair(t, "client", time.Hour)
	good := with(must(ClientTLS(ours.file, cert, key, "")))
	alive(t, good)
	sent, err := Store(t.Context(), good, []Source{File(ctFile(t, t.TempDir(), "1.2.3", 1<<20))}, nil)
	if err != nil {
		t.Error(sent, err)
	}
	lateCert, lateKey := ours.pair(t, "late", -time.Hour)
	foreignCert, foreignKey := foreign.pair(t, "foreigner", time.Hour)
	old := must(ClientTLS(ours.file, cert, key, ""))
	old.MinVersion, old.MaxVersion = tls.VersionTLS11, tls.VersionTLS11
	weak := must(ClientTLS(ours.file, cert, key, ""))
	weak.MaxVersion, weak.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	for i, c := range []struct {
		name string
		p    Peer
		code fault.Code
		say  string
	}{
		{"no certificate", with(must(ClientTLS(ours.file, "", "", ""))), fault.PeerRefused, "certificate required"},
		{"a foreign certificate", with(must(ClientTLS(ours.file, foreignCert, foreignKey, ""))), fault.PeerRefused, "certificate required"},
		{"an expired certificate", with(must(ClientTLS(ours.file, lateCert, lateKey, ""))), fault.PeerRefused, "refused our side"},
		{"a server not trusted", with(must(ClientTLS(foreign.file, cert, key, ""))), fault.PeerRefused, "not trusted"},
		{"another name", with(must(ClientTLS(ours.file, cert, key, "pacs.example"))), fault.PeerRefused, "another name"},
		{"TLS 1.1", with(old), fault.PeerRefused, "refused our side"},
		{"a weak suite", with(weak), fault.PeerRefused, "refused our side"},
		{"no TLS", peer, fault.PeerUnreachable, "closed the connection"},
	} {
		err := Echo(t.Context(), c.p)
		wantCode(t, err, c.code)
		if err == nil || !strings.Contains(err.Error(), c.say) {
			t.Errorf("%s: %v, want something with %q", c.name, err, c.say)
		}
		eventually(t, c.name+" is counted", func() bool { return count.refused(RefusedHandshake) == i+1 })
	}
	alive(t, good)

	plainPeer := start(t, Config{})
	plainPeer.TLS = good.TLS
	wantCode(t, Echo(t.Context(), plainPeer), fault.PeerRefused) // TLS to a server without
}

func TestTLSFiles(t *testing.T) {
	a := newAuthority(t, "ca")
	cert, key := a.pair(t, "x", time.Hour)
	text := filepath.Join(a.dir, "text")
	if err := os.WriteFile(text, []byte("no PEM"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range [][3]string{{"", "", ""}, {cert, cert, ""}, {key, key, ""}, {cert, key, text}, {cert, key, "/does/not/exist"}} {
		if _, err := ServerTLS(f[0], f[1], f[2]); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%v: %v", f, err)
		}
	}
	c := mustTLS(t)(ServerTLS(cert, key, ""))
	if requiresClient(c) {
		t.Error("a certificate is demanded without an authority")
	}
}

// TestDcmtkTLS has dcmtk as the peer on both sides.
func TestDcmtkTLS(t *testing.T) {
	a := newAuthority(t, "ca")
	cert, key := a.pair(t, "server", time.Hour)
	var in inbox
	peer := start(t, Config{Receive: in.receive, TLS: mustTLS(t)(ServerTLS(cert, key, a.file))})
	cert, key = a.pair(t, "client", time.Hour)
	file := ctFile(t, t.TempDir(), "1.2.3", 1<<20)
	if out, err := tool(t, "storescu", peer, "+tls", key, cert, "+cf", a.file, "+px", file); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	if in.count() != 1 {
		t.Errorf("%d objects arrived", in.count())
	}
	if out, err := tool(t, "echoscu", peer, "+tla", "+cf", a.file); err == nil {
		t.Errorf("accepted without a certificate: %s", out)
	}
	if out, err := tool(t, "echoscu", peer); err == nil {
		t.Errorf("accepted without TLS: %s", out)
	}
}
