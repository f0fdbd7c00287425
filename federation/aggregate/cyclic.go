package aggregate

import (
	"consilium/fault"
	"consilium/federation"
)

// cyclic hands the weights from site to site: one update replaces the global weights. The hub says whose turn it is.
type cyclic struct {
	base
	delta []float32
}

// Begin implements Rule.
func (c *cyclic) Begin(global []float32) error {
	c.delta = nil
	return c.begin(global)
}

// Add implements Rule.
func (c *cyclic) Add(u federation.Update) error {
	if err := c.admit(u); err != nil {
		return err
	}
	if len(c.in) > 0 {
		return fault.New(fault.UpdateStale, "it is not the turn of "+u.Site, "nothing; it was put aside")
	}
	c.delta = u.Delta
	c.in[u.Site] = true
	return nil
}

// AddSum implements Rule.
func (c *cyclic) AddSum(sum []float64, sites []string) error {
	_, err := c.admitSum(sum, sites)
	return err
}

// Finish implements Rule.
func (c *cyclic) Finish() ([]float32, Note, error) {
	if err := c.quorum(); err != nil {
		return nil, Note{}, err
	}
	out := make([]float32, c.size)
	for i, x := range c.global {
		out[i] = x + c.delta[i]
	}
	c.delta = nil
	return out, Note{Used: c.close()}, nil
}

// Snapshot implements Rule.
func (c *cyclic) Snapshot() ([]byte, error) { return c.snapshot(nil), nil }

// Restore implements Rule.
func (c *cyclic) Restore(b []byte) error {
	_, _, err := c.restore(b, 0, 0)
	if err == nil {
		c.drop()
	}
	return err
}
