package knowledge

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"consilium/fault"
)

// FuzzDecode puts a right checksum below whatever comes: the checksum alone would keep
// every mutant out.
func FuzzDecode(f *testing.F) {
	g := planted(f, 2, 3, 3)
	for _, name := range []string{ComplEx, TuckER} {
		c := small(name)
		c.Dim, c.Core, c.Epochs = 2, 1, 1
		var file bytes.Buffer
		if err := trained(f, g, c, HoldOut{}).Write(&file); err != nil {
			f.Fatal(err)
		}
		f.Add(file.Bytes()[:file.Len()-sha256.Size])
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, body []byte) {
		sum := sha256.Sum256(body)
		m, err := Decode(bytes.NewReader(append(bytes.Clone(body), sum[:]...)))
		if err != nil {
			if fault.CodeOf(err) != fault.ModelMalformed {
				t.Fatal(err)
			}
			return
		}
		s := m.Scorer() // a model that was accepted can be used
		for id, d := range s.disease {
			for column := range s.Terms() {
				_ = s.Score(d, column)
			}
			if got, ok := s.Disease(id); !ok || got != d {
				t.Fatal("a disease is not found by its identifier")
			}
		}
	})
}
