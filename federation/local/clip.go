package local

import "consilium/federation/privacy"

// cut shortens a vector to an L2 norm.
func cut(v []float32, most float64) { privacy.Clip(v, most) }
