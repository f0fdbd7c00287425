package site

import (
	"slices"

	"consilium/federation/privacy"
)

// chargeCentral books one round with the hub's noise before the site's update leaves: in the worst case that noise is
// all that stands between the site's patients and the model. A round that is tried again is booked once; its first
// update may have been counted.
func (t *task) chargeCentral(round int) error {
	n := t.job.Privacy.Central
	if n == nil {
		return nil
	}
	job := "central-" + t.hash[:16] // apart from the site's own noise, which has a budget of its own
	if slices.ContainsFunc(t.site.ledger.Entries(), func(e privacy.Entry) bool { return e.Job == job && e.Round == round }) {
		return nil
	}
	return t.site.ledger.Spend(privacy.Entry{At: t.site.o.Now(), Job: job, Q: 1, Sigma: n.Multiplier, Steps: 1, Delta: n.Delta, Round: round})
}
