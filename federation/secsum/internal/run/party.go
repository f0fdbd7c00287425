package run

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"fmt"
	"slices"

	"consilium/fault"
)

// SiteSteps is what a kind of sum does at a site. Party calls it in this order, each once, or once for each site.
type SiteSteps interface {
	// Publish gives what the site publishes after its key for sealed boxes.
	Publish() []byte
	// Meet reads what a site has published there: of all sites that are in, this one too. What it keeps it copies.
	Meet(site int, published []byte) error
	// Deal splits the site's secrets and gives a way to the piece of each site that is in, this one too.
	Deal() (piece func(site int) []byte, err error)
	// Take keeps the piece of another site's secrets, or of its own; unread says that it could not be opened.
	Take(site int, piece []byte, unread error) error
	// Hide appends the hidden values to a message. Shared and Heard stand.
	Hide(message []byte) ([]byte, error)
	// Reveal appends what opens the sum of Came. A threshold of sites has signed that these are the ones.
	Reveal(message []byte) ([]byte, error)
	// Forget wipes the secrets. It is called when the run ends here, at whatever step.
	Forget()
}

// Party is a site's side of a run, as far as all kinds of sum have it in common: who may say what, and when.
type Party struct {
	*Run
	Self   int
	Box    *ecdh.PrivateKey // what others seal for this site
	Shared Set              // whose shares came
	Came   Set              // whose values came, as this site has signed
	// Openers are the sites that open the sum, where only few do.
	Openers Set
	Heard   Hash

	kind     Kind
	site     SiteSteps
	identity ed25519.PrivateKey

	step   byte  // the next to be answered
	broken error // why it answers no more
	opened bool

	published []byte // own body of the first step
	boxes     []*ecdh.PublicKey
}

// NewParty checks what a site begins with, and makes its key for sealed boxes. Errors: USAGE.
func NewParty(k Kind, t Terms, self string, identity ed25519.PrivateKey, values int, site SiteSteps) (*Party, error) {
	r, err := New(k.Name, t)
	if err != nil {
		return nil, err
	}
	p := &Party{Run: r, Self: r.Index(self), kind: k, site: site, identity: identity, step: StepKeys}
	switch {
	case p.Self < 0:
		return nil, fault.New(fault.Usage, self+" is not in the roster of the secure sum", "begin the round with a roster that names it")
	case len(identity) != ed25519.PrivateKeySize || !r.Keys[p.Self].Equal(identity.Public()):
		return nil, fault.New(fault.Usage, "the identity key is not the one that the roster has for "+self, "join again, or correct the roster")
	case values != r.Length:
		return nil, fault.New(fault.Usage, fmt.Sprintf("%d values where the sum has %d", values, r.Length), "use the same plan at hub and sites")
	}
	p.Box, err = NewKey()
	return p, err
}

// Opened says whether the last step was answered.
func (p *Party) Opened() bool { return p.opened }

// Survivors names the sites under whose list this site has put its name.
func (p *Party) Survivors() []string { return p.Names(p.Came) }

// Answer implements secsum.Party. The step is counted before anything is made of the message, so none is answered twice.
func (p *Party) Answer(fromHub []byte) ([]byte, error) {
	if p.broken != nil {
		return nil, p.broken
	}
	step := p.step
	var body []byte // of the hub's answer to the step before
	var err error
	if step > StepKeys {
		body, err = p.Open(fromHub, step-1, Hub, -1)
	} else if len(fromHub) > 0 {
		err = p.Refuse("spoke before the sum began")
	}
	if fault.CodeOf(err) == fault.UpdateStale {
		return nil, err // a second delivery: nothing was read, nothing is said
	}
	p.step++
	var out []byte
	if err == nil {
		switch step {
		case StepKeys:
			out = p.keys()
		case StepShares:
			out, err = p.shares(body)
		case StepVector:
			out, err = p.vector(body)
		case StepConfirm:
			out, err = p.confirm(body)
		case StepOpen:
			out, err = p.open(body)
		}
	}
	switch {
	case err != nil:
		p.forget(fault.Wrap(err, fault.SumBroken, "the secure sum was left", "begin the round anew; if it happens again, look at the hub"))
		return nil, p.broken
	case step == StepOpen:
		p.forget(fault.New(fault.SumBroken, "this run of the secure sum is over", "begin the round anew"))
	}
	return Seal(out, p.identity), nil
}

// forget ends the run at this site.
func (p *Party) forget(why error) {
	p.broken, p.Box = why, nil
	p.site.Forget()
}

// message begins a message of a step after the first, with the transcript and room for the rest.
func (p *Party) message(step byte) []byte {
	return append(p.Head(step, p.Self, p.kind.length(step, p.Shared, p.Shared)), p.Heard[:]...)
}

func (p *Party) keys() []byte {
	p.published = slices.Concat(p.Box.PublicKey().Bytes(), p.site.Publish())
	return append(p.Head(StepKeys, p.Self, p.kind.Keys), p.published...)
}

