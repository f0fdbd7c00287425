package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"consilium/fault"
)

const (
	certLife   = 397 * 24 * time.Hour // browsers take no longer one
	certRenew  = 30 * 24 * time.Hour  // before its end
	checkEvery = 5 * time.Second      // whether the files have changed

	selfSignedDir = "tls" // in the data directory
)

// tlsConfig gives the TLS settings, nil for plain HTTP. TLS 1.2 and up with the
// standard library's choice of suites.
func (s *Server) tlsConfig(l Listen) (*tls.Config, error) {
	source := &certSource{cert: l.CertFile, key: l.KeyFile, now: s.now}
	switch {
	case (l.CertFile == "") != (l.KeyFile == ""):
		return nil, fault.New(fault.Usage, "a certificate needs its key, and a key its certificate", "give both --tls-cert and --tls-key")
	case l.CertFile == "" && l.SelfSigned == "":
		return nil, nil
	case l.CertFile == "":
		source.cert, source.key = filepath.Join(l.SelfSigned, selfSignedDir, "cert.pem"), filepath.Join(l.SelfSigned, selfSignedDir, "key.pem")
		if err := selfSign(source.cert, source.key, s.certNames(l.Address), s.now()); err != nil {
			return nil, err
		}
	}
	if _, err := source.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: source.get}, nil
}

// certNames are the names that a certificate of our own is for.
func (s *Server) certNames(address string) []string {
	names := []string{"localhost", "127.0.0.1", "::1"}
	if own, err := os.Hostname(); err == nil {
		names = append(names, own)
	}
	names = append(names, s.Hosts...)
	if host, _, err := net.SplitHostPort(address); err == nil && host != "" {
		names = append(names, host)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// certSource hands out the certificate in two files and reads them again when
// they have changed, so that a renewed one is used without a restart.
type certSource struct {
	cert, key string
	now       func() time.Time

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]time.Time
	checked time.Time
}

func (c *certSource) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if c.current != nil && now.Sub(c.checked) < checkEvery && now.After(c.checked) {
		return c.current, nil
	}
	c.checked = now
	stamp, err := c.stamps()
	if err == nil && c.current != nil && stamp == c.stamp {
		return c.current, nil
	}
	var fresh tls.Certificate
	if err == nil {
		fresh, err = tls.LoadX509KeyPair(c.cert, c.key)
	}
	if err != nil {
		if c.current != nil {
			return c.current, nil // half of a renewal: the old one is good until the new one is whole
		}
		return nil, fault.Wrap(err, fault.Usage, "certificate and key cannot be read, or do not belong together", "check --tls-cert and --tls-key: both PEM, the whole chain in the certificate's file")
	}
	c.current, c.stamp = &fresh, stamp
	return c.current, nil
}

func (c *certSource) stamps() (out [2]time.Time, err error) {
	for i, name := range []string{c.cert, c.key} {
		info, err := os.Stat(name)
		if err != nil {
			return out, err
		}
		out[i] = info.ModTime()
	}
	return out, nil
}

// selfSign makes a certificate, unless there is one that is for these names and
// lives long enough.
func selfSign(certFile, keyFile string, names []string, now time.Time) error {
	if good(certFile, names, now) {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "no key could be made", "please report it")
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return fault.Wrap(err, fault.Internal, "no serial number could be made", "please report it")
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Consilium node, self-signed"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	for _, name := range names {
		if ip, err := netip.ParseAddr(name); err == nil {
			template.IPAddresses = append(template.IPAddresses, net.IP(ip.AsSlice()))
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "no certificate could be made", "check the names given with --host")
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the key cannot be written", "please report it")
	}
	if err := os.MkdirAll(filepath.Dir(certFile), 0o700); err != nil {
		return fault.Wrap(err, fault.IO, "the folder for the certificate cannot be made", "check the data directory")
	}
	return errors.Join(writePEM(keyFile, "PRIVATE KEY", private, 0o600), writePEM(certFile, "CERTIFICATE", cert, 0o644))
}

// good says whether the certificate in a file serves these names for a while.
func good(certFile string, names []string, now time.Time) bool {
	text, err := os.ReadFile(certFile)
	if err != nil {
		return false
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil || now.Before(cert.NotBefore) || now.Add(certRenew).After(cert.NotAfter) {
		return false
	}
	return !slices.ContainsFunc(names, func(n string) bool { return cert.VerifyHostname(n) != nil })
}

func writePEM(path, kind string, der []byte, mode fs.FileMode) error {
	fresh := path + ".new"
	err := os.WriteFile(fresh, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "the certificate cannot be written", "check the data directory")
	}
	return nil
}
