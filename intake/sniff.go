package intake

import (
	"bytes"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"consilium/dataset/audio"
	"consilium/dicom"
	"consilium/fault"
)

// Format names a file format that intake reads.
type Format string

// The formats.
const (
	DICOM Format = "DICOM"
	PNG   Format = "PNG"
	JPEG  Format = "JPEG"
	NPY   Format = "NPY"
	WAV   Format = "WAV"
	MP3   Format = "MP3"
	WFDB  Format = "WFDB"
)

var (
	pngMagic  = []byte("\x89PNG\r\n\x1a\n")
	jpegMagic = []byte("\xff\xd8\xff")
	npyMagic  = []byte("\x93NUMPY")
	dicmMagic = []byte("DICM") // after a preamble of 128 bytes, DICOM PS3.10 section 7.1
)

// strangers are formats that users hand in and that are not inputs; knowing
// their names makes the refusal useful.
var strangers = []struct {
	magic string
	at    int
	name  string
	code  fault.Code
	do    string
}{
	{"PK\x03\x04", 0, "a ZIP or NPZ archive", fault.InputUnsupported, "unpack it and name single files; data sets in .npz are for `consilium train` and `consilium eval`"},
	{"%PDF-", 0, "a PDF document", fault.InputUnknown, "export the picture itself as DICOM, PNG or JPEG"},
	{"GIF8", 0, "a GIF picture", fault.InputUnknown, "convert it to PNG"},
	{"BM", 0, "a BMP picture", fault.InputUnknown, "convert it to PNG"},
	{"II*\x00", 0, "a TIFF picture", fault.InputUnknown, "convert it to PNG"},
	{"MM\x00*", 0, "a TIFF picture", fault.InputUnknown, "convert it to PNG"},
	{"WEBP", 8, "a WebP picture", fault.InputUnknown, "convert it to PNG"},
	{"OggS", 0, "an Ogg recording", fault.InputUnknown, "convert it to WAV"},
	{"fLaC", 0, "a FLAC recording", fault.InputUnknown, "convert it to WAV"},
	{"ftyp", 4, "an MP4 or HEIC file", fault.InputUnknown, "convert it to PNG or WAV"},
	{"\x1f\x8b", 0, "a gzip archive", fault.InputUnsupported, "unpack it first"},
	{"7z\xbc\xaf", 0, "a 7-Zip archive", fault.InputUnsupported, "unpack it first"},
	{"\x89HDF", 0, "an HDF5 file", fault.InputUnknown, "export a single picture or recording"},
	{"MATLAB 5.0", 0, "a MATLAB 5 file", fault.InputUnsupported, "write the record as WFDB: a .hea header beside a .dat or MATLAB 4 .mat file"},
	{"\x7fELF", 0, "a program", fault.InputUnknown, "name a picture or a recording"},
	{"n+1\x00", 344, "a NIfTI volume", fault.InputUnknown, "convert it to DICOM"},
}

// Sniff decides what a file is from its first bytes, and only then from its
// name. Without an answer it gives INPUT_UNKNOWN, INPUT_UNSUPPORTED,
// INPUT_MALFORMED (the name promises a format that the content is not) or
// INPUT_TRUNCATED (the content stops inside its own signature).
func Sniff(head []byte, name string) (Format, error) {
	if len(head) == 0 {
		return "", fault.New(fault.InputEmpty, quoted(name)+" is empty", "export or copy the file again")
	}
	if f, ok := byContent(head, name); ok {
		return f, nil
	}
	for _, s := range strangers {
		if len(head) >= s.at+len(s.magic) && string(head[s.at:s.at+len(s.magic)]) == s.magic && !(s.magic == "BM" && !bitmap(head)) {
			return "", fault.New(s.code, quoted(name)+" is "+s.name+", which is not an input", s.do)
		}
	}
	if promised, ok := byName(name); ok {
		return promisedOnly(promised, head, name)
	}
	if matlab4(head) || hasExt(name, ".dat", ".mat") {
		return "", fault.New(fault.InputUnsupported, quoted(name)+" holds samples without a WFDB header", "put the record's .hea file beside it, with the same name")
	}
	what := quoted(name) + " is a kind of file that no reader knows"
	if isText(head) {
		what = quoted(name) + " is text, not a picture or a recording"
	}
	return "", fault.New(fault.InputUnknown, what, "hand in DICOM, PNG, JPEG, NPY, WFDB (.hea), WAV or MP3")
}

