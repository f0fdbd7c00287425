package federation

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"

	"consilium/fault"
)

// SumStep is one message of a secure sum: what the hub tells one site in a step, or the site's answer. The bytes in
// it are secsum's; this says which sum they belong to.
type SumStep struct {
	Job     string     `json:"job"` // hash
	Round   int        `json:"round"`
	Attempt int        `json:"attempt"`
	Step    int        `json:"step"`
	Roster  *SumRoster `json:"roster,omitempty"` // with step 0, from the hub
	Body    []byte     `json:"-"`
}

// SumRoster fixes, before a sum begins, who is in it and on what terms.
type SumRoster struct {
	Way       string            `json:"way"`       // SumMasks or SumCKKS
	Sites     []string          `json:"sites"`     // by name
	Keys      map[string]string `json:"keys"`      // their identities, Ed25519, hexadecimal
	Threshold int               `json:"threshold"` // fewest sites whose values are opened
	Length    int               `json:"length"`    // numbers in a value
	Bound     float64           `json:"bound"`     // largest magnitude of a number; more is cut
}

// Encode writes the length of the JSON header, the header, the body.
func (s SumStep) Encode() ([]byte, error) {
	head, err := json.Marshal(s)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "a step of a secure sum cannot be written", "")
	}
	out := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(head)+len(s.Body)), uint32(len(head)))
	return append(append(out, head...), s.Body...), nil
}

// DecodeSumStep reads a step. Errors: SUM_BROKEN.
func DecodeSumStep(b []byte) (SumStep, error) {
	bad := fault.New(fault.SumBroken, "a step of a secure sum cannot be read", "use the same version of Consilium at hub and site")
	if len(b) < 4 || len(b) > MaxUpdateBytes {
		return SumStep{}, bad
	}
	n := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n > len(b) || n > 1<<20 {
		return SumStep{}, bad
	}
	var s SumStep
	if err := json.Unmarshal(b[:n], &s); err != nil {
		return SumStep{}, bad
	}
	s.Body = b[n:]
	if r := s.Roster; r != nil {
		if len(r.Sites) > MaxSites || r.Length < 1 || r.Length > MaxUpdateBytes/4 {
			return SumStep{}, bad
		}
		for _, name := range r.Sites {
			if !Word(name) {
				return SumStep{}, bad
			}
		}
		for _, k := range r.Keys {
			if raw, err := hex.DecodeString(k); err != nil || len(raw) != 32 {
				return SumStep{}, bad
			}
		}
	}
	return s, nil
}
