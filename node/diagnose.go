package node

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"time"

	"consilium/clinical"
	"consilium/dicom"
	"consilium/fault"
	"consilium/govern"
	"consilium/intake"
	"consilium/panel"
	"consilium/registry"
	"consilium/store"
	"consilium/work"
)

// studyDeadline ends the diagnosis of one study, whatever is in it.
const studyDeadline = 10 * time.Minute

// diagnose works on studies from the queue until ctx ends.
func (n *Node) diagnose(ctx context.Context) error {
	seats := make(chan *seat, n.Workers)
	for range n.Workers {
		s, err := n.newSeat()
		if err != nil {
			return err
		}
		defer s.close()
		seats <- s
	}
	return n.Queue.Take(ctx, jobDiagnose, work.Handler{
		Parallel: n.Workers,
		Do: func(ctx context.Context, j work.Job) error {
			s := <-seats // as many as there are workers
			defer func() { seats <- s }()
			started := n.Now()
			err := n.diagnoseOne(ctx, s, j)
			if n.Observe.Diagnosed != nil {
				n.Observe.Diagnosed(n.Now().Sub(started), err)
			}
			return err
		},
		GiveUp: n.giveUp,
		Hopeless: func(err error) bool {
			return fault.ExitStatus(err) == fault.ExitInput || fault.ExitStatus(err) == fault.ExitModel || fault.CodeOf(err) == fault.ConsentWithheld
		},
	})
}

// seat is one worker's panel with its folder of pictures. Models are loaded
// when the first study needs them, and stay.
type seat struct {
	panel    *panel.Panel
	pictures string
}

func (n *Node) newSeat() (*seat, error) {
	if err := os.MkdirAll(n.Scratch, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.IO, "the folder for pictures cannot be made", "check the data directory")
	}
	dir, err := os.MkdirTemp(n.Scratch, "seat-")
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the folder for pictures cannot be made", "check the data directory")
	}
	p, err := n.Seat(dir)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	return &seat{p, dir}, nil
}

func (s *seat) close() {
	s.panel.Close()
	os.RemoveAll(s.pictures)
}

// clear removes the pictures of a study that is done.
func (s *seat) clear() {
	names, _ := filepath.Glob(filepath.Join(s.pictures, "*"))
	for _, name := range names {
		os.Remove(name)
	}
}

func (n *Node) diagnoseOne(ctx context.Context, s *seat, j work.Job) error {
	var d diagnosis
	if err := json.Unmarshal(j.Body, &d); err != nil {
		return fault.Wrap(err, fault.InputMalformed, "a job cannot be read", "have the study diagnosed again")
	}
	ctx, cancel := context.WithTimeout(ctx, studyDeadline)
	defer cancel()
	defer s.clear()
	c, err := n.content(ctx, d.Study)
	if code := fault.CodeOf(err); code == fault.NotFound || code == fault.ConsentWithheld {
		return nil // gone, or withheld by the patient meanwhile
	}
	if err != nil {
		return err
	}
	done, err := n.Store.Assessed(ctx, d.Study, c.fingerprint)
	if err != nil || done {
		return err // what a killed process had finished, but could not tell the queue
	}
	if err := n.Store.SetState(ctx, d.Study, []store.State{store.StateQueued, store.StateDiagnosing}, store.StateDiagnosing); err != nil {
		if fault.CodeOf(err) == fault.Conflict {
			return nil // more of it is arriving; it will be queued again
		}
		return err
	}
	n.changed(d.Study)
	found, err := n.examine(ctx, s, c)
	if err != nil {
		return err
	}
	return n.keep(ctx, c, found)
}

// examined is what the panel said about a study.
type examined struct {
	findings []judged
	refusals []clinical.Refusal
	sources  []*dicom.Object // headers of every object that was looked at
	made     time.Time
}

// judged is a finding with the object that it is about.
type judged struct {
	clinical.Finding
	about store.Instance
}

// examine asks the panel about every input of a study, one after another.
func (n *Node) examine(ctx context.Context, s *seat, c content) (examined, error) {
	e := examined{made: n.Now().UTC().Truncate(time.Second)} // as exact as DICOM times of ours are
	inputs, refused := c.inputs()
	e.refusals = refused
	for _, in := range inputs {
		if err := ctx.Err(); err != nil {
			return e, fault.Wrap(err, fault.Interrupted, "the diagnosis was stopped", "it is taken up again")
		}
		if err := n.examineInput(ctx, s, in, &e); err != nil {
			return e, err
		}
	}
	if len(inputs) == 0 && len(refused) == 0 {
		err := fault.New(fault.InputNoModel, "the study holds nothing that a model could look at", "images, ECGs and sounds are looked at")
		e.refusals = append(e.refusals, intake.Refusal("the study", err))
	}
	sort(e.findings)
	return e, nil
}

