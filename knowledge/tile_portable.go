//go:build !(amd64 && goexperiment.simd)

package knowledge

// exponentials replaces values by weight times e to the value less top, and gives their sum.
func exponentials(values []float32, top, weight float32) float64 {
	return exponentialsPortable(values, top, weight)
}

func tile(acc *[tileRows * tileCols]float32, a, b []float32) { tilePortable(acc, a, b) }
