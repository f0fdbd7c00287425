package aggregate

import (
	"fmt"
	"math"
	"slices"

	"consilium/fault"
	"consilium/federation"
)

// Rule makes the next global weights out of a round's updates. It is not safe for use by several goroutines.
type Rule interface {
	// Begin starts a round, or another attempt at one, from these weights, and drops what an unfinished one had
	// gathered. The slice is read again in Finish; it must not be changed before.
	Begin(global []float32) error
	// Add takes one site's update. Rules that stream have forgotten its numbers when Add returns; the others keep
	// the slice until the round is over. Errors: UPDATE_STALE when that site is in already, UPDATE_REFUSED when the
	// numbers cannot be used; the round is then as if nothing had come.
	Add(u federation.Update) error
	// AddSum takes the sum of what Share made at these sites. Errors: USAGE for rules that need each update,
	// UPDATE_STALE, SUM_BROKEN.
	AddSum(sum []float64, sites []string) error
	// Count says how many sites are in.
	Count() int
	// Finish ends the round. The weights are the caller's. Errors: QUORUM_MISSED; the round then stays open.
	Finish() (global []float32, note Note, err error)
	// Extra is what goes to the sites beside the weights: SCAFFOLD's control variate, which must not be changed.
	Extra() []float32
	// Snapshot writes what persists from round to round; Restore takes it back. A round under way is not in it.
	// Errors of Restore: CHECKPOINT_BAD; the rule is then as it was.
	Snapshot() ([]byte, error)
	Restore([]byte) error
}

// Note says whose updates a round was made of.
type Note struct {
	Used   []string // by name
	Left   []string // left out by a robust rule
	Reason string   // why, or what was cut; "" when there is nothing to say
}

// MostValue is the largest number in an update. Above it training has failed, or somebody is at play; below it no
// sum, square or moment leaves the range of float32.
const MostValue = 1 << 40

