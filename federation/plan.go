package federation

import (
	"fmt"
	"time"

	"consilium/fault"
)

// Algorithms, by the name that a plan gives.
const (
	FedAvg     = "fedavg"     // McMahan et al. 2017
	FedProx    = "fedprox"    // Li et al. 2020: FedAvg with a pull towards the global weights while training
	FedAdam    = "fedadam"    // Reddi et al. 2021
	FedYogi    = "fedyogi"    // Reddi et al. 2021
	FedAdagrad = "fedadagrad" // Reddi et al. 2021
	Scaffold   = "scaffold"   // Karimireddy et al. 2020
	FedBN      = "fedbn"      // Li et al. 2021: normalisation stays at the site
	Ditto      = "ditto"      // Li et al. 2021: a personal model beside the global one
	QFedAvg    = "qfedavg"    // Li et al. 2020: sites that do badly count more
	Median     = "median"     // coordinate-wise (Yin et al. 2018)
	Trimmed    = "trimmed"    // coordinate-wise trimmed mean (Yin et al. 2018)
	Krum       = "krum"       // Blanchard et al. 2017
	MultiKrum  = "multikrum"  // Blanchard et al. 2017
	NormClip   = "normclip"   // mean of updates cut to the median norm (Sun et al. 2019)
	Cyclic     = "cyclic"     // one site after the other (Chang et al. 2018)
	FedBuff    = "fedbuff"    // buffered asynchronous (Nguyen et al. 2022)
)

// Algorithms lists them all.
func Algorithms() []string {
	return []string{FedAvg, FedProx, FedAdam, FedYogi, FedAdagrad, Scaffold, FedBN, Ditto, QFedAvg,
		Median, Trimmed, Krum, MultiKrum, NormClip, Cyclic, FedBuff}
}

// Ways of summing. With SumPlain the hub sees every site's update; otherwise it learns one sum a round and nothing else.
const (
	SumPlain = "plain" // what robust rules, cyclic and asynchronous plans need
	SumMasks = "masks" // pairwise masks and Shamir shares (Bonawitz et al. 2017)
	SumCKKS  = "ckks"  // threshold CKKS (Lattigo)
)

// Plan says how the rounds go. Zero values of the rule's own numbers mean the default beside them.
type Plan struct {
	Algorithm string    `json:"algorithm"`
	Sum       string    `json:"sum"`    // one of the Sum constants
	Rounds    int       `json:"rounds"` // for cyclic: passes from site to site; for fedbuff: steps of the hub
	Quorum    int       `json:"quorum"` // fewest sites whose updates make a round
	Deadlines Deadlines `json:"deadlines"`

	Epochs   int     `json:"epochs"`          // passes over a site's examples in one round
	Steps    int     `json:"steps,omitempty"` // most steps in one round; 0 = as many as the epochs make
	Batch    int     `json:"batch"`
	Rate     float64 `json:"rate"`               // of the site's SGD
	Momentum float64 `json:"momentum,omitempty"` // of the site's SGD; 0 with scaffold
	Balance  float64 `json:"balance,omitempty"`  // 0 = every example counts alike, 1 = every class of the site does
	Prior    []int   `json:"prior,omitempty"`    // for balance: examples of each class over all sites, as far as known; without it each site balances by its own, and sites without a rare class pull against it

	ServerRate float64 `json:"server_rate,omitempty"` // fedavg and kin: 1; adaptive rules: 0.01
	Beta1      float64 `json:"beta1,omitempty"`       // 0.9
	Beta2      float64 `json:"beta2,omitempty"`       // 0.99
	Tau        float64 `json:"tau,omitempty"`         // 1e-3
	Mu         float64 `json:"mu,omitempty"`          // fedprox: 0.01, ditto: 0.1
	Q          float64 `json:"q,omitempty"`           // qfedavg: 0.2
	Evil       float64 `json:"evil,omitempty"`        // share of sites that may be poisoned: trimmed, krum; 0.2
	Buffer     int     `json:"buffer,omitempty"`      // fedbuff: updates that make a step; quorum
	Clip       float64 `json:"clip,omitempty"`        // largest L2 norm of an update, cut at the site; 0 = not cut

	Personal    []string `json:"personal,omitempty"`     // parameters that never leave the site, as path patterns; fedbn adds "*/n/*"
	Harmonise   string   `json:"harmonise,omitempty"`    // before the first round, from one sum: "standardise" (to the mean and spread of all sites) or "combat" (each site's own shift and spread taken out)
	Weighting   string   `json:"weighting,omitempty"`    // "samples" (default) or "sites": every site counts alike
	MostSamples int      `json:"most_samples,omitempty"` // a site with more counts as one with so many; a power of two, 16384
	Scores      string   `json:"scores,omitempty"`       // "sum": the hub learns the sites' figures only as one sum (always so unless Sum is plain); "each"
}

// Deadlines of a job. Every wait has one.
type Deadlines struct {
	Consent Duration `json:"consent"` // for the quorum to have agreed
	Round   Duration `json:"round"`   // stragglers are cut off
	Grace   Duration `json:"grace"`   // how long a site that lost its link is waited for
	Retries int      `json:"retries"` // how often a round without quorum is tried again before the job fails
}

// Duration is a time.Duration that is written as text: "90s".
type Duration time.Duration

