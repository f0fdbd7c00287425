package dicom

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/cocosip/go-dicom/pkg/dicom/dict"
	"github.com/cocosip/go-dicom/pkg/dicom/tag"
)

// Tag names an attribute: 0xGGGGEEEE, group and element (PS3.5 section 7.1).
type Tag uint32

// Group is the group number.
func (t Tag) Group() uint16 { return uint16(t >> 16) }

// Element is the element number within the group.
func (t Tag) Element() uint16 { return uint16(t) }

// Private says whether the tag is of an odd group, which vendors use as they like.
func (t Tag) Private() bool { return t.Group()&1 == 1 }

// privateCreator says whether the tag reserves a block of private elements (PS3.5 7.8.1).
func (t Tag) privateCreator() bool { return t.Private() && t&0xff00 == 0 && t&0xff >= 0x10 }

// String gives the tag as PS3.18 writes it: "00100010".
func (t Tag) String() string { return fmt.Sprintf("%08X", uint32(t)) }

// Keyword is the attribute's keyword of PS3.6, "PatientName"; "" when it has none.
func (t Tag) Keyword() string {
	if e := t.entry(); e != nil {
		return e.Keyword()
	}
	return ""
}

// VR is the value representation that PS3.6 gives the attribute, the first
// where it leaves a choice; "UN" when it is not in the dictionary.
func (t Tag) VR() string { return t.vr().String() }

func (t Tag) vr() vr {
	if v, known := standardVRs()[t]; known {
		return v
	}
	switch {
	case t.privateCreator():
		return vrLO
	case t.Element() == 0: // group length
		return vrUL
	case t.Private():
		return vrUN
	}
	if e := t.entry(); e != nil && len(e.VRs()) > 0 { // tags with a mask, such as 60xx3000
		return toVR(e.VRs()[0])
	}
	return vrUN
}

// entry looks the tag up in the dictionary.
func (t Tag) entry() *dict.Entry { return dict.Default().Lookup(tag.FromUint32(uint32(t))) }

// standardVRs holds the dictionary in the form that reading needs.
var standardVRs = sync.OnceValue(func() map[Tag]vr {
	entries := dict.Default().Entries()
	out := make(map[Tag]vr, len(entries))
	for _, e := range entries {
		if !e.IsMasked() && e.Tag() != nil && len(e.VRs()) > 0 {
			out[Tag(e.Tag().ToUint32())] = toVR(e.VRs()[0])
		}
	}
	out[PixelData] = vrOW // PS3.5 A.1: implicit pixel data is OW
	return out
})

// ParseTag reads "00100010", "(0010,0010)" or a keyword such as "PatientName".
func ParseTag(s string) (Tag, error) {
	digits := strings.NewReplacer("(", "", ")", "", ",", "").Replace(s)
	if v, err := strconv.ParseUint(digits, 16, 32); err == nil && len(digits) == 8 {
		return Tag(v), nil
	}
	if t := dict.Default().LookupKeyword(s); t != nil {
		return Tag(t.ToUint32()), nil
	}
	return 0, malformed("the tag", fmt.Sprintf("%.64q is neither eight hexadecimal digits nor a keyword of DICOM", s))
}
