// Package node is the clinic node: what happens to a study between its arrival
// and the signed result that goes back. It receives objects, finds out when a
// study has come to rest, has it diagnosed once for each version of the models,
// makes the result objects, keeps reviews and signatures, and sends results on.
package node
