package models

import (
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"

	"consilium/fault"
	"consilium/registry"
)

// templateSuffix ends the names of files with what only a person can state of a
// model: task, intended use, limits, labels' codes. `consilium train` fills in the rest.
const templateSuffix = ".card.json"

// Tasks lists the names that have a template, sorted.
func Tasks() []string {
	found, _ := fs.Glob(files, "*"+templateSuffix) // the pattern is well formed
	for i, name := range found {
		found[i] = strings.TrimSuffix(name, templateSuffix)
	}
	slices.Sort(found)
	return found
}

// Template gives the card texts of a task; ok is false when there are none.
func Template(task string) (card registry.Card, ok bool, err error) {
	text, err := files.ReadFile(task + templateSuffix)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrInvalid) {
		return card, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &card)
	}
	if err != nil {
		return card, false, fault.Wrap(err, fault.Internal, "the card template of "+task+" cannot be read", "build the program again")
	}
	card.Name = task
	return card, true, nil
}
