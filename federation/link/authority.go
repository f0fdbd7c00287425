package link

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"path/filepath"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"consilium/fault"
	"consilium/federation/folder"
)

// authorityFile is what makes a folder a hub: everything secret that must outlive the process.
type authorityFile struct {
	Certificate []byte `json:"certificate"` // DER, self-signed
	Key         []byte `json:"key"`         // Ed25519 seed of the certificate
	Operator    string `json:"operator"`    // nkey seed
	System      string `json:"system"`      // nkey seed of the system account
	Store       string `json:"store"`       // secret from which JetStream's encryption keys are derived
}

// authority signs certificates and knows the hub's secrets.
type authority struct {
	cert     *x509.Certificate
	key      ed25519.PrivateKey
	operator nkeys.KeyPair
	system   nkeys.KeyPair
	store    string
}

const authorityYears = 20

// openAuthority reads the hub's secrets, or makes them. Whoever comes second, of two at the same time, reads.
func openAuthority(dir string, now time.Time) (*authority, error) {
	if err := makeDirs(dir, "sites", "invites", "done", "store"); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "authority.json")
	text, err := readSecret(path)
	if fault.CodeOf(err) == fault.NotFound {
		var made []byte
		if made, err = makeAuthority(now); err != nil {
			return nil, err
		}
		if err := folder.Create(path, made); err != nil {
			return nil, err
		}
		text, err = readSecret(path)
	}
	if err != nil {
		return nil, err
	}
	return parseAuthority(text)
}

func parseAuthority(text []byte) (*authority, error) {
	bad := func(err error) (*authority, error) {
		return nil, fault.Wrap(err, fault.StoreCorrupt, "the hub's authority.json cannot be read", "restore it from a backup; without it every site has to join again")
	}
	var f authorityFile
	if err := json.Unmarshal(text, &f); err != nil {
		return bad(err)
	}
	if len(f.Key) != ed25519.SeedSize || len(f.Store) < 32 {
		return bad(nil)
	}
	a := &authority{key: ed25519.NewKeyFromSeed(f.Key), store: f.Store}
	var err error
	if a.cert, err = x509.ParseCertificate(f.Certificate); err != nil {
		return bad(err)
	}
	if a.operator, err = nkeys.FromSeed([]byte(f.Operator)); err != nil {
		return bad(err)
	}
	if a.system, err = nkeys.FromSeed([]byte(f.System)); err != nil {
		return bad(err)
	}
	return a, nil
}

func makeAuthority(now time.Time) ([]byte, error) {
	bad := func(err error) ([]byte, error) {
		return nil, fault.Wrap(err, fault.Internal, "the hub's keys cannot be made", "please report it")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return bad(err)
	}
	serial, err := newSerial()
	if err != nil {
		return bad(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Consilium hub authority"},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.AddDate(authorityYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		return bad(err)
	}
	operator, err := seed(nkeys.CreateOperator)
	if err != nil {
		return bad(err)
	}
	system, err := seed(nkeys.CreateAccount)
	if err != nil {
		return bad(err)
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return bad(err)
	}
	text, err := json.MarshalIndent(authorityFile{Certificate: der, Key: private.Seed(), Operator: operator, System: system,
		Store: base64.RawURLEncoding.EncodeToString(secret[:])}, "", " ")
	if err != nil {
		return bad(err)
	}
	return text, nil
}

// seed makes a key of NATS and gives its secret.
func seed(make func() (nkeys.KeyPair, error)) (string, error) {
	pair, err := make()
	if err != nil {
		return "", err
	}
	text, err := pair.Seed()
	return string(text), err
}

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
}

// issue signs a certificate. It is dated back by as much as clocks may differ.
func (a *authority) issue(name string, key any, use x509.ExtKeyUsage, now time.Time, life time.Duration) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no serial number for a certificate", "")
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: now.Add(-maxSkew), NotAfter: now.Add(life), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key, a.key)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a certificate cannot be signed", "")
	}
	return x509.ParseCertificate(der)
}

// fingerprint is what a join code binds: the beginning of the SHA-256 of the authority's certificate.
func fingerprint(cert []byte) (out [fingerprintBytes]byte) {
	sum := sha256.Sum256(cert)
	copy(out[:], sum[:])
	return out
}

// serving gives the hub's own certificate and renews it at two thirds of its life. It is made anew with each start:
// sites pin the authority.
type serving struct {
	a    *authority
	now  func() time.Time
	life time.Duration
	mu   sync.Mutex
	cert *tls.Certificate
}

func (s *serving) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	if s.cert != nil && !dueForRenewal(s.cert.Leaf, now) {
		return s.cert, nil
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	cert, err := s.a.issue(hubName, public, x509.ExtKeyUsageServerAuth, now, s.life)
	if err != nil {
		return nil, err
	}
	s.cert = &tls.Certificate{Certificate: [][]byte{cert.Raw, s.a.cert.Raw}, PrivateKey: private, Leaf: cert}
	return s.cert, nil
}

// dueForRenewal says whether two thirds of a certificate's life are over. A clock that was set back beyond the
// beginning renews too.
func dueForRenewal(c *x509.Certificate, now time.Time) bool {
	life := c.NotAfter.Sub(c.NotBefore)
	return now.Before(c.NotBefore) || now.After(c.NotBefore.Add(life*2/3))
}

// checkChain says whether a certificate is the authority's, for this use, at this time.
func checkChain(cert, ca *x509.Certificate, name string, use x509.ExtKeyUsage, now time.Time) error {
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	_, err := cert.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{use}})
	return err
}
