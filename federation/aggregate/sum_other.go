//go:build !goexperiment.simd || !amd64

package aggregate

var (
	fold         = foldPortable
	foldBytes    = foldBytesPortable
	largest      = largestPortable
	largestBytes = largestBytesPortable
)
