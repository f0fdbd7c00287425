package hub

import (
	"strconv"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// A hub that was put back from a backup goes on after the last round of the backup. The sites have gone further: they
// know the numbers of attempts and the mail of rounds that this hub has forgotten, and would take new ones for old.

// leap is what the attempts of a job are counted from: higher than before the hub was put back. An attempt takes
// longer than a second, but for those of which all fail at once, and they are few.
func (r *runner) leap() int {
	at := r.hub.restored.At
	if r.hub.restored.Knows(r.job, r.now()) {
		return 0
	}
	return max(0, int(at.Sub(r.job.Created)/time.Second))
}

// anew gives mail another ID than the same mail had before the hub was put back, so that sites look at it again.
func (r *runner) anew(m federation.Mail) federation.Mail {
	if at := r.hub.restored.At; !at.IsZero() {
		m.ID += "/" + strconv.FormatInt(at.Unix(), 36)
	}
	return m
}

// remembers refuses to go on with a job whose noise is the hub's when nobody knows any more how often it was given
// out. The weights of the rounds that are done are kept. Errors: BUDGET_SPENT.
func (r *runner) remembers() error {
	if r.job.Privacy.Central == nil || r.done == r.job.Plan.Rounds || r.hub.restored.Knows(r.job, r.now()) {
		return nil
	}
	return fault.New(fault.BudgetSpent, "the hub was put back from a backup and no longer knows how many rounds of this job were given out",
		"propose the job anew")
}
