package ontology

import (
	"context"
	"embed"
	"io"
	"io/fs"
	"path"
	"sync"
)

//go:generate go run ./internal/makesample -o sample
//go:embed sample
var sampleFiles embed.FS

// Sample is a small base that is built in: invented terms, diseases and figures,
// read by the same parsers as the files of HPO. It is no medical knowledge. The
// same base is given to every caller.
func Sample() (*Base, error) { return sample() }

var sample = sync.OnceValues(func() (*Base, error) {
	var files []file
	for _, name := range []string{"example.json", "example.hpoa", "genes_to_example.txt"} {
		files = append(files, file{name: name, open: func() (io.ReadCloser, error) { return sampleFiles.Open(path.Join("sample", name)) }})
	}
	return read(context.Background(), files)
})

// SampleCases holds three invented patients as GA4GH phenopackets whose terms
// are those of the sample: case-1.json to case-3.json.
func SampleCases() fs.FS {
	cases, err := fs.Sub(sampleFiles, "sample/cases")
	if err != nil {
		panic(err) // the path is valid
	}
	return cases
}
