package deid

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"consilium/dicom"
)

//go:embed safe_private.tsv
var safeText string

// safePrivate holds the private attributes that are known to be safe, after
// PS3.15 Table E.3.10-1: "creator|group|element in its block".
var safePrivate = sync.OnceValue(func() map[string]bool {
	out := map[string]bool{}
	for line := range strings.Lines(safeText) {
		fields := strings.Split(strings.TrimRight(line, "\r\n"), "\t")
		if len(fields) < 3 || strings.HasPrefix(line, "#") {
			continue
		}
		group, err1 := strconv.ParseUint(fields[0], 16, 16)
		element, err2 := strconv.ParseUint(fields[1], 16, 8)
		if err1 == nil && err2 == nil {
			out[privateName(fields[2], uint16(group), byte(element))] = true
		}
	}
	return out
})

func privateName(creator string, group uint16, element byte) string {
	return fmt.Sprintf("%s|%04X|%02X", strings.TrimSpace(creator), group, element)
}

// privateCreators gives who reserved which block: tag of the creator element
// to its value (PS3.5 7.8.1).
func privateCreators(o *dicom.Object) map[dicom.Tag]string {
	out := map[dicom.Tag]string{}
	for _, t := range o.Tags() {
		if e := t.Element(); t.Private() && e >= 0x10 && e <= 0xff {
			out[t] = o.Text(t)
		}
	}
	return out
}

// private is what becomes of a private attribute: removed, but for those known
// to be safe when they are to be kept. The file's own word that a block is
// safe (0008,0300) is not taken: nobody can check it.
func (j *job) private(o *dicom.Object, t dicom.Tag, creators map[dicom.Tag]string) action {
	if !j.o.Profile.SafePrivate {
		return remove
	}
	e := t.Element()
	if e >= 0x10 && e <= 0xff { // a creator: goes with the last of its block
		return keep
	}
	creator := creators[dicom.Tag(uint32(t.Group())<<16|uint32(e>>8))]
	if safePrivate()[privateName(creator, t.Group(), byte(e))] && o.VR(t) != "SQ" {
		return keep
	}
	return remove
}

// dropEmptyBlocks removes private creators that reserve nothing any more.
func dropEmptyBlocks(o *dicom.Object) {
	used := map[dicom.Tag]bool{}
	for _, t := range o.Tags() {
		if e := t.Element(); t.Private() && e > 0xff {
			used[dicom.Tag(uint32(t.Group())<<16|uint32(e>>8))] = true
		}
	}
	for _, t := range o.Tags() {
		if t.Private() && t.Element() <= 0xff && !used[t] {
			o.Delete(t)
		}
	}
}
