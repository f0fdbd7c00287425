package explain

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/gomlx/compute-onnx/support/protos"
	"google.golang.org/protobuf/proto"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
)

// smallestLayer is the number of values from which weights count as a layer; smaller ones are constants.
const smallestLayer = 8

// Network is a model as it lies in a bundle.
type Network struct {
	Kind            clinical.Kind
	Model, Gradient []byte // Gradient may be nil
}

// SanityOptions tune the check. The zero value is good.
type SanityOptions struct {
	Stages   int // how many depths of randomisation; 0: 4
	Seed     uint64
	Engine   engine.Options
	Progress Progress
}

// Sanity says how much a method's maps change when the network's weights are
// shuffled, layer by layer from the output (cascading randomisation, Adebayo et
// al., NeurIPS 2018). A map that stays alike shows the input, not the model.
type Sanity struct {
	Method   string  `json:"method"`
	Examples int     `json:"examples"`
	Stages   []Stage `json:"stages"`
}

// Stage compares maps after some layers have been shuffled with the original ones; means over the examples.
type Stage struct {
	Layers   int     `json:"layers"` // shuffled so far, from the output
	Of       int     `json:"of"`
	Spearman float64 `json:"spearman"` // rank correlation, absolute value
	SSIM     float64 `json:"ssim"`
}

// Passed says that the maps of the fully shuffled network hardly resemble the original ones.
func (s Sanity) Passed() bool {
	return len(s.Stages) > 0 && s.Stages[len(s.Stages)-1].Spearman < passSpearman
}

// passSpearman is the highest absolute rank correlation that counts as unlike.
const passSpearman = 0.5

// String is the report, one stage a line.
func (s Sanity) String() string {
	var b strings.Builder
	for _, t := range s.Stages {
		fmt.Fprintf(&b, "%s, %d of %d layers shuffled: |Spearman| %.3f, SSIM %.3f\n", s.Method, t.Layers, t.Of, t.Spearman, t.SSIM)
	}
	verdict := "the maps depend on the weights"
	if !s.Passed() {
		verdict = "the maps hardly depend on the weights: do not trust them"
	}
	fmt.Fprintf(&b, "%s (%d examples)", verdict, s.Examples)
	return b.String()
}

// CheckSanity shuffles the network's weights in stages and compares the maps of
// the trials. Errors: USAGE, MODEL_UNSUPPORTED when no weights can be found, and those of New and Explain.
func CheckSanity(ctx context.Context, n Network, method string, trials []Trial, o SanityOptions) (Sanity, error) {
	if len(trials) == 0 {
		return Sanity{}, fault.New(fault.Usage, "no examples to check on", "give at least one")
	}
	if o.Stages <= 0 {
		o.Stages = 4
	}
	used := n.Model
	if method != MethodOcclusion && n.Gradient != nil {
		used = n.Gradient
	}
	total, err := countLayers(used)
	if err != nil {
		return Sanity{}, err
	}
	s := Sanity{Method: method, Examples: len(trials)}
	original, err := n.maps(ctx, method, trials, o.Engine)
	if err != nil {
		return Sanity{}, err
	}
	last := 0
	for i := 1; i <= o.Stages; i++ {
		layers := (i*total + o.Stages - 1) / o.Stages
		if layers == last {
			continue
		}
		last = layers
		shuffled, err := n.shuffled(layers, o.Seed)
		if err != nil {
			return Sanity{}, err
		}
		maps, err := shuffled.maps(ctx, method, trials, o.Engine)
		if err != nil {
			return Sanity{}, err
		}
		t := Stage{Layers: layers, Of: total}
		for j, m := range maps {
			a, b := original[j].Positions(n.Kind), m.Positions(n.Kind)
			t.Spearman += math.Abs(spearman(a.Values, b.Values)) / float64(len(maps))
			t.SSIM += ssim(a.Values, b.Values, a.Shape) / float64(len(maps))
		}
		s.Stages = append(s.Stages, t)
		o.Progress.report(i, o.Stages)
	}
	return s, nil
}

