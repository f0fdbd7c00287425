package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"

	"consilium/fault"
)

// writeFile writes a file whole or not at all. Coded errors of write pass; all others are IO.
func writeFile(path string, write func(io.Writer) error) error {
	failed := func(err error) error {
		var coded *fault.Error
		if errors.As(err, &coded) {
			return err
		}
		return fault.Wrap(err, fault.IO, path+" cannot be written", "name a file in a folder that exists and may be written")
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".part-*")
	if err != nil {
		return failed(err)
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
	if err != nil {
		return failed(err)
	}
	return nil
}

// page writes a page of figures when a path is given. It comes after the figures
// themselves: what took long to measure is not lost to a mistyped path.
func (a *app) page(path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	if err := writeFile(path, write); err != nil {
		return err
	}
	a.progress("page: %s", path)
	return nil
}
