// Package dicom reads, changes and writes DICOM objects, and turns them into
// what the rest of Consilium works with: pictures, volumes, recordings.
//
// An Object is a data set as it was encoded (PS3.5, PS3.10), with getters that
// decode text and numbers; it goes out again as a Part 10 file, a bare data
// set, or DICOM JSON (PS3.18 annex F). Image, Render and Volume apply what
// PS3.3 says between stored values and what a viewer shows; Recording decodes
// waveforms. Package dicom/pixel decodes compressed frames; the dictionaries of
// PS3.6 are those of github.com/cocosip/go-dicom.
//
// Everything read is foreign: sizes, nesting, counts and time are bounded (see
// the constants and docs/dicom.md), and a defect is a coded error, no panic.
package dicom

import (
	"fmt"
	"io"

	"consilium/clinical"
	"consilium/fault"
)

// Limits on what is read. A file beyond them is refused with INPUT_TOO_LARGE.
const (
	MaxBytes  = 256 << 20 // of the file, and of its content once inflated
	MaxPixels = 32 << 20  // values: frames x rows x columns x channels
	MaxFrames = 4096
)

// Read reads a DICOM image; name is shown to the user.
//
// Grey values come after the rescale and with MONOCHROME1 turned over, so that
// High is white. Low..High is the first VOI window of the file where there is
// one, and the values are clipped to it, as a viewer would show them; without a
// window it is the range that BitsStored allows. Colour comes as RGB.
func Read(r io.Reader, name string) (clinical.Image, error) {
	obj, err := ParseObject(r, name)
	if err != nil {
		return clinical.Image{}, err
	}
	return obj.Image()
}

// IsDICOM recognises a DICOM file by its first 132 bytes: the mark after the
// preamble, or a data set that starts with group 0002 or 0008.
func IsDICOM(head []byte) bool {
	if len(head) >= 132 && string(head[128:132]) == "DICM" {
		return true
	}
	return guessSyntax(head) != ""
}

func malformed(name, what string) error {
	return fault.New(fault.InputMalformed, name+": "+what, "export it again")
}

func unsupported(name, format string, a ...any) error {
	return fault.New(fault.InputUnsupported, name+": "+fmt.Sprintf(format, a...), "export it uncompressed, as a grey or RGB image")
}

func tooLarge(name, format string, a ...any) error {
	return fault.New(fault.InputTooLarge, name+": "+fmt.Sprintf(format, a...), "export a smaller part")
}
