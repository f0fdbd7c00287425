package jpegls

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"consilium/dicom/pixel/raster"
	"consilium/fault"
)

func stream(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// announced is the shape that the frame header gives, so that fuzzing gets beyond it.
func announced(data []byte) (s raster.Shape, ok bool) {
	for i := 0; i+10 <= len(data); i++ {
		if b := data[i+1]; data[i] == 0xff && (b == 0xf7) {
			s = raster.Shape{
				Rows: int(binary.BigEndian.Uint16(data[i+5:])), Columns: int(binary.BigEndian.Uint16(data[i+7:])),
				Components: int(data[i+9]), Bits: 16,
			}
			return s, s.Rows > 0 && s.Columns > 0 && s.Rows*s.Columns < 1<<16 && s.Components > 0 && s.Components < 5
		}
	}
	return s, false
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"dcmcjpls-el-1x8.bin", "dcmcjpls-el-1x16.bin", "dcmcjpls-el-is-3x8.bin", "dcmcjpls-el-in-3x8.bin", "dcmcjpls-en-md-9-dcmdjpls-1x12.bin", "dcmcjpls-el-pc-t1-5-t2-9-t3-30-rs-31-1x8.bin", "gdcmconv-jpegls-3x8.bin"} {
		f.Add(stream(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, ok := announced(data)
		if !ok {
			s = raster.Shape{Rows: 17, Columns: 23, Components: 1, Bits: 8}
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		img, err := Decode(ctx, data, s)
		switch code := fault.CodeOf(err); {
		case err == nil && len(img.Samples) != s.Rows*s.Columns*s.Components:
			t.Errorf("%d samples", len(img.Samples))
		case code == fault.Internal || code == fault.Timeout:
			t.Error(err)
		}
	})
}
