package site

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"sync"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/secsum"
)

// openedFile says, in a job's folder, which sums this site has helped to open last.
const openedFile = "opened.json"

// opening is a sum that this site has helped to open, and what it had put in. A hub that knows the sum and says that
// the attempt failed could have the same values summed once more without one site: the difference is that site's
// update. So the same values go into another sum only when it is of the very same sites, and teaches nothing new.
type opening struct {
	Round   int      `json:"round"`
	Measure bool     `json:"measure,omitempty"`
	Value   string   `json:"value"` // SHA-256
	Bound   float64  `json:"bound"`
	Sites   []string `json:"sites"` // whose values were in it
}

func openingOf(round int, measure bool, share []float32) opening {
	sum := sha256.Sum256(federation.AppendFloats(nil, share))
	return opening{Round: round, Measure: measure, Value: hex.EncodeToString(sum[:])}
}

// openings are the last sum of updates and the last sum of moments. They outlive the process: a hub could wait for
// a restart.
type openings struct {
	mu   sync.Mutex
	path string
	last struct {
		Update  *opening `json:"update,omitempty"`
		Moments *opening `json:"moments,omitempty"`
	}
}

func (o *openings) load(path string) error {
	o.path = path
	err := folder.ReadJSON(path, 1<<20, &o.last)
	if fault.CodeOf(err) == fault.NotFound {
		return nil
	}
	return err
}

func (o *openings) of(x opening) **opening {
	if x.Measure {
		return &o.last.Moments
	}
	return &o.last.Update
}

// fits refuses values that may not go into a sum any more. Where x names no sites they are not known yet.
// Rounds only go forward; moments are the same in every round. Errors: SUM_BROKEN.
func (o *openings) fits(x opening) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := *o.of(x)
	if was == nil || (!x.Measure && x.Round > was.Round) {
		return nil
	}
	if x.Round < was.Round || x.Value != was.Value || (x.Sites != nil && (!slices.Equal(x.Sites, was.Sites) || x.Bound != was.Bound)) {
		return fault.New(fault.SumBroken, "this site has helped to open the sum of this round, and another one of other sites or values would give one of them away",
			"the hub begins an attempt with the same sites; if they cannot all be there, the job is proposed anew")
	}
	return nil
}

// keep notes an opening, before the site's part of it leaves.
func (o *openings) keep(x opening) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	was := *o.of(x)
	*o.of(x) = &x
	err := folder.WriteJSON(o.path, o.last)
	if err != nil {
		*o.of(x) = was // and nothing leaves
	}
	return err
}

// speak answers one step of a sum, unless that would open what may not be opened.
func (t *task) speak(p *party, fromHub []byte) ([]byte, error) {
	x := p.value
	x.Sites = secsum.Survivors(p.Party)
	if err := t.opened.fits(x); err != nil {
		return nil, err
	}
	answer, err := p.Answer(fromHub)
	if err == nil && secsum.Opened(p.Party) {
		err = t.opened.keep(x)
	}
	return answer, err
}
