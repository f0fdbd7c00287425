package federation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"consilium/clinical"
	"consilium/fault"
)

// JobFormat is the version of the job's file.
const JobFormat = 1

// Job is what hospitals are asked to do together. It is data, whole: what is not in it does not happen. Its hash
// is what a site signs.
type Job struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`      // a word: lower-case letters, digits, hyphens
	Title   string    `json:"title"`   // one line for the people who decide
	Purpose string    `json:"purpose"` // why, in words a consent board understands
	By      string    `json:"by"`      // who proposes it
	Created time.Time `json:"created"`
	Model   Model     `json:"model"`
	Data    Data      `json:"data"`
	Plan    Plan      `json:"plan"`
	Privacy Privacy   `json:"privacy"`
}

// Model is the graph that is trained: a network of zoo by name, or the head on an ONNX graph that stays as it is.
type Model struct {
	Arch string `json:"arch"`           // a name of zoo.Names(), or "head"
	Body []byte `json:"body,omitempty"` // "head": ONNX, input -> features; the trained part is one dense layer on top
	Seed uint64 `json:"seed"`           // of the first weights
}

// Data says which examples a site is asked to train on.
type Data struct {
	Kind   clinical.Kind      `json:"kind"`
	Task   string             `json:"task"`
	Shape  []int              `json:"shape"` // of one example
	Labels []clinical.Concept `json:"labels"`
	Cohort int                `json:"cohort"` // fewest training examples with which a site takes part
}

// Privacy is what the job promises to each site's patients. A nil part is switched off.
type Privacy struct {
	Central *Noise `json:"central,omitempty"` // added once, at the hub, to the clipped sum of updates
	Local   *Noise `json:"local,omitempty"`   // DP-SGD at the site: clipped per example, noise before anything leaves
}

// Noise is one Gaussian mechanism with its budget.
type Noise struct {
	Multiplier float64 `json:"multiplier"` // standard deviation of the noise, in units of Clip
	Clip       float64 `json:"clip"`       // L2 norm that one contribution is cut to
	Delta      float64 `json:"delta"`
	Epsilon    float64 `json:"epsilon"` // the job stops before it spends more
}

// MaxJobBytes bounds a job's file; the head's body makes up nearly all of it.
const MaxJobBytes = 64 << 20

// Hash identifies the job by everything in it: SHA-256 of its JSON, in hexadecimal.
func (j Job) Hash() string {
	text, err := json.Marshal(j)
	if err != nil {
		return "" // no field of a Job can fail to marshal
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Validate refuses a job that cannot be run. Errors: USAGE.
func (j Job) Validate() error {
	wrong := func(what, do string) error { return fault.New(fault.Usage, "the job "+j.ID+": "+what, do) }
	switch {
	case j.Format != JobFormat:
		return wrong("its format is not known here", "use the same version of Consilium at hub and site")
	case !Word(j.ID):
		return wrong("its id is not a word", "use 1 to 64 lower-case letters, digits and hyphens")
	case j.Title == "" || j.Purpose == "":
		return wrong("title or purpose is missing", "say in a line what is learnt and why: sites decide by it")
	case j.Model.Arch == "":
		return wrong("no network is named", "set model.arch to a network of zoo (`consilium train --help` lists them), to logistic, or to head")
	case (j.Model.Arch == "head") != (len(j.Model.Body) > 0):
		return wrong("a head needs an ONNX body, and nothing else has one", "set model.arch to head and model.body to the graph")
	case len(j.Data.Labels) < 2:
		return wrong("fewer than two labels", "name every class in data.labels")
	case product(j.Data.Shape) < 1 || product(j.Data.Shape) > 1<<24:
		return wrong("the shape of one example is missing or too large", "set data.shape, for example [1, 28, 28]")
	case len(j.Plan.Prior) != 0 && (len(j.Plan.Prior) != len(j.Data.Labels) || slices.Min(j.Plan.Prior) < 1):
		return wrong("the plan's prior does not count every class", "give one number above 0 for each of data.labels, or none")
	case j.Data.Cohort < 1:
		return wrong("the smallest cohort is missing", "set data.cohort to at least 1")
	}
	if err := j.Plan.Validate(); err != nil {
		return err
	}
	if err := j.Privacy.Validate(); err != nil {
		return err
	}
	return j.centralNoise()
}

// centralNoise refuses noise at the hub where it would protect nobody: it is for a plain mean of sites that count
// alike and whose updates are cut.
func (j Job) centralNoise() error {
	n, p := j.Privacy.Central, j.Plan
	if n == nil {
		return nil
	}
	switch p.Algorithm {
	case FedAvg, FedProx, FedBN, Ditto:
	default:
		return fault.New(fault.Usage, "central noise is for the plain mean, not for "+p.Algorithm, "choose fedavg, fedprox, fedbn or ditto, or noise at the sites")
	}
	if p.Weighting != "sites" || p.ServerRate != 1 || p.Clip <= 0 || p.Clip > n.Clip {
		return fault.New(fault.Usage, "central noise protects only sites that count alike and are cut",
			fmt.Sprintf("set the plan's weighting to sites, its server_rate to 1 and its clip to at most %g", n.Clip))
	}
	return nil
}

// Validate refuses noise that promises nothing.
func (p Privacy) Validate() error {
	for _, n := range []*Noise{p.Central, p.Local} {
		if n != nil && (!(n.Multiplier > 0) || !(n.Clip > 0) || !(n.Delta > 0) || !(n.Delta < 1) || !(n.Epsilon > 0)) {
			return fault.New(fault.Usage, "a privacy budget with a value that is not above 0, or a delta of 1 and more",
				"set multiplier, clip, delta and epsilon, for example 1.1, 1.0, 1e-5 and 8")
		}
	}
	return nil
}

// Word says whether a name can stand in a subject, a file name and a log without quoting.
func Word(s string) bool {
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		if d < 1 || n > 1<<30 {
			return 0
		}
		n *= d
	}
	if len(shape) == 0 {
		return 0
	}
	return n
}
