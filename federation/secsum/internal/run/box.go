package run

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"consilium/fault"
)

// BoxBytes is what a sealed box adds to what is in it.
const BoxBytes = 16

// NewKey makes an X25519 key.
func NewKey() (*ecdh.PrivateKey, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no key could be made", "look at the system's random numbers")
	}
	return key, nil
}

// ParseKey reads a public key. Errors: UPDATE_REFUSED.
func ParseKey(b []byte) (*ecdh.PublicKey, error) {
	key, err := ecdh.X25519().NewPublicKey(b)
	if err != nil {
		return nil, badKey(err)
	}
	return key, nil
}

var probe = sync.OnceValues(NewKey)

// CheckKey is ParseKey, and refuses points of low order: every agreement with them fails, with whatever key. The hub
// looks, so that one site's bad key does not end the run at all others. Errors: UPDATE_REFUSED.
func CheckKey(b []byte) (*ecdh.PublicKey, error) {
	key, err := ParseKey(b)
	if err != nil {
		return nil, err
	}
	own, err := probe()
	if err != nil {
		return nil, err
	}
	if _, err := own.ECDH(key); err != nil {
		return nil, badKey(err)
	}
	return key, nil
}

func badKey(err error) error {
	return fault.Wrap(err, fault.UpdateRefused, "a public key of the secure sum is not one", "use the same version of Consilium at hub and sites")
}

// Agree derives 32 bytes that only the two owners of the keys know, for one use in this run.
func (r *Run) Agree(own *ecdh.PrivateKey, peer *ecdh.PublicKey, use string, from, to int) ([]byte, error) {
	secret, err := own.ECDH(peer)
	if err != nil {
		return nil, fault.Wrap(err, fault.SumBroken, "two sites could not agree on a key", "begin the round anew")
	}
	return r.Derive(secret, use, from, to)
}

// Derive makes a key for one use in this run out of a secret.
func (r *Run) Derive(secret []byte, use string, from, to int) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, secret, r.ID[:], "consilium secure sum v1 "+use+string([]byte{byte(from), byte(to)}), 32)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a key could not be derived", "")
	}
	return key, nil
}

// Lock seals what goes from one site to another. The key is good for this one message: own and peer are made for
// this run, and the direction is in the derivation. So the nonce may be zero.
func (r *Run) Lock(own *ecdh.PrivateKey, peer *ecdh.PublicKey, from, to int, heard Hash, plain []byte) ([]byte, error) {
	box, err := r.box(own, peer, from, to)
	if err != nil {
		return nil, err
	}
	return box.Seal(nil, make([]byte, box.NonceSize()), plain, heard[:]), nil
}

// Unlock opens what Lock sealed. Errors: SUM_BROKEN.
func (r *Run) Unlock(own *ecdh.PrivateKey, peer *ecdh.PublicKey, from, to int, heard Hash, locked []byte) ([]byte, error) {
	box, err := r.box(own, peer, from, to)
	if err != nil {
		return nil, err
	}
	plain, err := box.Open(nil, make([]byte, box.NonceSize()), locked, heard[:])
	if err != nil {
		return nil, fault.Wrap(err, fault.SumBroken, "a share from "+r.Sites[from]+" to "+r.Sites[to]+" cannot be opened", "begin the round anew")
	}
	return plain, nil
}

func (r *Run) box(own *ecdh.PrivateKey, peer *ecdh.PublicKey, from, to int) (cipher.AEAD, error) {
	key, err := r.Agree(own, peer, "share", from, to)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no cipher could be made", "")
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no cipher could be made", "")
	}
	return aead, nil
}
