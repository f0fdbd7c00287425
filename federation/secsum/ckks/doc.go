// Package ckks is the other way to a secure sum: the sites' vectors are added under encryption, and a threshold of
// sites opens the sum. It has the shape of package secsum and is built on Lattigo's approximate scheme (CKKS) with its
// multiparty protocols. It moves about ten times the bytes of the masks, bears fewer losses and is not exact; what it has
// over them is that the hub works on a ciphertext, so a later version could do more than add.
//
//	keys       each site publishes a key for sealed boxes
//	shares     each site makes a secret key of its own for this run, and seals one Shamir share of it for every site
//	encrypted  each site encrypts its vector under its own key; the random half of every ciphertext is the same for
//	           all sites, drawn from the transcript, and is never sent
//	confirm    the hub says whose ciphertexts came and which threshold of sites is to decrypt; each site signs both
//	decrypt    each of these sites adds up its shares of the keys of those whose ciphertexts came, and sends its part
//	           of the decryption of the sum, hidden in noise
//
// The ciphertexts add up to one under the sum of the keys, which nobody ever holds. A collective public key, the usual
// way, is left out on purpose: a hub that lies about it, or about the sum that is to be decrypted, could read one site
// alone, and a site could not tell without every other site's ciphertext. Here there is nothing of the hub's to trust:
// a site multiplies its shares with a polynomial that it derives itself, for a set that a threshold of sites signed.
//
// What Lattigo warns of (SECURITY.md, "On the insecurity of retries") is kept: fresh keys in every run, the decrypting
// set fixed before anybody decrypts, one share from each site, a broken run thrown away. Hence sites may be lost up to
// "encrypted"; from then on a lost site of the decrypting set ends the run, where the masks would go on.
//
// Security level: ring degree 4096 and a modulus of 108 bits, which is the 128-bit row (109 bits) of the homomorphic
// encryption standard. The noise over a decryption has a standard deviation of 2^50 per site, over ciphertext noise of
// less than 2^6. Values are packed as coefficients, two to what a slot takes: nothing is multiplied, and the error
// stays that of one coefficient.
//
// Error: below 2^-35 of the bound for any number of sites, and the rounding of float64; see MaxError.
//
// A site that lies about its part of the decryption by a little shifts the sum unnoticed, as one that lies about its
// values does. A part that is wrong altogether is noticed: the sum is then beyond its range.
package ckks
