package intake

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	"consilium/clinical"
	"consilium/fault"
)

// List prepares what a user named for Read: folders are opened one level deep,
// a WFDB record named by several of its files becomes one input, and an input
// named twice counts once. Files of a folder that are no inputs are passed
// over; a folder without any input, and a named file that is missing, are
// refused. Order is the user's, and by name inside a folder.
func List(ctx context.Context, paths []string) ([]string, []clinical.Refusal) {
	l := lister{seen: map[string]bool{}}
	for _, path := range paths {
		if ctx.Err() != nil {
			break
		}
		info, err := os.Stat(path)
		switch {
		case err == nil && info.IsDir():
			l.folder(ctx, path)
		default:
			l.add(path)
		}
	}
	return l.inputs, l.refusals
}

type lister struct {
	seen     map[string]bool
	inputs   []string
	refusals []clinical.Refusal
}

func (l *lister) add(path string) {
	if header, ok := recordHeader(path); ok {
		path = header
	}
	key := identity(path)
	if l.seen[key] {
		return
	}
	l.seen[key] = true
	l.inputs = append(l.inputs, path)
}

func (l *lister) folder(ctx context.Context, path string) {
	names, err := folderNames(path)
	if err != nil {
		l.refusals = append(l.refusals, Refusal(path, err))
		return
	}
	found := false
	for _, name := range names {
		if ctx.Err() != nil {
			return
		}
		file := filepath.Join(path, name)
		if !recognised(file) {
			continue
		}
		found = true
		l.add(file)
	}
	if !found {
		err := fault.New(fault.InputEmpty, "folder "+quoted(path)+" holds no input", "name a folder with DICOM, PNG, JPEG, NPY, WFDB, WAV or MP3 files in it; deeper folders are not searched")
		l.refusals = append(l.refusals, Refusal(path, err))
	}
}

func folderNames(path string) ([]string, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, missing(path, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(MaxFolderSize + 1)
	if len(names) > MaxFolderSize {
		return nil, fault.New(fault.InputTooLarge, fmt.Sprintf("folder %s has more than %d entries", quoted(path), MaxFolderSize), "split it")
	}
	if err != nil && len(names) > 0 {
		return nil, fault.Wrap(err, fault.IO, "folder "+quoted(path)+" cannot be read", "check the disk")
	}
	sort.Strings(names)
	return names, nil
}

// recognised says whether a file found in a folder is meant as an input: its
// content is one, or its name says so and the user should hear what is wrong.
func recognised(path string) bool {
	if filepath.Base(path)[0] == '.' {
		return false
	}
	if _, ok := recordHeader(path); ok {
		return true
	}
	info, err := os.Stat(path)
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	if _, ok := byName(path); ok {
		return true
	}
	head, err := readHead(path)
	if err != nil {
		return false
	}
	_, ok := byContent(head, path)
	return ok
}

// identity is the same for every way to name one file.
func identity(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	return filepath.Clean(path)
}
