package pixel_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"consilium/dicom/pixel"
)

// Frames of synthetic pictures, compressed by other people's programs, with the SHA-256 of what
// these programs decode, lie in testdata, so that a machine without the programs tests as much. The peers'
// tests make them anew:
//
//	go test ./dicom/pixel -run Against -update
//
// But those of testdata/htj2k.csv, which OpenJPH made: no Debian package has an encoder for HTJ2K.
var update = flag.Bool("update", false, "let the peers write testdata anew")

type golden struct {
	file, syntax string
	format       pixel.Format
	frame        []byte
	sum          string
	maker        string
}

// keep writes a frame that a peer has confirmed to testdata.
func (g golden) keep(t *testing.T, syntax string, f pixel.Format, frame []byte, decoded pixel.Frame) {
	t.Helper()
	if !*update {
		return
	}
	name := fmt.Sprintf("%s-%dx%d.bin", strings.Join(strings.FieldsFunc(g.maker, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	}), "-"), f.Samples, f.BitsStored)
	if f.Signed {
		name = "signed-" + name
	}
	if err := os.WriteFile(filepath.Join("testdata", name), frame, 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(decoded.Data)
	rows := map[string][]string{}
	if b, err := os.ReadFile("testdata/golden.csv"); err == nil {
		all, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range all[1:] {
			rows[row[0]] = row
		}
	}
	rows[name] = []string{
		name, syntax, strconv.Itoa(f.Rows), strconv.Itoa(f.Columns), strconv.Itoa(f.Samples), strconv.Itoa(f.BitsAllocated),
		strconv.Itoa(f.BitsStored), strconv.FormatBool(f.Signed), f.Photometric, hex.EncodeToString(sum[:]), g.maker,
	}
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	header := []string{"file", "transfer_syntax", "rows", "columns", "samples", "allocated", "stored", "signed", "photometric", "sha256", "made_by"}
	if err := w.Write(header); err != nil {
		t.Fatal(err)
	}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if err := w.Write(rows[key]); err != nil {
			t.Fatal(err)
		}
	}
	w.Flush()
	if err := os.WriteFile("testdata/golden.csv", out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// goldens reads testdata.
func goldens(t testing.TB) (out []golden) {
	t.Helper()
	for _, list := range []string{"golden.csv", "htj2k.csv"} {
		b, err := os.ReadFile(filepath.Join("testdata", list))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows[1:] {
			number := func(i int) int {
				v, err := strconv.Atoi(row[i])
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			frame, err := os.ReadFile(filepath.Join("testdata", row[0]))
			if err != nil {
				t.Fatal(err)
			}
			f := pixel.Format{Rows: number(2), Columns: number(3), Samples: number(4), BitsAllocated: number(5), BitsStored: number(6), Signed: row[7] == "true", Photometric: row[8]}
			out = append(out, golden{file: row[0], syntax: row[1], format: f, frame: frame, sum: row[9], maker: row[10]})
		}
	}
	return out
}

// TestGolden decodes the frames in testdata.
func TestGolden(t *testing.T) {
	syntaxes := map[string]int{}
	for _, g := range goldens(t) {
		decoded, err := pixel.Decode(context.Background(), g.syntax, g.format, g.frame)
		if err != nil {
			t.Errorf("%s: %v", g.file, err)
			continue
		}
		if sum := sha256.Sum256(decoded.Data); hex.EncodeToString(sum[:]) != g.sum {
			t.Errorf("%s (%s) decodes to something else", g.file, g.maker)
		}
		syntaxes[g.syntax]++
	}
	for _, syntax := range pixel.Syntaxes() {
		n := syntaxes[syntax]
		t.Logf("%-24s %d frames", syntax, n)
		if n == 0 && !strings.HasPrefix(syntax, "1.2.840.10008.1.2.1") && syntax != pixel.ImplicitLittle && syntax != pixel.ExplicitBig && syntax != pixel.DeflatedFrames {
			t.Errorf("no frame of transfer syntax %s", syntax)
		}
	}
}
