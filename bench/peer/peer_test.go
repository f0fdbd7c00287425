// Package peer_test holds the networks of zoo to the sizes of their PyTorch
// peers in nets.py, so that the comparison of speed compares like with like.
package peer_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"consilium/engine"
	"consilium/nn"
	"consilium/zoo"
)

// inputs are the shapes of one example in nets.py, and the number of classes.
var inputs = map[string]struct {
	shape   []int
	classes int
}{
	"cnn5": {[]int{1, 28, 28}, 2}, "mobilenet2d": {[]int{1, 28, 28}, 2}, "resnet2d": {[]int{1, 28, 28}, 2},
	"resnet3d": {[]int{1, 28, 28, 28}, 2}, "mobilenet-ecg": {[]int{12, 5000}, 6}, "gru-cough": {[]int{250, 64}, 2},
}

func TestPeersAreAsLarge(t *testing.T) {
	text, err := os.ReadFile("parameters.json")
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]int
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	backend, err := engine.Training(engine.BackendGo, "")
	if err != nil {
		t.Fatal(err)
	}
	for name, in := range inputs {
		t.Run(name, func(t *testing.T) {
			arch, err := zoo.Get(name)
			if err != nil {
				t.Fatal(err)
			}
			var layout *nn.Layout
			err = engine.Try(func() {
				layout, _ = nn.Declare(graph.NewGraph(backend, name), arch.Build(in.classes), in.shape)
			})
			if err != nil {
				t.Fatal(err)
			}
			if layout.Size != want[name] {
				t.Errorf("%d weights, its peer in nets.py has %d: change both together, then parameters.json", layout.Size, want[name])
			}
		})
	}
}
