// Package dimse speaks DICOM's own network protocol (PS3.7, PS3.8): it takes
// studies in from scanners and archives, and asks, fetches from and delivers
// to them.
//
// Server is a C-ECHO, C-STORE and storage commitment provider. A data set is
// never held in memory: its bytes go from the socket to a Part 10 file in the
// spool folder exactly as they came, and Config.Receive must have made the
// object durable before success is answered. Echo, Store, Find, Move, Get and
// RequestCommitment are the user's side.
//
// Every byte that a peer may send has a bound (limits.go), every wait a
// deadline, every association its own recover: a bad peer loses its
// association and nothing else.
//
// The association PDUs are encoded by github.com/cocosip/go-dicom; reading and
// writing of P-DATA and of command sets is ours, because there the limits are.
package dimse
