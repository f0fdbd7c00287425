package link

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nkeys"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
)

// siteFile is site.json.
type siteFile struct {
	Site      string    `json:"site"`
	Hub       string    `json:"hub"`
	Proxy     string    `json:"proxy,omitempty"`
	Authority []byte    `json:"authority"` // DER
	Joined    time.Time `json:"joined"`
}

// credentialsFile is credentials.json: what changes with a renewal, in one file, so that it changes at once.
type credentialsFile struct {
	Certificate []byte `json:"certificate"` // DER
	Key         []byte `json:"key"`         // Ed25519 seed
	User        string `json:"user"`        // JWT
	UserSeed    string `json:"userSeed"`
}

// credentials are the same, ready for use.
type credentials struct {
	file credentialsFile
	pair tls.Certificate
	user nkeys.KeyPair
}

// keeping is a site's folder.
type keeping struct {
	dir   string
	site  string
	hub   hubAddress
	proxy string
	ca    *x509.Certificate

	mu    sync.Mutex
	creds *credentials
}

func noJoin(err error, dir string) error {
	return fault.Wrap(err, fault.NotFound, "the folder "+dir+" is not that of a site that has joined", "join first: consilium federate join")
}

// openKeeping reads a site's folder. Errors: NOT_FOUND, STORE_CORRUPT.
func openKeeping(dir string) (*keeping, error) {
	var f siteFile
	var c credentialsFile
	for name, into := range map[string]any{"site.json": &f, "credentials.json": &c} {
		if err := readJSON(filepath.Join(dir, name), into); err != nil {
			if fault.CodeOf(err) == fault.NotFound {
				return nil, noJoin(err, dir)
			}
			return nil, err
		}
	}
	bad := func(err error) (*keeping, error) {
		return nil, fault.Wrap(err, fault.StoreCorrupt, "the folder "+dir+" is damaged", "join again with a new code")
	}
	k := &keeping{dir: dir, site: f.Site, proxy: f.Proxy}
	var err error
	if k.hub, err = parseAddress(f.Hub); err != nil {
		return bad(err)
	}
	if k.ca, err = x509.ParseCertificate(f.Authority); err != nil {
		return bad(err)
	}
	if k.creds, err = c.ready(); err != nil || !federation.Word(f.Site) {
		return bad(err)
	}
	return k, nil
}

func (c credentialsFile) ready() (*credentials, error) {
	cert, err := x509.ParseCertificate(c.Certificate)
	if err != nil {
		return nil, err
	}
	if len(c.Key) != ed25519.SeedSize {
		return nil, fault.New(fault.StoreCorrupt, "the key of the certificate is not one", "join again with a new code")
	}
	user, err := nkeys.FromSeed([]byte(c.UserSeed))
	if err != nil {
		return nil, err
	}
	key := ed25519.NewKeyFromSeed(c.Key)
	if !key.Public().(ed25519.PublicKey).Equal(cert.PublicKey) {
		return nil, fault.New(fault.CertificateBad, "certificate and key do not belong together", "join again with a new code")
	}
	return &credentials{file: c, user: user, pair: tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}}, nil
}

func (k *keeping) credentials() *credentials {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.creds
}

// replace keeps a new certificate: first on disk, then in use.
func (k *keeping) replace(cert []byte, key ed25519.PrivateKey) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	file := k.creds.file
	file.Certificate, file.Key = cert, key.Seed()
	ready, err := file.ready()
	if err != nil {
		return fault.Wrap(err, fault.CertificateBad, "the hub sent a certificate that cannot be used", "please report it")
	}
	if err := checkChain(ready.pair.Leaf, k.ca, k.site, x509.ExtKeyUsageClientAuth, ready.pair.Leaf.NotBefore.Add(time.Second)); err != nil {
		return fault.Wrap(err, fault.CertificateBad, "the hub sent a certificate that is not for this site", "please report it")
	}
	unlock, err := lockFile(filepath.Join(k.dir, ".lock")) // Join may run beside this
	if err != nil {
		return err
	}
	defer unlock()
	if err := folder.WriteJSON(filepath.Join(k.dir, "credentials.json"), file); err != nil {
		return err
	}
	k.creds = ready
	return nil
}

// trusts says whether a hub showed the authority that this site joined. Errors: HUB_MISTAKEN.
func (k *keeping) trusts(ca *x509.Certificate) error {
	if !bytes.Equal(ca.Raw, k.ca.Raw) {
		return fault.New(fault.HubMistaken, "the hub has another authority than the one that this site joined", "check the hub's address; if the hub was set up anew, join again with a new code")
	}
	return nil
}

// Identity reads the key with which a site signs its answers, of the folder that Join made. Errors: NOT_FOUND.
func Identity(dir string) (ed25519.PrivateKey, error) {
	text, err := readSecret(filepath.Join(dir, "identity.key"))
	if err != nil {
		if fault.CodeOf(err) == fault.NotFound {
			return nil, noJoin(err, dir)
		}
		return nil, err
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(raw) != ed25519.SeedSize {
		return nil, fault.Wrap(err, fault.StoreCorrupt, "identity.key in "+dir+" is damaged", "restore it from a backup, or delete it and join again: the hub then knows another key")
	}
	return ed25519.NewKeyFromSeed(raw), nil
}

// identity is Identity, made when it is not there.
func makeIdentity(dir string) (ed25519.PrivateKey, error) {
	path := filepath.Join(dir, "identity.key")
	if _, err := readSecret(path); fault.CodeOf(err) == fault.NotFound {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "no key can be made", "")
		}
		if err := folder.Create(path, []byte(hex.EncodeToString(key.Seed())+"\n")); err != nil {
			return nil, err
		}
	}
	return Identity(dir)
}

// askCertificate makes a key and the request for a certificate of it.
func askCertificate(site string) (ed25519.PrivateKey, []byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "no key can be made", "")
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: site}}, key)
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Internal, "no certificate can be asked for", "please report it")
	}
	return key, der, nil
}
