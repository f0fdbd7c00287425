package puregoonnx_test

import (
	"slices"

	"pgregory.net/rapid"

	"consilium/engine"
)

func layoutTrials() {
	trials["Reshape"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		to := rapid.SampledFrom([][]int{{-1}, {0, -1}, {1, -1}, {-1, 1, 1}, {shape[0], -1}, {engine.Size(shape)}}).Draw(tr.T, "to")
		tr.out("Reshape", nil, tr.value(-1, 1, shape...), tr.integers(to...))
	}
	trials["Flatten"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		tr.out("Flatten", attributes{"axis": tr.between(-len(shape), len(shape))}, tr.value(-1, 1, shape...))
	}
	trials["Squeeze"] = func(tr *trial) {
		shape := tr.shape(2, 4)
		shape[0], shape[len(shape)-1] = 1, 1
		in := []string{tr.value(-1, 1, shape...)}
		if tr.coin() {
			in = append(in, tr.integers(0, -1))
		}
		tr.out("Squeeze", nil, in...)
	}
	trials["Unsqueeze"] = func(tr *trial) {
		tr.out("Unsqueeze", nil, tr.value(-1, 1, tr.shape(1, 3)...), tr.integers(rapid.SampledFrom([][]int{{0}, {-1}, {0, 2}, {1, -1}}).Draw(tr.T, "axes")...))
	}
	trials["Transpose"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		order := make([]int, len(shape))
		for i := range order {
			order[i] = i
		}
		a := attributes{"perm": rapid.Permutation(order).Draw(tr.T, "order")}
		if tr.coin() {
			a = nil
		}
		tr.out("Transpose", a, tr.value(-1, 1, shape...))
	}
	trials["Concat"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		ax := tr.between(0, len(shape)-1)
		var in []string
		for range tr.between(1, 3) {
			s := slices.Clone(shape)
			s[ax] = tr.between(1, 4)
			in = append(in, tr.value(-1, 1, s...))
		}
		tr.out("Concat", attributes{"axis": ax - len(shape)*tr.between(0, 1)}, in...)
	}
	trials["Split"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		ax, first, second := tr.between(0, len(shape)-1), tr.between(1, 4), tr.between(1, 4)
		in, a := []string{""}, attributes{"axis": ax}
		if tr.coin() {
			shape[ax] = first + second
			in = append(in, tr.integers(first, second))
		} else {
			shape[ax] = tr.between(2, 9)
			a["num_outputs"] = 2
		}
		in[0] = tr.value(-1, 1, shape...)
		tr.graph.Node("Split", in, []string{"y", "z"}, a).OutputOfAnyShape("y").OutputOfAnyShape("z")
	}
	trials["Slice"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		ax := tr.between(0, len(shape)-1)
		shape[ax] = tr.between(2, 9)
		step := rapid.SampledFrom([]int{1, 2, 3, -1, -2}).Draw(tr.T, "step")
		start, end := tr.between(-12, 12), tr.between(-12, 12)
		tr.graph.Node("Slice", []string{tr.value(-1, 1, shape...), tr.integers(start), tr.integers(end), tr.integers(ax), tr.integers(step)}, []string{"s"}, nil)
		// An empty slice is legal: its sum shows that both agree.
		tr.out("ReduceSum", attributes{"keepdims": 0}, "s")
	}
	trials["Gather"] = func(tr *trial) {
		shape := tr.shape(1, 4)
		ax := tr.between(0, len(shape)-1)
		var index []int
		for range tr.between(1, 4) {
			index = append(index, tr.between(-shape[ax], shape[ax]-1))
		}
		tr.out("Gather", attributes{"axis": ax}, tr.value(-1, 1, shape...), tr.integers(index...))
	}
	trials["Shape"] = func(tr *trial) {
		tr.outAsFloat("Shape", attributes{"start": tr.between(-3, 1), "end": tr.between(2, 5)}, tr.value(-1, 1, tr.shape(3, 4)...))
	}
	trials["Expand"] = func(tr *trial) {
		a, b := tr.broadcastable(false)
		if len(b) == 0 {
			b = []int{1}
		}
		tr.out("Expand", nil, tr.value(-1, 1, a...), tr.integers(b...))
	}
	trials["Tile"] = func(tr *trial) {
		shape := tr.shape(1, 3)
		repeats := make([]int, len(shape))
		for i := range repeats {
			repeats[i] = tr.between(1, 3)
		}
		tr.out("Tile", nil, tr.value(-1, 1, shape...), tr.integers(repeats...))
	}
	trials["Pad"] = func(tr *trial) {
		shape := tr.shape(1, 3)
		mode, pads := tr.pick("constant", "edge", "reflect"), make([]int, 2*len(shape))
		for i := range pads {
			pads[i] = tr.between(0, shape[i%len(shape)]-1)
		}
		tr.out("Pad", attributes{"mode": mode}, tr.value(-1, 1, shape...), tr.integers(pads...), tr.weights(0.5, 0.5))
	}
	trials["Constant"] = func(tr *trial) {
		tr.graph.Node("Constant", nil, []string{"c"}, attributes{"value_floats": []float32{1, 2}})
		tr.out("Add", nil, tr.value(-1, 1, tr.between(1, 3), 2), "c")
	}
	trials["ConstantOfShape"] = func(tr *trial) {
		tr.graph.Node("Shape", []string{tr.value(-1, 1, tr.shape(1, 3)...)}, []string{"s"}, nil)
		tr.out("ConstantOfShape", nil, "s")
	}
	trials["Range"] = func(tr *trial) {
		tr.graph.Node("Squeeze", []string{tr.value(-1, 9, 1)}, []string{"end"}, nil)
		tr.out("Range", nil, tr.weights(-1.5, -1.5), "end", tr.weights(0.4, 0.6))
	}
}
