// Package hl7 speaks HL7 v2 over MLLP: it takes in what a hospital's systems
// tell about patients (ADT) and orders (ORM, OMI), as typed events, and sends
// results (ORU^R01). The parser is a small one of ours: a message is segments
// of fields, and what it does not know it keeps.
//
// Sources: HL7 v2.5.1 chapters 2 (control), 3 (ADT), 4 (orders), 7
// (observations); "MLLP Release 2" for the transport; table 0211 for character sets.
package hl7
