package main

import (
	"crypto/ed25519"
	"io/fs"
)

// shippedModels gives the bundles inside the program and the keys that signed them.
func shippedModels() (fs.FS, []ed25519.PublicKey) { return nil, nil }
