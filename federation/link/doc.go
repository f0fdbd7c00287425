// Package link carries mail between a hub and its sites. The hub is an embedded NATS server with JetStream; a site is
// an embedded leaf node that opens no port, keeps nothing but what it must, and makes one outbound connection: TLS 1.3
// with a certificate on both sides, on request inside a WebSocket or through an HTTP proxy.
//
// # One public port
//
// The hub has one port. The first bytes of a TLS connection name the protocol that the caller wants (ALPN), and the
// front passes the bytes on, undecrypted: to the leaf node listener, to the WebSocket listener, or to the desk, where
// sites join and ask why they are not let in. The listeners of NATS sit on the loopback interface and speak mutual
// TLS themselves, so that passing the front proves nothing. A second port was the other choice: it needs a second
// hole in two firewalls, and administrators of 23 hospitals would have to be asked for it.
//
// # Who is let in
//
// The hub's own authority signs the hub's certificate and those of the sites; sites pin the authority. Each site has
// an account of its own in NATS (operator, account and user JWT): accounts share nothing, so a site can neither read
// nor publish what belongs to another, nor see that another is there. Within its account a site may use a handful of
// subjects. A certificate counts while its serial number stands in the site's record; see Revoke.
//
// # Mail
//
// There are two streams in each account, up and down, on the hub's disk: encrypted, synchronised at each write,
// bounded. A stream holds exactly the mail that nobody has dealt with yet: Done takes it out. What a receiver was
// handed and did not finish is therefore simply still there when it comes back, in order, at once; consumers of
// JetStream would hand it out only after their time to acknowledge has run out.
//
// A mail of up to 256 KiB is one message. A longer one is cut; its head is written when all its pieces are on disk.
// The subject is made of the hashes of ID and body, and a message is stored only where its subject is still free:
// a sender that does not know whether it was heard says the same again, without a time window in which that is safe.
// The receiver keeps the IDs of mail that it has dealt with in a file and drops them when they come again.
//
// # The folder of a hub
//
//	authority.json   keys of the authority, of the operator and of the store (0600)
//	sites/NAME.json  a site: keys, serial numbers of its certificates, whether it is revoked (0600)
//	invites/NAME.json  an open invitation: the hash of its secret, its end, the wrong tries (0600)
//	done/NAME        hashes of the mail of that site that was dealt with
//	store/           JetStream: encrypted mail
//	lock             held by the hub that runs
//
// # The folder of a site
//
//	identity.key     the Ed25519 key with which the site signs answers; made here, never sent (0600)
//	site.json        name, address of the hub, authority's certificate (0600)
//	credentials.json certificate, its key, the account's user; replaced when the certificate is renewed (0600)
//	done             hashes of the mail that was dealt with
//	lock             held by the site that runs
package link

import "time"

const (
	streamUp, streamDown = "UP", "DOWN"
	prefixUp, prefixDown = "up", "down"
	bellUp, bellDown     = "bell.up", "bell.down"
	subjectPresence      = "presence"
	subjectRenew         = "renew"

	// JetStream's interface, as the hub and as the sites see it: a leaf node's server keeps the plain subjects to itself
	// and lets those pass that name another domain.
	domain            = "hub"
	apiHere, apiAtHub = "$JS.API.", "$JS." + domain + ".API."

	// hubName is the name in the hub's certificate. The address does not matter: the authority is pinned.
	hubName = "consilium-hub"

	alpnDesk, alpnLeaf, alpnWeb = "consilium-desk", "consilium-leaf", "http/1.1"

	pieceBytes  = 256 << 10
	headBytes   = 4 << 10 // the JSON before an inline body
	maxMessage  = pieceBytes + headBytes + 64
	parallel    = 4 // pieces under way at a time: what a slow link has to carry before anything else
	maxSkew     = 5 * time.Minute
	pulse       = time.Second
	deaf        = 3 * pulse // without a pulse for so long, a site is not linked
	shortWait   = 5 * time.Second
	leastWait   = 1500 * time.Millisecond // for a call that may have been lost while the link came up
	longWait    = 60 * time.Second        // for one piece over a slow link
	reconnect   = 250 * time.Millisecond
	defaultLife = 30 * 24 * time.Hour
)
