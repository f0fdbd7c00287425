package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"consilium/fault"
	"consilium/federation"
)

// Bounds of what a folder is read for.
const (
	MaxReport = 64 << 20 // bytes of one report.json
	mostJobs  = 1000
)

// Folder reads the histories that a hub or a site keeps: jobs/ID/report.json under Dir. What lies there is judged
// and not trusted: nothing outside Dir is read, nothing beyond the limits, and a job that cannot be read is shown as
// one that cannot be read.
type Folder struct {
	Dir string

	mu   sync.Mutex
	seen map[string]remembered // by job: lists are asked for often, and reports are large
}

type remembered struct {
	size    int64
	changed time.Time
	summary Summary
}

// Summary is one line about a job.
type Summary struct {
	ID        string     `json:"id"`
	Title     string     `json:"title"`
	Purpose   string     `json:"purpose"`
	By        string     `json:"by"`
	Hash      string     `json:"hash"`
	Algorithm string     `json:"algorithm"`
	Sum       string     `json:"sum" doc:"plain, masks or ckks"`
	Phase     string     `json:"phase" doc:"draft, proposed, running or finished; empty when the job cannot be read"`
	Outcome   string     `json:"outcome" doc:"of a finished job: ok, aborted or failed"`
	Reason    string     `json:"reason"`
	Round     int        `json:"round"`
	Rounds    int        `json:"rounds" doc:"as many as planned"`
	Attempt   int        `json:"attempt"`
	Step      string     `json:"step"`
	Waits     string     `json:"waits" doc:"what the job waits for; empty = nothing"`
	Until     *time.Time `json:"until" doc:"when the wait ends"`
	Agreed    int        `json:"agreed" doc:"sites that agreed"`
	Refused   int        `json:"refused" doc:"sites that refused"`
	In        int        `json:"in" doc:"sites that were in in the last round"`
	Asked     int        `json:"asked" doc:"sites that the last round was begun with"`
	Epsilon   float64    `json:"epsilon" doc:"spent, by the hub or by the site that spent most"`
	Budget    float64    `json:"budget" doc:"of epsilon; 0 = no noise was promised"`
	Delta     float64    `json:"delta"`
	MacroF1   *float64   `json:"macroF1" doc:"of the last round that was scored, over all sites' validation examples"`
	Bytes     int64      `json:"bytes" doc:"moved so far, both ways"`
	Started   *time.Time `json:"started"`
	Ended     *time.Time `json:"ended"`
	Written   *time.Time `json:"written"`
	Trouble   string     `json:"trouble" doc:"why the job cannot be read; empty = it can"`
}

// Summarise gives the line about a job.
func Summarise(h federation.History) Summary { return tell(h).summary() }

func (s *story) summary() Summary {
	j, st := s.h.Job, s.h.State
	yes, no := s.answers()
	to, from, sum := s.bytes()
	out := Summary{ID: j.ID, Title: s.title(), Purpose: j.Purpose, By: j.By, Hash: s.h.Hash, Algorithm: j.Plan.Algorithm, Sum: j.Plan.Sum,
		Phase: string(st.Phase), Outcome: string(st.Outcome), Reason: st.Reason, Round: st.Round, Rounds: j.Plan.Rounds, Attempt: st.Attempt, Step: st.Step,
		Agreed: max(len(yes), len(s.h.Sites)), Refused: len(no), Bytes: to + from + sum, Started: moment(st.Started), Ended: moment(st.Ended), Written: moment(s.h.Written)}
	if st.Wait != nil {
		out.Waits, out.Until = orDash(st.Wait.For), moment(st.Wait.Until)
	}
	if n := len(s.h.Rounds); n > 0 {
		out.In, out.Asked = s.count(n-1, stateIn), s.asked(n-1)
	}
	for _, u := range slices.Backward(s.union) {
		if u != nil {
			out.MacroF1 = macroOf(u)
			break
		}
	}
	if n := j.Privacy.Central; n != nil {
		out.Epsilon, out.Budget, out.Delta = s.spent(), n.Epsilon, n.Delta
	}
	if n := j.Privacy.Local; n != nil && (out.Budget == 0 || s.local()/n.Epsilon > out.Epsilon/out.Budget) {
		out.Epsilon, out.Budget, out.Delta = s.local(), n.Epsilon, n.Delta
	}
	if s.broken {
		out.Trouble = "the job is not the one that its hash names"
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// Jobs lists the jobs, those that were written last first. A folder that is not there has none. Errors: IO.
func (f *Folder) Jobs(ctx context.Context) ([]Summary, error) {
	root, err := os.OpenRoot(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return []Summary{}, nil
	}
	if err != nil {
		return nil, unreadable(err)
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), "jobs")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, unreadable(err)
	}
	out := []Summary{}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, fault.Wrap(err, fault.Interrupted, "the jobs were not all read", "try again")
		}
		if !federation.Word(e.Name()) || !e.IsDir() || len(out) == mostJobs {
			continue
		}
		s, err := f.summary(root, e.Name())
		if fault.CodeOf(err) == fault.NotFound { // proposed and not yet written
			continue
		}
		if err != nil {
			e2 := fault.Of(err)
			s = Summary{ID: e.Name(), Title: e.Name(), Trouble: e2.What}
		}
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Summary) int { return last(b).Compare(last(a)) })
	return out, nil
}