// MarshalText writes "1m30s".
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

// The most that a plan may ask for.
const (
	MaxRounds = 100_000
	MaxSites  = 1_000
)

// WithDefaults fills in what was left out.
func (p Plan) WithDefaults() Plan {
	set := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	if p.Algorithm == "" {
		p.Algorithm = FedAvg
	}
	if p.Sum == "" {
		p.Sum = SumPlain
	}
	if p.Scores == "" {
		p.Scores = "each"
	}
	if p.Sum != SumPlain {
		p.Scores = "sum"
	}
	if p.Weighting == "" {
		p.Weighting = "samples"
	}
	if p.MostSamples == 0 {
		p.MostSamples = 16384
	}
	if p.Epochs == 0 {
		p.Epochs = 1
	}
	if p.Batch == 0 {
		p.Batch = 16
	}
	if p.Quorum == 0 {
		p.Quorum = 1
	}
	if p.Buffer == 0 {
		p.Buffer = p.Quorum
	}
	d := &p.Deadlines
	for _, x := range []struct {
		to *Duration
		d  time.Duration
	}{{&d.Consent, 7 * 24 * time.Hour}, {&d.Round, 10 * time.Minute}, {&d.Grace, 10 * time.Second}} {
		if *x.to == 0 {
			*x.to = Duration(x.d)
		}
	}
	if d.Retries == 0 {
		d.Retries = 3
	}
	set(&p.Rate, 0.05)
	set(&p.Beta1, 0.9)
	set(&p.Beta2, 0.99)
	set(&p.Tau, 1e-3)
	set(&p.Q, 0.2)
	set(&p.Evil, 0.2)
	switch p.Algorithm {
	case FedAdam, FedYogi, FedAdagrad:
		set(&p.ServerRate, 0.01)
	case Ditto:
		set(&p.Mu, 0.1)
	case FedProx:
		set(&p.Mu, 0.01)
	}
	set(&p.ServerRate, 1)
	return p
}

// NeedsEach says whether an algorithm has to see single updates, which a secure sum hides.
func NeedsEach(algorithm string) bool {
	switch algorithm {
	case Median, Trimmed, Krum, MultiKrum, NormClip, Cyclic, FedBuff:
		return true
	}
	return false
}

// Validate refuses a plan that cannot be run. It expects the defaults to be filled in.
func (p Plan) Validate() error {
	wrong := func(what, do string) error { return fault.New(fault.Usage, "the plan: "+what, do) }
	switch {
	case !contains(Algorithms(), p.Algorithm):
		return wrong(fmt.Sprintf("there is no algorithm %q", p.Algorithm), "choose one of `consilium federate propose --help`")
	case !contains([]string{SumPlain, SumMasks, SumCKKS}, p.Sum):
		return wrong(fmt.Sprintf("there is no way of summing called %q", p.Sum), "choose plain, masks or ckks")
	case p.Sum != SumPlain && NeedsEach(p.Algorithm):
		return wrong(p.Algorithm+" has to see single updates, and a secure sum hides them",
			"choose: a robust rule with sum plain, or a rule that works on a mean with sum "+p.Sum)
	case p.Sum != SumPlain && p.Quorum < 3:
		return wrong("a secure sum of fewer than three sites tells each what the others sent", "set the quorum to at least 3")
	case p.Rounds < 1 || p.Rounds > MaxRounds:
		return wrong(fmt.Sprintf("%d rounds", p.Rounds), fmt.Sprintf("choose 1 to %d", MaxRounds))
	case p.Quorum < 1 || p.Quorum > MaxSites:
		return wrong(fmt.Sprintf("a quorum of %d", p.Quorum), fmt.Sprintf("choose 1 to %d sites", MaxSites))
	case p.Batch < 1 || p.Epochs < 0 || p.Steps < 0 || p.Epochs > 1000 || p.Batch > 4096:
		return wrong("batch, epochs or steps are out of bounds", "a batch of 1 to 4096, up to 1000 epochs a round")
	case !(p.Rate > 0) || !(p.ServerRate > 0) || p.Momentum < 0 || p.Momentum >= 1:
		return wrong("a learning rate that is not above 0, or a momentum outside 0 to 1", "for example rate 0.05, momentum 0.9")
	case p.Evil < 0 || p.Evil >= 0.5:
		return wrong("more than half of the sites cannot be poisoned", "set evil below 0.5")
	case p.MostSamples < 1 || p.MostSamples > 1<<20 || p.MostSamples&(p.MostSamples-1) != 0:
		return wrong("most_samples is not a power of two up to 1048576", "leave it out")
	case p.Weighting != "samples" && p.Weighting != "sites":
		return wrong("weighting is neither samples nor sites", "leave it out")
	case !contains([]string{"", "standardise", "combat"}, p.Harmonise):
		return wrong("harmonise is neither standardise nor combat", "leave it out")
	case p.Scores != "each" && p.Scores != "sum":
		return wrong("scores is neither each nor sum", "leave it out")
	case p.Deadlines.Consent <= 0 || p.Deadlines.Round <= 0 || p.Deadlines.Grace <= 0:
		return wrong("a deadline that has passed before it began", "for example consent 168h, round 10m, grace 10s")
	}
	return nil
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}
