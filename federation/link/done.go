package link

import (
	"errors"
	"io/fs"
	"os"
	"sync"

	"consilium/federation/folder"
)

// doneFile remembers which mail was dealt with, so that it is not handed out again. A mail is marked here before it
// is taken out of the stream: what is left in between is known, and taken out later.
type doneFile struct {
	mu    sync.Mutex
	path  string
	file  *os.File
	known map[mark]bool
	count int // marks in the file
}

// keptMarks is how many are kept when the file is written anew; a mail comes twice soon or never.
const keptMarks = 4096

func openDone(path string) (*doneFile, error) {
	d := &doneFile{path: path, known: map[mark]bool{}}
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, folder.Failed(err, path+" cannot be read")
	}
	const size = len(mark{})
	text = text[:len(text)/size*size] // a crash may have left half a mark
	if extra := len(text) - keptMarks*size; extra > 0 {
		text = text[extra:]
	}
	for at := 0; at < len(text); at += size {
		d.known[mark(text[at:at+size])] = true
	}
	if err := folder.Write(path, text); err != nil {
		return nil, err
	}
	d.count = len(text) / size
	return d, d.open()
}

func (d *doneFile) open() (err error) {
	if d.file, err = os.OpenFile(d.path, os.O_WRONLY|os.O_APPEND, 0o600); err != nil {
		return folder.Failed(err, d.path+" cannot be written")
	}
	return nil
}

func (d *doneFile) has(m mark) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.known[m]
}

// add marks a mail, on disk.
func (d *doneFile) add(m mark) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.known[m] {
		return nil
	}
	_, err := d.file.Write(m[:])
	if err == nil {
		err = d.file.Sync()
	}
	if err != nil {
		return folder.Failed(err, d.path+" cannot be written")
	}
	d.known[m] = true
	d.count++
	return nil
}

func (d *doneFile) close() { _ = d.file.Close() }
