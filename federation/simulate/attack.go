package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"consilium/fault"
	"consilium/federation"
)

// Kinds of attacks.
const (
	AttackSign  = "sign"  // the update is turned round, and made Factor times as long
	AttackScale = "scale" // the update is made Factor times as long
	AttackLabel = "label" // the site learns from wrong labels
)

// Attack says how many sites are poisoned, and how.
type Attack struct {
	Kind   string  `json:"kind,omitempty"` // "" = none
	Share  float64 `json:"share,omitempty"`
	Factor float64 `json:"factor,omitempty"` // 0 = 4 for sign, 10 for scale
}

// ParseAttack reads KIND:SHARE or KIND:SHARE:FACTOR, such as sign:0.2. Errors: USAGE.
func ParseAttack(text string) (Attack, error) {
	bad := fault.New(fault.Usage, fmt.Sprintf("an attack of %q", text), "write sign:0.2, scale:0.2:10 or label:0.2")
	parts := strings.Split(text, ":")
	if len(parts) < 2 || len(parts) > 3 {
		return Attack{}, bad
	}
	a := Attack{Kind: parts[0]}
	var err error
	if a.Share, err = strconv.ParseFloat(parts[1], 64); err != nil {
		return Attack{}, bad
	}
	if len(parts) == 3 {
		if a.Factor, err = strconv.ParseFloat(parts[2], 64); err != nil || a.Factor == 0 {
			return Attack{}, bad
		}
	}
	if a.Kind == "" {
		return Attack{}, bad
	}
	return a, a.check()
}

func (a Attack) check() error {
	known := a.Kind == "" || a.Kind == AttackSign || a.Kind == AttackScale || a.Kind == AttackLabel
	if !known || !(a.Share >= 0 && a.Share < 1) || math.IsNaN(a.Factor) || math.Abs(a.Factor) > 1e6 {
		return fault.New(fault.Usage, fmt.Sprintf("an attack %q on a share of %v with factor %v", a.Kind, a.Share, a.Factor),
			"choose sign, scale or label, and a share from 0 up to, but not including, 1")
	}
	return nil
}

// victims chooses the poisoned sites of a seed: which they are does not depend on the attack.
func (a Attack) victims(sites int, seed uint64) []bool {
	out := make([]bool, sites)
	if a.Kind == "" {
		return out
	}
	n := int(math.Round(a.Share * float64(sites)))
	for _, i := range rand.New(rand.NewPCG(seed, 0x706f69736f6e)).Perm(sites)[:n] {
		out[i] = true
	}
	return out
}

// poison gives what a poisoned site sends instead of its update.
func (a Attack) poison(u federation.Update) federation.Update {
	factor := a.Factor
	switch a.Kind {
	case AttackSign:
		if factor == 0 {
			factor = 4
		}
		factor = -factor
	case AttackScale:
		if factor == 0 {
			factor = 10
		}
	default:
		return u
	}
	u.Delta, u.Extra = slices.Clone(u.Delta), slices.Clone(u.Extra)
	for _, v := range [][]float32{u.Delta, u.Extra} {
		for i := range v {
			v[i] *= float32(factor)
		}
	}
	return u
}
