package ontology

import (
	"encoding/binary"
	"math"
)

// decoder reads what encoder wrote. The first thing that is wrong stays in bad;
// after it every read gives zero. Every element takes a byte at least, so that no
// count can ask for more memory than the file is worth.
type decoder struct {
	buf   []byte
	table []string
	terms int
	bad   string
}

func (d *decoder) fail(why string) {
	if d.bad == "" {
		d.bad = why
	}
	d.buf = nil
}

func (d *decoder) byte() byte {
	if len(d.buf) == 0 {
		d.fail("it ends too early")
		return 0
	}
	b := d.buf[0]
	d.buf = d.buf[1:]
	return b
}

// below reads a number that must be smaller than limit.
func (d *decoder) below(limit int) int {
	if len(d.buf) > 0 && d.buf[0] < 0x80 && int(d.buf[0]) < limit { // most are short
		n := int(d.buf[0])
		d.buf = d.buf[1:]
		return n
	}
	n, size := binary.Uvarint(d.buf)
	if size <= 0 || n >= uint64(limit) {
		d.fail("a number is out of its range")
		return 0
	}
	d.buf = d.buf[size:]
	return int(n)
}

// count reads how many elements follow, each of so many bytes at least.
func (d *decoder) count(size int) int { return d.below(len(d.buf)/size + 1) }

// The least that an element takes.
const (
	leastTerm       = 5 // identifier, label, definition, synonyms, parents
	leastDisease    = 4 // identifier, name, genes, annotations
	leastAnnotation = 5 // flags, aspect, term, evidence, references
)

func (d *decoder) text() string {
	if n := d.below(len(d.table)); d.bad == "" {
		return d.table[n]
	}
	return ""
}

func (d *decoder) texts() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.text()
	}
	return list
}

func (d *decoder) term(limit int) Index { return Index(d.below(limit)) }

func (d *decoder) termList(limit int) []Index {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]Index, n)
	for i := range list {
		list[i] = d.term(limit)
	}
	return list
}

// decode reads the payload of a cache. The strings of the base are slices of one text.
func decode(payload []byte) (*Base, error) {
	d := &decoder{buf: payload}
	d.strings()
	b := &Base{Synthetic: d.below(2) == 1}
	b.Ontology = d.ontology()
	b.Diseases = d.diseases()
	if d.bad == "" && len(d.buf) > 0 {
		d.fail("something follows its end")
	}
	if d.bad != "" {
		return nil, unusable(d.bad)
	}
	b.close()
	return b, nil
}

func (d *decoder) strings() {
	lengths := make([]int, d.count(1))
	total := 0
	for i := range lengths {
		lengths[i] = d.count(1)
		total += lengths[i]
	}
	if total > len(d.buf) {
		d.fail("its strings are cut short")
		return
	}
	text := string(d.buf[:total])
	d.buf = d.buf[total:]
	d.table = make([]string, len(lengths))
	for i, n := range lengths {
		d.table[i], text = text[:n], text[n:]
	}
}

func (d *decoder) ontology() *Ontology {
	o := &Ontology{Version: d.text()}
	d.terms = d.count(leastTerm)
	if d.terms == 0 {
		d.fail("it holds no term")
	}
	o.terms = make([]term, d.terms)
	o.byID = make(map[string]Resolution, d.terms+d.terms/4)
	for i := range o.terms {
		t := &o.terms[i]
		t.ID, t.Label, t.Definition = d.text(), d.text(), d.text()
		if n := d.count(1); n > 0 {
			t.Synonyms = make([]Synonym, n)
			for j := range t.Synonyms {
				t.Synonyms[j] = d.synonym()
			}
		}
		t.Parents = d.termList(i)
		if d.bad != "" {
			return o
		}
		if (len(t.Parents) == 0) != (i == 0) {
			d.fail("a term has no parent")
		}
		o.byID[t.ID] = Resolution{Term: Index(i), Status: Active}
	}
	if len(o.byID) != d.terms {
		d.fail("an identifier stands twice")
	}
	o.adopt()
	for range d.count(1) {
		id := d.text()
		if _, twice := o.byID[id]; twice {
			d.fail("an identifier stands twice")
			break
		}
		o.byID[id] = Resolution{Term: d.term(d.terms+1) - 1, Status: Status(d.below(int(Obsolete) + 1)), Consider: d.texts()}
	}
	return o
}

func (d *decoder) synonym() Synonym {
	text, flags := d.text(), d.byte()
	return Synonym{Text: text, Scope: Scope(flags & 3), Layperson: flags&4 != 0, Plural: flags&8 != 0, Abbreviation: flags&16 != 0}
}

func (d *decoder) diseases() []Disease {
	references := make([][]string, d.count(1))
	for i := range references {
		references[i] = d.texts()
	}
	modifiers := make([][]Index, d.count(1))
	for i := range modifiers {
		modifiers[i] = d.termList(d.terms)
	}
	diseases := make([]Disease, d.count(leastDisease))
	all := make([]Annotation, d.count(leastAnnotation))
	for i := range diseases {
		diseases[i] = Disease{ID: d.text(), Name: d.text(), Genes: d.texts()}
		n := d.below(len(all) + 1)
		diseases[i].Annotations, all = all[:n:n], all[n:]
		for j := range diseases[i].Annotations {
			d.annotation(&diseases[i].Annotations[j], references, modifiers)
		}
		if i > 0 && d.bad == "" && diseases[i].ID <= diseases[i-1].ID {
			d.fail("its diseases are not in order")
		}
		if d.bad != "" {
			return nil
		}
	}
	if len(all) > 0 {
		d.fail("annotations are missing")
	}
	return diseases
}

func (d *decoder) annotation(a *Annotation, references [][]string, modifiers [][]Index) {
	flags := d.byte()
	a.Aspect = d.byte()
	a.Excluded = flags&flagExcluded != 0
	a.Term = d.term(d.terms)
	a.Evidence = d.text()
	if n := d.below(len(references)); d.bad == "" {
		a.References = references[n]
	}
	d.frequency(&a.Frequency, flags)
	a.Onset = None
	if flags&flagOnset != 0 {
		a.Onset = d.term(d.terms)
	}
	if flags&flagModifiers != 0 {
		if n := d.below(len(modifiers)); d.bad == "" {
			a.Modifiers = modifiers[n]
		}
	}
	switch {
	case flags&flagMale != 0:
		a.Sex = 'M'
	case flags&flagFemale != 0:
		a.Sex = 'F'
	}
}

func (d *decoder) frequency(f *Frequency, flags byte) {
	switch {
	case flags&flagCounts != 0:
		f.Num, f.Den = d.below(maxPatients+1), d.below(maxPatients+1)
		if f.Den == 0 || f.Num > f.Den {
			d.fail("a frequency is above one")
			return
		}
		f.Share, f.Known = float64(f.Num)/float64(f.Den), true
	case flags&flagBand != 0:
		if b := Band(d.below(len(bands))); b != NoBand {
			*f = b.frequency()
		}
	case flags&flagShare != 0:
		if len(d.buf) < 8 {
			d.fail("it ends too early")
			return
		}
		f.Share, f.Known = math.Float64frombits(binary.LittleEndian.Uint64(d.buf)), true
		d.buf = d.buf[8:]
		if !(f.Share >= 0 && f.Share <= 1) {
			d.fail("a frequency is not between 0 and 1")
		}
	}
}
