package dicom

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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
	"time"

	"consilium/dataset/settest"
	"consilium/fault"
)

// storedBytes are the stored values as pydicom lays them out: in the file's
// byte order where that is big endian and the image is grey.
func storedBytes(p *pixels, swapped bool) []byte {
	width := p.BitsAllocated / 8
	if p.float {
		return p.raw
	}
	out := make([]byte, 0, p.count()*width+4)
	for i := range p.count() {
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], uint64(p.at(i)))
		if p.Samples == 1 && swapped {
			slices.Reverse(b[:width]) // colour was copied into native order there
		}
		out = append(out, b[:width]...)
	}
	return out
}

// manifestRow is one file that pydicom could decode.
type manifestRow struct {
	name, syntax, digest string
	mean                 float64
}

func manifest(t *testing.T) (folder string, rows []manifestRow) {
	t.Helper()
	folder = settest.Data(t, "dicom")
	f, err := os.Open(filepath.Join(folder, "manifest.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range all[0] {
		column[name] = i
	}
	for _, row := range all[1:] {
		if digest := row[column["pixel_sha256"]]; digest != "" {
			mean, _ := strconv.ParseFloat(row[column["pixel_mean"]], 64)
			rows = append(rows, manifestRow{row[column["file"]], row[column["transfer_syntax"]], digest, mean})
		}
	}
	return folder, rows
}

// exceptions are the files whose values rightly differ from the manifest's,
// which pydicom 2 made; twin is a file with the same picture, whose values ours
// must be.
var exceptions = map[string]struct{ why, twin string }{
	"pydicom/SC_rgb_small_odd_big_endian.dcm":    {"pydicom 2 does not turn 8-bit values in big endian words (VR OW) over", "pydicom/SC_rgb_small_odd.dcm"},
	"pydicom-data/OBXXXX1A_expb.dcm":             {"pydicom 2 does not turn 8-bit values in big endian words (VR OW) over", "pydicom-data/OBXXXX1A.dcm"},
	"pydicom-data/liver_j2k.dcm":                 {"pydicom's decoder makes 128 of 1 where a single bit is stored", "pydicom-data/liver.dcm"},
	"pydicom-data/liver_nonbyte_aligned_j2k.dcm": {"pydicom's decoder makes 128 of 1 where a single bit is stored", "pydicom-data/liver_nonbyte_aligned.dcm"},
	"pydicom-data/mlut_18.dcm":                   {"pydicom leaves negative 12-bit values without their sign", ""},
}

// TestManifest compares stored values with pydicom's, bit for bit.
func TestManifest(t *testing.T) {
	folder, rows := manifest(t)
	digests := map[string]string{}
	for _, row := range rows {
		digests[row.name] = row.digest
	}
	want, match := map[string]int{}, map[string]int{}
	total := 0
	for _, row := range rows {
		want[row.syntax]++
		p, swapped, err := readStored(filepath.Join(folder, row.name))
		if err != nil {
			t.Error(err)
			continue
		}
		digest := func(swapped bool) string {
			sum := sha256.Sum256(storedBytes(p, swapped))
			return hex.EncodeToString(sum[:])
		}
		same := digest(swapped) == row.digest
		e, excepted := exceptions[row.name]
		switch {
		case same && !excepted:
			match[row.syntax]++
			total++
		case same:
			t.Errorf("%s is no exception any more", row.name)
		case excepted && e.twin != "" && digest(false) != digests[e.twin]:
			t.Errorf("%s differs from %s too", row.name, e.twin)
		case excepted:
		default:
			t.Errorf("%s (%s, %d of %d bits, %s) differs: mean %.3f, pydicom %.3f", row.name, row.syntax, p.BitsStored, p.BitsAllocated, p.Photometric, p.mean(), row.mean)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n| transfer syntax | bit for bit | of |\n|---|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(want)) {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", kind, match[kind], want[kind])
	}
	fmt.Fprintf(&b, "| all | %d | %d |\n\nThe others differ because the reference is wrong; where there is a file with the same picture, ours equals it:\n\n| file | why | equals |\n|---|---|---|\n", total, len(rows))
	for _, name := range slices.Sorted(maps.Keys(exceptions)) {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, exceptions[name].why, exceptions[name].twin)
	}
	document(t, b.String())
}

var update = flag.Bool("update", false, "write the table into docs/dicom.md")

// document compares the table with the one in docs/dicom.md, or writes it.
func document(t *testing.T, text string) {
	t.Helper()
	const page, begin, end = "../docs/dicom.md", "-update -->\n", "<!-- end -->"
	old, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(old), begin)
	was, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatal("docs/dicom.md has no place for the table")
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+text+"\n"+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if strings.TrimSpace(was) != strings.TrimSpace(text) {
		t.Error("docs/dicom.md says otherwise: go test ./dicom -run TestManifest -update")
	}
}

func readStored(path string) (p *pixels, swapped bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, false, err
	}
	o, err := ParseObject(bytes.NewReader(data), filepath.Base(path))
	if err != nil {
		return nil, false, err
	}
	p, err = o.decode(0, o.NumberOfFrames())
	return p, o.swapped, err
}

func (p *pixels) mean() float64 {
	total := 0.
	for i := range p.count() {
		total += p.value(i)
	}
	return total / float64(p.count())
}

func TestEveryFileIsReadOrRefused(t *testing.T) {
	if testing.Short() {
		t.Skip("decodes every file")
	}
	folder := settest.Data(t, "dicom")
	codes := map[fault.Code]int{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		start := time.Now()
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		img, err := Read(f, filepath.Base(path))
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("%s took %v", path, took)
		}
		code := fault.CodeOf(err)
		codes[code]++
		if code == fault.Internal {
			t.Errorf("%s: %v", path, err)
		}
		if code == fault.InputMalformed || code == fault.InputTruncated || code == fault.InputTooLarge {
			t.Log(err)
		}
		if err != nil {
			return nil
		}
		for _, v := range img.Pixels {
			if !(float64(v) >= img.Low-1e-3 && float64(v) <= img.High+1e-3) {
				t.Errorf("%s: %v is outside %v..%v", path, v, img.Low, img.High)
				break
			}
		}
		o, err := openObject(path)
		if err == nil && !Encapsulated(o.TransferSyntax()) {
			_, err = o.Render(0, nil)
		}
		if err != nil {
			t.Errorf("%s: read as an image but not rendered: %v", path, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("read: %d; refused: %v", codes[""], codes)
}

func openObject(path string) (*Object, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return ParseObject(f, filepath.Base(path))
}
