// Package simulate sets ways of learning side by side on the same simulated or real sites: every site alone, all
// examples in one place, and federations of several algorithms, with poisoned sites, unlike scanners or noise when
// asked. Everything is run over several seeds, which change the cut into sites, the first weights and the order of
// examples; the figures are means over seeds with intervals.
//
// It runs in one process and without the wire: a site's part is package local, the hub's is package aggregate, both as
// they are in a real federation; what moves mail, waits and resumes (hub, site, link) is left out, and so are secure
// sums, which change no figure. Bytes are those of the messages that would be sent. The federated figure is that of
// the last round, as a hub keeps it; models trained alone or on everything are the best of their rounds by validation
// loss, which favours them.
package simulate

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/local"
)

// Kinds of arms.
const (
	Pooled    = "pooled"    // one learner that has all sites' examples
	Local     = "local"     // every site its own
	Federated = "federated" // together, by Arm.Plan
)

// Arm is one way of learning.
type Arm struct {
	Name    string             `json:"name"`
	Kind    string             `json:"kind"`
	Plan    federation.Plan    `json:"plan"` // of pooled and local: steps, rate, batch
	Privacy federation.Privacy `json:"privacy"`
	Attack  Attack             `json:"attack"`
	Prior   bool               `json:"prior,omitempty"` // Plan.Balance is by the classes of all sites, whose counts are taken as known
	Last    bool               `json:"last,omitempty"`  // of pooled: the last weights, as a hub keeps them, not those of the lowest validation loss
	Keep    bool               `json:"keep,omitempty"`  // a site keeps its own model where that is clearly better on its validation split
}

// Cohort is the sites of one seed.
type Cohort struct {
	Names []string
	Sites []dataset.Set
	// All is what a learner has that has everything. Its test split is the common one.
	All dataset.Set
	// Own: each site is judged on its own test split, which is another one at every site. Otherwise all sites have
	// the common one.
	Own bool
}

// World makes the sites of a seed.
type World func(seed uint64) (*Cohort, error)

// Experiment is what is run.
type Experiment struct {
	Title   string
	Command string // that repeats it
	Data    string // which data, in a line
	Arch    string // of federation/local: a network of zoo, or logistic
	World   World
	WorldID string // says what World does: what was computed for another one is not taken up
	Arms    []Arm
	Seeds   int    // how many
	First   uint64 // the first one
	// Rare is the class whose recall is told beside the figures; below 0: none.
	Rare int
	// Measure is what arms are compared by: "macro-F1" (default) or "accuracy".
	Measure string
	// Out is a folder: finished runs are kept there and taken up again. Empty: nothing is kept.
	Out      string
	Backend  string
	Library  string
	Parallel int // sites that train at a time; 0 = 1
	// Progress is told what happens, in lines for people; nil = nobody is.
	Progress func(string)
}

// Limits.
const (
	MaxSeeds = 100
	MaxArms  = 40
)

func (e *Experiment) complete() error {
	bad := func(what, do string) error { return fault.New(fault.Usage, what, do) }
	switch {
	case e.Seeds < 1 || e.Seeds > MaxSeeds:
		return bad(fmt.Sprintf("%d seeds", e.Seeds), fmt.Sprintf("choose 1 to %d", MaxSeeds))
	case len(e.Arms) == 0 || len(e.Arms) > MaxArms:
		return bad(fmt.Sprintf("%d arms", len(e.Arms)), fmt.Sprintf("choose 1 to %d", MaxArms))
	case e.Arch == "" || e.World == nil:
		return bad("no network or no sites to simulate", "name a network and a data set")
	}
	if e.Measure == "" {
		e.Measure = MacroF1
	}
	if e.Measure != MacroF1 && e.Measure != Accuracy {
		return bad("there is no measure "+e.Measure, "choose macro-F1 or accuracy")
	}
	if e.Progress == nil {
		e.Progress = func(string) {}
	}
	e.Parallel = max(e.Parallel, 1)
	names := map[string]bool{}
	for i := range e.Arms {
		a := &e.Arms[i]
		a.Plan = a.Plan.WithDefaults()
		if err := a.check(); err != nil {
			return err
		}
		if a.Name == "" || names[a.Name] {
			return bad(fmt.Sprintf("two arms are called %q", a.Name), "give every arm a name of its own")
		}
		names[a.Name] = true
	}
	return nil
}

func (a Arm) check() error {
	bad := func(what, do string) error { return fault.New(fault.Usage, "arm "+a.Name+": "+what, do) }
	switch {
	case a.Kind != Pooled && a.Kind != Local && a.Kind != Federated:
		return bad("there is no kind "+a.Kind, "choose pooled, local or federated")
	case a.Plan.Algorithm == federation.FedBuff && a.Kind == Federated:
		return bad("fedbuff lives from sites that answer late, and nobody is late here", "run it with `consilium federate hub` and `site`")
	case a.Plan.Sum != federation.SumPlain:
		return bad("a secure sum changes no figure, and is not simulated", "leave sum out")
	}
	if err := a.Plan.Validate(); err != nil {
		return err
	}
	if err := a.Privacy.Validate(); err != nil {
		return err
	}
	return a.Attack.check()
}

// key identifies a run by all that its outcome depends on.
func (e *Experiment) key(a Arm, seed uint64) string {
	text, err := json.Marshal(struct {
		Format, Arch, World, Backend string
		Arm                          Arm
		Seed                         uint64
	}{"run 1", e.Arch, e.WorldID, e.Backend, a, seed})
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// job is what the sites of an arm would be asked to agree to.
func (e *Experiment) job(a Arm, set dataset.Set, prior []int, seed uint64) federation.Job {
	info := set.Info()
	plan := a.Plan
	plan.Harmonise = "" // done before: see Cohort.harmonised
	if a.Kind != Federated {
		plan.Algorithm = federation.FedAvg
	}
	plan.Prior = prior
	privacy := a.Privacy
	if privacy.Local == nil && privacy.Central == nil {
		privacy = federation.Privacy{}
	}
	return federation.Job{Format: federation.JobFormat, ID: "simulation", Title: "Simulation", Purpose: "A simulation in one process", By: "simulate",
		Created: time.Unix(0, 0).UTC(), Model: federation.Model{Arch: e.Arch, Seed: seed + 1},
		Data: federation.Data{Kind: info.Kind, Task: "simulation", Shape: info.Shape, Labels: info.Labels, Cohort: 1},
		Plan: plan, Privacy: privacy}
}

func (e *Experiment) options(name string, seed uint64, networks *local.Networks) local.Options {
	return local.Options{Site: name, Backend: e.Backend, Library: e.Library, Seed: seed, Networks: networks}
}
