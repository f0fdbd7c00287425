// Package pixel decodes one frame of DICOM pixel data, whatever the transfer
// syntax, into plain samples. It knows nothing of data sets: the caller says
// what the attributes promise (Format), and a codestream that says otherwise
// is refused before anything is allocated.
//
// Each codec is a package of its own below this one: rle (PS3.5 Annex G), jpeg
// (ITU-T T.81, sequential and lossless), jpegls (T.87) and jpeg2000 (T.800,
// T.814: OpenJPEG inside a WebAssembly sandbox).
//
// Nothing here converts colour, rescales or windows: samples come out as they
// were coded, and Photometric says what they are.
package pixel

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"consilium/fault"
)

// Transfer syntaxes, PS3.6 Annex A.
const (
	ImplicitLittle     = "1.2.840.10008.1.2"
	ExplicitLittle     = "1.2.840.10008.1.2.1"
	EncapsulatedPlain  = "1.2.840.10008.1.2.1.98" // uncompressed frames in fragments
	DeflatedLittle     = "1.2.840.10008.1.2.1.99" // the data set is deflated, the frames are not
	ExplicitBig        = "1.2.840.10008.1.2.2"
	DeflatedFrames     = "1.2.840.10008.1.2.8.1"
	RLELossless        = "1.2.840.10008.1.2.5"
	JPEGBaseline       = "1.2.840.10008.1.2.4.50"
	JPEGExtended       = "1.2.840.10008.1.2.4.51"
	JPEGLossless       = "1.2.840.10008.1.2.4.57"
	JPEGLosslessSV1    = "1.2.840.10008.1.2.4.70"
	JPEGLSLossless     = "1.2.840.10008.1.2.4.80"
	JPEGLSNearLossless = "1.2.840.10008.1.2.4.81"
	JPEG2000Lossless   = "1.2.840.10008.1.2.4.90"
	JPEG2000           = "1.2.840.10008.1.2.4.91"
	HTJ2KLossless      = "1.2.840.10008.1.2.4.201"
	HTJ2KLosslessRPCL  = "1.2.840.10008.1.2.4.202"
	HTJ2K              = "1.2.840.10008.1.2.4.203"
)

// Frame is one decoded frame.
//
// Data holds Rows x Columns pixels, their samples side by side, each in 1, 2,
// 4 or 8 bytes little endian as Format.BitsAllocated says. Format is the one
// asked for, but for what decoding changes: samples of a bit, or of another
// width that is no whole byte, get the next wider one; PlanarConfiguration is
// 0; YBR_FULL_422 becomes YBR_FULL; colour that JPEG 2000 transformed, or of
// which the JPEG stream itself says so, becomes RGB (or YBR_FULL).
//
// Bits above BitsStored are as coded: overlays of old objects, or nothing, or
// the sign. Whoever reads the values masks, and extends the sign.
type Frame struct {
	Format
	Data []byte
}

type decoder func(ctx context.Context, f Format, frame []byte) (Frame, error)

var decoders = map[string]decoder{
	ImplicitLittle:     decodeLittle,
	ExplicitLittle:     decodeLittle,
	EncapsulatedPlain:  decodeLittle,
	DeflatedLittle:     decodeLittle,
	DeflatedFrames:     decodeDeflated,
	ExplicitBig:        decodeBig,
	RLELossless:        decodeRLE,
	JPEGBaseline:       decodeJPEG,
	JPEGExtended:       decodeJPEG,
	JPEGLossless:       decodeJPEG,
	JPEGLosslessSV1:    decodeJPEG,
	JPEGLSLossless:     decodeJPEGLS,
	JPEGLSNearLossless: decodeJPEGLS,
	JPEG2000Lossless:   decodeJPEG2000,
	JPEG2000:           decodeJPEG2000,
	HTJ2KLossless:      decodeJPEG2000,
	HTJ2KLosslessRPCL:  decodeJPEG2000,
	HTJ2K:              decodeJPEG2000,
}

// Supported says whether Decode reads frames of a transfer syntax.
func Supported(transferSyntax string) bool { return decoders[transferSyntax] != nil }

// Syntaxes lists the transfer syntaxes that Decode reads.
func Syntaxes() []string { return slices.Sorted(maps.Keys(decoders)) }

// Decode decodes one frame: the bytes of that frame alone, its fragments
// joined. Uncompressed frames start at bit 0 of the first byte (see Slice).
//
// It holds on to nothing of frame, and ends early when ctx does. The codes of
// its errors are INPUT_UNSUPPORTED, INPUT_TOO_LARGE (beyond MaxPixels),
// INPUT_MALFORMED (a stream that breaks its standard, or is not of this
// format), INPUT_TRUNCATED, TIMEOUT and INTERRUPTED.
func Decode(ctx context.Context, transferSyntax string, f Format, frame []byte) (Frame, error) {
	decode := decoders[transferSyntax]
	if decode == nil {
		return Frame{}, fault.New(fault.InputUnsupported, fmt.Sprintf("pixel data in transfer syntax %q", transferSyntax), "convert the image to an uncompressed transfer syntax")
	}
	if err := f.check(); err != nil {
		return Frame{}, err
	}
	return decode(ctx, f, frame)
}
