// Package aggregate makes one model out of the updates of many sites: every algorithm of federation.Algorithms
// behind one interface, Rule.
//
// Rules that work on a mean stream: an update is folded into a running sum and forgotten, so that memory is that of
// the sum, whatever the number of sites. The sum does not depend on the order in which updates arrive: see sum.
// Rules that have to compare updates (median, trimmed, krum, multikrum, normclip) keep them all, n models, until the
// round ends. They ignore how many examples a site says it has, because a poisoned site could claim many.
//
// What leaves a site for a secure sum is laid out by Share; a rule takes the sum with AddSum.
package aggregate
