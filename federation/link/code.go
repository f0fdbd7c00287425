package link

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"

	"consilium/fault"
	"consilium/federation"
)

// A join code reads site-name:XXXXX-XXXXX-XXXXX-XXXXX-XXXXX: 125 bits, of which
//
//   - 80 are the beginning of the SHA-256 of the authority's certificate. Who wants to stand in for the hub needs
//     another certificate with the same 80 bits: a second preimage, 2^80 trials. A collision, which would cost 2^40,
//     does not help: the hub makes its certificate, not the attacker.
//   - 40 are a secret. It is sent only over a connection whose other end has proven the 80 bits, so that it can only
//     be guessed at the hub, five times: one chance in 2^37.
//   - 5 are a check on name and digits, so that a slip of the pen is found where it is typed and costs no try.
//
// The alphabet is Crockford's: no I, L, O, U; small letters are read as capitals.
type joinCode struct {
	Site   string
	Print  [fingerprintBytes]byte
	Secret [secretBytes]byte
}

const (
	fingerprintBytes = 10
	secretBytes      = 5
	codeDigits       = 25
	maxCode          = 64 + 1 + 2*codeDigits
)

var crockford = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

func newCode(site string, print [fingerprintBytes]byte) (joinCode, error) {
	c := joinCode{Site: site, Print: print}
	if _, err := rand.Read(c.Secret[:]); err != nil {
		return c, fault.Wrap(err, fault.Internal, "no random numbers", "")
	}
	return c, nil
}

func (c joinCode) bytes() []byte { return append(c.Print[:], c.Secret[:]...) }

func (c joinCode) check() byte {
	sum := sha256.Sum256(append([]byte("consilium join code\n"+c.Site+"\n"), c.bytes()...))
	return sum[0] & 31
}

// String is what is read out over the telephone.
func (c joinCode) String() string {
	digits := crockford.EncodeToString(c.bytes()) // 120 bits are 24 digits
	digits += string("0123456789ABCDEFGHJKMNPQRSTVWXYZ"[c.check()])
	var out strings.Builder
	out.WriteString(c.Site + ":")
	for i := 0; i < codeDigits; i += 5 {
		if i > 0 {
			out.WriteByte('-')
		}
		out.WriteString(digits[i : i+5])
	}
	return out.String()
}

// parseCode reads a code as people type it. Errors: JOIN_REFUSED.
func parseCode(s string) (joinCode, error) {
	bad := func(what string) (joinCode, error) {
		return joinCode{}, fault.New(fault.JoinRefused, "the join code "+what, "type it again as the hub printed it: name:XXXXX-XXXXX-XXXXX-XXXXX-XXXXX")
	}
	if len(s) > maxCode {
		return bad("is too long")
	}
	site, digits, found := strings.Cut(strings.TrimSpace(s), ":")
	if !found || !federation.Word(site) {
		return bad("does not begin with the site's name and a colon")
	}
	digits = strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(digits))
	if len(digits) != codeDigits {
		return bad("does not have 25 letters and digits")
	}
	raw, err := crockford.DecodeString(digits[:codeDigits-1])
	if err != nil || len(raw) != fingerprintBytes+secretBytes {
		return bad("has a letter that no code has")
	}
	c := joinCode{Site: site}
	copy(c.Print[:], raw)
	copy(c.Secret[:], raw[fingerprintBytes:])
	last := strings.IndexByte("0123456789ABCDEFGHJKMNPQRSTVWXYZ", digits[codeDigits-1])
	if last != int(c.check()) {
		return bad("is mistyped: its last digit does not fit the others")
	}
	return c, nil
}

// keep is what the hub stores in place of the secret.
func (c joinCode) keep() []byte {
	sum := sha256.Sum256(append([]byte("consilium join secret\n"+c.Site+"\n"), c.bytes()...))
	return sum[:]
}

// fits compares in constant time.
func (c joinCode) fits(kept []byte) bool { return subtle.ConstantTimeCompare(c.keep(), kept) == 1 }
