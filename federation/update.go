package federation

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

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
	for (len(magic)+4+len(head))%4 != 0 { // numbers then lie at multiples of four, and are not cut by blocks
		head = append(head, ' ')
	}
	out := make([]byte, 0, len(magic)+len(head)+12+4*(len(u.Delta)+len(u.Extra)))
	out = append(out, magic...)
	out = binary.LittleEndian.AppendUint32(out, uint32(len(head)))
	out = append(out, head...)
	out = AppendFloats(out, u.Delta)
	return AppendFloats(out, u.Extra), nil
}

// Check refuses an update that does not belong to a round, or whose numbers cannot be used.
// Errors: UPDATE_REFUSED, UPDATE_STALE.
func (u Update) Check(jobHash, site string, size int) error {
	if err := u.CheckHead(jobHash, site, len(u.Delta), size); err != nil {
		return err
	}
	for _, v := range [][]float32{u.Delta, u.Extra} {
		for _, x := range v {
			if !finite(x) {
				return fault.New(fault.UpdateRefused, "the update of "+site+" holds NaN or infinity", "lower the plan's rate, or look at the site's data")
			}
		}
	}
	return nil
}

// CheckHead is Check for an update whose numbers are not read yet: it does not look for NaN and infinity among them.
// Errors: UPDATE_REFUSED.
func (u Update) CheckHead(jobHash, site string, numbers, size int) error {
	bad := func(what, do string) error {
		return fault.New(fault.UpdateRefused, "the update of "+site+" "+what, do)
	}
	switch {
	case u.Job != jobHash:
		return bad("belongs to another job", "nothing; it was put aside")
	case u.Site != site:
		return bad("speaks for "+u.Site, "ask both sites; it was put aside")
	case numbers != size:
		return bad(fmt.Sprintf("has %d numbers, the model has %d", numbers, size), "use the same version of Consilium at hub and site")
	case u.Samples < 1:
		return bad("was trained on nothing", "look at the site's data")
	case !finite(float32(u.Loss)) || !finite(float32(u.Trained)):
		return bad("has a loss that is not a number", "lower the plan's rate, or look at the site's data")
	}
	return nil
}

func finite(x float32) bool { return math.Float32bits(x)&0x7f800000 != 0x7f800000 }

// AppendFloats writes a count and the floats, little endian.
func AppendFloats(out []byte, v []float32) []byte {
	out = binary.LittleEndian.AppendUint32(out, uint32(len(v)))
	from := len(out)
	out = slices.Grow(out, 4*len(v))[:from+4*len(v)]
	to := out[from:]
	for len(v) >= 8 && len(to) >= 32 { // eight at a time: one check of bounds for all
		a, b := (*[8]float32)(v), (*[32]byte)(to)
		for i, x := range a {
			binary.LittleEndian.PutUint32(b[4*i:4*i+4], math.Float32bits(x))
		}
		v, to = v[8:], to[32:]
	}
	for i, x := range v {
		binary.LittleEndian.PutUint32(to[4*i:], math.Float32bits(x))
	}
	return out
}

const floatBlock = 1 << 14

// WriteFloats writes floats, little endian, without their count.
func WriteFloats(w io.Writer, v []float32) error {
	buffer := make([]byte, 0, 4+4*floatBlock)
	for part := range slices.Chunk(v, floatBlock) {
		if _, err := w.Write(AppendFloats(buffer, part)[4:]); err != nil {
			return err
		}
	}
	return nil
}

// ReadFloats reads as many floats as into has room for.
func ReadFloats(r io.Reader, into []float32) error {
	buffer := make([]byte, 4*min(floatBlock, len(into)))
	for part := range slices.Chunk(into, floatBlock) {
		if _, err := io.ReadFull(r, buffer[:4*len(part)]); err != nil {
			return err
		}
		for i := range part {
			part[i] = math.Float32frombits(binary.LittleEndian.Uint32(buffer[4*i:]))
		}
	}
	return nil
}

// CutFloats reads what AppendFloats wrote, and gives the rest. Errors: UPDATE_REFUSED.
func CutFloats(b []byte) (v []float32, rest []byte, err error) {
	part, rest, err := cutBytes(b)
	return floats(part), rest, err
}

func cutBytes(b []byte) (part, rest []byte, err error) {
	if len(b) >= 4 {
		if n := int(binary.LittleEndian.Uint32(b)); n <= (len(b)-4)/4 {
			return b[4 : 4+4*n], b[4+4*n:], nil
		}
	}
	return nil, nil, fault.New(fault.UpdateRefused, "a list of numbers ends too early", "use the same version of Consilium at hub and site")
}

// floats reads little endian; nil for none.
func floats(b []byte) []float32 {
	if len(b) == 0 {
		return nil
	}
	out := make([]float32, len(b)/4)
	v := out
	for len(v) >= 8 && len(b) >= 32 {
		to, from := (*[8]float32)(v), (*[32]byte)(b)
		for i := range to {
			to[i] = math.Float32frombits(binary.LittleEndian.Uint32(from[4*i : 4*i+4]))
		}
		v, b = v[8:], b[32:]
	}
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return out
}
