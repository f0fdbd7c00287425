// Package edge is a hospital that goes on diagnosing when the link to the hub is cut.
//
// A Desk is the site's side. A case that it accepts is on the disk before Submit returns; workers diagnose it with
// the site's own models; the result is written once, under the case's ID, and a summary of it waits in an outbox
// until the hub has it. Where the site allows it, a case is handed over to the hub: when the own answer is unsure
// (the second opinion is then added beside it), or when the queue is too long. A Counter is the hub's side: it
// answers cases that were handed over and collects the summaries.
//
// What leaves the house: of every case a pseudonym, the model's name, labels, probabilities and times. Of a case
// that is handed over also the picture: DICOM goes through package deid, of PNG and JPEG only the pixels go (text
// that is burned into such a picture is not found), everything else stays. Handing over is off by default.
//
// The folder of a desk:
//
//	cases/SEQ-ID.case    accepted, not yet answered, or kept until it has been handed over
//	asked/SEQ-ID.json    a second opinion that was asked for and has not come
//	outbox/SEQ-ID.json   a summary that the hub does not have
//	held/SEQ-ID          as outbox, but beyond the bound: made from the result when there is room again
//	results/ID.json      what the site was told; written once, the second opinion is added
//	secret               makes the pseudonyms
//
// A result's file is the point of no return: what was written before it for a case that has none is done again.
package edge
