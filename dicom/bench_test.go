package dicom

import (
	"bytes"
	"io"
	"testing"
)

// ctFile is a CT image of 512 x 512 x 16 bits, like those that a scanner sends.
func ctFile(b *testing.B) []byte {
	o := slice(1, [3]float64{}, 1)
	if err := o.setAll([]attribute{{Rows, list(512)}, {Columns, list(512)}, {PixelData, list(make([]byte, 512*512*2))}}); err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	if err := o.Write(&out); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

func BenchmarkParseHeader(b *testing.B) {
	file := ctFile(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseHeader(bytes.NewReader(file), "ct"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseObject(b *testing.B) {
	file := ctFile(b)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseObject(bytes.NewReader(file), "ct"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWrite(b *testing.B) {
	o, err := ParseObject(bytes.NewReader(ctFile(b)), "ct")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := o.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	o, err := ParseObject(bytes.NewReader(ctFile(b)), "ct")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := o.Render(0, nil); err != nil {
			b.Fatal(err)
		}
	}
}
