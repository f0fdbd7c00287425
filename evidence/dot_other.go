//go:build !(goexperiment.simd && amd64)

package evidence

var dot = dotPortable
