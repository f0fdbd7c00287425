package federation

import "time"

// History is all that the hub knows of a job: report.json in the job's folder, and what the page draws.
type History struct {
	Job     Job       `json:"job"`
	Hash    string    `json:"hash"`
	State   State     `json:"state"`
	Sites   []string  `json:"sites"` // that agreed
	Size    int       `json:"size"`  // parameters
	Rounds  []Round   `json:"rounds"`
	Final   *Final    `json:"final,omitempty"`
	Epsilon float64   `json:"epsilon"` // spent by the hub's own noise
	Hub     string    `json:"hub"`     // name and version
	Written time.Time `json:"written"`
}

// Round is one line of the job's story.
type Round struct {
	Round    int       `json:"round"`
	Attempt  int       `json:"attempt"`
	Started  time.Time `json:"started"`
	Ended    time.Time `json:"ended"`
	Outcome  string    `json:"outcome"` // "done", "no quorum", "broken", "cut short"
	Reason   string    `json:"reason,omitempty"`
	Sites    []Entry   `json:"sites"`
	Score    *Score    `json:"score,omitempty"` // over all sites' validation examples: of the weights that the round began with
	Loss     *float64  `json:"loss,omitempty"`  // mean training loss
	Epsilon  float64   `json:"epsilon,omitempty"`
	SumBytes int64     `json:"sum_bytes,omitempty"` // of the secure sum's steps, both ways, all sites
}

// Entry is one site in one round.
type Entry struct {
	Site     string    `json:"site"`
	State    string    `json:"state"` // "in", "late", "dropped", "refused", "not asked"
	Reason   string    `json:"reason,omitempty"`
	Asked    time.Time `json:"asked"`
	Arrived  time.Time `json:"arrived"`
	Seconds  float64   `json:"seconds,omitempty"` // from the hub's question to the answer
	Sent     int64     `json:"sent"`              // bytes to the site
	Received int64     `json:"received"`          // bytes from the site
	Samples  int       `json:"samples,omitempty"`
	Steps    int       `json:"steps,omitempty"`
	Loss     *float64  `json:"loss,omitempty"`
	Score    *Score    `json:"score,omitempty"`
	Epsilon  float64   `json:"epsilon,omitempty"` // of DP-SGD, spent by this site so far, as it reports
}

// Final is what came out.
type Final struct {
	Weights string `json:"weights"` // file in the job's folder
	Hash    string `json:"hash"`
	Scores  []Kept `json:"scores"`           // per site: the last word, on its test split
	Pooled  *Score `json:"pooled,omitempty"` // all sites' test examples together
}

// Kept is what one site made of the outcome.
type Kept struct {
	Site      string `json:"site"`
	Federated *Score `json:"federated,omitempty"` // of the global weights, on the site's test split
	Own       *Score `json:"own,omitempty"`       // of the site's model trained alone
	Personal  *Score `json:"personal,omitempty"`  // of its personal model (ditto, fedbn)
	Keeps     string `json:"keeps"`               // "federated", "own" or "personal": what it uses from now on, chosen on validation
}
