// Package folder is how a hub and a site keep what they must not forget: a folder of files, each whole or not there.
//
//	DIR/jobs/ID/job.json     the job, as proposed
//	DIR/jobs/ID/report.json  its History: state, rounds, outcome
//	DIR/jobs/ID/...          weights and checkpoints of hub or site
//
// A verb talks to a running hub or site through files too: it leaves a mark in the job's folder and the process
// finds it within a second. No port is opened for that.
package folder

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"consilium/fault"
	"consilium/federation"
)

// Files of a job's folder.
const (
	JobFile      = "job.json"
	ReportFile   = "report.json"
	DecisionFile = "decision.json" // at a site: what a person decided
	AnswerFile   = "answer.json"   // at a site: the signed answer
	AbortFile    = "abort"         // at the hub: end the job
	StartFile    = "start"         // at the hub: begin with those who have agreed
	FinalFile    = "final.weights" // little endian float32
)

// MaxReport bounds a report that is read.
const MaxReport = 256 << 20

// Unfinished ends the name of a file that is being written.
const Unfinished = ".new"

// Write replaces a file: after a crash it holds the old content or the new, whole. A file has one writer; what a crash
// has left half written is written over the next time. Errors: STORE_FULL, IO.
func Write(path string, content []byte) error {
	return WriteBy(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteBy is Write for content that is made while it is written.
func WriteBy(path string, write func(w io.Writer) error) error {
	begin := func() (*os.File, error) {
		return os.OpenFile(path+Unfinished, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	}
	return place(path, write, begin, os.Rename)
}

// Create writes a file unless it is there already, which is no error. Of several writers one is first, and all then find
// its file, whole. Errors: STORE_FULL, IO.
func Create(path string, content []byte) error {
	begin := func() (*os.File, error) {
		return os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*"+Unfinished)
	}
	write := func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
	return place(path, write, begin, func(fresh, path string) error {
		if err := os.Link(fresh, path); !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	})
}

func place(path string, write func(io.Writer) error, begin func() (*os.File, error), put func(fresh, path string) error) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Failed(err, "the folder of "+path+" cannot be made")
	}
	f, err := begin()
	if err != nil {
		return Failed(err, path+" cannot be written")
	}
	defer func() { _ = os.Remove(f.Name()) }() // if it is still there
	if err = write(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = put(f.Name(), path)
	}
	if err == nil {
		err = syncNames(dir)
	}
	return Failed(err, path+" cannot be written")
}

// syncNames brings the names in a folder to the disk. Not every system can.
func syncNames(dir string) error {
	d, err := os.Open(dir)
	if err == nil {
		err = errors.Join(d.Sync(), d.Close())
	}
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// Failed makes a coded error of what a file system said; nil and coded errors pass. Errors: STORE_FULL, IO.
func Failed(err error, what string) error {
	var coded *fault.Error
	switch {
	case err == nil || errors.As(err, &coded):
		return err
	case errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.StoreFull, what, "make room on the disk; what was kept before is whole")
	}
	return fault.Wrap(err, fault.IO, what, "check the permissions of the folder")
}

// WriteJSON replaces a file by a value as JSON.
func WriteJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fault.Wrap(err, fault.Internal, path+" cannot be written as JSON", "this is a defect; please report it")
	}
	return Write(path, append(text, '\n'))
}

// Read gives a file of at most limit bytes. Errors: NOT_FOUND, INPUT_TOO_LARGE, IO.
func Read(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.NotFound, "there is no "+path, "check the folder and the name of the job")
	}
	if err != nil {
		return nil, Failed(err, path+" cannot be read")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, Failed(err, path+" cannot be read")
	}
	if int64(len(text)) > limit {
		return nil, fault.New(fault.InputTooLarge, path+" is larger than it can be", "it was not written by Consilium")
	}
	return text, nil
}

// ReadJSON is Read of a value. Errors: STORE_CORRUPT too.
func ReadJSON(path string, limit int64, into any) error {
	text, err := Read(path, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fault.Wrap(err, fault.StoreCorrupt, path+" cannot be understood", "restore it from a backup")
	}
	return nil
}

// JobDir is the folder of a job.
func JobDir(dir, id string) string { return filepath.Join(dir, "jobs", id) }

// Jobs lists the jobs of a folder by ID.
func Jobs(dir string) ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(dir, "jobs"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, Failed(err, "the jobs cannot be listed")
	}
	var out []string
	for _, e := range entries {
		if e.IsDir() && federation.Word(e.Name()) {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

// Job reads a job and checks it.
func Job(dir, id string) (federation.Job, error) {
	var j federation.Job
	if !federation.Word(id) {
		return j, fault.New(fault.Usage, "a job's id is a word of lower-case letters, digits and hyphens", "see `consilium federate status`")
	}
	if err := ReadJSON(filepath.Join(JobDir(dir, id), JobFile), 2*federation.MaxJobBytes, &j); err != nil {
		return j, err
	}
	if j.ID != id {
		return j, fault.New(fault.StoreCorrupt, "the folder of job "+id+" holds job "+j.ID, "restore it from a backup")
	}
	return j, j.Validate()
}

// History reads what is known of a job.
func History(dir, id string) (federation.History, error) {
	var h federation.History
	if !federation.Word(id) {
		return h, fault.New(fault.Usage, "a job's id is a word of lower-case letters, digits and hyphens", "see `consilium federate status`")
	}
	return h, ReadJSON(filepath.Join(JobDir(dir, id), ReportFile), MaxReport, &h)
}

// Mark leaves a mark in a job's folder for the process that runs it.
func Mark(dir, id, name, content string) error {
	if _, err := Job(dir, id); err != nil {
		return err
	}
	return Write(filepath.Join(JobDir(dir, id), name), []byte(content))
}

// Marked reads a mark; false when there is none.
func Marked(dir, id, name string) (string, bool) {
	f, err := os.Open(filepath.Join(JobDir(dir, id), name))
	if err != nil {
		return "", false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	return string(text), err == nil
}
