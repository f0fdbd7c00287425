package registry

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"google.golang.org/protobuf/proto"

	"consilium/calibration"
	"consilium/engine"
	"consilium/fault"
)

// What an imported graph may give, and how it may lay out its input.
const (
	OutputLogits        = "logits"        // before softmax; of width 1: before the sigmoid of label 2
	OutputProbabilities = "probabilities" // after softmax; of width 1: after the sigmoid of label 2
	ChannelsFirst       = "channels_first"
	ChannelsLast        = "channels_last"
)

// Import makes a bundle (not sealed yet) of anybody's ONNX classifier and a
// card that describes it. The card needs name, version, task, kind, labels in
// output order, input, licence, intended_use, limits, and origin.output; docs/bundle.md has an
// example. Card and graph are checked against each other, and the graph is
// wrapped so that it has the ports, layout and logits that every bundle has.
// No calibration and no conformal threshold is taken from the card: an
// imported model is uncalibrated until it is calibrated here.
// Errors: MODEL_MISSING, MODEL_MALFORMED, MODEL_OPSET, MODEL_SHAPE, MODEL_UNSUPPORTED.
func Import(onnxPath, cardPath string) (Bundle, error) {
	model, err := readPath(onnxPath, MaxModelBytes)
	if err != nil {
		return Bundle{}, err
	}
	text, err := readPath(cardPath, fileLimits[CardFile])
	if err != nil {
		return Bundle{}, err
	}
	return Adopt(model, text)
}

// Adopt is Import for bytes that are already in memory.
func Adopt(model, card []byte) (Bundle, error) {
	c, err := importedCard(card)
	if err != nil {
		return Bundle{}, err
	}
	m, err := decodeONNX(model)
	if err != nil {
		return Bundle{}, err
	}
	d, err := describe(m)
	if err != nil {
		return Bundle{}, err
	}
	w, err := plan(c, d)
	if err != nil {
		return Bundle{}, err
	}
	w.apply(m)
	wrapped, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if err != nil {
		return Bundle{}, fault.Wrap(err, fault.Internal, "the wrapped model could not be encoded", "")
	}
	sum := sha256.Sum256(model)
	c.Origin = &Origin{
		Output: c.Origin.Output, Layout: w.layout(), InputPort: w.input.Name, OutputPort: w.output.Name,
		SHA256: hex.EncodeToString(sum[:]), Producer: d.Producer,
	}
	c.Input.Port = PortInput
	c.Parameters = d.Parameters
	b := Bundle{Card: c, Model: wrapped}
	if err := c.Validate(); err != nil {
		return Bundle{}, err
	}
	return b, b.checkGraphs()
}

// importedCard reads the card of an import, filling in what may be left out.
func importedCard(text []byte) (Card, error) {
	c := Card{Format: CardFormat, Arch: "imported"}
	if err := decodeJSON(text, &c, "the card"); err != nil {
		return c, err
	}
	c.Calibration, c.Conformal = calibration.Map{Method: calibration.None}, calibration.Conformal{}
	if c.Input.Low == 0 && c.Input.High == 0 {
		return c, badCard("input.low and input.high are missing: they bound what the model may be fed, 0 and 1 for pixels without mean and std")
	}
	if c.Origin == nil || (c.Origin.Output != OutputLogits && c.Origin.Output != OutputProbabilities) {
		return c, badCard(`origin.output must be "logits" or "probabilities": what does the model give?`)
	}
	if l := c.Origin.Layout; l != "" && l != ChannelsFirst && l != ChannelsLast {
		return c, badCard(`origin.layout %.80q must be "channels_first" or "channels_last"`, l)
	}
	return c, c.Validate()
}

// plan finds the ports to use and checks their shapes against the card.
func plan(c Card, d Description) (wrap, error) {
	w := wrap{probabilities: c.Origin.Output == OutputProbabilities, channelsLast: c.Origin.Layout == ChannelsLast, shape: c.Input.Shape}
	if len(d.Inputs) != 1 {
		return w, fault.New(fault.ModelShape, fmt.Sprintf("the model has %d inputs %v, a classifier has one", len(d.Inputs), names(d.Inputs)), classifierHint)
	}
	var err error
	if w.input, err = choose(d.Inputs, c.Origin.InputPort, "input"); err != nil {
		return w, err
	}
	if w.output, err = choose(d.Outputs, c.Origin.OutputPort, "output"); err != nil {
		return w, err
	}
	if err := w.checkInput(); err != nil {
		return w, err
	}
	return w, w.checkOutput(len(c.Labels))
}

// choose takes the port that is named, or the only one.
func choose(ports []engine.Port, name, side string) (engine.Port, error) {
	if name == "" && len(ports) == 1 {
		return ports[0], nil
	}
	if name == "" {
		return engine.Port{}, fault.New(fault.ModelShape, fmt.Sprintf("the model has %d %ss: %v", len(ports), side, names(ports)),
			fmt.Sprintf("say in the card which one to use: origin.%s_port", side))
	}
	if p, ok := portNamed(ports, name); ok {
		return p, nil
	}
	return engine.Port{}, fault.New(fault.ModelShape, fmt.Sprintf("the model has no %s %.80q, only %v", side, name, names(ports)),
		fmt.Sprintf("correct origin.%s_port in the card", side))
}

func names(ports []engine.Port) []string {
	list := make([]string, len(ports))
	for i, p := range ports {
		list[i] = p.Name
	}
	return list
}

func (w wrap) checkInput() error {
	if fits(w.input.Shape, slices.Concat([]int{-1}, w.native())) {
		return nil
	}
	if len(w.input.Shape) > 0 && w.input.Shape[0] > 1 {
		return fault.New(fault.ModelShape, fmt.Sprintf("the model's input takes exactly %d examples at a time", w.input.Shape[0]), "export it with a free batch dimension")
	}
	other := w
	other.channelsLast = !w.channelsLast
	if fits(w.input.Shape, slices.Concat([]int{-1}, other.native())) {
		return fault.New(fault.ModelShape, fmt.Sprintf("the model's input has the shape %v, which is %s, and the card says %s", w.input.Shape, other.layout(), w.layout()),
			"correct origin.layout in the card; input.shape runs channels first in either case")
	}
	return fault.New(fault.ModelShape, fmt.Sprintf("the model's input has the shape %v, the card (%s) says %v after the batch", w.input.Shape, w.layout(), w.native()),
		"correct input.shape in the card; it runs channels first, without the batch")
}

func (w wrap) checkOutput(labels int) error {
	shape := w.output.Shape
	if len(shape) != 2 || (shape[0] != -1 && shape[0] != 1) || shape[1] == -1 {
		return fault.New(fault.ModelShape, fmt.Sprintf("the output %q has the shape %v, which is no [batch, classes]", w.output.Name, shape), classifierHint)
	}
	if shape[1] == labels || (shape[1] == 1 && labels == 2) {
		return nil
	}
	return fault.New(fault.ModelShape, fmt.Sprintf("the model gives %d values a case, the card has %d labels", shape[1], labels), "list every label of the output, in its order")
}

// readPath reads a file within a limit.
func readPath(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.ModelMissing, "the file does not exist", "check the path")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the file cannot be read", "check its permissions")
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fault.New(fault.ModelMalformed, fmt.Sprintf("%s is no file of at most %d bytes", path, limit), "check the path")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the file cannot be read", "check its permissions")
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the file cannot be read", "check the disk")
	}
	return content, nil
}

// layout names how the original lays out its input.
func (w wrap) layout() string {
	if w.channelsLast {
		return ChannelsLast
	}
	return ChannelsFirst
}
