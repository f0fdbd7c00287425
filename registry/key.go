package registry

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"

	"consilium/fault"
)

const (
	maxKeyBytes = 16 << 10
	privateType = "PRIVATE KEY" // PKCS#8, RFC 5208
	publicType  = "PUBLIC KEY"  // SubjectPublicKeyInfo, RFC 8410
	keySuffix   = ".pem"
)

// KeyID names a public key: the first 16 hexadecimal digits of its SHA-256.
func KeyID(key ed25519.PublicKey) string {
	sum := sha256.Sum256(key)
	return hex.EncodeToString(sum[:])[:16]
}

// GenerateKey makes a signing key from the operating system's random source.
func GenerateKey() (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no signing key could be made", "check the system's random source")
	}
	return key, nil
}

// SaveKey writes a signing key (PEM, PKCS#8) that only its owner may read. It never overwrites.
func SaveKey(path string, key ed25519.PrivateKey) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the signing key could not be encoded", "")
	}
	return savePEM(path, privateType, der, 0o600)
}

// SavePublicKey writes the public half (PEM), to be handed to those who shall trust it. It never overwrites.
func SavePublicKey(path string, key ed25519.PublicKey) error {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the public key could not be encoded", "")
	}
	return savePEM(path, publicType, der, 0o644)
}

func savePEM(path, kind string, der []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fault.Wrap(err, fault.IO, "the folder for the key could not be made", "check the folder's permissions")
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return fault.Wrap(err, fault.IO, "the key could not be written", "a key is never overwritten: choose another file, or move the old one away")
	}
	err = pem.Encode(f, &pem.Block{Type: kind, Bytes: der})
	if err = errors.Join(err, f.Close()); err != nil {
		return fault.Wrap(err, fault.IO, "the key could not be written", "check the disk")
	}
	return nil
}

// LoadKey reads a signing key. A key that others may read is refused.
func LoadKey(path string) (ed25519.PrivateKey, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelSignature, "the signing key cannot be read", "check the path, or make one with `consilium models keygen`")
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fault.New(fault.ModelSignature, fmt.Sprintf("others may read the signing key %s", path), "make it private: chmod 600")
	}
	der, err := loadPEM(path, privateType)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if key, ok := parsed.(ed25519.PrivateKey); err == nil && ok {
		return key, nil
	}
	return nil, fault.New(fault.ModelSignature, fmt.Sprintf("%s is no ed25519 signing key", path), "make one with `consilium models keygen`")
}

// LoadPublicKey reads a public key.
func LoadPublicKey(path string) (ed25519.PublicKey, error) {
	der, err := loadPEM(path, publicType)
	if err != nil {
		return nil, err
	}
	return parsePublic(der, path)
}

// ParsePublicKey reads a public key from PEM bytes; name is for messages.
func ParsePublicKey(text []byte, name string) (ed25519.PublicKey, error) {
	der, err := decodePEM(text, publicType, name)
	if err != nil {
		return nil, err
	}
	return parsePublic(der, name)
}

func parsePublic(der []byte, name string) (ed25519.PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(der)
	if key, ok := parsed.(ed25519.PublicKey); err == nil && ok {
		return key, nil
	}
	return nil, fault.New(fault.ModelSignature, fmt.Sprintf("%s is no ed25519 public key", name), "ask its owner for the public key file")
}

func loadPEM(path, kind string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelSignature, "the key cannot be read", "check the path")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyBytes+1))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the key cannot be read", "check the disk")
	}
	return decodePEM(text, kind, path)
}

func decodePEM(text []byte, kind, name string) ([]byte, error) {
	if len(text) > maxKeyBytes {
		return nil, fault.New(fault.ModelSignature, fmt.Sprintf("%s is too large for a key", name), "ask its owner for the key file")
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != kind {
		return nil, fault.New(fault.ModelSignature, fmt.Sprintf("%s holds no PEM block %q", name, kind), "ask its owner for the key file")
	}
	return block.Bytes, nil
}
