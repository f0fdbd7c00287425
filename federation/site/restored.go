package site

import (
	"math"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/privacy"
)

// A site that was put back from a backup does not know what it has given since: its ledger may lack spends, and its
// memory of the sums that it has opened may lack the last ones. So it gives nothing more that rests on either, in jobs
// from before it was put back; and the whole quarter's epsilon counts as spent.

// remembers refuses a question whose answer rests on what a site that was put back has forgotten. Settling rests on
// nothing. The mark is read each time: it is a small file, and a folder whose mark cannot be read gives nothing.
// Errors: POLICY_REFUSED, STORE_CORRUPT.
func (t *task) remembers(kind string) error {
	p := t.job.Privacy
	if kind == federation.MailSettle || (t.job.Plan.Sum == federation.SumPlain && p.Local == nil && p.Central == nil) {
		return nil
	}
	r, err := folder.WasRestored(t.site.o.Dir)
	if err == nil && !r.Knows(t.job, t.site.o.Now()) {
		err = fault.New(fault.PolicyRefused, "this site was put back from a backup and no longer knows what it has given in jobs from before",
			"propose the job anew: a new one is made after that")
	}
	return err
}

// spent is the epsilon that counts as spent this quarter, for judging this job. Errors: those of remembers.
func (t *task) spent() (float64, error) {
	if err := t.remembers(federation.MailProposal); err != nil {
		return 0, err
	}
	now := t.site.o.Now()
	r, err := folder.WasRestored(t.site.o.Dir)
	if err != nil {
		return 0, err
	}
	if from, to := privacy.Quarter(now); !r.At.Before(from) && r.At.Before(to) {
		return math.Inf(1), nil
	}
	return t.site.ledger.Spent(now)
}
