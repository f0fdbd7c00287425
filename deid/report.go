package deid

import (
	"cmp"
	"slices"

	"consilium/dicom"
)

// Report counts what was done to one object, or to several.
type Report struct {
	Attributes map[string]Counts `json:"attributes,omitempty"` // by keyword
	Blanked    int               `json:"blanked,omitempty"`    // areas, in each frame
	HighBits   bool              `json:"highBits,omitempty"`   // bits outside of the pixel values were cleared
}

// Counts tells how often an attribute met each fate.
type Counts struct {
	Removed  int `json:"removed,omitempty"`
	Emptied  int `json:"emptied,omitempty"`
	Replaced int `json:"replaced,omitempty"` // by a dummy, pseudonym or new UID
	Cleaned  int `json:"cleaned,omitempty"`
}

func (r *Report) count(t dicom.Tag, a action) {
	if r.Attributes == nil {
		r.Attributes = map[string]Counts{}
	}
	name := cmp.Or(t.Keyword(), t.String())
	if t.Private() {
		name = "private"
	}
	c := r.Attributes[name]
	switch a {
	case remove:
		c.Removed++
	case empty:
		c.Emptied++
	case clean:
		c.Cleaned++
	default:
		c.Replaced++
	}
	r.Attributes[name] = c
}

// Add sums reports.
func (r *Report) Add(other Report) {
	r.Blanked += other.Blanked
	r.HighBits = r.HighBits || other.HighBits
	for name, c := range other.Attributes {
		if r.Attributes == nil {
			r.Attributes = map[string]Counts{}
		}
		s := r.Attributes[name]
		r.Attributes[name] = Counts{s.Removed + c.Removed, s.Emptied + c.Emptied, s.Replaced + c.Replaced, s.Cleaned + c.Cleaned}
	}
}

// Names lists the attributes in alphabetical order.
func (r *Report) Names() []string {
	var names []string
	for name := range r.Attributes {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
