package aggregate

import (
	"fmt"
	"math"

	"consilium/fault"
	"consilium/federation"
)

// AddRaw is Add for an update whose numbers are still bytes. For FedAvg and its kin and the adaptive rules they are
// added up from where they lie, which saves the memory of a model; other rules decode them first. The bytes may be
// used again when AddRaw returns.
func AddRaw(r Rule, raw federation.Raw) error {
	switch r := r.(type) {
	case *mean:
		return r.addRaw(raw)
	case *adaptive:
		return r.addRaw(raw)
	}
	return r.Add(raw.Decode())
}

func (m *mean) addRaw(raw federation.Raw) error {
	if err := m.open(raw.Site); err != nil {
		return err
	}
	bad := func(what, do string) error {
		return fault.New(fault.UpdateRefused, "the update of "+raw.Site+" "+what, do)
	}
	switch {
	case len(raw.DeltaBytes) != 4*m.size || len(raw.ExtraBytes) != 0:
		return bad(fmt.Sprintf("has %d and %d numbers, the model has %d and 0", len(raw.DeltaBytes)/4, len(raw.ExtraBytes)/4, m.size),
			"use the same version of Consilium at hub and site")
	case raw.Samples < 1 || raw.Stale < 0:
		return bad("was trained on nothing, or is newer than the round", "look at the site's data")
	case largestBytes(raw.DeltaBytes) > math.Float32bits(MostValue):
		return bad("holds NaN, infinity or a number beyond all measure", "lower the plan's rate, or look at the site's data")
	}
	w := weight(m.plan, raw.Update)
	m.sum.addBytes(m.scale(raw.Update)*w, raw.DeltaBytes)
	m.weight += w
	m.in[raw.Site] = true
	return nil
}
