package dimse

import "time"

// Limits on what a peer may send. Those that a site may want to change are
// defaults of Config.
const (
	DefaultMaxPDU          = 128 << 10 // bytes of one P-DATA-TF, announced to the peer
	DefaultMaxObject       = 4 << 30   // bytes of one data set
	DefaultMaxBytes        = 256 << 30 // bytes of one association
	DefaultMaxAssociations = 32        // at the same time; the next ones are told to come again
	DefaultAssociate       = 15 * time.Second
	DefaultIdle            = time.Minute
	DefaultTotal           = 4 * time.Hour
	DefaultGrace           = 20 * time.Second

	minPDU = 4 << 10 // PS3.8 sets no minimum; every known peer takes this
	maxPDU = 1 << 20

	minPeerPDU          = 128       // a peer that takes less cannot be sent one command in few PDUs
	maxAssociatePDU     = 256 << 10 // 128 contexts with 40 transfer syntaxes each stay below
	maxCommand          = 16 << 10  // bytes of a command set; a C-STORE-RQ has some 200
	maxCommandFragments = 64
	maxEmptyFragments   = 64      // of one data set: legal, useless, and endless otherwise
	maxIdentifier       = 4 << 20 // bytes of a query, an answer to one, or a commitment list
	maxText             = 64      // bytes of an UI or LO value in a command set
	maxAnswers          = 100_000 // to one C-FIND

	blockSize = 256 << 10 // of reading and writing a data set; one block an association

	lingerTime  = time.Second // to let a peer read our A-ABORT before the socket goes
	lingerBytes = 1 << 20
	writeTime   = 30 * time.Second // for one PDU to leave
)
