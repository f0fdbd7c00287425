package local

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"os"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation/folder"
)

// examples are a site's own, as the network takes them: features instead of pixels when there is a body. Each is
// read and checked once; values are kept in memory when they are few, and features, which are dear, else in a file.
type examples struct {
	set     dataset.Set
	classes int
	body    *head // nil: the network takes the example itself
	width   int   // values that the network takes
	dir     string
	permit  func(group string) bool
	splits  map[dataset.Split]*part
}

// part is one split after its first reading.
type part struct {
	samples []dataset.Sample
	values  []float32 // all of them, or nil
	file    *os.File  // features, when they are too many for memory
}

// The most that is kept: values in memory for each split, and features on the disk.
const (
	mostInMemory = 16 << 20 // bytes
	mostOnDisk   = 4 << 30
)

func newExamples(set dataset.Set, net network, classes int, o Options) *examples {
	e := &examples{set: set, classes: classes, width: set.Info().Size(), dir: o.Dir, permit: o.Permit, splits: map[dataset.Split]*part{}}
	if h, ok := net.(*head); ok {
		e.body, e.width = h, h.logistic.features
	}
	return e
}

// permitted lists the examples of a split whose patients consent, asking anew.
func (e *examples) permitted(ctx context.Context, split dataset.Split) ([]int, error) {
	p, err := e.part(ctx, split)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{} // a patient is asked once
	out := make([]int, 0, len(p.samples))
	for i, s := range p.samples {
		yes, known := asked[s.Group]
		if !known {
			yes = e.permit == nil || e.permit(s.Group)
			asked[s.Group] = yes
		}
		if yes {
			out = append(out, i)
		}
	}
	return out, nil
}

// part reads a split through, the first time that it is needed.
func (e *examples) part(ctx context.Context, split dataset.Split) (*part, error) {
	if p, ok := e.splits[split]; ok {
		return p, nil
	}
	n := e.set.Len(split)
	p := &part{samples: make([]dataset.Sample, n)}
	bytes := int64(n) * int64(e.width) * 4
	switch {
	case bytes <= mostInMemory:
		p.values = make([]float32, n*e.width)
	case e.body != nil && bytes <= mostOnDisk:
		var err error
		if p.file, err = e.featureFile(split); err != nil {
			return nil, err
		}
	case e.body != nil:
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("the features of split %s would take %d GiB", split, bytes>>30), "use fewer examples, or a body with fewer features")
	}
	row := make([]float32, e.width)
	for i := range n {
		if ctx.Err() != nil {
			p.close()
			return nil, interrupted(ctx)
		}
		s, err := e.fresh(ctx, split, i, row)
		if err == nil && p.values != nil {
			copy(p.values[i*e.width:], row)
		}
		if err == nil && p.file != nil {
			err = writeRow(p.file, row)
		}
		if err != nil {
			p.close()
			return nil, err
		}
		p.samples[i] = s
	}
	e.splits[split] = p
	return p, nil
}

// featureFile is a file without a name where the system allows it: features of a patient do not outlive the process.
func (e *examples) featureFile(split dataset.Split) (*os.File, error) {
	f, err := os.CreateTemp(e.dir, "features-"+string(split)+"-*")
	if err != nil {
		return nil, folder.Failed(err, "features cannot be kept")
	}
	_ = os.Remove(f.Name()) // on systems that keep the name of an open file, Close removes it
	return f, nil
}

func writeRow(f *os.File, row []float32) error {
	b := make([]byte, 0, 4*len(row))
	for _, v := range row {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	if _, err := f.Write(b); err != nil {
		return folder.Failed(err, "features cannot be kept")
	}
	return nil
}

// fresh reads an example from the set, and refuses what cannot be computed with. It names no patient: the text of
// an error may travel.
func (e *examples) fresh(ctx context.Context, split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	x := into
	if e.body != nil {
		x = make([]float32, e.set.Info().Size())
	}
	s, err := e.set.Read(split, i, x)
	if err != nil {
		return s, err
	}
	if s.Label < 0 || s.Label >= e.classes {
		return s, fault.New(fault.DataUnfit, fmt.Sprintf("example %d of split %s has a label that the job does not know", i, split), "look at the site's data")
	}
	if e.body != nil {
		features, err := e.body.features(ctx, x)
		if err != nil {
			return s, err
		}
		if len(features) != e.width {
			return s, fault.New(fault.ModelShape, "the body gives now more features, now fewer", "export a graph with a fixed number of features")
		}
		copy(into, features)
	}
	for _, v := range into {
		if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
			return s, fault.New(fault.InputNotFinite, fmt.Sprintf("example %d of split %s holds NaN or infinity", i, split), "look at the site's data")
		}
	}
	return s, nil
}

// read fills x and gives labels for some examples of a split.
func (e *examples) read(ctx context.Context, split dataset.Split, which []int) (x []float32, labels []int, err error) {
	p, err := e.part(ctx, split)
	if err != nil {
		return nil, nil, err
	}
	x, labels = make([]float32, len(which)*e.width), make([]int, len(which))
	for k, i := range which {
		into := x[k*e.width : (k+1)*e.width]
		labels[k] = p.samples[i].Label
		switch {
		case p.values != nil:
			copy(into, p.values[i*e.width:])
		case p.file != nil:
			b := make([]byte, 4*e.width)
			if _, err := p.file.ReadAt(b, int64(i)*int64(len(b))); err != nil {
				return nil, nil, fault.Wrap(err, fault.IO, "kept features cannot be read", "run the site again")
			}
			for j := range into {
				into[j] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*j:]))
			}
		default:
			if _, err := e.fresh(ctx, split, i, into); err != nil {
				return nil, nil, err
			}
		}
	}
	return x, labels, nil
}

// counts are the examples of each class among some.
func (e *examples) counts(split dataset.Split, which []int) []int {
	out := make([]int, e.classes)
	for _, i := range which {
		out[e.splits[split].samples[i].Label]++
	}
	return out
}

// fingerprint identifies a choice of examples, so that what was made of one is not taken for another's.
func fingerprint(which []int) string {
	h := sha256.New()
	for _, i := range which {
		h.Write(binary.LittleEndian.AppendUint64(nil, uint64(i)))
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (p *part) close() {
	if p.file != nil {
		p.file.Close()
		_ = os.Remove(p.file.Name())
	}
}

func (e *examples) close() {
	for _, p := range e.splits {
		p.close()
	}
	e.splits = map[dataset.Split]*part{}
}

// view is the set without the examples whose patients do not consent, for what works on a whole set.
type view struct {
	dataset.Set
	which map[dataset.Split][]int
}

func (e *examples) view(ctx context.Context) (view, error) {
	v := view{e.set, map[dataset.Split][]int{}}
	for _, split := range []dataset.Split{dataset.Train, dataset.Validation, dataset.Test} {
		var err error
		if v.which[split], err = e.permitted(ctx, split); err != nil {
			return v, err
		}
	}
	return v, nil
}

func (v view) Len(split dataset.Split) int { return len(v.which[split]) }

func (v view) Read(split dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(v, split, i, into); err != nil {
		return dataset.Sample{}, err
	}
	return v.Set.Read(split, v.which[split][i], into)
}

// Close is the owner's to call.
func (v view) Close() error { return nil }

func interrupted(ctx context.Context) error {
	if ctx.Err() == context.DeadlineExceeded {
		return fault.Wrap(ctx.Err(), fault.Timeout, "the round's time is over", "give the plan a longer deadline, or fewer steps")
	}
	return fault.Wrap(ctx.Err(), fault.Interrupted, "stopped while training", "it goes on when the site runs again")
}
