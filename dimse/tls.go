package dimse

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"

	"consilium/fault"
)

// suites are the AEAD suites with forward secrecy of the BCP 195 profile
// (RFC 9325 section 4.2, PS3.15 annex B.12). Those of TLS 1.3 are all fit.
var suites = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

func profile() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: suites}
}

// ServerTLS makes the server's side of the non-downgrading BCP 195 profile: TLS
// 1.2 or later. clientCA, a PEM file, demands a certificate of every peer; ""
// does not.
func ServerTLS(certificate, key, clientCA string) (*tls.Config, error) {
	c := profile()
	if err := loadPair(c, certificate, key); err != nil {
		return nil, err
	}
	if clientCA == "" {
		return c, nil
	}
	pool, err := loadPool(clientCA)
	if err != nil {
		return nil, err
	}
	c.ClientCAs, c.ClientAuth = pool, tls.RequireAndVerifyClientCert
	return c, nil
}

// ClientTLS makes the user's side. ca "" trusts the system's authorities;
// certificate and key "" present none; name "" expects the host of the address.
func ClientTLS(ca, certificate, key, name string) (*tls.Config, error) {
	c := profile()
	c.ServerName = name
	if certificate != "" || key != "" {
		if err := loadPair(c, certificate, key); err != nil {
			return nil, err
		}
	}
	if ca != "" {
		pool, err := loadPool(ca)
		if err != nil {
			return nil, err
		}
		c.RootCAs = pool
	}
	return c, nil
}

func loadPair(c *tls.Config, certificate, key string) error {
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		return fault.Wrap(err, fault.Usage, "the TLS certificate or its key cannot be used", "name two PEM files that belong together")
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

func loadPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Usage, "the certificate authority's file cannot be read", "name a PEM file")
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fault.New(fault.Usage, "the certificate authority's file holds no certificate", "name a PEM file with BEGIN CERTIFICATE")
	}
	return pool, nil
}

func requiresClient(c *tls.Config) bool { return c.ClientAuth == tls.RequireAndVerifyClientCert }

// handshakeText says in words what is wrong with a peer's certificate or with
// its way of speaking; "" when err is about neither.
func handshakeText(err error) string {
	var record tls.RecordHeaderError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var alert *net.OpError
	switch {
	case errors.As(err, &record):
		return "the peer does not speak TLS"
	case errors.As(err, &authority):
		return "the peer's certificate is by an authority that is not trusted"
	case errors.As(err, &host):
		return "the peer's certificate is for another name: " + host.Error()
	case errors.As(err, &invalid):
		return "the peer's certificate is not valid: " + invalid.Error()
	case errors.As(err, &alert) && alert.Op == remoteAlert:
		return "the peer refused our side of TLS: " + alert.Err.Error()
	}
	return err.Error()
}

// remoteAlert is the Op of an error that crypto/tls makes of a peer's alert.
const remoteAlert = "remote error"

// isHandshake tells errors that certificates or TLS versions cause.
func isHandshake(err error) bool {
	var verification *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert *net.OpError
	return errors.As(err, &verification) || errors.As(err, &record) || errors.As(err, &alert) && alert.Op == remoteAlert
}
