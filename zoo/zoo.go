// Package zoo holds Consilium's networks, built from the layers of nn and chosen by name.
package zoo

import (
	"sort"
	"strings"

	. "github.com/gomlx/gomlx/core/graph" //nolint:revive // graph code reads as formulas

	"consilium/clinical"
	"consilium/fault"
	"consilium/nn"
)

// Arch is a network family: what it takes, and how to build it for a number of classes.
type Arch struct {
	Name  string
	Kinds []clinical.Kind // inputs that it fits
	Rank  int             // of one example: image 3 (C,H,W), volume 4, ecg 2, sound 2, table 1
	About string
	Build func(classes int) nn.Network
}

var archs = map[string]Arch{}

func add(a Arch) { archs[a.Name] = a }

// Names lists the networks.
func Names() []string {
	var n []string
	for k := range archs {
		n = append(n, k)
	}
	sort.Strings(n)
	return n
}

// Get finds a network by name.
func Get(name string) (Arch, error) {
	a, ok := archs[name]
	if !ok {
		return Arch{}, fault.New(fault.Usage, "there is no network called "+name, "choose one of: "+strings.Join(Names(), ", "))
	}
	return a, nil
}

// Default is the network for a kind of input.
func Default(kind clinical.Kind) string {
	switch kind {
	case clinical.KindVolume:
		return "resnet3d"
	case clinical.KindECG:
		return "mobilenet-ecg"
	case clinical.KindSound:
		return "gru-cough"
	case clinical.KindTable:
		return "dense-table"
	}
	return "mobilenet2d"
}

// classifier is the common end: pooled features, one hidden layer, dropout, logits.
func classifier(b *nn.Build, pooled *Node, hidden, classes int, dropout float64) *Node {
	h := nn.HardSwish(b.Dense("hidden", pooled, hidden))
	return b.Dense("logits", b.Dropout(h, dropout), classes)
}
