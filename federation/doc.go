// Package federation holds the words in which hospitals learn together: the job as data, its hash and the signatures
// under it, the states of its life, a site's own policy, the update that leaves a site, and the mail that carries
// it. The packages under it do the work: link moves mail, local trains, aggregate and secsum make one model out of
// many, privacy counts what was given away, hub and site run the rounds.
//
// No code travels: a job is data, a model is a name of zoo or an ONNX graph, an update is numbers.
package federation

// Protocol is the version of the mail that hub and site speak. A hub still serves the one before it.
const Protocol = 2

// OldestProtocol is the oldest version that a hub works with.
const OldestProtocol = 1
