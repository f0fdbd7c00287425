package npz

import (
	"bytes"
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/settest"
	"consilium/fault"
)

func openBytes(t *testing.T, name string, content []byte, o Options) (*Set, error) {
	t.Helper()
	set, err := read(t.Context(), bytes.NewReader(content), int64(len(content)), name, o)
	if err == nil {
		t.Cleanup(func() { set.Close() })
	}
	return set, err
}

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name  string
		dims  []int
		kind  clinical.Kind
		shape []int
	}{
		{"grey", []int{28, 28}, clinical.KindImage, []int{1, 28, 28}},
		{"grey with a channel axis", []int{28, 28, 1}, clinical.KindImage, []int{1, 28, 28}},
		{"colour", []int{28, 28, 3}, clinical.KindImage, []int{3, 28, 28}},
		{"volume", []int{28, 28, 28}, clinical.KindVolume, []int{1, 28, 28, 28}},
		{"large", []int{64, 64, 3}, clinical.KindImage, []int{3, 64, 64}},
	} {
		t.Run(c.name, func(t *testing.T) {
			set, err := openBytes(t, "other.npz", fixture{dims: c.dims}.bytes(t), Options{})
			if err != nil {
				t.Fatal(err)
			}
			info := set.Info()
			if info.Kind != c.kind || !equalInts(info.Shape, c.shape) {
				t.Fatalf("got %s %v, want %s %v", info.Kind, info.Shape, c.kind, c.shape)
			}
			settest.Run(t, set)
		})
	}
}

