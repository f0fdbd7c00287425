package cough

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"consilium/dataset"
	"consilium/fault"
)

// Limits on labels.csv.
const (
	maxLabelBytes = 16 << 20
	maxRecordings = 100_000
)

// recording is one row of labels.csv.
type recording struct {
	file   string // in audio/
	source string
	md5    string // of the file's content; unique in the set
	label  int    // 1: COVID-19
}

// readLabels reads labels.csv and checks that every file is there.
func readLabels(folder string) ([]recording, error) {
	f, err := os.Open(filepath.Join(folder, "labels.csv"))
	if err != nil {
		return nil, dataset.Missing(folder, "the cough set", "https://github.com/covid19-cough/dataset")
	}
	defer f.Close()
	list, err := parseLabels(io.LimitReader(f, maxLabelBytes))
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		if _, err := os.Stat(filepath.Join(folder, "audio", r.file)); err != nil {
			return nil, fault.Wrap(err, fault.DataMissing, "recording "+r.file+" is not in audio/", "copy the cough set again")
		}
	}
	return list, nil
}

// parseLabels reads the columns filename, covid19, source and md5.
func parseLabels(r io.Reader) ([]recording, error) {
	rows := csv.NewReader(r)
	header, err := rows.Read()
	if err != nil {
		return nil, fault.Wrap(err, fault.InputMalformed, "labels.csv has no header", "copy the cough set again")
	}
	column := map[string]int{}
	for i, name := range header {
		column[name] = i
	}
	for _, name := range []string{"filename", "covid19", "source", "md5"} {
		if _, ok := column[name]; !ok {
			return nil, fault.New(fault.InputMalformed, "labels.csv has no column "+name, "copy the cough set again")
		}
	}
	var list []recording
	seen := map[string]bool{}
	for {
		row, err := rows.Read()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.InputMalformed, "labels.csv cannot be read", "copy the cough set again")
		}
		rec := recording{file: row[column["filename"]], source: row[column["source"]], md5: row[column["md5"]]}
		switch row[column["covid19"]] {
		case "0":
		case "1":
			rec.label = 1
		default:
			return nil, fault.New(fault.InputMalformed, fmt.Sprintf("labels.csv: %s has label %q", rec.file, row[column["covid19"]]), "labels are 0 and 1")
		}
		if !filepath.IsLocal(rec.file) || filepath.Base(rec.file) != rec.file {
			return nil, fault.New(fault.InputMalformed, fmt.Sprintf("labels.csv: %q is not a plain file name", rec.file), "check where the set comes from")
		}
		if seen[rec.md5] || rec.md5 == "" {
			return nil, fault.New(fault.InputMalformed, "labels.csv: content of "+rec.file+" occurs twice", "leave duplicates out: they would cross the splits")
		}
		if len(list) == maxRecordings {
			return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("labels.csv has more than %d rows", maxRecordings), "use a smaller set")
		}
		seen[rec.md5] = true
		list = append(list, rec)
	}
}
