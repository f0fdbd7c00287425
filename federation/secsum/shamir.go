package secsum

import (
	"crypto/rand"

	"consilium/fault"
)

// Shamir's shares over GF(2^8) with the polynomial of AES, byte by byte. Site i holds the value at i+1; the secret is
// the value at 0. Nothing here branches or looks up by a secret.

// split cuts a secret into n pieces, of which any t give it back and fewer say nothing.
func split(secret []byte, t, n int) ([][]byte, error) {
	random := make([]byte, (t-1)*len(secret))
	if _, err := rand.Read(random); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "no random numbers", "look at the system's random numbers")
	}
	pieces := make([][]byte, n)
	for i := range pieces {
		x := byte(i + 1)
		piece := make([]byte, len(secret))
		for k := t - 2; k >= 0; k-- { // Horner, highest power first
			for j, c := range random[k*len(secret) : (k+1)*len(secret)] {
				piece[j] = gfMul(piece[j]^c, x)
			}
		}
		for j, c := range secret {
			piece[j] ^= c
		}
		pieces[i] = piece
	}
	clear(random)
	return pieces, nil
}

// join gives back the secret from the pieces of different sites. With too few, or a wrong one, it gives something else:
// the caller checks.
func join(holders []int, pieces [][]byte) []byte {
	out := make([]byte, len(pieces[0]))
	for i, hi := range holders {
		xi, weight := byte(hi+1), byte(1)
		for j, hj := range holders {
			if j != i {
				xj := byte(hj + 1)
				weight = gfMul(weight, gfMul(xj, gfInverse(xj^xi)))
			}
		}
		for k, y := range pieces[i] {
			out[k] ^= gfMul(weight, y)
		}
	}
	return out
}

func gfMul(a, b byte) byte {
	var p byte
	for range 8 {
		p ^= a & -(b & 1)
		a = a<<1 ^ 0x1b&-(a>>7)
		b >>= 1
	}
	return p
}

// gfInverse is a^254, and 0 for 0.
func gfInverse(a byte) byte {
	out, square := byte(1), a
	for range 7 {
		square = gfMul(square, square)
		out = gfMul(out, square)
	}
	return out
}
