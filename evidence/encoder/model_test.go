package encoder

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"consilium/fault"
)

func tiny(t testing.TB) *Model {
	t.Helper()
	cfg := smallConfig()
	cfg.Epochs = 1
	m, err := Train(context.Background(), invented(20, 1), cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSaveAndLoad(t *testing.T) {
	m, file := tiny(t), filepath.Join(t.TempDir(), "encoder.bin")
	if err := m.Save(file); err != nil {
		t.Fatal(err)
	}
	again, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name() != again.Name() || !bytes.Equal(m.Bytes(), again.Bytes()) {
		t.Errorf("%s became %s", m.Name(), again.Name())
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); fault.CodeOf(err) != fault.InputMissing {
		t.Errorf("absent file: %v", err)
	}
}

// Eight bits a value lose little: the direction stays.
func TestQuantisedVectorsAreNearTheTrainedOnes(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	cfg := smallConfig()
	vocabulary := []string{"fever", "rash", "pain", "of", "the"}
	n := newNetwork(len(vocabulary)+cfg.Buckets, cfg.Dimensions, rng)
	m := quantise(n, vocabulary, cfg)
	text := "the fever of Xanthia and a rash"
	want := n.forward(passage, []example{makeExample(m.lexicon, words(text), cfg.Opening, nil)}).unit
	got, err := m.Encode(context.Background(), []string{text}, false)
	if err != nil {
		t.Fatal(err)
	}
	if c := dot(want, got[0]); c < 0.999 {
		t.Errorf("cosine %g", c)
	}
}

func TestVectorsHaveLengthOne(t *testing.T) {
	got, err := tiny(t).Encode(context.Background(), []string{"signs include fever", "never seen words", "?", ""}, true)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{1, 1, 0, 0} {
		if n := math.Sqrt(float64(dot(got[i], got[i]))); math.Abs(n-want) > 1e-5 {
			t.Errorf("text %d has length %g", i, n)
		}
	}
}

func TestEncodeStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := tiny(t).Encode(ctx, []string{"fever"}, true); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("after cancel: %v", err)
	}
}

// A file that is cut or changed anywhere is refused.
func TestDamageIsSeen(t *testing.T) {
	data := tiny(t).Bytes()
	for _, n := range []int{0, 5, 12, 40, len(data) / 2, len(data) - 1} {
		if _, err := Parse(data[:n]); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	for at := 0; at < len(data); at += len(data) / 50 {
		bad := bytes.Clone(data)
		bad[at] ^= 4
		if _, err := Parse(bad); fault.CodeOf(err) != fault.ModelMalformed {
			t.Errorf("byte %d changed: %v", at, err)
		}
	}
}

// FuzzParse mends the checksum, so that what lies behind it is reached. What parses also encodes.
func FuzzParse(f *testing.F) {
	f.Add(tiny(f).Bytes())
	small, _ := seal(modelMagic, header{Config: Config{Dimensions: 1, Buckets: 1, Batch: 2, PerGroup: 1, Epochs: 1, Rate: 1, Sharpness: 1}}, make([]byte, 5+2*6))
	f.Add(small)
	huge, _ := seal(modelMagic, header{Config: Config{Dimensions: maxDimensions, Buckets: maxRows, Batch: 2, PerGroup: 1, Epochs: 1, Rate: 1, Sharpness: 1}}, nil)
	f.Add(huge)
	f.Add([]byte(modelMagic + "\xff\xff\xff\xff    "))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4 {
			data = binary.LittleEndian.AppendUint32(bytes.Clone(data[:len(data)-4]), crc32.ChecksumIEEE(data[:len(data)-4]))
		}
		m, err := Parse(data)
		if err != nil {
			if fault.CodeOf(err) != fault.ModelMalformed {
				t.Fatalf("uncoded: %v", err)
			}
			return
		}
		v, err := m.Encode(context.Background(), []string{"fever of Xanthia"}, true)
		if err != nil || len(v[0]) != m.Dimensions() {
			t.Fatalf("parsed, and gives %v, %v", v, err)
		}
	})
}

// A passage of 200 words, the mean of MedQuAD, by the shipped model.
func BenchmarkEncode(b *testing.B) {
	m, err := New()
	if err != nil {
		b.Fatal(err)
	}
	text := ""
	for i := range 200 {
		text += m.vocabulary[(i*i*7)%len(m.vocabulary)] + " "
	}
	text += "Xanthogranulomatosis hypophosphatasia"
	for b.Loop() {
		if _, err := m.Encode(context.Background(), []string{text}, false); err != nil {
			b.Fatal(err)
		}
	}
}
