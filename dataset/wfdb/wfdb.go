// Package wfdb reads and writes PhysioNet's WFDB records: a text header
// (.hea), signal files in the formats 16, 24, 32, 61, 80 and 212 (also the
// MATLAB v4 .mat files of the PhysioNet challenges, which are format 16 behind
// a 24-byte preamble), and MIT-format annotations (.atr).
//
// Source: WFDB Applications Guide, header(5), signal(5) and annot(5).
package wfdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"consilium/clinical"
	"consilium/fault"
)

// Limits on what is read. A record beyond them is refused with INPUT_TOO_LARGE.
const (
	MaxHeaderBytes     = 1 << 20  // of the .hea file
	MaxSignals         = 256      // signals in one record
	MaxSamples         = 32 << 20 // signals times samples: two leads, 24 hours at 190 Hz
	MaxAnnotationBytes = 16 << 20 // of the .atr file
)

// Read reads one record. path names its header, its signal file (.dat, .mat)
// or both without extension; the header decides which signal files are read,
// all from its own folder. Voltages come in mV; samples that the format marks
// as invalid come as NaN. Annotations are read from the record's .atr file
// when there is one.
func Read(path string) (clinical.Recording, error) {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return clinical.Recording{}, fault.Wrap(err, fault.InputMissing, "cannot open the folder of "+base, "check the path")
	}
	defer root.Close()
	rec, err := ReadFS(root.FS(), recordName(base))
	if err != nil {
		return clinical.Recording{}, err
	}
	rec.Source = base
	return rec, nil
}

// recordName strips the extensions that belong to a record. Other dots may be
// part of the name.
func recordName(base string) string {
	switch strings.ToLower(filepath.Ext(base)) {
	case ".hea", ".dat", ".mat", ".atr":
		return base[:len(base)-4]
	}
	return base
}

// ReadFS reads the record name from a folder. The folder is the boundary: a
// header cannot name a file outside it.
func ReadFS(folder fs.FS, name string) (clinical.Recording, error) {
	text, err := readAll(folder, name+".hea", MaxHeaderBytes)
	if err != nil {
		return clinical.Recording{}, err
	}
	h, err := ParseHeader(text)
	if err != nil {
		return clinical.Recording{}, err
	}
	channels, err := readSignals(folder, h)
	if err != nil {
		return clinical.Recording{}, err
	}
	rec := clinical.Recording{
		Source:    name + ".hea",
		Format:    "WFDB",
		Kind:      clinical.KindECG,
		Rate:      h.Rate,
		Channels:  channels,
		Comments:  h.Comments,
		Patient:   patient(h.Comments),
		Synthetic: synthetic(h.Comments),
	}
	rec.Patient.Synthetic = rec.Synthetic
	rec.Annotations, err = readAnnotations(folder, name+".atr", h.Rate)
	return rec, err
}

func readAnnotations(folder fs.FS, name string, rate float64) ([]clinical.Annotation, error) {
	data, err := readAll(folder, name, MaxAnnotationBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // annotations are optional
	}
	if err != nil {
		return nil, err
	}
	return ParseAnnotations(data, rate)
}

// open opens a regular file of the folder and gives its size. It looks before it
// opens: a header may name a FIFO, whose opening waits for a writer that never comes.
func open(folder fs.FS, name string) (fs.File, int64, error) {
	info, err := fs.Stat(folder, name)
	if err != nil {
		return nil, 0, fault.Wrap(err, fault.InputMissing, "cannot open "+name, "put the record's header and signal files in one folder")
	}
	if !info.Mode().IsRegular() {
		return nil, 0, fault.New(fault.InputMissing, name+" is not a regular file", "check the file")
	}
	f, err := folder.Open(name)
	if err != nil {
		return nil, 0, fault.Wrap(err, fault.InputMissing, "cannot read "+name, "check the file")
	}
	return f, info.Size(), nil
}

func readAll(folder fs.FS, name string, limit int64) ([]byte, error) {
	f, size, err := open(folder, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if size == 0 {
		return nil, fault.New(fault.InputEmpty, name+" is empty", "check that the copy is complete")
	}
	if size > limit {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("%s has %d bytes, the limit is %d", name, size, limit), "hand in a shorter record")
	}
	data, err := io.ReadAll(io.LimitReader(f, limit))
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "cannot read "+name, "check the file")
	}
	return data, nil
}

// patient takes age and sex from the header comments "Age: 78", "Sex: Male".
func patient(comments []string) clinical.Patient {
	var p clinical.Patient
	for _, c := range comments {
		key, value, _ := strings.Cut(c, ":")
		value = strings.TrimSpace(value)
		switch strings.ToLower(strings.TrimSpace(key)) {
		case "age":
			if value != "" && !strings.EqualFold(value, "unknown") && !strings.EqualFold(value, "nan") {
				p.Age = value
			}
		case "sex":
			switch strings.ToLower(value) {
			case "m", "male":
				p.Sex = "M"
			case "f", "female":
				p.Sex = "F"
			}
		}
	}
	return p
}

func synthetic(comments []string) bool {
	for _, c := range comments {
		if strings.Contains(c, "SYNTHETIC DATA") {
			return true
		}
	}
	return false
}

func malformed(format string, a ...any) error {
	return fault.New(fault.InputMalformed, "WFDB: "+fmt.Sprintf(format, a...), "check the record against its source")
}

func unsupported(format string, a ...any) error {
	return fault.New(fault.InputUnsupported, "WFDB: "+fmt.Sprintf(format, a...), "convert the record to format 16 with one signal rate")
}