// shares reads everybody's keys and seals a piece for each site.
func (p *Party) shares(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, nil)
	if err != nil {
		return nil, err
	}
	each := p.kind.Keys + SignatureBytes
	if len(body) != in.Count()*each {
		return nil, p.Refuse("sent a list of keys of the wrong length")
	}
	p.boxes = make([]*ecdh.PublicKey, len(p.Sites))
	var said [][]byte
	for _, site := range in.Members() {
		keys, signature := body[:p.kind.Keys], body[p.kind.Keys:each]
		body = body[each:]
		said = append(said, keys)
		if !p.Signed(site, append(p.Head(StepKeys, site, len(keys)), keys...), signature) {
			return nil, p.Refuse("sent keys that " + p.Sites[site] + " did not sign")
		}
		if site == p.Self && !bytes.Equal(keys, p.published) {
			return nil, p.Refuse("put other keys in this site's place")
		}
		if p.boxes[site], err = ParseKey(keys[:KeyBytes]); err != nil {
			return nil, err
		}
		if err = p.site.Meet(site, keys[KeyBytes:]); err != nil {
			return nil, err
		}
	}
	p.Shared, p.Heard = in, p.kind.heardKeys(p.Run, in, said)
	return p.deal()
}

func (p *Party) deal() ([]byte, error) {
	piece, err := p.site.Deal()
	if err != nil {
		return nil, err
	}
	out := p.message(StepShares)
	for _, to := range p.Shared.Members() {
		if to == p.Self {
			if err := p.site.Take(to, piece(to), nil); err != nil {
				return nil, err
			}
			continue
		}
		locked, err := p.Lock(p.Box, p.boxes[to], p.Self, to, p.Heard, piece(to))
		if err != nil {
			return nil, err
		}
		out = append(out, locked...)
	}
	return out, nil
}

// vector reads the pieces that others sealed for this site, and hides the values towards those who did.
func (p *Party) vector(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, p.Shared)
	if err != nil {
		return nil, err
	}
	if len(body) != (in.Count()-1)*p.kind.Piece {
		return nil, p.Refuse("sent a list of shares of the wrong length")
	}
	for _, site := range in.Members() {
		if site == p.Self {
			continue
		}
		piece, unread := p.Unlock(p.Box, p.boxes[site], site, p.Self, p.Heard, body[:p.kind.Piece])
		if err := p.site.Take(site, piece, unread); err != nil {
			return nil, err
		}
		body = body[p.kind.Piece:]
	}
	p.Shared, p.Heard = in, p.kind.heardShares(p.Heard, in)
	return p.site.Hide(p.message(StepVector))
}

// confirm signs the set of sites whose values are said to have come, and of those that are to open their sum.
func (p *Party) confirm(body []byte) ([]byte, error) {
	in, body, err := p.roster(body, p.Shared)
	if err != nil {
		return nil, err
	}
	if p.kind.FewOpen {
		if p.Openers, body, err = p.CutSet(body); err != nil {
			return nil, err
		}
		if p.Openers.Count() != p.Threshold || !p.Openers.Within(in) {
			return nil, p.Refuse("named sites to open the sum that are not a threshold of those in it")
		}
	}
	if len(body) != 0 {
		return nil, p.Refuse("sent a list of survivors of the wrong length")
	}
	p.Came, p.Heard = in, p.kind.heardVectors(p.Heard, in, p.Openers)
	return p.message(StepConfirm), nil
}

// open checks that a threshold of sites signed the very same sets, and gives this site's part in opening the sum.
func (p *Party) open(body []byte) ([]byte, error) {
	in, body, err := p.CutSet(body)
	switch {
	case err != nil:
		return nil, err
	case len(body) != in.Count()*SignatureBytes || !in.Within(p.Came) || in.Count() < p.Threshold:
		return nil, p.Refuse("has too few signatures under the list of survivors")
	case p.kind.FewOpen && !p.Openers[p.Self]:
		return nil, p.Refuse("asks this site to open the sum, and had named others for it")
	}
	for _, site := range in.Members() {
		said := append(p.Head(StepConfirm, site, hashBytes), p.Heard[:]...)
		if !p.Signed(site, said, body[:SignatureBytes]) {
			return nil, p.Refuse("told " + p.Sites[site] + " of other survivors than this site")
		}
		body = body[SignatureBytes:]
	}
	p.opened = true
	return p.site.Reveal(p.message(StepOpen))
}

// roster reads a set of sites that must hold this one, a threshold of them, and nobody who was not in before.
func (p *Party) roster(body []byte, before Set) (Set, []byte, error) {
	in, rest, err := p.CutSet(body)
	switch {
	case err != nil:
		return nil, nil, err
	case !in[p.Self]:
		return nil, nil, p.Refuse("left this site out and asked it all the same")
	case in.Count() < p.Threshold:
		return nil, nil, p.Refuse(fmt.Sprintf("goes on with %d sites where %d are the fewest", in.Count(), p.Threshold))
	case before != nil && !in.Within(before):
		return nil, nil, p.Refuse("named a site that was out")
	}
	return in, rest, nil
}

// Refuse says what the hub did that ends the run. Code: SUM_BROKEN.
func (p *Party) Refuse(what string) error {
	return fault.New(fault.SumBroken, "the hub "+what, "begin the round anew; if it happens again, look at the hub")
}