func last(s Summary) time.Time {
	if s.Written == nil {
		return time.Time{}
	}
	return *s.Written
}

// summary reads one job, unless it is as it was.
func (f *Folder) summary(root *os.Root, id string) (Summary, error) {
	info, err := root.Lstat(path.Join("jobs", id, "report.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return Summary{}, missing(id)
	}
	if err != nil {
		return Summary{}, unreadable(err)
	}
	f.mu.Lock()
	r, ok := f.seen[id]
	f.mu.Unlock()
	if ok && r.size == info.Size() && r.changed.Equal(info.ModTime()) {
		return r.summary, nil
	}
	h, err := read(root, id)
	if err != nil {
		return Summary{}, err
	}
	s := Summarise(h)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.seen == nil || len(f.seen) > 2*mostJobs {
		f.seen = map[string]remembered{}
	}
	f.seen[id] = remembered{info.Size(), info.ModTime(), s}
	return s, nil
}

// Job reads one history, without the body of its model. Errors: NOT_FOUND, INPUT_TOO_LARGE, INPUT_MALFORMED, IO.
func (f *Folder) Job(_ context.Context, id string) (federation.History, error) {
	if !federation.Word(id) {
		return federation.History{}, missing("by that name")
	}
	root, err := os.OpenRoot(f.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return federation.History{}, missing(id)
	}
	if err != nil {
		return federation.History{}, unreadable(err)
	}
	defer root.Close()
	return read(root, id)
}

func missing(id string) error {
	return fault.New(fault.NotFound, "there is no federation job "+id, "take a job from the list")
}

func unreadable(err error) error {
	return fault.Wrap(err, fault.IO, "the federation folder cannot be read", "check its permissions")
}

// read reads jobs/ID/report.json. It follows no link out of the folder.
func read(root *os.Root, id string) (federation.History, error) {
	var none federation.History
	name := path.Join("jobs", id, "report.json")
	info, err := root.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return none, missing(id)
	case err != nil:
		return none, unreadable(err)
	case !info.Mode().IsRegular():
		return none, fault.New(fault.InputMalformed, "the report of the job "+id+" is not a file", "look into the federation folder")
	case info.Size() > MaxReport:
		return none, fault.New(fault.InputTooLarge, fmt.Sprintf("the report of the job %s is larger than %d MiB", id, MaxReport>>20), "look at it with `consilium federate report`")
	}
	file, err := root.Open(name)
	if err != nil {
		return none, unreadable(err)
	}
	defer file.Close()
	h, err := Decode(io.LimitReader(file, MaxReport+1))
	if err != nil {
		return none, err
	}
	if h.Job.ID != id {
		return none, fault.New(fault.InputMalformed, "the report in the folder of the job "+id+" is about another one", "look into the federation folder")
	}
	return h, nil
}

// lean is a history whose model has no body: of up to 64 MiB, it is not what a report is about.
type lean struct {
	federation.History
	Job struct {
		federation.Job
		Model struct {
			Arch string `json:"arch"`
			Seed uint64 `json:"seed"`
		} `json:"model"`
	} `json:"job"`
}

// Decode reads a history from JSON, without the body of its model. Errors: INPUT_MALFORMED.
func Decode(r io.Reader) (federation.History, error) {
	var l lean
	dec := json.NewDecoder(r)
	if err := dec.Decode(&l); err != nil {
		return federation.History{}, fault.New(fault.InputMalformed, "the report of a federation job cannot be understood: "+clip(printable(err.Error(), 200), 200), "write it again: start the hub")
	}
	if dec.More() {
		return federation.History{}, fault.New(fault.InputMalformed, "the report of a federation job has something after its end", "write it again: start the hub")
	}
	h := l.History
	h.Job = l.Job.Job
	h.Job.Model.Arch, h.Job.Model.Seed = l.Job.Model.Arch, l.Job.Model.Seed
	return h, nil
}
