package deid

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"consilium/dicom"
	"consilium/fault"
)

// Manifest is the file in an output folder that says how its content was made,
// so that a later run goes on in the same way or not at all.
const Manifest = "deid.json"

// Fates of a file.
const (
	Written = "written"
	Present = "present" // was there from an earlier run
	Refused = "refused"
)

// File is what became of one input.
type File struct {
	Input  string `json:"input"`
	Output string `json:"output,omitempty"` // within the output folder
	Fate   string `json:"fate"`
	Code   string `json:"code,omitempty"`
	What   string `json:"what,omitempty"`
	Do     string `json:"do,omitempty"`
}

// Summary is the result of a run.
type Summary struct {
	Profile    string `json:"profile"`
	Edition    string `json:"edition"` // of PS3.15
	Files      []File `json:"files"`
	Written    int    `json:"written"`
	Present    int    `json:"present"`
	Refused    int    `json:"refused"`
	Report     Report `json:"report"` // of what was written
	Disclaimer string `json:"disclaimer"`
}

// Disclaimer is said with every result.
const Disclaimer = "De-identification lowers the risk that somebody is recognized; it does not end it. Look at the result before you pass it on."

// Run de-identifies files, and those in folders, into the folder out:
// out/PSEUDONYM/STUDY/INSTANCE.dcm. A file that is there already from a run
// with the same key and options is left as it is, so that a run that was
// stopped goes on. Each file is written whole or not at all. What is refused
// is listed and never copied; tell hears of every file (nil for nobody).
//
// Errors: those of listing, IO, CONFLICT for a folder made with other options,
// INTERRUPTED; the summary then tells what was done until that.
func (d *Deidentifier) Run(ctx context.Context, in []string, out string, tell func(File)) (Summary, error) {
	s := Summary{Profile: d.o.Profile.String(), Edition: Edition, Disclaimer: Disclaimer, Files: []File{}}
	paths, err := list(in, out)
	if err != nil {
		return s, err
	}
	if err := d.claim(out); err != nil {
		return s, err
	}
	for _, path := range paths {
		if ctx.Err() != nil {
			return s, fault.Wrap(ctx.Err(), fault.Interrupted, "stopped before the end", "start it again: it goes on where it was")
		}
		f, report, err := d.file(path, out)
		if err != nil {
			return s, err
		}
		s.add(f, report)
		if tell != nil {
			tell(f)
		}
	}
	return s, nil
}

func (s *Summary) add(f File, r Report) {
	s.Files = append(s.Files, f)
	switch f.Fate {
	case Written:
		s.Written++
		s.Report.Add(r)
	case Present:
		s.Present++
	default:
		s.Refused++
	}
}

// list names the files of the inputs; folders are walked, links are not followed.
func list(in []string, out string) ([]string, error) {
	var paths []string
	inside, err := filepath.Abs(out)
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "the output folder cannot be found", "check the path")
	}
	for _, root := range in {
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if full, err := filepath.Abs(path); err == nil && e.IsDir() && full == inside {
				return filepath.SkipDir // our own output
			}
			if e.Type().IsRegular() {
				paths = append(paths, path)
			}
			return nil
		})
		if err != nil {
			return nil, fault.Wrap(err, fault.InputMissing, "cannot read "+root, "check the path and its permissions")
		}
	}
	if len(paths) == 0 {
		return nil, fault.New(fault.InputMissing, "there are no files to de-identify", "name DICOM files or folders that hold some")
	}
	return paths, nil
}

// claim makes the output folder, or checks that it was made in the same way.
func (d *Deidentifier) claim(out string) error {
	type manifest struct {
		Format      int    `json:"format"`
		Profile     string `json:"profile"`
		Edition     string `json:"edition"`
		Fingerprint string `json:"fingerprint"` // of key and options
		Disclaimer  string `json:"disclaimer"`
	}
	mine := manifest{1, d.o.Profile.String(), Edition, d.Fingerprint(), Disclaimer}
	path := filepath.Join(out, Manifest)
	text, err := os.ReadFile(path)
	if err == nil {
		var was manifest
		if json.Unmarshal(text, &was) != nil || was != mine {
			return fault.New(fault.Conflict, out+" was made with another key, profile or edition", "choose another folder, or go on with the same key and options")
		}
		return nil
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return fault.Wrap(err, fault.IO, "cannot make the output folder", "choose a folder that may be written")
	}
	text, err = json.MarshalIndent(mine, "", "  ")
	if err == nil {
		err = whole(path, func(w *bufio.Writer) error { _, err := w.Write(append(text, '\n')); return err })
	}
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot write "+path, "choose a folder that may be written")
	}
	return nil
}

// file handles one input. An error ends the run; what is wrong with the file
// itself is its fate.
func (d *Deidentifier) file(path, out string) (File, Report, error) {
	result := File{Input: path, Fate: Refused}
	report, err := d.one(path, out, &result)
	if err == nil {
		return result, report, nil
	}
	e := fault.Of(err)
	if e.Code == fault.IO || e.Code == fault.Internal || e.Code == fault.Interrupted {
		return result, report, err
	}
	result.Output = ""
	result.Code, result.What, result.Do = string(e.Code), e.What, e.Do
	if e.Err != nil {
		result.What += ": " + e.Err.Error()
	}
	return result, report, nil
}

func (d *Deidentifier) one(path, out string, result *File) (Report, error) {
	f, err := os.Open(path)
	if err != nil {
		return Report{}, fault.Wrap(err, fault.InputMissing, "cannot open "+path, "check its permissions")
	}
	defer f.Close()
	o, err := dicom.ParseObject(f, filepath.Base(path))
	if err != nil {
		return Report{}, err
	}
	if id := o.IDs(); !dicom.ValidUID(id.Study) || !dicom.ValidUID(id.SOP) {
		return Report{}, fault.New(fault.InputMalformed, path+" has no valid study or instance UID", "export it again")
	}
	result.Output = d.output(o)
	target := filepath.Join(out, result.Output)
	if _, err := os.Stat(target); err == nil {
		result.Fate = Present
		return Report{}, nil
	}
	clean, report, err := d.Object(o)
	if err != nil {
		result.Output = ""
		return report, err
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return report, fault.Wrap(err, fault.IO, "cannot make a folder", "choose a folder that may be written")
	}
	err = whole(target, func(w *bufio.Writer) error { return clean.Write(w) })
	if err == nil {
		result.Fate = Written
	}
	return report, err
}

// output is where an object goes: names that tell nothing.
func (d *Deidentifier) output(o *dicom.Object) string {
	id := o.IDs()
	study, sop := id.Study, id.SOP
	if !d.o.Profile.UIDs {
		study, sop = d.o.Key.UID(study), d.o.Key.UID(sop)
	}
	return filepath.Join(d.o.Key.pseudonym(patientOf(o)), study, sop+".dcm")
}

// whole writes a file whole or not at all.
func whole(path string, write func(w *bufio.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return fault.Wrap(err, fault.IO, "cannot write "+path, "check the folder and its free space")
	}
	defer os.Remove(f.Name())
	w := bufio.NewWriter(f)
	err = write(w)
	if err == nil {
		err = w.Flush()
	}
	if err == nil {
		err = f.Chmod(0o644)
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	var coded *fault.Error
	if err != nil && !errors.As(err, &coded) {
		return fault.Wrap(err, fault.IO, "cannot write "+path, "check the folder and its free space")
	}
	return err
}
