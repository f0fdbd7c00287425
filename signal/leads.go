package signal

import (
	"fmt"
	"slices"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// Leads12 are the standard leads in the order that Consilium's models use.
var Leads12 = []string{"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"}

// CanonicalLead gives the standard name of a lead: "ii", "MLII", "ECG II",
// "Lead_II", "MDC_ECG_LEAD_II" and "DII" are "II", "C1" is "V1". Names that are
// not of the twelve leads come back in upper case.
func CanonicalLead(name string) string {
	s := strings.ToUpper(strings.TrimSpace(name))
	s = strings.TrimPrefix(s, "MDC_")
	for _, p := range []string{"ECG", "EKG", "LEAD"} {
		s = strings.TrimLeft(strings.TrimPrefix(s, p), " _-:.")
	}
	s = strings.TrimPrefix(s, "ML") // MIT-BIH: modified limb leads
	if len(s) > 1 && s[0] == 'D' && strings.Trim(s[1:], "I") == "" {
		s = s[1:] // DI, DII, DIII
	}
	if len(s) == 2 && s[0] == 'C' && s[1] >= '1' && s[1] <= '6' {
		s = "V" + s[1:] // IEC 60601-2-25 names the chest electrodes C1..C6
	}
	for _, lead := range Leads12 {
		if strings.EqualFold(s, lead) {
			return lead
		}
	}
	return s
}

// combination is a limb lead as a*I + b*II (Einthoven, Goldberger).
type combination struct{ a, b float64 }

var limb = map[string]combination{
	"I": {1, 0}, "II": {0, 1}, "III": {-1, 1}, "aVR": {-0.5, -0.5}, "aVL": {1, -0.5}, "aVF": {-0.5, 1},
}

// leadSet finds and derives the leads of one recording.
type leadSet struct {
	rec   clinical.Recording
	index map[string]int
}

func newLeadSet(rec clinical.Recording) leadSet {
	s := leadSet{rec, make(map[string]int, len(rec.Channels))}
	for i, c := range rec.Channels {
		if name := CanonicalLead(c.Name); name != "" {
			if _, twice := s.index[name]; !twice {
				s.index[name] = i
			}
		}
	}
	return s
}

// mix is a lead as a weighted sum of one or two channels.
type mix struct {
	channels []int
	weights  []float64
}

// find looks a lead up, or derives a limb lead from any two others: all six lie
// in one plane.
func (s leadSet) find(name string) (mix, error) {
	name = CanonicalLead(name)
	if i, ok := s.index[name]; ok {
		return mix{[]int{i}, []float64{1}}, nil
	}
	want, ok := limb[name]
	if ok {
		have := slices.DeleteFunc(slices.Clone(Leads12[:6]), func(l string) bool { _, ok := s.index[l]; return !ok })
		if len(have) >= 2 { // no two limb leads are parallel
			p, q := limb[have[0]], limb[have[1]]
			det := p.a*q.b - p.b*q.a
			return mix{
				[]int{s.index[have[0]], s.index[have[1]]},
				[]float64{(want.a*q.b - want.b*q.a) / det, (p.a*want.b - p.b*want.a) / det},
			}, nil
		}
	}
	return mix{}, fault.New(fault.InputLeads,
		fmt.Sprintf("%s has no lead %s, only %s", s.rec.Source, name, s.names()),
		"give a recording with the leads that the model's card lists; limb leads are derived from any two")
}

func (s leadSet) names() string {
	names := make([]string, len(s.rec.Channels))
	for i, c := range s.rec.Channels {
		names[i] = c.Name
	}
	return strings.Join(names, ", ")
}

// millivolt is the factor from a channel's unit to mV. A missing unit is mV, the
// default of WFDB headers.
func millivolt(c clinical.Channel, source string) (float64, error) {
	switch strings.ToLower(strings.TrimSpace(c.Unit)) {
	case "", "mv":
		return 1, nil
	case "uv", "µv", "μv", "microvolt":
		return 1e-3, nil
	case "nv":
		return 1e-6, nil
	case "v":
		return 1e3, nil
	}
	return 0, fault.New(fault.InputRange, fmt.Sprintf("%s: lead %s is in %q, not a voltage", source, c.Name, c.Unit),
		"give an ECG in V, mV or uV")
}
