package explain

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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
	Stages   int // how many depths of randomisation; 0: defaultStages
	Seed     uint64
	Engine   engine.Options
	Progress Progress
}

const defaultStages = 4

// Sanity says how much a method's maps change when the network's weights are
// shuffled, layer by layer from the output (cascading randomisation, Adebayo et
// al., NeurIPS 2018). A map that stays alike shows the input, not the model.
type Sanity struct {
	Method   string  `json:"method"`
	Examples int     `json:"examples"`
	Flat     int     `json:"flat"` // examples whose original map is the same everywhere: nothing to compare, left out of the means
	Stages   []Stage `json:"stages"`
}

// Stage compares maps after some layers have been shuffled with the original ones; means over the examples
// whose original map is not flat.
type Stage struct {
	Layers   int     `json:"layers"` // shuffled so far, from the output
	Of       int     `json:"of"`
	Spearman float64 `json:"spearman"` // rank correlation, absolute value
	SSIM     float64 `json:"ssim"`
}

// Passed says that the maps of the fully shuffled network hardly resemble the original ones.
func (s Sanity) Passed() bool {
	return len(s.Stages) > 0 && s.Flat < s.Examples && s.Stages[len(s.Stages)-1].Spearman < passSpearman
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
	fmt.Fprintf(&b, "%s sanity: %s (%d examples", s.Method, verdict, s.Examples)
	if s.Flat > 0 {
		fmt.Fprintf(&b, ", %d with a flat map", s.Flat)
	}
	b.WriteByte(')')
	return b.String()
}

// CheckSanity shuffles the network's weights in stages and compares the maps of
// the trials. Errors: USAGE, MODEL_UNSUPPORTED when no weights can be found, and those of New and Explain.
func CheckSanity(ctx context.Context, n Network, method string, trials []Trial, o SanityOptions) (Sanity, error) {
	if len(trials) == 0 {
		return Sanity{}, fault.New(fault.Usage, "no examples to check on", "give at least one")
	}
	if o.Stages <= 0 {
		o.Stages = defaultStages
	}
	if method == MethodOcclusion {
		n.Gradient = nil // not asked: opening and shuffling it would only cost time
	}
	used := n.Model
	if n.Gradient != nil {
		used = n.Gradient
	}
	total, err := countLayers(used)
	if err != nil {
		return Sanity{}, err
	}
	var depths []int
	for i := range o.Stages {
		depths = append(depths, ((i+1)*total+o.Stages-1)/o.Stages)
	}
	depths = slices.Compact(depths) // fewer layers than stages
	s := Sanity{Method: method, Examples: len(trials)}
	// Progress counts maps: those of the original network and of every stage.
	progress := func(stage int) func(int) {
		return func(n int) { o.Progress.report(stage*len(trials)+n, (len(depths)+1)*len(trials)) }
	}
	original, err := n.maps(ctx, method, trials, o.Engine, progress(0))
	if err != nil {
		return Sanity{}, err
	}
	for _, m := range original {
		if m.flat() {
			s.Flat++
		}
	}
	for i, layers := range depths {
		shuffled, err := n.shuffled(layers, o.Seed)
		if err != nil {
			return Sanity{}, err
		}
		maps, err := shuffled.maps(ctx, method, trials, o.Engine, progress(i+1))
		if err != nil {
			return Sanity{}, err
		}
		s.Stages = append(s.Stages, compare(original, maps, Stage{Layers: layers, Of: total}))
	}
	return s, nil
}

// compare fills in the means over the maps whose original is not flat.
func compare(original, maps []Map, t Stage) Stage {
	n := 0.0
	for i, m := range original {
		if m.flat() {
			continue
		}
		t.Spearman += math.Abs(spearman(m.Values, maps[i].Values))
		t.SSIM += ssim(m.Values, maps[i].Values, m.Shape)
		n++
	}
	t.Spearman /= max(n, 1)
	t.SSIM /= max(n, 1)
	return t
}

// flat says that a map is the same everywhere, and so says nothing.
func (m Map) flat() bool { return slices.Min(m.Values) == slices.Max(m.Values) }

// maps explains every trial with a method.
func (n Network) maps(ctx context.Context, method string, trials []Trial, o engine.Options, done func(n int)) ([]Map, error) {
	m, end, err := n.open(o)
	if err != nil {
		return nil, err
	}
	defer end()
	e, err := New(method, m, nil)
	if err != nil {
		return nil, err
	}
	var maps []Map
	for i, t := range trials {
		one, err := e.Explain(ctx, t.Input, t.Class)
		if err != nil {
			return nil, err
		}
		maps = append(maps, one.Positions(n.Kind))
		done(i + 1)
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

// Shuffle permutes the values inside the last layers (kernels, matrices) of an ONNX
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

// layersOf lists the kernels and matrices, initialisers and constants of float32, in reading order. Vectors
// (biases, the scales of a normalisation) stay: a gradient graph holds copies of them for its backward half,
// and shuffled apart from each other they would give maps of no network at all.
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
		if len(t.GetDims()) > 1 && t.GetDataType() == int32(protos.TensorProto_FLOAT) && max(len(t.GetFloatData()), len(t.GetRawData())/4) >= smallestLayer {
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
