package simulate

import (
	"fmt"
	"slices"

	"consilium/fault"
	"consilium/federation"
)

// Presets of Arms.
const (
	Plain   = ""        // local, pooled and the algorithms that are asked for
	Rare    = "rare"    // the same: the class is thinned by Cut
	Poison  = "poison"  // plain mean and robust rules under three attacks
	Shift   = "shift"   // unlike scanners: personalisation and harmonisation
	Privacy = "privacy" // noise at the hub and at the sites
	Heart   = "heart"   // Fed-Heart-Disease
)

// Presets lists them.
func Presets() []string { return []string{Heart, Rare, Poison, Shift, Privacy} }

// Arms makes the arms of a preset from a plan (rounds, epochs, rate and so on) and the algorithms that are asked
// for. Errors: USAGE.
//
// Where the plan balances classes, federated arms do so by the classes of all sites: see Arm.Prior.
func Arms(preset string, plan federation.Plan, algorithms []string, attack Attack) ([]Arm, error) {
	out, err := arms(preset, plan, algorithms, attack)
	for i := range out {
		out[i].Prior = out[i].Kind == Federated && out[i].Plan.Balance > 0
	}
	return out, err
}

func arms(preset string, plan federation.Plan, algorithms []string, attack Attack) ([]Arm, error) {
	for _, a := range algorithms {
		if !slices.Contains(federation.Algorithms(), a) {
			return nil, fault.New(fault.Usage, fmt.Sprintf("there is no algorithm %q", a), fmt.Sprint("choose among ", federation.Algorithms()))
		}
	}
	if len(algorithms) == 0 {
		algorithms = usual[preset]
	}
	base := []Arm{{Name: "local", Kind: Local, Plan: plan}, {Name: "pooled", Kind: Pooled, Plan: plan}}
	switch preset {
	case Plain, Rare:
		base = append(base, Arm{Name: "pooled, last round", Kind: Pooled, Plan: plan, Last: true})
		return append(base, each(plan, algorithms, attack)...), nil
	case Poison:
		return poisonArms(plan, algorithms, attack), nil
	case Shift:
		return append(base, shiftArms(plan, algorithms)...), nil
	case Privacy:
		return append(base, privacyArms(plan)...), nil
	case Heart:
		return heartArms(plan, algorithms), nil
	}
	return nil, fault.New(fault.Usage, fmt.Sprintf("there is no experiment %q", preset), fmt.Sprint("choose among ", Presets()))
}

// usual are the algorithms when none is asked for.
var usual = map[string][]string{
	Plain:  {federation.FedAvg},
	Rare:   {federation.FedAvg, federation.FedProx, federation.Scaffold, federation.FedYogi},
	Poison: {federation.FedAvg, federation.NormClip, federation.Median, federation.Trimmed, federation.Krum, federation.MultiKrum},
	Shift:  {federation.FedAvg, federation.FedBN, federation.Ditto},
	Heart:  {federation.FedAvg, federation.Scaffold, federation.FedProx},
}

func with(plan federation.Plan, algorithm string) federation.Plan {
	plan.Algorithm = algorithm
	return plan
}

func each(plan federation.Plan, algorithms []string, attack Attack) []Arm {
	var out []Arm
	for _, a := range algorithms {
		out = append(out, Arm{Name: a, Kind: Federated, Plan: with(plan, a), Attack: attack})
	}
	return out
}

// poisonArms: what the plain mean reaches undisturbed, then every rule under every attack.
func poisonArms(plan federation.Plan, algorithms []string, attack Attack) []Arm {
	attacks := []Attack{attack}
	if attack.Kind == "" {
		attacks = []Attack{{Kind: AttackSign, Share: 0.2}, {Kind: AttackScale, Share: 0.2}, {Kind: AttackLabel, Share: 0.2}}
	}
	out := []Arm{{Name: "fedavg, nobody poisoned", Kind: Federated, Plan: with(plan, federation.FedAvg)}}
	for _, k := range attacks {
		for _, a := range algorithms {
			out = append(out, Arm{Name: a + ", " + k.Kind, Kind: Federated, Plan: with(plan, a), Attack: k})
		}
	}
	return out
}

func shiftArms(plan federation.Plan, algorithms []string) []Arm {
	out := each(plan, algorithms, Attack{})
	out = append(out, Arm{Name: "fedavg, site may keep its own", Kind: Federated, Plan: with(plan, federation.FedAvg), Keep: true})
	for _, h := range []string{"standardise", "combat"} {
		p := with(plan, federation.FedAvg)
		p.Harmonise = h
		out = append(out, Arm{Name: "fedavg, " + h, Kind: Federated, Plan: p})
	}
	return out
}

// Noise multipliers that privacyArms goes through, and the delta of all.
var (
	centralNoise = []float64{0.1, 0.3, 1, 3}
	localNoise   = []float64{0.5, 1, 2, 4}
)

const (
	delta     = 1e-5
	unlimited = 1e6 // the budget: what is spent is told, not stopped
)

// privacyArms: no noise, noise at the hub (a site is hidden), noise at the sites (a patient is hidden).
func privacyArms(plan federation.Plan) []Arm {
	plain := with(plan, federation.FedAvg)
	out := []Arm{{Name: "fedavg", Kind: Federated, Plan: plain}}
	central := plain
	central.Weighting, central.Clip = "sites", 1
	out = append(out, Arm{Name: "fedavg, cut to norm 1", Kind: Federated, Plan: central})
	for _, m := range centralNoise {
		out = append(out, Arm{Name: fmt.Sprintf("hub's noise %g", m), Kind: Federated, Plan: central,
			Privacy: federation.Privacy{Central: &federation.Noise{Multiplier: m, Clip: central.Clip, Delta: delta, Epsilon: unlimited}}})
	}
	for _, m := range localNoise {
		p := plain
		p.Balance = 0 // weights of classes would betray the others
		out = append(out, Arm{Name: fmt.Sprintf("sites' noise %g", m), Kind: Federated, Plan: p,
			Privacy: federation.Privacy{Local: &federation.Noise{Multiplier: m, Clip: 1, Delta: delta, Epsilon: unlimited}}})
	}
	return out
}

// heartArms are FLamby's comparison, each with and without harmonisation.
func heartArms(plan federation.Plan, algorithms []string) []Arm {
	var out []Arm
	for _, h := range []string{"", "standardise", "combat"} {
		p, after := plan, ""
		if p.Harmonise = h; h != "" {
			after = ", " + h
		}
		out = append(out, Arm{Name: "pooled" + after, Kind: Pooled, Plan: p}, Arm{Name: "local" + after, Kind: Local, Plan: p})
		for _, a := range algorithms {
			out = append(out, Arm{Name: a + after, Kind: Federated, Plan: with(p, a)})
		}
	}
	return out
}

// HeartPlan is the plan of the Heart experiment: chosen on validation rows.
func HeartPlan() federation.Plan {
	return federation.Plan{Rounds: 60, Epochs: 1, Batch: 16, Rate: 0.1}
}
