package federation

import (
	"time"

	"consilium/fault"
)

// Phase is where a job is in its life: draft > proposed > running > finished. Each site's consent is an edge
// of its own between proposed and running.
type Phase string

// The phases.
const (
	Draft    Phase = "draft"
	Proposed Phase = "proposed"
	Running  Phase = "running"
	Finished Phase = "finished"
)

// Outcome is how a job ended.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Aborted Outcome = "aborted"
	Failed  Outcome = "failed"
)

// State is where a job stands, in full: what `status` shows, what the hub keeps, what a resumed hub goes on from.
type State struct {
	Phase    Phase             `json:"phase"`
	Round    int               `json:"round"`   // the round under way, from 1; 0 before the first
	Attempt  int               `json:"attempt"` // of that round, from 1
	Step     string            `json:"step"`    // within the round: "training", or a step of the secure sum
	Outcome  Outcome           `json:"outcome,omitempty"`
	Reason   string            `json:"reason,omitempty"` // of an end that is not ok: a coded error
	Wait     *Wait             `json:"wait,omitempty"`
	Consents map[string]Answer `json:"consents"` // by site
	Started  time.Time         `json:"started"`
	Ended    time.Time         `json:"ended"`
}

// Wait is what a job is waiting for, and until when.
type Wait struct {
	For   string    `json:"for"`
	Sites []string  `json:"sites,omitempty"`
	Until time.Time `json:"until"`
}

// Move changes the phase, along the edges that exist. Errors: CONFLICT.
func (s *State) Move(to Phase) error {
	allowed := map[Phase][]Phase{
		"":       {Draft},
		Draft:    {Proposed, Finished},
		Proposed: {Running, Finished},
		Running:  {Finished},
	}
	for _, next := range allowed[s.Phase] {
		if next == to {
			s.Phase = to
			return nil
		}
	}
	return fault.New(fault.Conflict, "a job that is "+string(s.Phase)+" cannot become "+string(to), "see `consilium federate status`")
}

// End finishes the job.
func (s *State) End(outcome Outcome, reason error, now time.Time) error {
	if err := s.Move(Finished); err != nil {
		return err
	}
	s.Outcome, s.Ended, s.Wait, s.Step = outcome, now.UTC(), nil, ""
	if reason != nil {
		s.Reason = reason.Error()
	}
	return nil
}
