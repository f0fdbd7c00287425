package jpeg2000

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"consilium/dicom/pixel/raster"
	"consilium/fault"
)

// TestModule ties the committed module to what scripts/openjpeg.sh makes.
func TestModule(t *testing.T) {
	const want = "814a7c5e75b59f3f0332a2d1638e620b655de0cb6b6ce255b5a5b10da3c74b4f"
	if sum := sha256.Sum256(binaryModule); hex.EncodeToString(sum[:]) != want {
		t.Errorf("openjpeg.wasm is %x; scripts/openjpeg.sh makes %s", sum, want)
	}
}

// TestModuleReachesNothing: one import, which answers yes or no.
func TestModuleReachesNothing(t *testing.T) {
	s, err := compile()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range s.module.ImportedFunctions() {
		if from, name, _ := f.Import(); from != "consilium" || name != "alive" {
			t.Errorf("the module imports %s.%s", from, name)
		}
	}
	if n := len(s.module.ImportedMemories()); n != 0 {
		t.Errorf("the module shares %d memories", n)
	}
}

func stream(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var grey = raster.Shape{Rows: 17, Columns: 23, Components: 1, Bits: 8}

// header is a codestream that promises much and holds nothing: SIZ, COD, QCD and the start of a tile.
func header(columns, rows, tileColumns, tileRows, components int, levels, blocks byte) []byte {
	b := []byte{0xff, 0x4f, 0xff, 0x51}
	b = binary.BigEndian.AppendUint16(b, uint16(38+3*components))
	b = append(b, 0, 0)
	for _, v := range []int{columns, rows, 0, 0, tileColumns, tileRows, 0, 0} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	b = binary.BigEndian.AppendUint16(b, uint16(components))
	for range components {
		b = append(b, 7, 1, 1)
	}
	b = append(b, 0xff, 0x52, 0, 12, 0, 0, 0, 1, 0, levels, blocks, blocks, 0, 1)
	b = append(b, 0xff, 0x5c)
	b = binary.BigEndian.AppendUint16(b, uint16(4+3*int(levels)))
	b = append(b, 0x40)
	for range 3*int(levels) + 1 {
		b = append(b, 0x40)
	}
	b = append(b, 0xff, 0x90, 0, 10, 0, 0, 0, 0, 0, 0, 0, 1)
	return append(b, 0xff, 0x93, 0, 0, 0, 0, 0xff, 0xd9)
}

func TestRefusals(t *testing.T) {
	whole := stream(t, "gdcmconv-j2k-1x8.bin")
	for _, c := range []struct {
		name string
		data []byte
		want raster.Shape
		code fault.Code
	}{
		{"nothing", nil, grey, fault.InputMalformed},
		{"noise", []byte("this is no codestream, it only looks like one"), grey, fault.InputMalformed},
		{"half", whole[:len(whole)/2], grey, fault.InputMalformed},
		{"other rows", whole, raster.Shape{Rows: 18, Columns: 23, Components: 1, Bits: 8}, fault.InputMalformed},
		{"other components", whole, raster.Shape{Rows: 17, Columns: 23, Components: 3, Bits: 8}, fault.InputMalformed},
		{"more bits", stream(t, "gdcmconv-j2k-1x16.bin"), grey, fault.InputMalformed},
		{"a picture of 2^62 pixels", header(1<<31-1, 1<<31-1, 1<<31-1, 1<<31-1, 1, 5, 4), grey, fault.InputMalformed},
		{"65535 tiles", header(65535, 1, 1, 1, 1, 0, 4), raster.Shape{Rows: 1, Columns: 65535, Components: 1, Bits: 8}, fault.InputMalformed},
		{"the smallest blocks", header(2048, 2048, 2048, 2048, 1, 5, 0), raster.Shape{Rows: 2048, Columns: 2048, Components: 1, Bits: 8}, fault.InputMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			_, err := Decode(ctx, c.data, c.want)
			if code := fault.CodeOf(err); code != c.code && code != fault.InputTooLarge {
				t.Errorf("%v, want %s", err, c.code)
			}
			t.Log(err)
		})
	}
}

