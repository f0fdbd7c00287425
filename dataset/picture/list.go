package picture

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"consilium/dataset"
	"consilium/fault"
)

// entry is one picture of a folder.
type entry struct {
	file  string // slash path inside the folder
	class string
	group string
	split dataset.Split // "" unless the folder or labels.csv says
}

// splitNames are the folder and column values that name a split.
var splitNames = map[string]dataset.Split{
	"train": dataset.Train, "training": dataset.Train,
	"val": dataset.Validation, "valid": dataset.Validation, "validation": dataset.Validation,
	"test": dataset.Test, "testing": dataset.Test,
}

// list finds the pictures of a folder: by labels.csv when there is one, else by sub-folders.
func list(fsys fs.FS, group *regexp.Regexp) ([]entry, error) {
	f, err := fsys.Open("labels.csv")
	if errors.Is(err, fs.ErrNotExist) {
		return listFolders(fsys, group)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.IO, "labels.csv cannot be opened", "check its permissions")
	}
	defer f.Close()
	return listCSV(io.LimitReader(f, maxBytes))
}

// listCSV reads the columns file, label, group (optional) and split (optional).
func listCSV(r io.Reader) ([]entry, error) {
	c := csv.NewReader(r)
	c.ReuseRecord = true
	head, err := c.Read()
	if err != nil {
		return nil, broken("labels.csv has no header", err)
	}
	at := map[string]int{"file": -1, "label": -1, "group": -1, "split": -1}
	for i, name := range head {
		at[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	if at["file"] < 0 || at["label"] < 0 {
		return nil, broken("labels.csv needs the columns file and label", nil)
	}
	var entries []entry
	seen := map[string]bool{}
	for {
		record, err := c.Read()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return nil, broken("labels.csv is broken", err)
		}
		if len(entries) == maxFiles {
			return nil, tooMany()
		}
		e, err := csvEntry(record, at)
		if err != nil {
			return nil, err
		}
		if seen[e.file] {
			return nil, broken(fmt.Sprintf("labels.csv names %q twice", e.file), nil)
		}
		seen[e.file] = true
		entries = append(entries, e)
	}
}

func csvEntry(record []string, at map[string]int) (entry, error) {
	cell := func(name string) string {
		if at[name] < 0 {
			return ""
		}
		return strings.Clone(strings.TrimSpace(record[at[name]]))
	}
	e := entry{file: path.Clean(strings.ReplaceAll(cell("file"), `\`, "/")), class: cell("label"), group: cell("group")}
	if !fs.ValidPath(e.file) || e.file == "." || e.class == "" {
		return e, broken(fmt.Sprintf("labels.csv has file %q with label %q", cell("file"), e.class), nil)
	}
	if e.group == "" {
		e.group = e.file
	}
	if name := cell("split"); name != "" {
		split, ok := splitNames[strings.ToLower(name)]
		if !ok {
			return e, broken(fmt.Sprintf("labels.csv has the split %q", name), nil)
		}
		e.split = split
	}
	return e, nil
}

// listFolders reads CLASS/.../file or SPLIT/CLASS/.../file.
func listFolders(fsys fs.FS, group *regexp.Regexp) ([]entry, error) {
	var entries []entry
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return fault.Wrap(err, fault.IO, "the folder cannot be listed", "check its permissions")
		}
		if name := d.Name(); file != "." && strings.HasPrefix(name, ".") || name == "__MACOSX" {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if !d.Type().IsRegular() || !isPicture(file) {
			return nil
		}
		if len(entries) == maxFiles {
			return tooMany()
		}
		e := entry{file: file, group: file}
		parts := strings.Split(file, "/")
		if split, ok := splitNames[strings.ToLower(parts[0])]; ok && len(parts) > 2 {
			e.split, parts = split, parts[1:]
		}
		if len(parts) < 2 {
			return fault.New(fault.InputMalformed, fmt.Sprintf("picture %q lies in no class folder", file),
				"put pictures into one sub-folder a class, or write labels.csv with the columns file,label,group")
		}
		e.class = parts[0]
		if group != nil {
			if m := group.FindStringSubmatch(path.Base(file)); m != nil {
				e.group = m[len(m)-1]
			}
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

func isPicture(file string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg"}, strings.ToLower(path.Ext(file)))
}

func broken(what string, cause error) error {
	const do = "write one row a picture with the columns file,label and, if known, group and split (train, val, test)"
	if cause == nil {
		return fault.New(fault.InputMalformed, what, do)
	}
	return fault.Wrap(cause, fault.InputMalformed, what, do)
}

func tooMany() error {
	return fault.New(fault.InputTooLarge, fmt.Sprintf("more than %d pictures", maxFiles), "give a part of the folder")
}
