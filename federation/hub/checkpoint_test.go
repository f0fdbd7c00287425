package hub

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"consilium/fault"
)

func TestCheckpointRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), "job", checkpointFile)
	if c, err := loadCheckpoint(path, 3); c != nil || err != nil {
		t.Fatal(c, err)
	}
	for _, size := range []int{1, 3, 1<<14 - 1, 1 << 14, 1<<15 + 5} {
		want := checkpoint{Format: checkpointFormat, Round: 4, Measured: 2, Noised: 3, RuleBytes: 4, Numbers: size, Rule: []byte("ru\nl"), Global: make([]float32, size)}
		for i := range want.Global {
			want.Global[i] = float32(i) - 0.5
		}
		for range 30_000 { // a head of more than one buffer
			want.Pooled = append(want.Pooled, 1.25)
		}
		if err := want.save(path); err != nil {
			t.Fatal(err)
		}
		got, err := loadCheckpoint(path, size)
		if err != nil || !reflect.DeepEqual(*got, want) {
			t.Fatal(size, err)
		}
		if _, err := loadCheckpoint(path, size+1); fault.CodeOf(err) != fault.CheckpointBad {
			t.Fatal(err)
		}
	}
}

// FuzzCheckpoint: whatever lies in the file, it is a whole checkpoint or a coded error.
func FuzzCheckpoint(f *testing.F) {
	path := filepath.Join(f.TempDir(), checkpointFile)
	if err := (checkpoint{Round: 1, Rule: []byte{1, 2}, Global: []float32{1, 2}}).save(path); err != nil {
		f.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(bytes.Clone(good), 0))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"format":2,"numbers":2,"rule_bytes":-8}` + "\n"))
	f.Add([]byte(`{"format":2,"numbers":2,"rule_bytes":9000000000000000000}` + "\n12345678"))
	f.Add(bytes.Repeat([]byte("["), 1<<17))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := readCheckpoint(bytes.NewReader(text), int64(len(text)), 2)
		if err == nil && (len(c.Global) != 2 || len(c.Rule) != c.RuleBytes || c.Format != checkpointFormat) {
			t.Fatalf("%+v", c)
		}
		if again, _ := readCheckpoint(bytes.NewReader(good), int64(len(good)), 2); again == nil || again.Round != 1 {
			t.Fatal("a good one is not read")
		}
	})
}
