package dicom

import (
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"

	"github.com/cocosip/go-dicom/pkg/dicom/uid"
)

// What Consilium calls itself in file meta information and associations
// (PS3.7 D.3.3.2). The class UID is DerivedUID of "consilium implementation".
const (
	ImplementationClassUID    = "2.25.164779662790751958769492022155350364969"
	ImplementationVersionName = "CONSILIUM_1"
)

// NewUID makes a random UID: 2.25 and a version 4 UUID as a decimal number (PS3.5 annex B).
func NewUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return uuidUID(b, 4)
}

// DerivedUID makes a UID from names: the same parts give the same UID. It is
// 2.25 and the SHA-256 of the parts as a version 8 UUID (RFC 9562).
func DerivedUID(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return uuidUID([16]byte(sum[:16]), 8)
}

func uuidUID(b [16]byte, version byte) string {
	b[6] = b[6]&0x0f | version<<4
	b[8] = b[8]&0x3f | 0x80
	return "2.25." + new(big.Int).SetBytes(b[:]).String()
}

// ValidUID checks the syntax of PS3.5 9.1: numbers without leading zeros,
// joined by dots, 64 characters at most.
func ValidUID(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || len(part) > 1 && part[0] == '0' {
			return false
		}
		for _, c := range []byte(part) {
			if c < '0' || c > '9' {
				return false
			}
		}
	}
	return true
}

// UIDName is the name that PS3.6 gives a UID, "CT Image Storage"; the UID
// itself when it has none.
func UIDName(id string) string {
	if name := uid.Parse(id, id, uid.TypeUnknown).Name(); name != "" {
		return name
	}
	return id
}
