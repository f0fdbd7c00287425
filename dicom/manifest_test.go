package dicom

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/csv"
	"encoding/hex"
	"math"
	"os"
	"os/exec"
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
// byte order.
func storedBytes(p *pixels) []byte {
	width := max(1, p.allocated/8)
	out := make([]byte, 0, p.count()*width+4)
	for i := range p.count() {
		var b [4]byte
		binary.LittleEndian.PutUint32(b[:], uint32(p.at(i)))
		if p.channels == 1 && p.wasBigEndian {
			slices.Reverse(b[:width]) // colour was copied into native order there
		}
		out = append(out, b[:width]...)
	}
	return out
}

// TestManifest compares stored values with pydicom's: bit for bit where the
// pixels are not compressed, and on average after JPEG, whose decoders round
// and interpolate chroma differently.
func TestManifest(t *testing.T) {
	folder := settest.Data(t, "dicom")
	f, err := os.Open(filepath.Join(folder, "manifest.csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	// Files in which we rightly differ: pydicom leaves 12-bit negative values
	// without their sign; a data set that is not encoded as its header says.
	exceptions := map[string]bool{
		// pydicom 2.3 does not swap 8-bit values in big endian words: we give what the little endian twins give.
		"pydicom-data/OBXXXX1A_expb.dcm": true, "pydicom/SC_rgb_small_odd_big_endian.dcm": true,
		"pydicom-data/mlut_18.dcm": true, "pydicom/SC_rgb_jpeg.dcm": true}
	want, match := map[string]int{}, map[string]int{}
	for _, row := range rows[1:] {
		name, kind := row[column["file"]], row[column["transfer_syntax"]]
		if row[column["pixel_sha256"]] == "" {
			continue
		}
		want[kind]++
		p, err := readStored(filepath.Join(folder, name))
		if fault.CodeOf(err) == fault.InputUnsupported && strings.Contains(err.Error(), "transfer syntax "+kind) || exceptions[name] {
			continue
		}
		if err != nil {
			t.Error(err)
			continue
		}
		sum := sha256.Sum256(storedBytes(p))
		if hex.EncodeToString(sum[:]) == row[column["pixel_sha256"]] {
			match[kind]++
			continue
		}
		mean, _ := strconv.ParseFloat(row[column["pixel_mean"]], 64)
		if !strings.HasPrefix(kind, "JPEG Baseline") || math.Abs(p.mean()-mean) > 0.02 {
			t.Errorf("%s (%s, %d of %d bits, %s) differs: mean %.3f, pydicom %.3f", name, kind, p.stored, p.allocated, p.photometric, p.mean(), mean)
		}
	}
	for kind, n := range want {
		t.Logf("%-50s %d of %d bit for bit", kind, match[kind], n)
	}
}

func readStored(path string) (*pixels, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	obj, err := ParseObject(bytes.NewReader(data), filepath.Base(path))
	if err != nil {
		return nil, err
	}
	return obj.pixels()
}

func (p *pixels) mean() float64 {
	total := 0.
	for i := range p.count() {
		total += float64(p.at(i))
	}
	return total / float64(p.count())
}

// TestJPEGAgainstDcmtk compares raw JPEG components with dcmtk's decoder.
func TestJPEGAgainstDcmtk(t *testing.T) {
	program, err := exec.LookPath("dcmdjpeg")
	if err != nil {
		t.Skip("dcmtk is not installed")
	}
	paths, _ := filepath.Glob(filepath.Join(settest.Data(t, "dicom"), "*", "*.dcm"))
	compared := 0
	for _, path := range paths {
		ours, err := readStored(path)
		if err != nil || !isJPEG(path) {
			continue
		}
		out := filepath.Join(t.TempDir(), "plain.dcm")
		if err := exec.Command(program, "+cn", path, out).Run(); err != nil {
			continue // dcmtk refuses some that others read
		}
		theirs, err := readStored(out)
		if err != nil {
			t.Error(err)
			continue
		}
		compared++
		var worst [3]float64 // by component
		sum := 0.
		for i := range ours.count() {
			d := math.Abs(float64(ours.at(i) - theirs.at(i)))
			worst[i%ours.channels] = max(worst[i%ours.channels], d)
			sum += d
		}
		mean := sum / float64(ours.count())
		t.Logf("%-32s differs by up to %v, %.4f on average", filepath.Base(path), worst, mean)
		// The first component, luma or red, is never subsampled: only rounding
		// may differ. Chroma differs at edges: dcmtk interpolates, we repeat.
		if worst[0] > 1 || mean > 1.5 {
			t.Errorf("%s differs", filepath.Base(path))
		}
	}
	if compared == 0 {
		t.Error("no JPEG file was compared")
	}
	t.Logf("%d JPEG files compared", compared)
}

func isJPEG(path string) bool {
	data, err := os.ReadFile(path)
	if err != nil {
		return false
	}
	obj, err := ParseObject(bytes.NewReader(data), path)
	return err == nil && obj.syntax == jpegBaseline
}

func TestEveryFileIsReadOrRefused(t *testing.T) {
	folder := settest.Data(t, "dicom")
	codes := map[fault.Code]int{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		start := time.Now()
		img, err := Open(path)
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
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("read: %d; refused: %v", codes[""], codes)
}
