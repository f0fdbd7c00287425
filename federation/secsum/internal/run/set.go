package run

import "consilium/fault"

// Set holds sites by their place in the roster.
type Set []bool

// NewSet makes an empty set.
func (r *Run) NewSet() Set { return make(Set, len(r.Sites)) }

// Count gives the number of sites in it.
func (s Set) Count() int {
	n := 0
	for _, in := range s {
		if in {
			n++
		}
	}
	return n
}

// Members gives the sites in it, in order.
func (s Set) Members() []int {
	var out []int
	for i, in := range s {
		if in {
			out = append(out, i)
		}
	}
	return out
}

// Within says whether every site of s is in t.
func (s Set) Within(t Set) bool {
	for i, in := range s {
		if in && !t[i] {
			return false
		}
	}
	return true
}

// Bytes writes one bit a site.
func (s Set) Bytes() []byte {
	out := make([]byte, (len(s)+7)/8)
	for i, in := range s {
		if in {
			out[i/8] |= 1 << (i % 8)
		}
	}
	return out
}

// SetBytes is the length of a written set.
func (r *Run) SetBytes() int { return (len(r.Sites) + 7) / 8 }

// CutSet reads a set from the front of b and gives the rest. Errors: UPDATE_REFUSED.
func (r *Run) CutSet(b []byte) (Set, []byte, error) {
	bad := fault.New(fault.UpdateRefused, "a list of sites in a message of the secure sum cannot be read", "use the same version of Consilium at hub and sites")
	n := r.SetBytes()
	if len(b) < n {
		return nil, nil, bad
	}
	s := make(Set, 8*n)
	for i := range s {
		s[i] = b[i/8]>>(i%8)&1 == 1
	}
	if s[len(r.Sites):].Count() > 0 {
		return nil, nil, bad
	}
	return s[:len(r.Sites)], b[n:], nil
}

// Names gives the names of a set's sites; nil for no set.
func (r *Run) Names(s Set) []string {
	var out []string
	for _, i := range s.Members() {
		out = append(out, r.Sites[i])
	}
	return out
}
