package train

import (
	"fmt"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"consilium/engine"
	"consilium/zoo"
)

func BenchmarkStep(b *testing.B) {
	for _, backend := range []string{"onnx", "go"} {
		for _, name := range []string{"mobilenet2d", "cnn5", "resnet2d"} {
			b.Run(fmt.Sprintf("%s/%s", backend, name), func(b *testing.B) {
				be, err := engine.Training(backend, "")
				if err != nil {
					b.Skip(err)
				}
				a, _ := zoo.Get(name)
				m, err := NewModel(be, a.Build(2), []int{1, 28, 28}, 2, 1)
				if err != nil {
					b.Fatal(err)
				}
				b.Log(m.Layout.Size)
				if err := m.compileStep(Loss{}); err != nil {
					b.Fatal(err)
				}
				const B = 64
				x := make([]float32, B*784)
				for i := range x {
					x[i] = float32(i%97) / 97
				}
				y := make([]float32, B*2)
				w := make([]float32, B)
				for i := range B {
					y[2*i+i%2] = 1
					w[i] = 1
				}
				n := m.Layout.Size
				flat := tensors.FromFlatDataAndDimensions(m.Weights, n)
				mean := tensors.FromFlatDataAndDimensions(make([]float32, n), n)
				sq := tensors.FromFlatDataAndDimensions(make([]float32, n), n)
				dec := tensors.FromFlatDataAndDimensions(m.Layout.DecayMask(), n)
				in := []any{tensors.FromFlatDataAndDimensions(x, B, 1, 28, 28), tensors.FromFlatDataAndDimensions(y, B, 2), tensors.FromFlatDataAndDimensions(w, B),
					tensors.FromFlatDataAndDimensions([]float32{1e-3, 0.01, 1, 1}, 4), flat, mean, sq, dec}
				for _, mk := range m.masks {
					d := make([]float32, B*engine.Size(mk.Shape))
					for i := range d {
						d[i] = 1
					}
					in = append(in, tensors.FromFlatDataAndDimensions(d, append([]int{B}, mk.Shape...)...))
				}
				run := func() {
					err := engine.Try(func() {
						out, err := m.step.Exec(in...)
						if err != nil {
							b.Fatal(err)
						}
						in[4], in[5], in[6] = out[1], out[2], out[3]
						b.Log(out[0].Value())
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				run()
				run()
				b.ResetTimer()
				for i := 0; i < b.N; i++ {
					run()
				}
			})
		}
	}
}