// maps explains every trial with a method.
func (n Network) maps(ctx context.Context, method string, trials []Trial, o engine.Options) ([]Map, error) {
	session, err := engine.OpenSession(n.Model, o)
	if err != nil {
		return nil, err
	}
	defer session.Close()
	var gradient *engine.Session
	if n.Gradient != nil {
		if gradient, err = engine.OpenSession(n.Gradient, o); err != nil {
			return nil, err
		}
		defer gradient.Close()
	}
	m, err := NewModel(n.Kind, session, gradient)
	if err != nil {
		return nil, err
	}
	e, err := New(method, m, nil)
	if err != nil {
		return nil, err
	}
	var maps []Map
	for _, t := range trials {
		one, err := e.Explain(ctx, t.Input, t.Class)
		if err != nil {
			return nil, err
		}
		maps = append(maps, one)
	}
	return maps, nil
}

func (n Network) shuffled(layers int, seed uint64) (Network, error) {
	out := Network{Kind: n.Kind}
	var err error
	if out.Model, err = Shuffle(n.Model, layers, seed); err != nil {
		return out, err
	}
	if n.Gradient != nil {
		out.Gradient, err = Shuffle(n.Gradient, layers, seed)
	}
	return out, err
}

// Shuffle permutes the values inside the last layers of weights of an ONNX
// model, counted from the output in the order in which the graph first reads
// them. Permuting keeps each layer's distribution. Errors: MODEL_MALFORMED, MODEL_UNSUPPORTED.
func Shuffle(model []byte, layers int, seed uint64) ([]byte, error) {
	m, weights, err := layersOf(model)
	if err != nil {
		return nil, err
	}
	for i := len(weights) - 1; i >= max(0, len(weights)-layers); i-- {
		// Each layer has its own stream, so that a deeper stage shuffles the later layers alike.
		permute(weights[i], rand.New(rand.NewPCG(seed, uint64(len(weights)-i))))
	}
	out, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "the shuffled model could not be written", "")
	}
	return out, nil
}

func countLayers(model []byte) (int, error) {
	_, weights, err := layersOf(model)
	return len(weights), err
}

// layersOf lists the float32 initialisers and constants in reading order.
func layersOf(model []byte) (*protos.ModelProto, []*protos.TensorProto, error) {
	m := new(protos.ModelProto)
	if err := proto.Unmarshal(model, m); err != nil {
		return nil, nil, fault.Wrap(err, fault.ModelMalformed, "these bytes are not an ONNX model", "check the file")
	}
	byName := map[string]*protos.TensorProto{}
	for _, t := range m.GetGraph().GetInitializer() {
		byName[t.GetName()] = t
	}
	var weights []*protos.TensorProto
	take := func(t *protos.TensorProto) {
		if t.GetDataType() == int32(protos.TensorProto_FLOAT) && max(len(t.GetFloatData()), len(t.GetRawData())/4) >= smallestLayer {
			weights = append(weights, t)
		}
	}
	for _, n := range m.GetGraph().GetNode() {
		for _, name := range n.GetInput() {
			if t := byName[name]; t != nil {
				take(t)
				delete(byName, name)
			}
		}
		for _, a := range n.GetAttribute() {
			if a.GetT() != nil {
				take(a.GetT())
			}
		}
	}
	if len(weights) == 0 {
		return nil, nil, fault.New(fault.ModelUnsupported, "no float32 weights were found in the model", "the sanity check needs weights to shuffle")
	}
	return m, weights, nil
}

// permute shuffles the values of a tensor in place.
func permute(t *protos.TensorProto, rng *rand.Rand) {
	if f := t.FloatData; len(f) > 0 {
		rng.Shuffle(len(f), func(i, j int) { f[i], f[j] = f[j], f[i] })
		return
	}
	raw := t.RawData
	rng.Shuffle(len(raw)/4, func(i, j int) {
		var a [4]byte
		copy(a[:], raw[4*i:])
		copy(raw[4*i:4*i+4], raw[4*j:4*j+4])
		copy(raw[4*j:4*j+4], a[:])
	})
}
