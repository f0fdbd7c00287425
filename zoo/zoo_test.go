package zoo_test

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas

	"github.com/gomlx/compute/dtypes"
	compute "github.com/gomlx/compute/shapes"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
	"consilium/nn"
	"consilium/zoo"
)

// shapes of one example for each rank.
var shapes = map[string][]int{"mobilenet-ecg": {12, 500}, "gru-cough": {124, 40}, "dense-table": {9}}

func shapeOf(a zoo.Arch) []int {
	if s, ok := shapes[a.Name]; ok {
		return s
	}
	if a.Rank == 4 {
		return []int{1, 12, 12, 12}
	}
	return []int{3, 28, 28}
}

func TestEveryNetworkGivesLogitsAndFeatures(t *testing.T) {
	backend, err := engine.Training(engine.BackendGo, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range zoo.Names() {
		t.Run(name, func(t *testing.T) {
			a, err := zoo.Get(name)
			if err != nil {
				t.Fatal(err)
			}
			if a.About == "" || len(a.Kinds) == 0 {
				t.Error("it does not say what it is")
			}
			in := shapeOf(a)
			if len(in) != a.Rank {
				t.Fatalf("rank %d, test input %v", a.Rank, in)
			}
			err = engine.Try(func() {
				g := NewGraph(backend, name)
				net := a.Build(5)
				layout, _ := nn.Declare(g, net, in)
				if layout.Size*4 > 1_250_000 {
					t.Errorf("%d weights do not fit into 1.2 MB", layout.Size)
				}
				b := nn.WithConstants(g, layout, layout.Initial(1), false)
				x := Zeros(g, compute.Make(dtypes.Float32, append([]int{2}, in...)...))
				logits, features := net(b, x)
				if d := logits.Shape().Dimensions; len(d) != 2 || d[0] != 2 || d[1] != 5 {
					t.Errorf("logits have shape %v", d)
				}
				if d := features.Shape().Dimensions; len(d) < 2 || d[0] != 2 {
					t.Errorf("features have shape %v", d)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestDefaultsExistAndFit(t *testing.T) {
	for _, kind := range []clinical.Kind{clinical.KindImage, clinical.KindVolume, clinical.KindECG, clinical.KindSound, clinical.KindTable} {
		a, err := zoo.Get(zoo.Default(kind))
		if err != nil {
			t.Errorf("%s: %v", kind, err)
			continue
		}
		fits := false
		for _, k := range a.Kinds {
			fits = fits || k == kind
		}
		if !fits {
			t.Errorf("the default for %s is %s, which is for %v", kind, a.Name, a.Kinds)
		}
	}
}

func TestUnknownNetworkIsAUsageError(t *testing.T) {
	if _, err := zoo.Get("transformer9000"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("got %v", err)
	}
}
