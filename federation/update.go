package federation

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"

	"consilium/fault"
)

// Update is what a site answers a round with.
type Update struct {
	Job     string  `json:"job"` // hash
	Site    string  `json:"site"`
	Round   int     `json:"round"`
	Attempt int     `json:"attempt"`
	Base    string  `json:"base"` // hash of the global weights that it was trained from
	Samples int     `json:"samples"`
	Steps   int     `json:"steps"`             // local steps that were made
	Loss    float64 `json:"loss"`              // of the global weights on the site's training examples, before training (q-FedAvg)
	Trained float64 `json:"trained"`           // mean training loss of the round
	Stale   int     `json:"stale"`             // steps that the hub made meanwhile; set by the hub
	Epsilon float64 `json:"epsilon,omitempty"` // that DP-SGD has spent at this site in this job so far
	Score   *Score  `json:"score,omitempty"`   // of the global weights on the site's validation split

	// Extra holds what an algorithm needs beside the weights: SCAFFOLD the change of its control variate.
	Delta []float32 `json:"-"` // trained minus global weights, personal parameters zero
	Extra []float32 `json:"-"`
}

// Score is how weights do on one site's examples.
type Score struct {
	Split     string   `json:"split"`
	N         int      `json:"n"`
	Loss      float64  `json:"loss"`
	Confusion [][]int  `json:"confusion"`     // truth by prediction
	AUC       *float64 `json:"auc,omitempty"` // mean of one against rest; nil when undefined or not shared
}

// MaxUpdateBytes bounds an update on the wire.
const MaxUpdateBytes = 1 << 30

var magic = []byte("CFU1")

// Encode writes magic, length of the header, JSON header, length of Delta, Delta, length of Extra, Extra;
// lengths are 32 bits, everything is little endian.
func (u Update) Encode() ([]byte, error) {
	head, err := json.Marshal(u)
	if err != nil {
		return nil, fault.Wrap(err, fault.InputNotFinite, "the update cannot be written", "its loss is not a number: lower the plan's rate")
	}
	out := make([]byte, 0, len(magic)+len(head)+12+4*(len(u.Delta)+len(u.Extra)))
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	out = AppendFloats(out, u.Delta)
	return AppendFloats(out, u.Extra), nil
}

// DecodeUpdate reads an update and refuses what is not one. Errors: UPDATE_REFUSED.
func DecodeUpdate(b []byte) (Update, error) {
	bad := func(what string) (Update, error) {
		return Update{}, fault.New(fault.UpdateRefused, "an update "+what, "use the same version of Consilium at hub and site")
	}
	if len(b) > MaxUpdateBytes {
		return bad("is beyond the limit of 1 GiB")
	}
	if len(b) < len(magic)+4 || !bytes.Equal(b[:len(magic)], magic) {
		return bad("is not one")
	}
	b = b[len(magic):]
	n := int(binary.LittleEndian.Uint32(b))
	b = b[4:]
	if n > len(b) || n > 1<<20 {
		return bad("ends too early")
	}
	var u Update
	if err := json.Unmarshal(b[:n], &u); err != nil {
		return bad("has a header that cannot be read")
	}
	var err error
	if u.Delta, b, err = CutFloats(b[n:]); err != nil {
		return Update{}, err
	}
	if u.Extra, b, err = CutFloats(b); err != nil {
		return Update{}, err
	}
	if len(b) != 0 {
		return bad("has bytes after its end")
	}
	return u, nil
}

// Check refuses an update that does not belong to a round, or whose numbers cannot be used.
// Errors: UPDATE_REFUSED, UPDATE_STALE.
func (u Update) Check(jobHash, site string, size int) error {
	bad := func(what, do string) error {
		return fault.New(fault.UpdateRefused, "the update of "+site+" "+what, do)
	}
	switch {
	case u.Job != jobHash:
		return bad("belongs to another job", "nothing; it was put aside")
	case u.Site != site:
		return bad("speaks for "+u.Site, "ask both sites; it was put aside")
	case len(u.Delta) != size:
		return bad(fmt.Sprintf("has %d numbers, the model has %d", len(u.Delta), size), "use the same version of Consilium at hub and site")
	case u.Samples < 1:
		return bad("was trained on nothing", "look at the site's data")
	case !finite(float32(u.Loss)) || !finite(float32(u.Trained)):
		return bad("has a loss that is not a number", "lower the plan's rate, or look at the site's data")
	}
	for _, v := range [][]float32{u.Delta, u.Extra} {
		for _, x := range v {
			if !finite(x) {
				return bad("holds NaN or infinity", "lower the plan's rate, or look at the site's data")
			}
		}
	}
	return nil
}

func finite(x float32) bool { return !math.IsNaN(float64(x)) && !math.IsInf(float64(x), 0) }

// AppendFloats writes a count and the floats, little endian.
func AppendFloats(out []byte, v []float32) []byte {
	out = binary.LittleEndian.AppendUint32(out, uint32(len(v)))
	for _, x := range v {
		out = binary.LittleEndian.AppendUint32(out, math.Float32bits(x))
	}
	return out
}

// CutFloats reads what AppendFloats wrote, and gives the rest. Errors: UPDATE_REFUSED.
func CutFloats(b []byte) (v []float32, rest []byte, err error) {
	short := fault.New(fault.UpdateRefused, "a list of numbers ends too early", "use the same version of Consilium at hub and site")
	if len(b) < 4 {
		return nil, nil, short
	}
	n := int(binary.LittleEndian.Uint32(b))
	if b = b[4:]; n > len(b)/4 {
		return nil, nil, short
	}
	if n == 0 {
		return nil, b, nil
	}
	v = make([]float32, n)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v, b[4*n:], nil
}
