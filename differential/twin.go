package differential

// minimalLikeness is the simGIC below which two entries that share a gene are
// taken for two diseases of that gene.
const minimalLikeness = 0.15

// pair gives each disease its twin: the entry of another catalogue that shares a
// gene and is described most alike. Orphanet's frequencies thereby help to judge
// what OMIM lists without any.
func (m *Model) pair(others map[int32]profile) {
	m.twins = make([]*profile, len(m.profiles))
	byGene := map[string][]int32{}
	for i := range others {
		for _, g := range m.base.Diseases[i].Genes {
			byGene[g] = append(byGene[g], i)
		}
	}
	kept := map[int32]*profile{}
	for i := range m.profiles {
		best, twin := minimalLikeness, int32(-1)
		for _, g := range m.disease(int32(i)).Genes {
			for _, x := range byGene[g] {
				p := others[x]
				if s := m.likeness(&m.profiles[i], &p); s > best || s == best && x < twin {
					best, twin = s, x
				}
			}
		}
		if twin < 0 {
			continue
		}
		if kept[twin] == nil {
			p := others[twin]
			m.weigh(&p)
			kept[twin] = &p
		}
		m.twins[i] = kept[twin]
	}
}

// likeness is simGIC: the information that two profiles share over the information
// that either has (Pesquita et al., BMC Bioinformatics 2008).
func (m *Model) likeness(a, b *profile) float64 {
	var shared, union float64
	for i, j := 0, 0; i < len(a.closure) || j < len(b.closure); {
		switch {
		case j == len(b.closure) || i < len(a.closure) && a.closure[i].term < b.closure[j].term:
			union += float64(m.ic[a.closure[i].term])
			i++
		case i == len(a.closure) || b.closure[j].term < a.closure[i].term:
			union += float64(m.ic[b.closure[j].term])
			j++
		default:
			shared += float64(m.ic[a.closure[i].term])
			union += float64(m.ic[a.closure[i].term])
			i++
			j++
		}
	}
	if union == 0 {
		return 0
	}
	return shared / union
}
