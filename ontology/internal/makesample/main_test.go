package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// What is committed is what the generator writes: same seed, same bytes.
func TestTheSampleIsUpToDate(t *testing.T) {
	fresh := t.TempDir()
	if err := write(fresh); err != nil {
		t.Fatal(err)
	}
	committed := filepath.Join("..", "..", "sample")
	files := 0
	err := filepath.WalkDir(fresh, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files++
		name, _ := filepath.Rel(fresh, path)
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if got, err := os.ReadFile(filepath.Join(committed, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: go generate ./ontology (%v)", name, err)
		}
		return nil
	})
	if err != nil || files != 6 {
		t.Fatal(files, err)
	}
}
