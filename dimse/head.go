package dimse

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"strings"

	"consilium/fault"
)

const (
	undefinedLength = 0xFFFFFFFF
	maxHeadDepth    = 8 // of sequences before the SOP instance UID
)

// identity finds the SOP class and instance in the first bytes of a data set.
// They are (0008,0016) and (0008,0018), and elements ascend: at most a few
// hundred bytes and the Language Code Sequence come before them.
func identity(b []byte, syntax string) (class, instance string, err error) {
	if syntax == deflatedLittle {
		flat := make([]byte, blockSize)
		n, _ := io.ReadFull(flate.NewReader(bytes.NewReader(b)), flat) // it may be cut
		b = flat[:n]
	}
	h := head{b: b, order: binary.LittleEndian, implicit: syntax == implicitLittle}
	if syntax == explicitBig {
		h.order = binary.BigEndian
	}
	for h.pos < len(h.b) {
		e, ok := h.element()
		if !ok || e.tag > 0x00080018 {
			break
		}
		switch e.tag {
		case 0x00080016:
			class = strings.Trim(string(e.value), " \x00")
		case 0x00080018:
			instance = strings.Trim(string(e.value), " \x00")
		}
	}
	if !validUID(class) || !validUID(instance) {
		return "", "", fault.New(fault.InputMalformed, "the data set does not start with SOP class and instance", "send it again, or have the sender's encoding checked")
	}
	return class, instance, nil
}

// head walks over elements without copying.
type head struct {
	b        []byte
	pos      int
	order    binary.ByteOrder
	implicit bool
}

type headElement struct {
	tag   uint32
	value []byte
}

// element reads one element and steps behind it; false where the bytes end or
// make no sense.
func (h *head) element() (headElement, bool) {
	tag, length, sequence, ok := h.elementHead()
	if !ok {
		return headElement{}, false
	}
	if length == undefinedLength {
		return headElement{tag: tag}, sequence && h.items(0)
	}
	if uint64(length) > uint64(len(h.b)-h.pos) {
		return headElement{}, false
	}
	value := h.b[h.pos : h.pos+int(length)]
	h.pos += int(length)
	return headElement{tag, value}, true
}

// elementHead reads tag and length; sequence tells whether an undefined length
// makes sense.
func (h *head) elementHead() (tag, length uint32, sequence, ok bool) {
	if len(h.b)-h.pos < 8 {
		return 0, 0, false, false
	}
	b := h.b[h.pos:]
	tag = uint32(h.order.Uint16(b))<<16 | uint32(h.order.Uint16(b[2:]))
	h.pos += 8
	if h.implicit || tag>>16 == 0xFFFE {
		return tag, h.order.Uint32(b[4:]), true, true
	}
	vr := string(b[4:6])
	if !longVR(vr) {
		return tag, uint32(h.order.Uint16(b[6:])), false, true
	}
	if len(b) < 12 {
		return 0, 0, false, false
	}
	h.pos += 4
	return tag, h.order.Uint32(b[8:]), vr == "SQ" || vr == "UN", true
}

// items steps over the items of a sequence of undefined length.
func (h *head) items(depth int) bool {
	for depth < maxHeadDepth {
		tag, length, _, ok := h.elementHead()
		switch {
		case !ok:
			return false
		case tag == 0xFFFEE0DD:
			return true
		case tag != 0xFFFEE000:
			return false
		case length == undefinedLength:
			if !h.item(depth) {
				return false
			}
		case uint64(length) > uint64(len(h.b)-h.pos):
			return false
		default:
			h.pos += int(length)
		}
	}
	return false
}

// item steps over the elements of an item of undefined length.
func (h *head) item(depth int) bool {
	for {
		tag, length, sequence, ok := h.elementHead()
		switch {
		case !ok:
			return false
		case tag == 0xFFFEE00D:
			return true
		case length == undefinedLength:
			if !sequence || !h.items(depth+1) {
				return false
			}
		case uint64(length) > uint64(len(h.b)-h.pos):
			return false
		default:
			h.pos += int(length)
		}
	}
}
