package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"consilium/federation"
	"consilium/federation/page"
)

// outcome is what one run gave.
type outcome struct {
	Seed      uint64   `json:"seed"`
	Sites     int      `json:"sites"`
	Killed    []string `json:"killed,omitempty"`
	Rounds    int      `json:"rounds"`
	Again     int      `json:"again"` // attempts that were thrown away
	SetUp     float64  `json:"set_up_seconds"`
	Seconds   float64  `json:"seconds"`
	Rejoin    float64  `json:"rejoin_seconds,omitempty"` // from the hub's port being open to all living sites being linked
	Memory    int64    `json:"memory"`                   // largest of any site, bytes
	Private   int64    `json:"private_memory"`           // of that, not shared with other processes of the program
	HubMemory int64    `json:"hub_memory"`
	Sent      int64    `json:"bytes_to_sites"`
	Received  int64    `json:"bytes_from_sites"`
	Federated float64  `json:"federated_macro_f1"`
	Alone     float64  `json:"alone_macro_f1"` // mean of the sites
	Best      float64  `json:"best_alone_macro_f1"`
	Told      int      `json:"sites_told"`
	Chosen    float64  `json:"validation_macro_f1"` // of the last round's start, over all sites' validation examples
}

// judge reads the figures out of a job's story.
func (o *outcome) judge(h federation.History) error {
	if h.State.Outcome != federation.OK {
		return fmt.Errorf("the job ended %s: %s", h.State.Outcome, h.State.Reason)
	}
	for _, r := range h.Rounds {
		if r.Outcome == "done" {
			o.Rounds++
		} else {
			o.Again++
		}
		if r.Score != nil {
			o.Chosen = r.Score.MacroF1()
		}
		for _, e := range r.Sites {
			o.Sent, o.Received = o.Sent+e.Sent, o.Received+e.Received
		}
	}
	if h.Final == nil {
		return errors.New("the job has no outcome")
	}
	for _, k := range h.Final.Scores {
		if k.Federated == nil || k.Own == nil {
			continue
		}
		o.Told++
		o.Federated += k.Federated.MacroF1()
		o.Alone += k.Own.MacroF1()
		o.Best = max(o.Best, k.Own.MacroF1())
	}
	if o.Told == 0 {
		return nil // a plan with a secure sum keeps them in the house
	}
	o.Federated /= float64(o.Told)
	o.Alone /= float64(o.Told)
	return nil
}

func (o outcome) String() string {
	text := fmt.Sprintf("seed %d: %d rounds (%d attempts thrown away) in %.0f s; macro-F1 federated %.3f, alone %.3f (all sites' validation %.3f); a site's memory at most %d MB (%d MB its own), the hub's %d MB; %.1f MB to and %.1f MB from the sites",
		o.Seed, o.Rounds, o.Again, o.Seconds, o.Federated, o.Alone, o.Chosen, o.Memory>>20, o.Private>>20, o.HubMemory>>20, float64(o.Sent)/1e6, float64(o.Received)/1e6)
	if len(o.Killed) > 0 {
		text += "; killed " + strings.Join(o.Killed, " ")
	}
	if o.Rejoin > 0 {
		text += fmt.Sprintf("; all back %.1f s after the hub", o.Rejoin)
	}
	return text
}

// judgeFile says what a report is worth: nothing, unless the shared model is better at every site than its own.
func judgeFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, err := page.Decode(f)
	if err != nil {
		return err
	}
	var o outcome
	if err := o.judge(h); err != nil {
		return err
	}
	for _, k := range h.Final.Scores {
		if k.Federated == nil || k.Own == nil {
			continue
		}
		fmt.Printf("%s: macro-F1 together %.3f, alone %.3f, on %d test examples; it keeps the %s model\n", k.Site, k.Federated.MacroF1(), k.Own.MacroF1(), k.Federated.N, k.Keeps)
	}
	if o.Told == 0 {
		return errors.New("no site told its figures: a plan with a secure sum keeps them in the house")
	}
	if o.Federated <= o.Best {
		return fmt.Errorf("together %.3f is not better than the best alone, %.3f", o.Federated, o.Best)
	}
	return nil
}
