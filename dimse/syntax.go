package dimse

import (
	"slices"
	"strings"
)

// SOP classes and syntaxes of the protocol itself (PS3.6 annex A).
const (
	applicationContext = "1.2.840.10008.3.1.1.1"
	verification       = "1.2.840.10008.1.1"
	storagePrefix      = "1.2.840.10008.5.1.4.1.1."
	commitmentPush     = "1.2.840.10008.1.20.1"
	commitmentInstance = "1.2.840.10008.1.20.1.1"

	syntaxPrefix   = "1.2.840.10008.1.2"
	implicitLittle = "1.2.840.10008.1.2"
	explicitLittle = "1.2.840.10008.1.2.1"
	deflatedLittle = "1.2.840.10008.1.2.1.99"
	explicitBig    = "1.2.840.10008.1.2.2"
)

// plain are the syntaxes that commands about commands use: queries, lists.
var plain = []string{explicitLittle, implicitLittle}

// lossless syntaxes keep every bit and say the VR of every element.
var lossless = []string{
	explicitLittle, deflatedLittle,
	"1.2.840.10008.1.2.5",     // RLE
	"1.2.840.10008.1.2.1.98",  // encapsulated uncompressed
	"1.2.840.10008.1.2.4.57",  // JPEG lossless
	"1.2.840.10008.1.2.4.70",  // JPEG lossless, first-order prediction
	"1.2.840.10008.1.2.4.80",  // JPEG-LS lossless
	"1.2.840.10008.1.2.4.90",  // JPEG 2000 lossless
	"1.2.840.10008.1.2.4.92",  // JPEG 2000 part 2 lossless
	"1.2.840.10008.1.2.4.110", // JPEG XL lossless
	"1.2.840.10008.1.2.4.201", // HTJ2K lossless
	"1.2.840.10008.1.2.4.202", // HTJ2K RPCL lossless
	"1.2.840.10008.1.2.8.1",   // deflated image frame
}

// absent are the syntaxes in which the object's content is not in the object
// (JPIP, SMPTE ST 2110) or that are no encoding of a file (RFC 2557, XML).
func absent(syntax string) bool {
	switch syntax {
	case "1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205":
		return true
	}
	return strings.HasPrefix(syntax, "1.2.840.10008.1.2.6.") || strings.HasPrefix(syntax, "1.2.840.10008.1.2.7.")
}

// storable tells whether objects in this syntax can be kept as they come.
func storable(syntax string) bool {
	return validUID(syntax) && (syntax == implicitLittle || strings.HasPrefix(syntax, syntaxPrefix+".")) && !absent(syntax)
}

// choose picks the transfer syntax for objects to be stored: the first of the
// proposal that loses nothing and names its VRs, then the other uncompressed
// ones, then any. A sender that offers lossy and lossless sends lossless.
func choose(proposed []string) string {
	rank := func(s string) int {
		switch {
		case slices.Contains(lossless, s):
			return 1
		case s == implicitLittle || s == explicitBig:
			return 2
		case storable(s):
			return 3
		}
		return 4
	}
	best, at := "", 4
	for _, s := range proposed {
		if r := rank(s); r < at {
			best, at = s, r
		}
	}
	return best
}

// choosePlain picks the syntax for queries and lists.
func choosePlain(proposed []string) string {
	for _, s := range plain {
		if slices.Contains(proposed, s) {
			return s
		}
	}
	return ""
}
