package local

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"
	"time"

	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/federation"
	"consilium/train"
)

// Learner is a site's part in one job. Its methods wait for each other; progress callbacks must not call them.
type Learner struct {
	mu       sync.Mutex
	o        Options
	job      federation.Job
	hash     string
	raw      dataset.Set // as the site has it
	net      network
	done     func() error
	own      *examples
	personal []Param // never leave
	state    *state
	adjusted string       // JSON of the adjustment
	affine   train.Affine // the same, for the bundle
	alone    *alone
}

// New prepares a site for a job. It reads the training examples through once; what was kept in Options.Dir is
// taken up. The set stays the caller's to close, after the learner.
// Errors: USAGE for the job, DATA_UNFIT when the set is another kind of data, INPUT_NOT_FINITE, CHECKPOINT_BAD,
// and those of set and engine.
func New(job federation.Job, set dataset.Set, o Options) (*Learner, error) {
	if err := checkJob(job); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	l := &Learner{o: o, job: job, hash: job.Hash(), raw: set}
	l.job.Plan = job.Plan.WithDefaults() // the hash stays that of the job as it was signed
	if err := l.fits(set.Info()); err != nil {
		return nil, err
	}
	var err error
	if l.net, l.done, err = o.network(job); err != nil {
		return nil, err
	}
	l.own = newExamples(set, l.net, len(job.Data.Labels), o)
	l.personal = personal(l.job.Plan, l.net.Params())
	if l.state, err = loadState(o.Dir, l.hash, l.net.Size(), len(l.taken(make([]float32, l.net.Size())))); err == nil {
		_, err = l.own.part(context.Background(), dataset.Train)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// fits refuses data that the job is not about.
func (l *Learner) fits(info dataset.Info) error {
	no := func(what string) error {
		return fault.New(fault.DataUnfit, "the job "+l.job.ID+" and the site's data "+info.Name+" differ: "+what, "choose the data that the job asks for")
	}
	data := l.job.Data
	same := engine.Size(info.Shape) == engine.Size(data.Shape)
	if l.job.Model.Arch != ArchLogistic && l.job.Model.Arch != ArchHead {
		same = fmt.Sprint(info.Shape) == fmt.Sprint(data.Shape)
	}
	if !same {
		return no(fmt.Sprintf("one example has the shape %v, the job asks for %v", info.Shape, data.Shape))
	}
	if len(info.Labels) != len(data.Labels) {
		return no(fmt.Sprintf("%d labels, the job asks for %d", len(info.Labels), len(data.Labels)))
	}
	for i, label := range info.Labels {
		if !strings.EqualFold(label.Name, data.Labels[i].Name) {
			return no(fmt.Sprintf("label %d is %q, the job's is %q", i, label.Name, data.Labels[i].Name))
		}
	}
	return nil
}

// personal lists the parameters that stay at the site. FedBN's are those of every normalisation: they are found by
// the gain that only a normalisation has, whatever the network calls it.
func personal(plan federation.Plan, params []Param) []Param {
	patterns := plan.Personal
	norms := map[string]bool{}
	if plan.Algorithm == federation.FedBN {
		patterns = append([]string{"*/n/*"}, patterns...)
		for _, p := range params {
			if path.Base(p.Name) == "gain" {
				norms[path.Dir(p.Name)] = true
			}
		}
	}
	var out []Param
	for _, p := range params {
		stays := norms[path.Dir(p.Name)]
		for _, pattern := range patterns {
			if ok, err := path.Match(pattern, p.Name); err == nil && ok {
				stays = true
			}
		}
		if stays {
			out = append(out, p)
		}
	}
	return out
}

// Size is the number of weights.
func (l *Learner) Size() int { return l.net.Size() }

// Examples counts the training examples whose patients consent now; 0 when they cannot be read.
func (l *Learner) Examples() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	which, err := l.own.permitted(context.Background(), dataset.Train)
	if err != nil {
		return 0
	}
	return len(which)
}

// Close lets go of network and files. The set stays open.
func (l *Learner) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.own.close()
	return l.done()
}

// placed gives weights with the site's own values of its personal parameters.
func (l *Learner) placed(weights, kept []float32) []float32 {
	w := append([]float32{}, weights...)
	if kept == nil {
		return w
	}
	for _, p := range l.personal {
		kept = kept[copy(w[p.Offset:p.Offset+p.Size()], kept):]
	}
	return w
}

// taken is the reverse of placed.
func (l *Learner) taken(w []float32) []float32 {
	var kept []float32
	for _, p := range l.personal {
		kept = append(kept, w[p.Offset:p.Offset+p.Size()]...)
	}
	return kept
}

// clearPersonal makes sure that nothing of the personal parameters is in a vector that leaves.
func (l *Learner) clearPersonal(v []float32) {
	for _, p := range l.personal {
		clear(v[p.Offset : p.Offset+p.Size()])
	}
}

func (l *Learner) checkWeights(w []float32) error {
	if len(w) != l.net.Size() {
		return fault.New(fault.ModelShape, fmt.Sprintf("%d weights came, the model has %d", len(w), l.net.Size()), "use the same version of Consilium at hub and site")
	}
	if !finite(w) {
		return fault.New(fault.InputNotFinite, "the weights hold NaN or infinity", "look at the hub: this model is beyond use")
	}
	return nil
}

// key identifies what a training starts from.
func (l *Learner) key(t Task, which []int) string {
	text, err := json.Marshal([]any{t.Round, federation.HashFloats(t.Global), federation.HashFloats(t.Extra), fingerprint(which), l.adjusted})
	if err != nil {
		return "" // strings and a number marshal
	}
	return string(text)
}
