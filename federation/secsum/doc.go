// Package secsum adds up the vectors of many sites so that the hub learns the sum and nothing else. It is the
// protocol of Bonawitz et al. (CCS 2017) with two masks, for a hub that may lie.
//
// Five steps, each one message from every site and one back:
//
//	keys     each site makes two X25519 keys and a seed for this run, and signs the public keys and a hash of the seed
//	shares   each site splits its mask key and its seed (Shamir, threshold of n) and seals one piece for every site
//	masked   each site sends its values in fixed point modulo 2^32, plus a mask of its own (from the seed) and plus
//	         or minus one mask for every other site (from the agreed keys): the latter cancel in the sum
//	confirm  the hub says whose vectors came; each site signs that set, together with all that it heard before
//	unmask   a site that holds a threshold of such signatures gives its piece of the seed of every site whose vector
//	         came, and its piece of the mask key of every site that was lost after it had shared
//
// What holds, and under which condition:
//
//   - A site gives one piece or the other of any one site, never both, and answers each step once. With both, the
//     hub could open a single vector.
//   - Two different sets of survivors never both get a threshold of signatures as long as 2*Threshold is more than
//     the number of sites plus the number of those that work for the hub. Two thirds and one withstands a third.
//   - Keys are made anew in NewParty. A run that breaks is thrown away whole; there is no second try with its keys.
//   - The identity keys of Config must reach a site by a way that the hub cannot rewrite. Whoever chooses these keys
//     can play every site but one.
//   - The sum is exact. A site that lies about its own values shifts it, as it would without masks: robust rules need
//     single updates and cannot be had together with this package.
//   - What two sums differ by is not hidden. A site that helped to open a sum (see Opened) must not give the same values
//     to another attempt of the same round.
//
// Only the standard library is used. Config.Threshold, the mathematics of the fixed point and the layout of the
// messages are described where they are defined.
package secsum
