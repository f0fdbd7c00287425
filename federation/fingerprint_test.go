package federation_test

import (
	"bytes"
	"crypto/ed25519"
	"strings"
	"testing"

	"consilium/fault"
	"consilium/federation"
)

func TestFingerprint(t *testing.T) {
	key := ed25519.PublicKey(bytes.Repeat([]byte{7}, ed25519.PublicKeySize))
	print := federation.Fingerprint("ward-east", key)
	// printf 'consilium site key\nward-east\n\7\7...' | sha256sum, the first 15 bytes in Crockford's base 32, and a check digit.
	if print != "X5ZDW-VN1V9-FGNH4-8EZP6-2CRAZ" {
		t.Error(print)
	}
	other := bytes.Clone(key)
	other[31] ^= 1
	if federation.Fingerprint("ward-east", other) == print || federation.Fingerprint("ward-west", key) == print {
		t.Error("another key or another name has the same fingerprint")
	}
	bare := strings.ReplaceAll(print, "-", "")
	for _, typed := range []string{print, strings.ToLower(print), bare, " " + strings.Join(strings.Split(bare, ""), " ") + " ",
		strings.NewReplacer("0", "o", "1", "l").Replace(print)} {
		if got, err := federation.ParseFingerprint("ward-east", typed); err != nil || got != print {
			t.Errorf("%q: %q, %v", typed, got, err)
		}
	}
	for site, typed := range map[string]string{"ward-east": bare[:24], "ward-west": print, "Ward East": print} {
		if _, err := federation.ParseFingerprint(site, typed); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q of %s: %v", typed, site, err)
		}
	}
	for _, typed := range []string{"", bare + "0", "U" + bare[1:], bare[:12] + "!" + bare[13:], strings.Repeat("A", 1<<20)} {
		if _, err := federation.ParseFingerprint("ward-east", typed); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%.40q: %v", typed, err)
		}
	}
}

// A slip of the pen is found where it is typed, in 31 of 32 cases.
func TestFingerprintFindsSlips(t *testing.T) {
	key := ed25519.PublicKey(bytes.Repeat([]byte{7}, ed25519.PublicKeySize))
	bare := strings.ReplaceAll(federation.Fingerprint("ward-east", key), "-", "")
	slips, found := 0, 0
	for i := range bare {
		for _, r := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
			if byte(r) == bare[i] {
				continue
			}
			slips++
			if _, err := federation.ParseFingerprint("ward-east", bare[:i]+string(r)+bare[i+1:]); err != nil {
				found++
			}
		}
	}
	if float64(found) < 0.94*float64(slips) {
		t.Errorf("%d of %d slips were found", found, slips)
	}
}
