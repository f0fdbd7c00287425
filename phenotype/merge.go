package phenotype

import (
	"cmp"
	"slices"

	"consilium/clinical"
)

// Merge makes one feature of all mentions of a term, for the patient and for
// the relatives apart: present anywhere is present (a note speaks of today, a
// profile of a life), else uncertain, else absent. The first mention of that
// kind gives the words; left and right together are bilateral.
func Merge(p clinical.Phenotype) clinical.Phenotype {
	type who struct {
		term   string
		family bool
	}
	at := map[who]int{}
	merged := make([]clinical.PhenotypicFeature, 0, len(p.Features))
	for _, f := range p.Features {
		k := who{f.Term, f.Family}
		i, seen := at[k]
		if !seen {
			at[k] = len(merged)
			merged = append(merged, f)
			continue
		}
		switch old := merged[i]; weight(f) - weight(old) {
		case 1, 2:
			merged[i] = f
		case 0:
			merged[i].Laterality = bothSides(old.Laterality, f.Laterality)
			merged[i].Severity = cmp.Or(old.Severity, f.Severity)
		}
	}
	p.Features = merged
	return p
}

// weight orders what is said: absent, uncertain, present.
func weight(f clinical.PhenotypicFeature) int {
	return slices.Index([]string{"absent", "uncertain", "present"}, Assertion(f))
}

func bothSides(a, b string) string {
	switch {
	case a == "" || a == b:
		return b
	case b == "":
		return a
	case a == "unilateral":
		return b
	case b == "unilateral":
		return a
	}
	return "bilateral"
}
