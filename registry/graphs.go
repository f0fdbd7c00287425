package registry

import (
	"fmt"
	"slices"

	"consilium/engine"
	"consilium/fault"
)

// checkGraphs checks both ONNX graphs against the card.
func (b *Bundle) checkGraphs() error {
	d, err := Inspect(b.Model)
	if err != nil {
		return err
	}
	batched := slices.Concat([]int{-1}, b.Card.Input.Shape)
	scores := []int{-1, len(b.Card.Labels)}
	if err := checkGraph(d, ModelFile, ports{b.Card.port(): batched}, ports{PortLogits: scores}); err != nil {
		return err
	}
	if b.Gradient == nil {
		return nil
	}
	if d, err = Inspect(b.Gradient); err != nil {
		return err
	}
	features, ok := d.Output(PortFeatures)
	if !ok || len(features.Shape) < 2 {
		return fault.New(fault.ModelShape, GradientFile+` has no output "features" [batch, channels, ...]`, "export the model again")
	}
	return checkGraph(d, GradientFile,
		ports{b.Card.port(): batched, PortClass: scores},
		ports{PortLogits: scores, PortInputGradient: batched, PortFeatures: features.Shape, PortFeaturesGradient: features.Shape})
}

// port is the name of the model's input.
func (c Card) port() string {
	if c.Input.Port == "" {
		return PortInput
	}
	return c.Input.Port
}

// ports says which shape each port must have; -1 fits anything.
type ports map[string][]int

// checkGraph checks that a graph has exactly these ports.
func checkGraph(d Description, file string, in, out ports) error {
	for _, side := range []struct {
		name string
		want ports
		have []engine.Port
	}{{"input", in, d.Inputs}, {"output", out, d.Outputs}} {
		if len(side.have) != len(side.want) {
			return fault.New(fault.ModelShape, fmt.Sprintf("%s has %d %ss, %d belong there", file, len(side.have), side.name, len(side.want)), "export the model again")
		}
		for _, p := range side.have {
			want, ok := side.want[p.Name]
			if !ok {
				return fault.New(fault.ModelShape, fmt.Sprintf("%s has an %s %q that does not belong there", file, side.name, p.Name), "export the model again")
			}
			if !fits(p.Shape, want) {
				return fault.New(fault.ModelShape, fmt.Sprintf("%s: the %s %q has the shape %v, the card says %v", file, side.name, p.Name, p.Shape, want),
					"make the card's input shape and labels agree with the graph")
			}
		}
	}
	return nil
}

// fits tells whether two shapes can be the same; a free dimension (-1) fits
// every size. The first dimension is the batch: free, or 1.
func fits(have, want []int) bool {
	if len(have) != len(want) || (have[0] != -1 && have[0] != 1) {
		return false
	}
	for i := 1; i < len(have); i++ {
		if have[i] != -1 && want[i] != -1 && have[i] != want[i] {
			return false
		}
	}
	return true
}
