package secsum

import (
	"crypto/ed25519"

	"consilium/federation/secsum/internal/run"
)

// Config is what hub and sites agree on before a sum begins. Its hash is in every message.
type Config struct {
	Job            string   // its hash
	Round, Attempt int      // a failed attempt is never gone on with: count one up
	Sites          []string // the roster, fixed from here on; the order does not matter
	// Threshold is the fewest sites whose sum may be opened: at least 3 and more than half of the sites. Recommended
	// is two thirds and one, see the package's comment.
	Threshold int
	Length    int                          // numbers of one site
	Bound     float64                      // largest magnitude of one value of one site; values beyond it are cut
	Keys      map[string]ed25519.PublicKey // the sites' identities
}

// Recommended is the threshold that withstands a third of the sites working for the hub.
func Recommended(sites int) int { return max(3, sites*2/3+1) }

// Party is one site's side of one run.
type Party interface {
	// Answer is called once a step, in order. The first call gets nil, the later ones what the hub sent. UPDATE_STALE means
	// that the message was put aside: it is of another step or run, and the party goes on waiting for the right one. After
	// any other error and after the last step every call fails. Errors: UPDATE_STALE, SUM_BROKEN.
	Answer(fromHub []byte) ([]byte, error)
}

// Gatherer is the hub's side of one run. It may be used from several goroutines.
type Gatherer interface {
	// Steps names the steps, in order.
	Steps() []string
	// Add takes a site's message of the step under way. UPDATE_STALE means that the message was put aside: it is late, or
	// came twice, or belongs to another run. UPDATE_REFUSED means that the site is out of this run.
	Add(site string, message []byte) error
	// Close ends the step and gives what goes to each site that goes on; nil after the last step. SUM_BROKEN when fewer
	// sites than the threshold are left, or when the sum cannot be opened.
	Close() (out map[string][]byte, err error)
	// Waiting lists the sites that have not answered this step.
	Waiting() []string
	// Sum gives the sum after the last step, and whose values are in it. Errors: SUM_BROKEN.
	Sum() (sum []float64, sites []string, err error)
}

// Cut says how many of a party's values were beyond the bound and were cut to it.
func Cut(p Party) int {
	if c, ok := p.(interface{ Cut() int }); ok {
		return c.Cut()
	}
	return 0
}

// Opened says whether a party has given its part in opening the sum. The hub may then know the sum, whatever it says:
// the site must not give the same values to another attempt.
func Opened(p Party) bool {
	o, ok := p.(interface{ Opened() bool })
	return ok && o.Opened()
}

// Survivors names the sites whose values are in the sum, as a party has been told and has signed; nil before that.
func Survivors(p Party) []string {
	if s, ok := p.(interface{ Survivors() []string }); ok {
		return s.Survivors()
	}
	return nil
}

// kind is the masks, as run.Party and run.Gatherer see them.
func (c Config) kind() run.Kind {
	return run.Kind{Name: "masks", Steps: [5]string{"keys", "shares", "masked", "confirm", "unmask"},
		Keys: keysBytes, Piece: pieceBytes, Vector: 4 * c.Length, OpeningEach: 1 + secretBytes}
}