// New makes the rule of a plan, for a model of so many parameters and so many sites that agreed. Errors: USAGE.
func New(plan federation.Plan, size, sites int) (Rule, error) {
	plan = plan.WithDefaults()
	if err := plan.Validate(); err != nil {
		return nil, err
	}
	b := base{plan: plan, size: size, sites: sites, need: plan.Quorum}
	switch plan.Algorithm {
	case federation.FedBuff:
		b.need = plan.Buffer
	case federation.Cyclic:
		b.need = 1
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	switch plan.Algorithm {
	case federation.FedAvg, federation.FedProx, federation.FedBN, federation.Ditto, federation.FedBuff:
		return &mean{base: b}, nil
	case federation.FedAdam, federation.FedYogi, federation.FedAdagrad:
		return newAdaptive(b), nil
	case federation.Scaffold:
		return &scaffold{mean: mean{base: b}, c: make([]float32, size)}, nil
	case federation.QFedAvg:
		return &fair{mean: mean{base: b}}, nil
	case federation.Median, federation.Trimmed, federation.Krum, federation.MultiKrum, federation.NormClip:
		return &kept{base: b}, nil
	case federation.Cyclic:
		return &cyclic{base: b}, nil
	}
	return nil, fault.New(fault.Usage, "there is no rule for "+plan.Algorithm, "choose another algorithm")
}

// check refuses what no round could be made of.
func (b *base) check() error {
	p := b.plan
	wrong := func(what, do string) error { return fault.New(fault.Usage, "the plan: "+what, do) }
	in := func(v, low, high float64) bool { return v >= low && v <= high } // false for NaN
	switch {
	case b.size < 1 || b.size > federation.MaxUpdateBytes/4:
		return wrong(fmt.Sprintf("a model of %d parameters", b.size), "choose a network that is smaller")
	case b.sites < 1 || b.sites > federation.MaxSites:
		return wrong(fmt.Sprintf("%d sites", b.sites), fmt.Sprintf("1 to %d sites can learn together", federation.MaxSites))
	case b.need < 1 || b.need > b.sites:
		return wrong(fmt.Sprintf("a round needs %d updates, and there are %d sites", b.need, b.sites), "lower the quorum, or the buffer")
	case !in(p.ServerRate, 0, 1e6) || !in(p.Beta1, 0, 0.9999) || !in(p.Beta2, 0, 0.999999) || !in(p.Tau, 1e-9, 1e3):
		return wrong("server_rate, beta1, beta2 or tau is out of bounds", "leave them out")
	case !in(p.Q, 0, 10) || !in(p.Rate, 1e-9, 1e6):
		return wrong("q or rate is out of bounds", "a q of 0 to 10, for example 0.2")
	case isKrum(p.Algorithm) && b.sites < 2*evil(p, b.sites)+3:
		return wrong(fmt.Sprintf("%s of %d sites, of which %d may be poisoned", p.Algorithm, b.sites, evil(p, b.sites)),
			"lower evil, ask more sites, or choose median")
	}
	return nil
}

// base is what all rules share: who is in, and what may come in.
type base struct {
	plan              federation.Plan
	size, sites, need int
	global            []float32 // nil outside a round
	in                map[string]bool
}

func (b *base) begin(global []float32) error {
	if len(global) != b.size {
		return fault.New(fault.Usage, fmt.Sprintf("the global weights are %d numbers, the model has %d", len(global), b.size), "")
	}
	if !usable(global, math.MaxFloat32) {
		return fault.New(fault.InputNotFinite, "the global weights hold NaN or infinity", "go back to the last round")
	}
	b.global, b.in = global, make(map[string]bool)
	return nil
}

// admit refuses an update that cannot be folded in.
func (b *base) admit(u federation.Update) error {
	if err := b.open(u.Site); err != nil {
		return err
	}
	return b.fits(u)
}

// open says whether a round is under way, and a site not in it yet.
func (b *base) open(site string) error {
	switch {
	case b.global == nil:
		return fault.New(fault.UpdateStale, "no round is under way", "nothing; it was put aside")
	case b.in[site]:
		return fault.New(fault.UpdateStale, "the update of "+site+" came twice", "nothing; the first one counts")
	case len(b.in) >= federation.MaxSites:
		return fault.New(fault.UpdateRefused, "more sites than a round can have", "")
	}
	return nil
}

// fits looks at the numbers.
func (b *base) fits(u federation.Update) error {
	bad := func(what, do string) error {
		return fault.New(fault.UpdateRefused, "the update of "+u.Site+" "+what, do)
	}
	extra := 0
	if b.plan.Algorithm == federation.Scaffold {
		extra = b.size
	}
	switch {
	case len(u.Delta) != b.size || len(u.Extra) != extra:
		return bad(fmt.Sprintf("has %d and %d numbers, the model has %d and %d", len(u.Delta), len(u.Extra), b.size, extra),
			"use the same version of Consilium at hub and site")
	case u.Samples < 1 || u.Stale < 0:
		return bad("was trained on nothing, or is newer than the round", "look at the site's data")
	case b.plan.Algorithm == federation.QFedAvg && !(u.Loss >= 0 && u.Loss <= MostValue):
		return bad("has a loss that is negative or not a number", "lower the plan's rate, or look at the site's data")
	case !usable(u.Delta, MostValue) || !usable(u.Extra, MostValue):
		return bad("holds NaN, infinity or a number beyond all measure", "lower the plan's rate, or look at the site's data")
	}
	return nil
}

// Count says how many sites are in.
func (b *base) Count() int { return len(b.in) }

// Extra is nil for all rules but SCAFFOLD.
func (b *base) Extra() []float32 { return nil }

// quorum refuses to end a round of too few.
func (b *base) quorum() error {
	if b.global == nil || len(b.in) < b.need {
		return fault.New(fault.QuorumMissed, fmt.Sprintf("%d updates are in, a round needs %d", len(b.in), b.need),
			"wait for more sites, or lower the quorum")
	}
	return nil
}

// close ends the round and gives the names of all who were in it.
func (b *base) close() []string {
	names := make([]string, 0, len(b.in))
	for s := range b.in {
		names = append(names, s)
	}
	slices.Sort(names)
	b.drop()
	return names
}

// weight is how much a site counts: a multiple of 2^-20 in (0, 1].
func weight(plan federation.Plan, u federation.Update) float64 {
	if plan.Weighting == "sites" {
		return 1
	}
	return float64(min(u.Samples, plan.MostSamples)) / float64(plan.MostSamples)
}
