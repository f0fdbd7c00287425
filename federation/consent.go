package federation

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"time"

	"consilium/fault"
)

// Answer is a site's signed decision on a job.
type Answer struct {
	Job       string    `json:"job"`  // hash
	Site      string    `json:"site"` //
	Agree     bool      `json:"agree"`
	Reason    string    `json:"reason,omitempty"` // of a refusal
	By        string    `json:"by"`               // who decided at the site
	At        time.Time `json:"at"`
	Signature string    `json:"signature"` // Ed25519 by the site's key, hexadecimal
}

// message is what is signed: every field, each with its length before it, so that no two answers share one.
func (a Answer) message() []byte {
	out := []byte("consilium federation answer v1\n")
	agree := "no"
	if a.Agree {
		agree = "yes"
	}
	for _, field := range []string{a.Job, a.Site, agree, a.Reason, a.By, a.At.UTC().Format(time.RFC3339Nano)} {
		n := len(field)
		out = append(out, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
		out = append(out, field...)
	}
	return out
}

// Sign decides on a job in a site's name.
func (a Answer) Sign(key ed25519.PrivateKey) (Answer, error) {
	sig, err := key.Sign(rand.Reader, a.message(), &ed25519.Options{})
	if err != nil {
		return a, fault.Wrap(err, fault.Internal, "the answer could not be signed", "")
	}
	a.Signature = hex.EncodeToString(sig)
	return a, nil
}

// Verify says whether the answer is the site's own and about this job. Errors: CONSENT_FORGED.
func (a Answer) Verify(job Job, site string, key ed25519.PublicKey) error {
	sig, err := hex.DecodeString(a.Signature)
	switch {
	case a.Job != job.Hash():
		return fault.New(fault.ConsentForged, "the answer of "+site+" is about another job, or another version of it", "propose the job again")
	case a.Site != site:
		return fault.New(fault.ConsentForged, "the answer came from "+site+" and speaks for "+a.Site, "ask both sites who sent it")
	case err != nil || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, a.message(), sig):
		return fault.New(fault.ConsentForged, "the signature under the answer of "+site+" is wrong", "the site joins again, or its key was replaced")
	}
	return nil
}
