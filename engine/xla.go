//go:build xla

package engine

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/go-xla/compute/xla"
)

// XLA needs a PJRT plugin on the machine (GPU or TPU), so it is linked only when asked for.
func init() { openXLA = func() (compute.Backend, error) { return xla.New("") } }
