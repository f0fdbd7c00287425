// Package golden compares what a test made with a file that is kept. With `go test -update` the file is written first.
// Only tests import it.
package golden

import (
	"flag"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Update says that kept files are to be written anew. A test that compares in a way of its own asks it.
var Update = flag.Bool("update", false, "write the kept files anew")

// Check fails the test unless the file at path, from the folder of the test, holds what was got.
func Check[T string | []byte](t testing.TB, path string, got T) {
	t.Helper()
	if *Update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-kept +got); `go test -run '^%s$' -update` writes it anew:\n%s", path, t.Name(), diff)
	}
}
