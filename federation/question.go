package federation

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"time"

	"consilium/fault"
)

// Kinds of mail.
const (
	MailProposal = "proposal" // hub to site: a Job as JSON
	MailAnswer   = "answer"   // site to hub: an Answer as JSON
	MailRound    = "round"    // hub to site: a Question
	MailUpdate   = "update"   // site to hub: an Update
	MailReady    = "ready"    // site to hub, before a secure sum: it has trained and can take part; no body
	MailSum      = "sum"      // both ways: one step of a secure sum
	MailSettle   = "settle"   // hub to site: a Question with the final weights
	MailKept     = "kept"     // site to hub: a Kept as JSON
	MailTrouble  = "trouble"  // site to hub: why it cannot answer a round, as text
	MailEnd      = "end"      // hub to site: the State as JSON
)

// Question is what the hub asks of a site in a round: to train from these weights.
type Question struct {
	Job      string    `json:"job"` // hash
	Round    int       `json:"round"`
	Attempt  int       `json:"attempt"`
	Measure  bool      `json:"measure,omitempty"`  // not to train yet: to give the moments of its features, for harmonisation
	Pooled   []float64 `json:"pooled,omitempty"`   // the sum of all sites' moments, once it is known
	Measured int       `json:"measured,omitempty"` // sites in Pooled
	Until    time.Time `json:"until"`

	Global []float32 `json:"-"`
	Extra  []float32 `json:"-"` // what the algorithm sends beside the weights
}

var questionMagic = []byte("CFQ1")

// Encode writes magic, length of the header, JSON header, Global, Extra, as an Update does.
func (q Question) Encode() ([]byte, error) {
	head, err := json.Marshal(q)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a round's question cannot be written", "")
	}
	out := make([]byte, 0, len(questionMagic)+len(head)+12+4*(len(q.Global)+len(q.Extra)))
	out = append(out, questionMagic...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	out = AppendFloats(out, q.Global)
	return AppendFloats(out, q.Extra), nil
}

// DecodeQuestion reads a question. Errors: INPUT_MALFORMED.
func DecodeQuestion(b []byte) (Question, error) {
	bad := func(what string) (Question, error) {
		return Question{}, fault.New(fault.InputMalformed, "a question of the hub "+what, "use the same version of Consilium at hub and site")
	}
	if len(b) > MaxUpdateBytes || len(b) < len(questionMagic)+4 || !bytes.Equal(b[:len(questionMagic)], questionMagic) {
		return bad("is not one")
	}
	b = b[len(questionMagic):]
	n := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n > len(b) || n > 16<<20 {
		return bad("ends too early")
	}
	var q Question
	if err := json.Unmarshal(b[:n], &q); err != nil {
		return bad("has a header that cannot be read")
	}
	var err error
	if q.Global, b, err = CutFloats(b[n:]); err != nil {
		return bad("ends too early")
	}
	if q.Extra, b, err = CutFloats(b); err != nil || len(b) != 0 {
		return bad("does not end where it should")
	}
	return q, nil
}

// HashFloats identifies weights: SHA-256 of their bytes, in hexadecimal.
func HashFloats(v []float32) string {
	sum := sha256.Sum256(AppendFloats(nil, v))
	return hex.EncodeToString(sum[:])
}
