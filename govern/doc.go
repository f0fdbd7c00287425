// Package govern keeps what rights and duties need: the audit log, in which
// every step of a study is written down so that no later change goes unseen,
// and the patients' consent, which decides who may read what for which purpose.
//
// The log is a transparency log in the sense of RFC 6962 and the C2SP documents
// tlog-tiles and tlog-checkpoint, written by tessera's POSIX driver. A leaf is
// one canonical line of JSON (see Event). An entry that Append acknowledged is
// on the disk and under a checkpoint signed with the node's key.
package govern
