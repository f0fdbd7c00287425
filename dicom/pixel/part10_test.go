package pixel_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"consilium/dicom/pixel"
)

// The peers read and write files. What follows is just enough of PS3.10 to
// hand them a picture and to take the frame back, without the packages that build on this one.

// writeFile writes a Secondary Capture with one frame, or several times the same one.
func writeFile(t testing.TB, path, syntax string, f pixel.Format, frame []byte, times ...int) {
	t.Helper()
	frames := 1
	if len(times) > 0 {
		frames = times[0]
	}
	class := "1.2.840.10008.5.1.4.1.1.7"
	var meta, body bytes.Buffer
	element(&meta, 0x00020001, "OB", []byte{0, 1})
	element(&meta, 0x00020002, "UI", text(class, 0))
	element(&meta, 0x00020003, "UI", text("2.25.1", 0))
	element(&meta, 0x00020010, "UI", text(syntax, 0))
	element(&meta, 0x00020012, "UI", text("2.25.2", 0))

	signed := 0
	if f.Signed {
		signed = 1
	}
	element(&body, 0x00080016, "UI", text(class, 0))
	element(&body, 0x00080018, "UI", text("2.25.1", 0))
	element(&body, 0x00080060, "CS", text("OT", ' '))
	element(&body, 0x00080064, "CS", text("SYN", ' '))
	element(&body, 0x00100010, "PN", text("Synthetic^Picture", ' '))
	element(&body, 0x0020000d, "UI", text("2.25.3", 0))
	element(&body, 0x0020000e, "UI", text("2.25.4", 0))
	element(&body, 0x00280002, "US", short(f.Samples))
	element(&body, 0x00280004, "CS", text(f.Photometric, ' '))
	if f.Samples > 1 {
		element(&body, 0x00280006, "US", short(f.PlanarConfiguration))
	}
	if frames > 1 {
		element(&body, 0x00280008, "IS", text(strconv.Itoa(frames), ' '))
	}
	element(&body, 0x00280010, "US", short(f.Rows))
	element(&body, 0x00280011, "US", short(f.Columns))
	element(&body, 0x00280100, "US", short(f.BitsAllocated))
	element(&body, 0x00280101, "US", short(f.BitsStored))
	element(&body, 0x00280102, "US", short(f.BitsStored-1))
	element(&body, 0x00280103, "US", short(signed))
	if len(frame)%2 == 1 {
		frame = append(bytes.Clone(frame), 0)
	}
	if plain(syntax) {
		vr := "OW"
		if f.BitsAllocated <= 8 {
			vr = "OB"
		}
		element(&body, 0x7fe00010, vr, bytes.Repeat(frame, frames))
	} else {
		body.Write([]byte{0xe0, 0x7f, 0x10, 0, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff})
		body.Write([]byte{0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0})
		for range frames {
			body.Write([]byte{0xfe, 0xff, 0x00, 0xe0})
			body.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(frame))))
			body.Write(frame)
		}
		body.Write([]byte{0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0})
	}
	out := append(make([]byte, 128), "DICM"...)
	out = append(out, 2, 0, 0, 0, 'U', 'L', 4, 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(meta.Len()))
	out = append(append(out, meta.Bytes()...), body.Bytes()...)
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
}

func plain(syntax string) bool { return syntax == pixel.ExplicitLittle }

func text(s string, pad byte) []byte {
	if len(s)%2 == 1 {
		return append([]byte(s), pad)
	}
	return []byte(s)
}

func short(v int) []byte { return binary.LittleEndian.AppendUint16(nil, uint16(v)) }

func element(b *bytes.Buffer, tag uint32, vr string, value []byte) {
	b.Write([]byte{byte(tag >> 16), byte(tag >> 24), byte(tag), byte(tag >> 8), vr[0], vr[1]})
	if vr == "OB" || vr == "OW" {
		b.Write([]byte{0, 0})
		b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(value))))
	} else {
		b.Write(short(len(value)))
	}
	b.Write(value)
}

// readFile reads a file that a peer wrote in explicit VR little endian: the
// syntax, the format of its pixels and its only frame.
func readFile(t testing.TB, path string) (syntax string, f pixel.Format, frame []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	le := binary.LittleEndian
	for at := 132; at+8 <= len(b); {
		tag := uint32(le.Uint16(b[at:]))<<16 | uint32(le.Uint16(b[at+2:]))
		vr, length, head := string(b[at+4:at+6]), uint32(le.Uint16(b[at+6:])), 8
		switch vr {
		case "OB", "OW", "UN", "SQ", "UT", "OF":
			length, head = le.Uint32(b[at+8:]), 12
		}
		if tag == 0x7fe00010 {
			if length == 0xffffffff {
				return syntax, f, fragments(b[at+head:])
			}
			return syntax, f, b[at+head : at+head+int(length)]
		}
		if length == 0xffffffff { // a sequence, up to its delimiter
			end := bytes.Index(b[at:], []byte{0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0})
			at += end + 8
			continue
		}
		value := b[at+head : at+head+int(length)]
		number := func() int { return int(le.Uint16(value)) }
		switch tag {
		case 0x00020010:
			syntax = string(bytes.TrimRight(value, "\x00"))
		case 0x00280002:
			f.Samples = number()
		case 0x00280004:
			f.Photometric = string(bytes.TrimRight(value, " "))
		case 0x00280006:
			f.PlanarConfiguration = number()
		case 0x00280010:
			f.Rows = number()
		case 0x00280011:
			f.Columns = number()
		case 0x00280100:
			f.BitsAllocated = number()
		case 0x00280101:
			f.BitsStored = number()
		case 0x00280103:
			f.Signed = number() == 1
		}
		at += head + int(length)
	}
	t.Fatalf("%s has no pixel data", filepath.Base(path))
	return
}

// fragments joins the items after the basic offset table.
func fragments(b []byte) (frame []byte) {
	le := binary.LittleEndian
	for i := 0; len(b) >= 8 && le.Uint16(b[2:]) == 0xe000; i++ {
		n := int(le.Uint32(b[4:]))
		if i > 0 {
			frame = append(frame, b[8:8+n]...)
		}
		b = b[8+n:]
	}
	return frame
}

// picture draws a synthetic frame with flat areas, ramps, edges and noise, so that every mode of a
// coder is used.
func picture(random *rand.Rand, f pixel.Format) []byte {
	width := (f.BitsAllocated + 7) / 8
	top := uint64(1)<<f.BitsStored - 1
	noise := uint64(1) << random.IntN(f.BitsStored+1)
	slope := random.Uint64N(top/uint64(f.Columns)*2 + 3)
	out := make([]byte, 0, f.Rows*f.Columns*f.Samples*width)
	for y := range f.Rows {
		for x := range f.Columns {
			for s := range f.Samples {
				v := uint64(x+s*3) * slope
				switch (x/9 + y/7) % 4 {
				case 0:
					v = top / uint64(3+s)
				case 1:
					v += random.Uint64N(noise)
				case 2:
					v = random.Uint64N(2) * top
				}
				v &= top
				if f.Signed && v>>(f.BitsStored-1) == 1 {
					v |= ^top
				}
				for range width {
					out = append(out, byte(v))
					v >>= 8
				}
			}
		}
	}
	return out
}

// peer finds a program, or skips the test.
func peer(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skip(name, " is not installed")
	}
	return path
}

func command(t testing.TB, program string, arguments ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", filepath.Base(program), arguments, err, out)
	}
}
