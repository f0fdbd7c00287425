package federation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path"

	"consilium/fault"
)

// Policy is what a site has decided once, for every job that is proposed to it: policy.json in its folder. It can
// refuse and can never agree in a person's place, unless Agree says so.
type Policy struct {
	MinCohort   int      `json:"min_cohort"`   // fewest own training examples with which it takes part
	Models      []string `json:"models"`       // path patterns of arch names; empty = all
	Algorithms  []string `json:"algorithms"`   // empty = all
	SecureOnly  bool     `json:"secure_only"`  // refuse jobs in which the hub sees the site's own update
	Privacy     bool     `json:"privacy"`      // refuse jobs without differential privacy
	Epsilon     float64  `json:"epsilon"`      // most that jobs may spend in one quarter; 0 = without limit
	MaxRounds   int      `json:"max_rounds"`   // 0 = without limit
	ShareScores bool     `json:"share_scores"` // the site's own figures may go to the hub
	Agree       bool     `json:"agree"`        // agree at once to a job that the policy does not refuse
	KeepBetter  bool     `json:"keep_better"`  // keep the own model when the federated one does worse here
	Peers       string   `json:"peers"`        // PeersFirstUse or PeersVerified: with whom it goes into a secure sum
}

// Whose keys a site takes in a secure sum. Both refuse a key that is not the one known here.
const (
	PeersFirstUse = "first-use" // the key that the hub names first is kept
	PeersVerified = "verified"  // only keys that a person has compared
)

// DefaultPolicy asks a person, wants 20 patients, and spends 8 a quarter.
func DefaultPolicy() Policy {
	return Policy{MinCohort: 20, Epsilon: 8, ShareScores: true, KeepBetter: true, Peers: PeersFirstUse}
}

// LoadPolicy reads a policy; a file that is not there is the default one. Errors: USAGE, IO.
func LoadPolicy(file string) (Policy, error) {
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		return DefaultPolicy(), nil
	}
	if err != nil {
		return Policy{}, fault.Wrap(err, fault.IO, "the policy cannot be read", "check the permissions of "+file)
	}
	p := DefaultPolicy()
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return Policy{}, fault.Wrap(err, fault.Usage, "the policy "+file+" cannot be understood", "compare it with docs/federation.md")
	}
	if p.Peers != PeersFirstUse && p.Peers != PeersVerified {
		return Policy{}, fault.New(fault.Usage, fmt.Sprintf("the policy %s has peers %q", file, p.Peers), "set it to "+PeersFirstUse+" or "+PeersVerified)
	}
	return p, nil
}

// Judge refuses a job that the site does not want, given how many examples it has and what its ledger still allows
// this quarter. The hub is told the reason, so it holds none of the site's own numbers. Errors: POLICY_REFUSED, BUDGET_SPENT.
func (p Policy) Judge(j Job, examples int, spent float64) error {
	no := func(what string) error {
		return fault.New(fault.PolicyRefused, what, "change policy.json at the site, or the job")
	}
	switch {
	case examples < max(p.MinCohort, j.Data.Cohort):
		return no("there are fewer training examples than policy and job ask for")
	case len(p.Models) > 0 && !matches(p.Models, j.Model.Arch):
		return no("the network " + j.Model.Arch + " is not among those this site trains")
	case len(p.Algorithms) > 0 && !contains(p.Algorithms, j.Plan.Algorithm):
		return no("the algorithm " + j.Plan.Algorithm + " is not among those this site takes part in")
	case p.SecureOnly && j.Plan.Sum == SumPlain:
		return no("the hub would see this site's own update")
	case p.Privacy && j.Privacy.Local == nil && j.Privacy.Central == nil:
		return no("the job promises no differential privacy")
	case p.MaxRounds > 0 && j.Plan.Rounds > p.MaxRounds:
		return no(fmt.Sprintf("%d rounds are more than the site allows", j.Plan.Rounds))
	case !p.ShareScores && j.Plan.Scores == "each":
		return no("the job asks for this site's own figures")
	}
	for _, n := range []*Noise{j.Privacy.Local, j.Privacy.Central} {
		if n != nil && p.Epsilon > 0 && spent+n.Epsilon > p.Epsilon {
			return fault.New(fault.BudgetSpent, fmt.Sprintf("the job may spend epsilon %g, which is more than the site has left for this quarter", n.Epsilon),
				"wait for the next quarter, or raise epsilon in policy.json")
		}
	}
	return nil
}

func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, name); err == nil && ok {
			return true
		}
	}
	return false
}