// TestContextEndsDecoding: the module is asked to stop while it runs.
func TestContextEndsDecoding(t *testing.T) {
	if _, err := compile(); err != nil { // not part of the time
		t.Fatal(err)
	}
	data := stream(t, "opj-compress-n-3-b-4-4-1x16.bin")
	want := raster.Shape{Rows: 29, Columns: 26, Components: 1, Bits: 16}
	if _, err := Decode(t.Context(), data, want); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Decode(ctx, data, want); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("%v after the context ended", err)
	}
	slow := header(8192, 8192, 8192, 8192, 1, 5, 0) // four million blocks: seconds
	ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := Decode(ctx, slow, raster.Shape{Rows: 8192, Columns: 8192, Components: 1, Bits: 8})
	if fault.CodeOf(err) != fault.Timeout {
		t.Errorf("%v after the deadline", err)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v to stop", took)
	}
}

// TestFramesAtOnce: instances do not see each other.
func TestFramesAtOnce(t *testing.T) {
	names := []string{"gdcmconv-j2k-1x8.bin", "ht-8.bin"}
	var wait sync.WaitGroup
	for i := range 8 {
		data := stream(t, names[i%2])
		wait.Go(func() {
			alone, err := Decode(context.Background(), data, grey)
			if err != nil {
				t.Error(err)
				return
			}
			for range 5 {
				again, err := Decode(context.Background(), data, grey)
				if err != nil || !bytes.Equal(again.Data, alone.Data) {
					t.Errorf("the same frame decodes to something else: %v", err)
				}
			}
		})
	}
	wait.Wait()
}

// TestMemoryIsBounded: what the frame cannot need is not given.
func TestMemoryIsBounded(t *testing.T) {
	m := newMemory(100, grey)
	if m.Reallocate(m.limit) == nil || m.refused {
		t.Error("the limit itself is refused")
	}
	if m.Reallocate(m.limit+1) != nil || !m.refused {
		t.Error("more than the limit is given")
	}
	if m := newMemory(0, raster.Shape{Rows: 1 << 15, Columns: 1 << 15, Components: 4, Bits: 8}); m.limit > 2<<30 {
		t.Errorf("a limit of %d bytes", m.limit)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"gdcmconv-j2k-1x8.bin", "ht-8.bin", "ht-lossy.bin", "opj-compress-I-r-5-1x12.bin", "opj-compress-p-PCRL-t-9-31-n-2-1x10.bin", "opj-compress-M-38-1x12.bin"} {
		b := stream(f, name)
		f.Add(b, uint8(17), uint8(23), uint8(1))
	}
	f.Add(header(20, 20, 3, 3, 1, 3, 0), uint8(20), uint8(20), uint8(1))
	f.Fuzz(func(t *testing.T, data []byte, rows, columns, components uint8) {
		want := raster.Shape{Rows: 1 + int(rows), Columns: 1 + int(columns), Components: 1 + int(components)%3, Bits: 16}
		// Where the header is whole, fuzz behind it too.
		if len(data) > 42 && data[2] == 0xff && data[3] == 0x51 {
			if w, h := binary.BigEndian.Uint32(data[8:]), binary.BigEndian.Uint32(data[12:]); w-1 < 200 && h-1 < 200 {
				want.Columns, want.Rows, want.Components = int(w), int(h), max(1, int(data[41]))
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		img, err := Decode(ctx, data, want)
		switch code := fault.CodeOf(err); {
		case err == nil && len(img.Data) != 2*want.Rows*want.Columns*want.Components:
			t.Errorf("%d bytes", len(img.Data))
		case code == fault.Internal || code == fault.Timeout:
			t.Error(err)
		}
	})
}
