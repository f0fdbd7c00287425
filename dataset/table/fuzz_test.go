package table

import (
	"math"
	"os"
	"strings"
	"testing"

	"consilium/dataset"
)

func seeds(f *testing.F, name string) {
	content, err := os.ReadFile("testdata/" + name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(content))
}

func FuzzARFF(f *testing.F) {
	seeds(f, "hearts.arff")
	f.Add("@attribute 'a\\'b' {'x','y'}\n@data\n'x'\ny\n?")
	f.Add("@attribute a numeric\n@attribute b{x,y}*\n@data\n{1 x}\n1e308,x")
	f.Fuzz(func(t *testing.T, content string) { readAny(t, content, true, false) })
}

func FuzzCSV(f *testing.F) {
	seeds(f, "hearts.csv")
	f.Add("\ufeffa\tb\n\"1\"\t-0\n0x1p3\t0\nNaN\t1")
	f.Add("a,b\n1e30,1e300\n-1e30,x\n,")
	f.Fuzz(func(t *testing.T, content string) {
		readAny(t, content, false, false)
		readAny(t, content, false, true)
	})
}

// readAny opens what it can, and then every value must be finite and bounded.
func readAny(t *testing.T, content string, arff, noHeader bool) {
	set, err := read(strings.NewReader(content), "x", arff, Options{NoHeader: noHeader})
	if err != nil {
		return
	}
	into := make([]float32, set.Info().Size())
	for _, split := range dataset.Splits {
		for i := range set.Len(split) {
			if s, err := set.Read(split, i, into); err != nil || s.Label < 0 || s.Label >= len(set.Info().Labels) {
				t.Fatalf("an opened table cannot be read: %+v %v", s, err)
			}
			for _, v := range into {
				if !(math.Abs(float64(v)) <= clip) {
					t.Fatalf("value %v", v)
				}
			}
		}
	}
}