func equalInts(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// The value of pixel k of image i of the fixture is known: channel, row and
// column must be where they belong.
func TestChannelsFirst(t *testing.T) {
	dims := []int{4, 5, 3}
	set, err := openBytes(t, "x.npz", fixture{dims: dims}.bytes(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	into := make([]float32, 60)
	for i := range set.Len(dataset.Validation) {
		s, err := set.Read(dataset.Validation, i, into)
		if err != nil {
			t.Fatal(err)
		}
		if s.Label != i%2 {
			t.Errorf("label %d of image %d", s.Label, i)
		}
		for c := range 3 {
			for p := range 20 {
				want := float32(pixel(dataset.Validation, i*60+p*3+c)) / 255
				if got := into[c*20+p]; got != want {
					t.Fatalf("image %d channel %d pixel %d is %v, want %v", i, c, p, got, want)
				}
			}
		}
	}
}

func TestLabelTypes(t *testing.T) {
	for _, descr := range []string{"|u1", "|i1", "<i2", "<u2", "<i4", "<u4", "<i8", "<u8"} {
		set, err := openBytes(t, "x.npz", fixture{labelType: descr}.bytes(t), Options{})
		if err != nil {
			t.Errorf("%s: %v", descr, err)
			continue
		}
		if got := len(set.Info().Labels); got != 2 {
			t.Errorf("%s: %d classes", descr, got)
		}
	}
}

func TestMultiLabelNeedsATask(t *testing.T) {
	content := fixture{columns: 14}.bytes(t)
	if _, err := openBytes(t, "chestmnist.npz", content, Options{}); fault.CodeOf(err) != fault.InputUnsupported {
		t.Errorf("without a task: %v", err)
	}
	set, err := openBytes(t, "chestmnist.npz", content, Options{Task: "Effusion"})
	if err != nil {
		t.Fatal(err)
	}
	if l := set.Info().Labels; len(l) != 2 || l[0].Name != "no effusion" || l[1].Code != "J90" {
		t.Errorf("labels %v", l)
	}
	settest.Run(t, set)
}

func TestFind(t *testing.T) {
	for path, want := range map[string]string{
		"a/PneumoniaMNIST.npz": "PneumoniaMNIST", "pathmnist_224.npz": "PathMNIST",
		"organmnist3d_64.npz": "OrganMNIST3D", "mine_28x.npz": "mine_28x",
	} {
		if got := Find(path).Name; got != want {
			t.Errorf("Find(%q) is %q, want %q", path, got, want)
		}
	}
	if len(medMNISTSets) != 18 {
		t.Errorf("%d sets, MedMNIST v2 has 18", len(medMNISTSets))
	}
	if got := Find("dermamnist.npz").Licence; got != "CC BY-NC 4.0" {
		t.Errorf("DermaMNIST's licence is %q", got)
	}
}

func TestRefusals(t *testing.T) {
	good := fixture{}.bytes(t)
	for _, c := range []struct {
		name    string
		content []byte
		code    fault.Code
	}{
		{"empty", nil, fault.InputEmpty},
		{"not a zip", []byte("hello, this is text"), fault.InputMalformed},
		{"truncated", good[:len(good)/2], fault.InputTruncated},
		{"flipped bit", flip(good), fault.InputMalformed},
		{"flipped pixel, not compressed", flip(fixture{stored: true}.bytes(t)), fault.InputMalformed},
		{"shape larger than the array", fixture{shape: []int{7, 28, 28}}.bytes(t), fault.InputMalformed},
		{"shape smaller than the array", fixture{dims: []int{128, 128}, shape: []int{1, 128, 128}}.bytes(t), fault.InputMalformed},
		{"huge shape", fixture{shape: []int{1 << 30, 1 << 30, 1 << 30}}.bytes(t), fault.InputTooLarge},
		{"huge side", fixture{shape: []int{1, 1, 100000}}.bytes(t), fault.InputTooLarge},
		{"overflowing dimension", fixture{header: "{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999, 28, 28), }"}.bytes(t), fault.InputTooLarge},
		{"negative dimension", fixture{header: "{'descr': '|u1', 'fortran_order': False, 'shape': (-6, 28, 28), }"}.bytes(t), fault.InputUnsupported},
		{"Fortran order", fixture{header: "{'descr': '|u1', 'fortran_order': True, 'shape': (6, 28, 28), }"}.bytes(t), fault.InputUnsupported},
		{"floats", fixture{header: "{'descr': '<f4', 'fortran_order': False, 'shape': (6, 28, 28), }"}.bytes(t), fault.InputUnsupported},
		{"objects", fixture{header: "{'descr': '|O', 'fortran_order': False, 'shape': (6, 28, 28), }"}.bytes(t), fault.InputUnsupported},
		{"not npy", fixture{header: "-"}.bytes(t), fault.InputMalformed},
		{"two dimensions", fixture{dims: []int{28}}.bytes(t), fault.InputTooLarge},
		{"five dimensions", fixture{dims: []int{4, 4, 4, 3}}.bytes(t), fault.InputUnsupported},
		{"labels of floats", fixture{labelType: "<f8"}.bytes(t), fault.InputUnsupported},
		{"big-endian labels", fixture{labelType: ">i8"}.bytes(t), fault.InputUnsupported},
		{"too few labels", fixture{missingLabels: 1}.bytes(t), fault.InputMalformed},
		{"missing array", fixture{skip: "test_labels.npy"}.bytes(t), fault.InputMalformed},
		{"no training images", fixture{counts: []int{0, 2, 2}}.bytes(t), fault.InputEmpty},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := openBytes(t, "x.npz", c.content, Options{}); fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
	// A shape that lies is found before anything is decompressed for it.
	if _, err := openBytes(t, "x.npz", fixture{shape: []int{7, 28, 28}}.bytes(t), Options{}); err == nil || !strings.Contains(err.Error(), "declares shape [7 28 28]") {
		t.Errorf("a shape larger than the array: %v", err)
	}
	if _, err := openBytes(t, "pneumoniamnist.npz", fixture{classes: 3}.bytes(t), Options{}); fault.CodeOf(err) != fault.InputMalformed {
		t.Errorf("a class that PneumoniaMNIST does not have: %v", err)
	}
}

// flip changes a byte of the first array, after its header.
func flip(content []byte) []byte {
	content = bytes.Clone(content)
	content[300] ^= 0xff
	return content
}

func TestMissingFile(t *testing.T) {
	_, err := Open(t.Context(), filepath.Join(t.TempDir(), "breastmnist.npz"), Options{})
	if fault.CodeOf(err) != fault.DataMissing {
		t.Fatal(err)
	}
	if e := fault.Of(err); !bytes.Contains([]byte(e.Do), []byte("BreastMNIST")) {
		t.Errorf("the way out names no download: %s", e.Do)
	}
}

func TestInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	content := fixture{}.bytes(t)
	_, err := read(ctx, bytes.NewReader(content), int64(len(content)), "x.npz", Options{})
	if fault.CodeOf(err) != fault.Interrupted || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func openSpooled(t *testing.T, f fixture) (*Set, string) {
	t.Helper()
	dir := t.TempDir()
	path, spool := filepath.Join(dir, "large.npz"), filepath.Join(dir, "spool")
	if err := os.WriteFile(path, f.bytes(t), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := Open(t.Context(), path, Options{Spool: spool, InMemory: 1 << 10})
	if err != nil {
		t.Fatal(err)
	}
	if set.store.file == nil {
		t.Fatal("the images stayed in memory")
	}
	return set, spool
}

// A spooled set passes the suite, reads what a set in memory reads, and leaves nothing behind.
func TestSpool(t *testing.T) {
	set, spool := openSpooled(t, fixture{dims: []int{28, 28, 3}})
	settest.Run(t, set)
	into := make([]float32, set.Info().Size())
	s, err := set.Read(dataset.Test, 1, into)
	if err != nil || s.Label != 1 {
		t.Fatal(s, err)
	}
	if want := float32(pixel(dataset.Test, len(into)+2)) / 255; into[2*28*28] != want {
		t.Errorf("first blue value is %v, want %v", into[2*28*28], want)
	}
	if err := set.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(spool); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
	if _, err := set.Read(dataset.Test, 0, into); fault.CodeOf(err) != fault.IO {
		t.Errorf("reading a closed set: %v", err)
	}
}

// 45 MB of images on disk cost next to no heap.
func TestSpoolIsNotInMemory(t *testing.T) {
	before := heap()
	set, _ := openSpooled(t, fixture{dims: []int{224, 224, 3}, counts: []int{280, 10, 10}})
	defer set.Close()
	if grown := heap() - before; grown > 8<<20 {
		t.Errorf("the heap grew by %d MiB", grown>>20)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// The official counts per split and class.
func TestOfficialFiles(t *testing.T) {
	for name, want := range map[string]map[dataset.Split][]int{
		"pneumoniamnist": {dataset.Train: {1214, 3494}, dataset.Validation: {135, 389}, dataset.Test: {234, 390}},
		"retinamnist":    {dataset.Train: {486, 128, 206, 194, 66}, dataset.Validation: nil, dataset.Test: {174, 46, 92, 68, 20}},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := Open(t.Context(), filepath.Join(settest.Data(t, "medmnist"), name+".npz"), Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			settest.Run(t, set)
			for split, counts := range want {
				if counts != nil {
					settest.Counts(t, set, split, counts)
				}
			}
			into := make([]float32, set.Info().Size())
			if _, err := set.Read(dataset.Train, 0, into); err != nil {
				t.Fatal(err)
			}
			for _, v := range into {
				if v < 0 || v > 1 || math.IsNaN(float64(v)) {
					t.Fatalf("value %v", v)
				}
			}
		})
	}
}

// BenchmarkRead reads one 28x28 grey image of a set in memory.
func BenchmarkRead(b *testing.B) {
	content := fixture{}.bytes(b)
	set, err := read(b.Context(), bytes.NewReader(content), int64(len(content)), "x.npz", Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer set.Close()
	into := make([]float32, set.Info().Size())
	for i := 0; b.Loop(); i++ {
		if _, err := set.Read(dataset.Train, i%6, into); err != nil {
			b.Fatal(err)
		}
	}
}
