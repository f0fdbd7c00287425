package secsum

import (
	"crypto/ecdh"

	"consilium/federation/secsum/internal/run"
)

const (
	secretBytes = 32
	pieceBytes  = 2*secretBytes + run.BoxBytes // of the seed and of the mask key, sealed
	keysBytes   = 3 * 32                       // two public keys and the hash of the seed
)

// peer is what the hub keeps of what a site published.
type peer struct {
	mask *ecdh.PublicKey
	seed []byte // hash of its seed
}

// seedHash binds a site to its seed without saying it: the seed has 256 bits of entropy.
func seedHash(r *run.Run, site int, seed []byte) []byte {
	sum := run.Chain("seed", r.ID, []byte{byte(site)}, seed)
	return sum[:]
}

// selfStream is a site's own mask as the site adds it.
func selfStream(r *run.Run, site int, seed []byte, subtract bool) (stream, error) {
	key, err := r.Derive(seed, "self", site, site)
	if err != nil {
		return stream{}, err
	}
	return newStream(key, subtract)
}

// pairStream is the mask between two sites as the first of them adds it: the one that comes earlier in the roster
// adds, the other subtracts. own may be of either; peer is of the other.
func pairStream(r *run.Run, own *ecdh.PrivateKey, peer *ecdh.PublicKey, adds, other int, undo bool) (stream, error) {
	key, err := r.Agree(own, peer, "mask", min(adds, other), max(adds, other))
	if err != nil {
		return stream{}, err
	}
	return newStream(key, (adds > other) != undo)
}