func (n *Node) examineInput(ctx context.Context, s *seat, in input, e *examined) error {
	header, err := n.header(ctx, in.objects[0])
	if err != nil {
		return n.refuse(in, err, e)
	}
	e.sources = append(e.sources, header)
	if !s.panel.Reads(in.kind, in.objects[0].Modality, in.objects[0].BodyPart) {
		return n.refuse(in, fault.New(fault.InputNoModel, "no model looks at "+orText(in.objects[0].Modality, "such objects")+" as "+string(in.kind), "`consilium models list` shows what the installed models read"), e)
	}
	item, err := n.item(ctx, in)
	if err != nil {
		return n.refuse(in, err, e)
	}
	findings, refusals, err := s.panel.Examine(ctx, item)
	if err != nil {
		return err
	}
	for _, f := range findings {
		f.Input = in.name
		e.findings = append(e.findings, judged{f, in.objects[0]})
	}
	e.refusals = append(e.refusals, refusals...)
	return nil
}

// refuse lists an input that cannot be judged. What is wrong with the node and
// not with the input ends the diagnosis.
func (n *Node) refuse(in input, err error, e *examined) error {
	if status := fault.ExitStatus(err); status != fault.ExitInput {
		return err
	}
	e.refusals = append(e.refusals, intake.Refusal(in.name, err))
	return nil
}

// item decodes an input.
func (n *Node) item(ctx context.Context, in input) (intake.Item, error) {
	if len(in.objects) > maxSlices {
		return intake.Item{}, fault.New(fault.InputTooLarge, in.name+" has more than 2048 slices", "send a part of it")
	}
	var objects []*dicom.Object
	for _, i := range in.objects {
		o, err := n.object(ctx, i)
		if err != nil {
			return intake.Item{}, err
		}
		objects = append(objects, o)
	}
	if in.kind == clinical.KindVolume {
		return intake.Series(objects, in.name)
	}
	return intake.Object(objects[0], in.name)
}

// giveUp ends a job that cannot be done: the study shows why.
func (n *Node) giveUp(ctx context.Context, j work.Job, cause error) error {
	var d diagnosis
	if err := json.Unmarshal(j.Body, &d); err != nil {
		return nil // no study to tell it of
	}
	e := fault.Of(cause)
	err := n.Store.Tx(ctx, func(t *store.Tx) error {
		if err := t.SetState(ctx, d.Study, []store.State{store.StateQueued, store.StateDiagnosing}, store.StateFailed); err != nil {
			return err
		}
		if err := t.PutFailure(ctx, store.Failure{Study: d.Study, Code: string(e.Code), What: e.What, Do: e.Do, At: n.Now()}); err != nil {
			return err
		}
		return n.Note(ctx, t, govern.Event{Actor: "system", Action: "assessment.failed", Study: d.Study, Outcome: string(e.Code), Detail: map[string]string{"what": e.What}})
	})
	if code := fault.CodeOf(err); code == fault.Conflict || code == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	n.Log.Warn("a study could not be diagnosed", "study", d.Study, "code", e.Code)
	n.changed(d.Study)
	return n.Flush(ctx)
}

// Diagnose has a study diagnosed again: after a failure, or with new models.
// Errors: NOT_FOUND, CONFLICT while it is at work or when nothing has changed
// since its assessment.
func (n *Node) Diagnose(ctx context.Context, who Actor, study string) error {
	c, err := n.content(ctx, study)
	if err != nil {
		return err
	}
	done, err := n.Store.Assessed(ctx, study, c.fingerprint)
	if err != nil {
		return err
	}
	if done && c.study.State != store.StateFailed {
		return fault.New(fault.Conflict, "the study was diagnosed with these models, and nothing has changed since", "the assessment is on the case page")
	}
	err = n.Store.Tx(ctx, func(t *store.Tx) error {
		from := []store.State{store.StateReady, store.StateFailed, store.StateSigned, store.StateReceiving}
		if err := t.SetState(ctx, study, from, store.StateQueued); err != nil {
			return err
		}
		return n.Note(ctx, t, govern.Event{Actor: who.Name, Role: who.Role, Action: "study.diagnose", Patient: c.study.Patient.ID, Study: study, Outcome: "ok"})
	})
	if err != nil {
		return err
	}
	n.changed(study)
	if err := n.Flush(ctx); err != nil {
		return err
	}
	return n.enqueue(ctx, study, n.Now().Format(time.RFC3339Nano))
}

// digestOf is the content digest of the model that gave a finding.
func (n *Node) digestOf(f clinical.Finding) string {
	if b := n.bundle(f.Model, f.Version); b != nil {
		return b.Digest()
	}
	return ""
}

func (n *Node) bundle(name, version string) *registry.Bundle {
	for _, b := range n.Models {
		if b.Card.Name == name && b.Card.Version == version {
			return b
		}
	}
	return nil
}