func byContent(head []byte, name string) (Format, bool) {
	switch {
	case len(head) >= 132 && bytes.Equal(head[128:132], dicmMagic):
		return DICOM, true
	case bytes.HasPrefix(head, pngMagic):
		return PNG, true
	case bytes.HasPrefix(head, jpegMagic):
		return JPEG, true
	case bytes.HasPrefix(head, npyMagic):
		return NPY, true
	case audio.IsWAV(head):
		return WAV, true
	case audio.IsMP3(head):
		return MP3, true
	case headerText(head):
		return WFDB, true
	case dicom.IsDICOM(head) && hasExt(name, ".dcm", ".dicom", ".ima", ""): // without a preamble the sign is weak
		return DICOM, true
	}
	return "", false
}

func byName(name string) (Format, bool) {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".dcm", ".dicom":
		return DICOM, true
	case ".png":
		return PNG, true
	case ".jpg", ".jpeg":
		return JPEG, true
	case ".npy":
		return NPY, true
	case ".wav", ".wave":
		return WAV, true
	case ".mp3":
		return MP3, true
	case ".hea":
		return WFDB, true
	}
	return "", false
}

// promisedOnly judges content that is not what its name promises. Headers in
// text go to the WFDB reader, whose message is better than ours.
func promisedOnly(f Format, head []byte, name string) (Format, error) {
	if f == WFDB && isText(head) {
		return WFDB, nil
	}
	signatures := map[Format][]byte{PNG: pngMagic, JPEG: jpegMagic, NPY: npyMagic, WAV: []byte("RIFF"), MP3: []byte("ID3")}
	sign := signatures[f]
	short := len(head) < 12 && bytes.HasPrefix(sign, head[:min(len(head), len(sign))])
	if short || f == DICOM && len(head) < 132 && !isText(head) {
		return "", fault.New(fault.InputTruncated, quoted(name)+" ends inside its own header", "copy or export the file again")
	}
	return "", fault.New(fault.InputMalformed, quoted(name)+" is named like "+string(f)+", but its content is not "+string(f), "export the file again, or give it the name of what it is")
}

// recordLine and signalLine follow WFDB header(5): "name[/segments] signals
// [rate ...]" and "file format[xN][:skew][+offset] ...".
var (
	recordLine = regexp.MustCompile(`^[A-Za-z0-9_-]+(/\d+)?[ \t]+\d+([ \t]+\d|[ \t]*$)`)
	signalLine = regexp.MustCompile(`^\S+[ \t]+(0|8|16|24|32|61|80|160|212|310|311|508|516|524)(x\d+)?(:\d+)?(\+\d+)?([ \t]|$)`)
	segment    = regexp.MustCompile(`^\S+[ \t]+\d+[ \t]*$`)
)

func headerText(head []byte) bool {
	if !isText(head) {
		return false
	}
	var lines []string
	for line := range strings.Lines(string(head)) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if lines = append(lines, line); len(lines) == 2 {
			break
		}
	}
	if len(lines) < 2 || !recordLine.MatchString(lines[0]) {
		return false
	}
	return signalLine.MatchString(lines[1]) || segment.MatchString(lines[1]) && strings.Contains(strings.Fields(lines[0])[0], "/")
}

// matlab4 recognises the 20-byte header of a MATLAB version 4 matrix.
func matlab4(head []byte) bool {
	if len(head) < 20 {
		return false
	}
	u := func(i int) int {
		return int(head[i]) | int(head[i+1])<<8 | int(head[i+2])<<16 | int(head[i+3])<<24
	}
	return u(0) <= 52 && u(4) > 0 && u(8) > 0 && u(12) <= 1 && u(16) > 0 && u(16) <= 64 && u(4) < 1<<24
}

func bitmap(head []byte) bool { return len(head) > 18 && head[6] == 0 && head[7] == 0 }

func isText(head []byte) bool {
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for cut := 0; cut < utf8.UTFMax && cut < len(head); cut++ { // the head may end inside a rune
		if utf8.Valid(head[:len(head)-cut]) {
			return true
		}
	}
	return false
}

func hasExt(name string, exts ...string) bool {
	ext := strings.ToLower(filepath.Ext(name))
	for _, e := range exts {
		if ext == e {
			return true
		}
	}
	return false
}
