package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// secretBytes is the entropy of every secret that we hand out: 256 bits.
const secretBytes = 32

// newSecret gives a secret for a cookie, token or link, and what is stored of it.
// A fast hash is enough: nobody guesses 256 random bits.
func newSecret() (secret, stored string) {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	secret = base64.RawURLEncoding.EncodeToString(b)
	return secret, hashSecret(secret)
}

// hashSecret gives what is stored of a secret.
func hashSecret(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// wellFormed says whether s can be a secret of ours, before any database is asked.
func wellFormed(s string) bool {
	return len(s) == base64.RawURLEncoding.EncodedLen(secretBytes) &&
		strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// newID gives a random identifier that is no secret.
func newID() string { return strings.ToLower(rand.Text())[:20] }

// csrfOf derives the CSRF token of a session from its secret. Who has the token
// cannot compute the secret; who has only the cookie jar's effect cannot read either.
func csrfOf(session string) string {
	mac := hmac.New(sha256.New, []byte(session))
	mac.Write([]byte("consilium csrf v1"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sameSecret compares without telling by its duration where the difference is.
func sameSecret(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// clip shortens foreign text for messages and the audit log and takes control
// characters out.
func clip(s string) string {
	const most = 64
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return '?'
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return s
}
