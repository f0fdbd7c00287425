package result

import (
	"bytes"
	"testing"

	"consilium/dicom"
)

func TestReportsAreValid(t *testing.T) {
	var paths []string
	folder := t.TempDir()
	defer func() { readable(t, paths...) }()
	for name, list := range sources(t) {
		t.Run(name, func(t *testing.T) {
			in := about(list)
			unsigned, err := SR(in)
			if err != nil {
				t.Fatal(err)
			}
			signed, err := SR(reviewed(in, unsigned))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := BasicSR(in)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []*dicom.Object{unsigned, signed, plain} {
				path := save(t, folder, o)
				validate(t, path)
				dump(t, path)
				paths = append(paths, path)
			}
		})
	}
}

func TestRepetitionGivesTheSameBytes(t *testing.T) {
	in := about(sources(t)["CR"])
	first, err := SR(in)
	if err != nil {
		t.Fatal(err)
	}
	again, err := SR(about(sources(t)["CR"]))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(write(t, first), write(t, again)) {
		t.Error("the same input gave other bytes")
	}
	in.Findings[0].Digest = "another model"
	other, err := SR(in)
	if err != nil {
		t.Fatal(err)
	}
	if a, b := first.IDs(), other.IDs(); a.SOP == b.SOP || a.Series == b.Series || a.Study != b.Study {
		t.Errorf("another model: %v and %v", a, b)
	}
}

func BenchmarkSR(b *testing.B) {
	in := about(sources(b)["CR"])
	for b.Loop() {
		if _, err := SR(in); err != nil {
			b.Fatal(err)
		}
	}
}
