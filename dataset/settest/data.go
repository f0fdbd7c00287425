package settest

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"consilium/dataset"
)

// Data gives the folder of a real data set: under $CONSILIUM_DATA, or under
// ../shared/data beside the repository. It skips the test when there is none.
func Data(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("CONSILIUM_DATA")
	if root == "" {
		root = filepath.Join(moduleRoot(t), "..", "shared", "data")
	}
	folder := filepath.Join(root, name)
	if _, err := os.Stat(folder); err != nil {
		t.Skipf("no real data %q here: set CONSILIUM_DATA to run this test", name)
	}
	return folder
}

// moduleRoot walks up from the test's working directory to go.mod.
func moduleRoot(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the working directory")
		}
		dir = parent
	}
}

// Counts checks how many examples of each class a split holds.
func Counts(t testing.TB, set dataset.Set, split dataset.Split, want []int) {
	t.Helper()
	got := make([]int, len(set.Info().Labels))
	into := make([]float32, set.Info().Size())
	for i := range set.Len(split) {
		s, err := set.Read(split, i, into)
		if err != nil {
			t.Fatal(err)
		}
		got[s.Label]++
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s has %v examples a class, want %v", split, got, want)
	}
}
