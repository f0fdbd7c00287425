package differential

import "consilium/clinical"

var Names = names

func (m *Model) Lab(p clinical.Phenotype, without []string) (c []int32, rows []row) {
	q := m.ask(p, without)
	c = m.screen(q)
	for _, d := range c {
		rows = append(rows, m.look(q, m.profile(d, q), m.twins[d]))
	}
	return
}
func (m *Model) At(id string) (int32, bool) { c, ok := m.byID[id]; return c, ok }
