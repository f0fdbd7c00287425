//go:build !(amd64 && goexperiment.simd)

package knowledge

func tile(acc *[tileRows * tileCols]float32, a, b []float32) { tilePortable(acc, a, b) }
