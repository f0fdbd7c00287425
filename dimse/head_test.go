package dimse

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"testing"

	"consilium/fault"
)

// bare writes an element without VR, or with one, in the given order.
func bare(b []byte, order binary.AppendByteOrder, tag uint32, vr string, length uint32, value []byte) []byte {
	b = order.AppendUint16(order.AppendUint16(b, uint16(tag>>16)), uint16(tag))
	switch {
	case vr == "":
		b = order.AppendUint32(b, length)
	case longVR(vr):
		b = order.AppendUint32(append(append(b, vr...), 0, 0), length)
	default:
		b = order.AppendUint16(append(b, vr...), uint16(length))
	}
	return append(b, value...)
}

// languages is a Language Code Sequence of undefined length with nested items.
func languages(order binary.AppendByteOrder, implicit bool) []byte {
	vr := func(s string) string {
		if implicit {
			return ""
		}
		return s
	}
	b := bare(nil, order, 0x00080006, vr("SQ"), undefinedLength, nil)
	b = bare(b, order, 0xFFFEE000, "", undefinedLength, nil)
	b = bare(b, order, 0x00080100, vr("SH"), 2, []byte("en"))
	b = bare(b, order, 0x00080121, vr("SQ"), undefinedLength, nil)
	b = bare(b, order, 0xFFFEE000, "", 0, nil)
	b = bare(b, order, 0xFFFEE0DD, "", 0, nil)
	b = bare(b, order, 0xFFFEE00D, "", 0, nil)
	b = bare(b, order, 0xFFFEE000, "", 4, []byte("abcd"))
	return bare(b, order, 0xFFFEE0DD, "", 0, nil)
}

func TestIdentity(t *testing.T) {
	data := func(order binary.AppendByteOrder, implicit bool) []byte {
		vr := "UI"
		if implicit {
			vr = ""
		}
		b := languages(order, implicit)
		b = bare(b, order, 0x00080016, vr, uint32(len(ctImage)+1), append([]byte(ctImage), 0))
		return bare(b, order, 0x00080018, vr, 6, []byte("1.2.3\x00"))
	}
	little := data(binary.LittleEndian, false)
	var squeezed bytes.Buffer
	w, _ := flate.NewWriter(&squeezed, 9)
	_, _ = w.Write(little)
	_ = w.Close()
	for syntax, b := range map[string][]byte{
		explicitLittle:           little,
		"1.2.840.10008.1.2.4.90": little,
		implicitLittle:           data(binary.LittleEndian, true),
		explicitBig:              data(binary.BigEndian, false),
		deflatedLittle:           squeezed.Bytes(),
	} {
		class, sop, err := identity(b, syntax)
		if err != nil || class != ctImage || sop != "1.2.3" {
			t.Errorf("%s: %q, %q, %v", syntax, class, sop, err)
		}
	}
}

func TestIdentityOfNonsense(t *testing.T) {
	deep := bytes.Repeat(append(bare(nil, binary.LittleEndian, 0x00080006, "", undefinedLength, nil), bare(nil, binary.LittleEndian, 0xFFFEE000, "", undefinedLength, nil)...), 10_000)
	for name, b := range map[string][]byte{
		"nothing": nil, "zeros": make([]byte, 4096), "deep": deep,
		"length lies":   bare(nil, binary.LittleEndian, 0x00080005, "", 1<<31, nil),
		"only class":    element(nil, 0x00080016, "UI", ctImage),
		"path as UID":   element(element(nil, 0x00080016, "UI", ctImage), 0x00080018, "UI", "../../etc/passwd"),
		"later element": element(nil, 0x00100010, "PN", "SYNTHETIC"),
	} {
		for _, syntax := range []string{implicitLittle, explicitLittle, explicitBig, deflatedLittle} {
			if _, _, err := identity(b, syntax); fault.CodeOf(err) != fault.InputMalformed {
				t.Errorf("%s in %s: %v", name, syntax, err)
			}
		}
	}
}

func FuzzIdentity(f *testing.F) {
	f.Add(ctData("1.2.3", 10), uint8(0))
	f.Add(append(languages(binary.LittleEndian, false), ctData("1.2.3", 10)...), uint8(0))
	f.Add(append(languages(binary.BigEndian, false), 0, 8, 0, 0x16), uint8(2))
	f.Fuzz(func(t *testing.T, b []byte, kind uint8) {
		syntax := []string{explicitLittle, implicitLittle, explicitBig, deflatedLittle}[kind%4]
		class, sop, err := identity(b, syntax)
		if err == nil && (!validUID(class) || !validUID(sop)) {
			t.Errorf("%q, %q", class, sop)
		}
	})
}

// metaOf reads the file meta information and tells where the data set starts.
func metaOf(b []byte) (syntax string, at int, err error) {
	r := bufio.NewReaderSize(bytes.NewReader(b), maxMeta)
	syntax, err = readMeta(r, "the file")
	rest, _ := io.Copy(io.Discard, r)
	return syntax, len(b) - int(rest), err
}

func duplicate(sent []Sent, i int) bool {
	for j, s := range sent {
		if j != i && s.SOP == sent[i].SOP {
			return true
		}
	}
	return false
}
