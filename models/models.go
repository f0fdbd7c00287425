// Package models holds the model bundles that are shipped inside the program,
// one folder each, and the public key that signed them.
package models

import (
	"crypto/ed25519"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"consilium/fault"
	"consilium/registry"
)

// The pattern takes whatever bundles lie here, none included; this file comes along, unused.
//
//go:embed *
var files embed.FS

// keyFile is the public half of the key that signed the shipped bundles. The private half is not in the repository.
const keyFile = "shipped.pub.pem"

// FS gives the shipped bundles, a folder each.
func FS() fs.FS { return files }

// Names lists the shipped models, sorted.
func Names() []string {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil // an embedded file system has its root
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

// Trust is the key of the shipped bundles; empty in a build without any.
func Trust() (registry.Trust, error) {
	text, err := files.ReadFile(keyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return registry.Trust{}, nil
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the shipped key cannot be read", "build the program again")
	}
	key, err := registry.ParsePublicKey(text, keyFile)
	if err != nil {
		return nil, err
	}
	return registry.NewTrust(key), nil
}

// Open opens a shipped model, fully verified. MODEL_MISSING when there is none of that name.
func Open(name string) (*registry.Bundle, error) {
	trust, err := Trust()
	if err != nil {
		return nil, err
	}
	for _, have := range Names() {
		if have != name {
			continue
		}
		sub, err := fs.Sub(files, name)
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "a shipped model cannot be read", "build the program again")
		}
		return registry.Open(sub, trust)
	}
	return nil, fault.New(fault.ModelMissing, fmt.Sprintf("no model %.80q is shipped", name), "there are: "+strings.Join(Names(), ", "))
}

// Store opens this machine's store (registry.DataDir) with the shipped models in it.
func Store() (*registry.Store, error) {
	dir, err := registry.DataDir()
	if err != nil {
		return nil, err
	}
	trust, err := Trust()
	if err != nil {
		return nil, err
	}
	var keys []ed25519.PublicKey
	for _, key := range trust {
		keys = append(keys, key)
	}
	return registry.OpenStore(dir, files, keys...)
}
