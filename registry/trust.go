package registry

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"consilium/fault"
)

const maxTrusted = 256 // keys in one trust folder

// Trust is the set of public keys whose bundles are opened, by KeyID.
type Trust map[string]ed25519.PublicKey

// NewTrust trusts these keys and no other.
func NewTrust(keys ...ed25519.PublicKey) Trust {
	t := make(Trust, len(keys))
	for _, key := range keys {
		t[KeyID(key)] = key
	}
	return t
}

// LoadTrust reads every *.pem of a folder. A folder that does not exist trusts
// nobody; a file that is no public key is an error, not skipped: whoever put it
// there believes that it counts.
func LoadTrust(dir string) (Trust, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Trust{}, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the folder of trusted keys cannot be read", "check its permissions")
	}
	t := Trust{}
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), keySuffix) || !e.Type().IsRegular() {
			continue
		}
		if len(t) == maxTrusted {
			return nil, fault.New(fault.ModelSignature, fmt.Sprintf("more than %d trusted keys in %s", maxTrusted, dir), "remove the keys that are not needed")
		}
		key, err := LoadPublicKey(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		t[KeyID(key)] = key
	}
	return t, nil
}

// With gives a Trust that also holds the keys of another.
func (t Trust) With(other Trust) Trust {
	both := make(Trust, len(t)+len(other))
	for _, set := range []Trust{t, other} {
		for _, key := range set {
			both[KeyID(key)] = key
		}
	}
	return both
}
