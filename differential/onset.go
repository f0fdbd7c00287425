package differential

import (
	"math"
	"strings"

	"consilium/ontology"
)

// Stages of life in which a disease begins, from HPO's onset terms.
const stages = 6

// stageOf gives the stage of an onset term; what is below these terms belongs to the same stage.
var stageOf = map[string]int{
	"HP:0030674": 0, // antenatal
	"HP:0003577": 1, // congenital
	"HP:0003623": 1, // neonatal
	"HP:0003593": 2, // infantile
	"HP:0011463": 3, // childhood
	"HP:0003621": 4, // juvenile
	"HP:0003581": 5, // adult
}

// stage gives the stage of an onset term, -1 when it is none.
func stage(o *ontology.Ontology, t ontology.Index) int {
	anc := o.Ancestors(t)
	for i := len(anc) - 1; i >= 0; i-- {
		if s, ok := stageOf[o.ID(anc[i])]; ok {
			return s
		}
	}
	return -1
}

// onsets counts in which stage patients fell ill.
type onsets struct {
	weight [stages]float32
	sum    float32
}

func (d *onsets) add(o *ontology.Ontology, a *ontology.Annotation) {
	s := stage(o, a.Term)
	if s < 0 || a.Excluded {
		return
	}
	w := float32(1)
	if a.Frequency.Den > 0 {
		w = float32(a.Frequency.Num)
	} else if a.Frequency.Known {
		w = float32(2 * a.Frequency.Share)
	}
	d.weight[s] += w
	d.sum += w
}

// ratio is the log likelihood ratio of an onset, 0 when the disease's is not recorded. A stage
// next to a recorded one is nearly as good: sources and patients remember onsets roughly.
func (d *onsets) ratio(s int, all *onsets) float64 {
	if d.sum == 0 || s < 0 {
		return 0
	}
	return math.Log(d.smooth(s, all)) - math.Log(all.smooth(s, all))
}

func (d *onsets) smooth(s int, all *onsets) float64 {
	near := d.weight[s] * 0.7
	if s > 0 {
		near += d.weight[s-1] * 0.15
	}
	if s < stages-1 {
		near += d.weight[s+1] * 0.15
	}
	const prior = 2
	base := (all.weight[s] + 1) / (all.sum + stages)
	return float64((near + prior*base) / (d.sum + prior))
}

// modes are the ways in which a disease is inherited.
type modes struct{ linked, other bool }

func (m *modes) add(id string) {
	switch id {
	case "HP:0001417", "HP:0001419": // X-linked, X-linked recessive
		m.linked = true
	default:
		m.other = true
	}
}

// ratio is the log likelihood ratio of the patient's sex: X-linked (recessive) diseases show in males.
func (m *modes) ratio(sex string) float64 {
	if !m.linked || m.other {
		return 0
	}
	switch sex {
	case "M":
		return math.Log(0.85 / 0.5)
	case "F":
		return math.Log(0.15 / 0.5)
	}
	return 0
}

// The units of ISO 8601 durations in days, before and after the T.
var (
	inDays = map[rune]float64{'Y': 365.25, 'M': 30.44, 'W': 7, 'D': 1}
	inTime = map[rune]float64{'H': 1. / 24, 'M': 1. / 1440, 'S': 1. / 86400}
)

// stageOfAge gives the stage of an age at onset, an ISO 8601 duration such as P4Y10M; -1 when it is none.
func stageOfAge(duration string) int {
	rest, ok := strings.CutPrefix(duration, "P")
	if !ok || rest == "" || rest[len(rest)-1] == 'T' {
		return -1
	}
	days, number := 0.0, 0.0
	digits := false
	units := inDays
	for _, c := range rest {
		perUnit, unit := units[c]
		switch {
		case c == 'T' && !digits && units['Y'] > 0:
			units = inTime
		case c >= '0' && c <= '9' && number < 1e6:
			number, digits = number*10+float64(c-'0'), true
		case unit && digits:
			days, number, digits = days+number*perUnit, 0, false
		default:
			return -1
		}
	}
	if digits {
		return -1
	}
	switch years := days / 365.25; {
	case days < 28:
		return 1
	case years < 1:
		return 2
	case years < 5:
		return 3
	case years < 16:
		return 4
	}
	return 5
}
