package federation

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"consilium/fault"
)

// The digits are Crockford's, as in a join code: no I, L, O, U.
const printAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	printBytes  = 15 // 120 bits: who wants another key with this fingerprint needs 2^120 trials
	printDigits = 25 // 24 for them, and one that finds a slip of the pen
)

// Fingerprint is a site's key as two people compare it over the telephone: XXXXX-XXXXX-XXXXX-XXXXX-XXXXX. The name is
// in it, so that nobody's fingerprint fits another site.
func Fingerprint(site string, key ed25519.PublicKey) string {
	sum := sha256.Sum256(append([]byte("consilium site key\n"+site+"\n"), key...))
	digits := base32.NewEncoding(printAlphabet).EncodeToString(sum[:printBytes])
	return grouped(digits + string(printCheck(site, digits)))
}

func grouped(digits string) string {
	var groups []string
	for ; digits != ""; digits = digits[5:] {
		groups = append(groups, digits[:5])
	}
	return strings.Join(groups, "-")
}

func printCheck(site, digits string) byte {
	sum := sha256.Sum256([]byte("consilium site key check\n" + site + "\n" + digits))
	return printAlphabet[sum[0]&31]
}

// ParseFingerprint reads a fingerprint as people type it, in any case, with or without spaces and hyphens, and gives
// it as Fingerprint does. Errors: USAGE.
func ParseFingerprint(site, typed string) (string, error) {
	bad := func(what string) (string, error) {
		return "", fault.New(fault.Usage, "the fingerprint of "+site+" "+what, "have it read out again at the other site: consilium federate peers")
	}
	if !Word(site) {
		return "", fault.New(fault.Usage, "a site's name is a word of lower-case letters, digits and hyphens", "see `consilium federate peers`")
	}
	if len(typed) > 8*printDigits {
		return bad("is too long")
	}
	digits := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(typed))
	if len(digits) != printDigits || strings.Trim(digits, printAlphabet) != "" {
		return bad("does not have 25 letters and digits")
	}
	if printCheck(site, digits[:printDigits-1]) != digits[printDigits-1] {
		return bad("is mistyped, or is of another site: its last digit does not fit name and digits")
	}
	return grouped(digits), nil
}
