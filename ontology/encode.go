package ontology

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math"
	"slices"
	"strings"
)

// encoder writes numbers as uvarints and strings as numbers of a table in which each stands once.
type encoder struct {
	buf     []byte
	strings map[string]uint64
	table   []string
}

func (e *encoder) number(n int) { e.buf = binary.AppendUvarint(e.buf, uint64(n)) }

func (e *encoder) text(s string) {
	n, known := e.strings[s]
	if !known {
		n = uint64(len(e.table))
		e.strings[s] = n
		e.table = append(e.table, s)
	}
	e.buf = binary.AppendUvarint(e.buf, n)
}

func (e *encoder) texts(list []string) {
	e.number(len(list))
	for _, s := range list {
		e.text(s)
	}
}

func (e *encoder) terms(list []Index) {
	e.number(len(list))
	for _, i := range list {
		e.number(int(i))
	}
}

// encode gives the payload of a cache: table of strings (count, lengths, bytes), then the base.
func encode(b *Base) []byte {
	e := &encoder{strings: map[string]uint64{}}
	if b.Synthetic {
		e.number(1)
	} else {
		e.number(0)
	}
	e.ontology(b.Ontology)
	e.diseases(b.Diseases)
	out := binary.AppendUvarint(nil, uint64(len(e.table)))
	for _, s := range e.table {
		out = binary.AppendUvarint(out, uint64(len(s)))
	}
	for _, s := range e.table {
		out = append(out, s...)
	}
	return append(out, e.buf...)
}

func (e *encoder) ontology(o *Ontology) {
	e.text(o.Version)
	e.number(len(o.terms))
	for i := range o.terms {
		t := &o.terms[i]
		e.text(t.ID)
		e.text(t.Label)
		e.text(t.Definition)
		e.number(len(t.Synonyms))
		for _, s := range t.Synonyms {
			e.text(s.Text)
			e.buf = append(e.buf, byte(s.Scope)|bit(s.Layperson, 2)|bit(s.Plural, 3)|bit(s.Abbreviation, 4))
		}
		e.terms(t.Parents)
	}
	retired := slices.DeleteFunc(slices.Sorted(maps.Keys(o.byID)), func(id string) bool { return o.byID[id].Status == Active })
	e.number(len(retired))
	for _, id := range retired {
		r := o.byID[id]
		e.text(id)
		e.number(int(r.Term + 1))
		e.number(int(r.Status))
		e.texts(r.Consider)
	}
}

func bit(set bool, at int) byte {
	if set {
		return 1 << at
	}
	return 0
}

// Bits of an annotation's flags.
const (
	flagExcluded = 1 << iota
	flagCounts   // frequency n/m
	flagShare    // frequency as a share
	flagOnset
	flagModifiers
	flagMale
	flagFemale
	flagBand // frequency as a band
)

// diseases writes the lists of references and modifiers once each: many annotations share theirs.
func (e *encoder) diseases(diseases []Disease) {
	references, modifiers := newPool(strings.Compare), newPool(cmp.Compare[Index])
	total := 0
	for i := range diseases {
		total += len(diseases[i].Annotations)
		for _, a := range diseases[i].Annotations {
			references.add(a.References)
			modifiers.add(a.Modifiers)
		}
	}
	references.sort()
	modifiers.sort()
	e.number(len(references.lists))
	for _, list := range references.lists {
		e.texts(list)
	}
	e.number(len(modifiers.lists))
	for _, list := range modifiers.lists {
		e.terms(list)
	}
	e.number(len(diseases))
	e.number(total)
	for i := range diseases {
		d := &diseases[i]
		e.text(d.ID)
		e.text(d.Name)
		e.texts(d.Genes)
		e.number(len(d.Annotations))
		for j := range d.Annotations {
			a := &d.Annotations[j]
			e.annotation(a, references.number(a.References), modifiers.number(a.Modifiers))
		}
	}
}

func (e *encoder) annotation(a *Annotation, references, modifiers int) {
	flags := bit(a.Excluded, 0) | bit(a.Frequency.Known && a.Frequency.Den > 0, 1) | bit(a.Frequency.Known && a.Frequency.Den == 0 && a.Frequency.Band == NoBand, 2) |
		bit(a.Onset != None, 3) | bit(len(a.Modifiers) > 0, 4) | bit(a.Sex == 'M', 5) | bit(a.Sex == 'F', 6) | bit(a.Frequency.Band != NoBand, 7)
	e.buf = append(e.buf, flags, a.Aspect)
	e.number(int(a.Term))
	e.text(a.Evidence)
	e.number(references)
	switch {
	case flags&flagCounts != 0:
		e.number(a.Frequency.Num)
		e.number(a.Frequency.Den)
	case flags&flagBand != 0:
		e.buf = append(e.buf, byte(a.Frequency.Band))
	case flags&flagShare != 0:
		e.buf = binary.LittleEndian.AppendUint64(e.buf, math.Float64bits(a.Frequency.Share))
	}
	if flags&flagOnset != 0 {
		e.number(int(a.Onset))
	}
	if flags&flagModifiers != 0 {
		e.number(modifiers)
	}
}

// pool gives equal lists one number.
type pool[T any] struct {
	compare func(a, b T) int
	lists   [][]T
}

func newPool[T any](compare func(a, b T) int) *pool[T] { return &pool[T]{compare: compare} }

func (p *pool[T]) add(list []T) { p.lists = append(p.lists, list) }

func (p *pool[T]) order(a, b []T) int { return slices.CompareFunc(a, b, p.compare) }

func (p *pool[T]) sort() {
	slices.SortFunc(p.lists, p.order)
	p.lists = slices.CompactFunc(p.lists, func(a, b []T) bool { return p.order(a, b) == 0 })
}

func (p *pool[T]) number(list []T) int {
	n, _ := slices.BinarySearchFunc(p.lists, list, p.order)
	return n
}
