package run

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"

	"consilium/fault"
)

// Hub stands for the hub where a message names its sender.
const Hub = 0xff

var magic = []byte("CSS1") // the last byte is the version

const (
	headBytes = 4 + 1 + 1 + hashBytes // magic, step, sender, run
	// SignatureBytes is what Seal adds.
	SignatureBytes = ed25519.SignatureSize
)

// Head begins a message, with room for a body of so many bytes and the signature.
func (r *Run) Head(step byte, from, room int) []byte {
	out := make([]byte, 0, headBytes+room+SignatureBytes)
	out = append(append(out, magic...), step, byte(from))
	return append(out, r.ID[:]...)
}

// signed is what the identity key signs: a text that no other use of that key begins with, and a hash. Hashing
// first reads a long vector once; Ed25519 alone would read it twice.
func signed(message []byte) []byte {
	sum := sha256.Sum256(message)
	return append([]byte("consilium secure sum v1 message\n"), sum[:]...)
}

// Seal signs a site's message and appends the signature.
func Seal(message []byte, key ed25519.PrivateKey) []byte {
	return append(message, ed25519.Sign(key, signed(message))...)
}

// Signed says whether a signature under a site's message is the site's own.
func (r *Run) Signed(from int, message, signature []byte) bool {
	return ed25519.Verify(r.Keys[from], signed(message), signature)
}

// Open checks that a message belongs to this run and step and comes from whom it should, and gives its body, which
// must have the given length (any length below zero is not checked). A site's message must be signed; the hub's is
// not. Errors: UPDATE_STALE for a sound message of another run or step, UPDATE_REFUSED.
func (r *Run) Open(message []byte, step byte, from, length int) ([]byte, error) {
	bad := func(what string) ([]byte, error) {
		return nil, fault.New(fault.UpdateRefused, "a message of the secure sum "+what, "use the same version of Consilium at hub and sites")
	}
	tail := SignatureBytes
	if from == Hub {
		tail = 0
	}
	switch {
	case len(message) < headBytes+tail:
		return bad("ends too early")
	case !bytes.Equal(message[:4], magic):
		return bad("is not one, or is of another version")
	case !bytes.Equal(message[6:headBytes], r.ID[:]):
		return nil, fault.New(fault.UpdateStale, "a message belongs to another job, round, attempt or roster", "nothing; it was put aside")
	case message[4] != step:
		return nil, fault.New(fault.UpdateStale, "a message belongs to another step of the secure sum", "nothing; it was put aside")
	case int(message[5]) != from:
		return bad("speaks for another sender")
	}
	body := message[headBytes : len(message)-tail]
	if length >= 0 && len(body) != length {
		return bad(fmt.Sprintf("has %d bytes where %d belong", len(body), length))
	}
	if from != Hub && !r.Signed(from, message[:len(message)-tail], message[len(message)-tail:]) {
		return bad("has a wrong signature")
	}
	return body, nil
}
