// Command makesample writes the sample ontology: invented terms, invented
// diseases and three invented cases, in the file formats of HPO and GA4GH, so
// that the readers of the real files read it.
//
// Nothing in it is medical knowledge. Same seed, same bytes.
//
//	go generate ./ontology
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// Notice stands in every file that is written here.
const Notice = "SYNTHETIC: invented by a generator to try Consilium out. Not medical knowledge, not HPO."

func main() {
	out := flag.String("o", "sample", "folder to write to")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(dir string) error {
	terms, err := readOutline()
	if err != nil {
		return err
	}
	diseases := invent(terms)
	files := map[string][]byte{
		"example.json":         obographs(terms),
		"example.hpoa":         annotations(diseases),
		"genes_to_example.txt": genes(diseases),
	}
	for name, text := range cases(terms, diseases) {
		files[filepath.Join("cases", name)] = text
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
