package scenario

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"consilium/ontology"
)

// names finds terms by what they are called.
type names struct {
	onto  *ontology.Ontology
	label map[string][]ontology.Index
	exact map[string][]ontology.Index
	other map[string][]ontology.Index
}

func newNames(o *ontology.Ontology) *names {
	n := &names{o, map[string][]ontology.Index{}, map[string][]ontology.Index{}, map[string][]ontology.Index{}}
	add := func(to map[string][]ontology.Index, text string, i ontology.Index) {
		if k := plain(text); !slices.Contains(to[k], i) {
			to[k] = append(to[k], i)
		}
	}
	for i := range ontology.Index(o.Len()) {
		add(n.label, o.Label(i), i)
		for _, s := range o.Synonyms(i) {
			if s.Scope == ontology.Exact {
				add(n.exact, s.Text, i)
			} else {
				add(n.other, s.Text, i)
			}
		}
	}
	return n
}

// find gives the terms of that name: one when it is clear, several when it is not.
// Labels count before exact synonyms, and these before others.
func (n *names) find(words string) []ontology.Index {
	for _, by := range []map[string][]ontology.Index{n.label, n.exact, n.other} {
		if found := by[plain(words)]; len(found) > 0 {
			return found
		}
	}
	return nil
}

// nearest gives names that look like the words, for a message.
func (n *names) nearest(words string, most int) []string {
	var all []string
	for _, by := range []map[string][]ontology.Index{n.label, n.exact} {
		for name, terms := range by {
			if len(terms) == 1 {
				all = append(all, name)
			}
		}
	}
	slices.Sort(all)
	var out []string
	for _, name := range nearestTo(plain(words), all, 3*most) {
		if label := n.onto.Label(n.find(name)[0]); !slices.Contains(out, label) && len(out) < most {
			out = append(out, label)
		}
	}
	return out
}

// plain is a name without regard to case, hyphens and spaces.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return unicode.IsSpace(r) || r == '-' || r == ',' || r == '/' }), " ")
}

// nearestTo sorts texts by the pairs of letters they share with another (Dice's
// coefficient), and gives the first of those that share any.
func nearestTo(to string, texts []string, most int) []string {
	type near struct {
		text  string
		share float64
	}
	want := pairs(strings.ToLower(to))
	var list []near
	for _, t := range texts {
		have := pairs(strings.ToLower(t))
		both := 0
		for p, n := range have {
			both += min(n, want[p])
		}
		if both > 0 {
			list = append(list, near{t, 2 * float64(both) / float64(total(want)+total(have))})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return cmp.Compare(b.share, a.share) })
	var out []string
	for _, x := range list[:min(most, len(list))] {
		out = append(out, x.text)
	}
	return out
}

func pairs(s string) map[string]int {
	out := map[string]int{}
	for i := 0; i+2 <= len(s); i++ {
		out[s[i:i+2]]++
	}
	return out
}

func total(p map[string]int) int {
	sum := 0
	for _, n := range p {
		sum += n
	}
	return sum
}
