package npz

import (
	"bytes"
	"testing"

	"consilium/dataset"
)

func FuzzHeader(f *testing.F) {
	f.Add(npy(dictionary("|u1", []int{2, 28, 28}), nil))
	f.Add(npy(dictionary("<i8", []int{2, 1}), nil))
	f.Add([]byte("\x93NUMPY\x02\x00\xff\xff\xff\xff{}"))
	f.Add([]byte("\x93NUMPY\x01\x00\x03\x00{'}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, err := parseHeader(bytes.NewReader(content))
		if err != nil {
			return
		}
		if len(h.shape) == 0 || len(h.shape) > 5 {
			t.Fatalf("shape %v", h.shape)
		}
		if n, err := h.size(maxDecoded); err == nil && (n < 0 || n > maxDecoded) {
			t.Fatalf("shape %v has size %d", h.shape, n)
		}
	})
}

func FuzzArchive(f *testing.F) {
	f.Add(fixture{dims: []int{2, 2}}.bytes(f))
	f.Add(fixture{dims: []int{2, 2, 3}, columns: 3}.bytes(f))
	f.Add(fixture{dims: []int{2, 2, 2}, labelType: "<i8"}.bytes(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		set, err := read(t.Context(), bytes.NewReader(content), int64(len(content)), "x.npz", Options{Task: "class 1"})
		if err != nil {
			return
		}
		defer set.Close()
		into := make([]float32, set.Info().Size())
		for _, split := range dataset.Splits {
			if n := set.Len(split); n > 0 {
				if s, err := set.Read(split, n-1, into); err != nil || s.Label >= len(set.Info().Labels) {
					t.Fatalf("an opened set cannot be read: %+v %v", s, err)
				}
			}
		}
	})
}
