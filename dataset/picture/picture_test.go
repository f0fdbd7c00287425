package picture

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"consilium/dataset"
	"consilium/dataset/settest"
	"consilium/fault"
)

func pngBytes(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func jpegBytes(t testing.TB, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, img, &jpeg.Options{Quality: 95}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// grey is a 12 x 8 ramp.
func grey(shift int) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, 12, 8))
	for i := range img.Pix {
		img.Pix[i] = byte(i*2 + shift)
	}
	return img
}

func colour() *image.NRGBA {
	img := image.NewNRGBA(image.Rect(3, 5, 15, 13)) // not at 0,0
	for y := 5; y < 13; y++ {
		for x := 3; x < 15; x++ {
			img.SetNRGBA(x, y, color.NRGBA{R: byte(x * 10), G: byte(y * 10), B: 7, A: 255})
		}
	}
	return img
}

func deep() *image.Gray16 {
	img := image.NewGray16(image.Rect(0, 0, 12, 8))
	for y := range 8 {
		for x := range 12 {
			img.SetGray16(x, y, color.Gray16{Y: uint16(5000*y + x)})
		}
	}
	return img
}

func TestDecode(t *testing.T) {
	deepColour := image.NewNRGBA64(image.Rect(0, 0, 2, 1))
	deepColour.SetNRGBA64(1, 0, color.NRGBA64{R: 60000, G: 1, B: 300, A: 65535})
	transparent := image.NewNRGBA(image.Rect(0, 0, 2, 1))
	transparent.SetNRGBA(0, 0, color.NRGBA{R: 200, G: 100, B: 50, A: 255})
	transparent.SetNRGBA(1, 0, color.NRGBA{R: 200, G: 100, B: 50, A: 0})
	palette := image.NewPaletted(image.Rect(0, 0, 2, 1), color.Palette{color.Black, color.NRGBA{R: 9, G: 8, B: 7, A: 255}})
	palette.SetColorIndex(1, 0, 1)
	for _, c := range []struct {
		name     string
		content  []byte
		channels int
		high     float64
		at       int // index of a value
		want     float32
		off      float64 // JPEG loses a little
	}{
		{"grey", pngBytes(t, grey(0)), 1, 255, 17, 34, 0},
		{"grey of 16 bits", pngBytes(t, deep()), 1, 65535, 3*12 + 5, 15005, 0},
		{"red", pngBytes(t, colour()), 3, 255, (2*12 + 4) * 3, 70, 0},
		{"green", pngBytes(t, colour()), 3, 255, (2*12+4)*3 + 1, 70, 0},
		{"blue", pngBytes(t, colour()), 3, 255, (2*12+4)*3 + 2, 7, 0},
		{"colour of 16 bits", pngBytes(t, deepColour), 3, 65535, 3, 60000, 0},
		{"opaque", pngBytes(t, transparent), 3, 255, 1, 100, 0},
		{"transparent", pngBytes(t, transparent), 3, 255, 4, 0, 0},
		{"palette", pngBytes(t, palette), 3, 255, 3, 9, 0},
		{"grey jpeg", jpegBytes(t, grey(0)), 1, 255, 17, 34, 4},
		{"colour jpeg", jpegBytes(t, colour()), 3, 255, (2*12 + 4) * 3, 70, 12},
	} {
		t.Run(c.name, func(t *testing.T) {
			img, err := Decode(bytes.NewReader(c.content), c.name)
			if err != nil {
				t.Fatal(err)
			}
			if img.Channels != c.channels || img.High != c.high || img.Low != 0 || img.Frames != 1 || len(img.Pixels) != img.Rows*img.Columns*img.Channels {
				t.Fatalf("%d x %d x %d up to %v, %d values", img.Rows, img.Columns, img.Channels, img.High, len(img.Pixels))
			}
			if got := img.Pixels[c.at]; math.Abs(float64(got-c.want)) > c.off {
				t.Errorf("value %d is %v, want %v", c.at, got, c.want)
			}
		})
	}
}

func TestDecodeRefusals(t *testing.T) {
	good := pngBytes(t, colour())
	flipped := bytes.Clone(good)
	flipped[30] ^= 1 // in the checksum of IHDR
	huge := bytes.Clone(good)
	copy(huge[16:24], []byte{0, 1, 0, 0, 0, 1, 0, 0}) // 65536 x 65536 in IHDR
	for _, c := range []struct {
		name    string
		content []byte
		code    fault.Code
	}{
		{"empty", nil, fault.InputEmpty},
		{"text", []byte("not a picture at all"), fault.InputUnknown},
		{"gif", []byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"), fault.InputUnknown},
		{"cut in the pixels", good[:len(good)-30], fault.InputTruncated},
		{"cut in the head", good[:20], fault.InputTruncated},
		{"bad checksum", flipped, fault.InputMalformed},
		{"huge", withCRC(huge), fault.InputTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Decode(bytes.NewReader(c.content), c.name); fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

func folder(t testing.TB) fstest.MapFS {
	fsys := fstest.MapFS{}
	for i := range 30 {
		class := []string{"normal", "pneumonia"}[i%2]
		name := class + "/person" + string(rune('A'+i/3)) + "_" + string(rune('a'+i%3)) + ".png"
		fsys[name] = &fstest.MapFile{Data: pngBytes(t, grey(i))}
	}
	fsys["README.txt"] = &fstest.MapFile{Data: []byte("not a picture")}
	fsys["normal/.DS_Store.png"] = &fstest.MapFile{Data: []byte("not a picture")}
	return fsys
}

func TestClassFolders(t *testing.T) {
	set, err := open(folder(t), "films", Options{Size: 4, Group: `^(person.)_`})
	if err != nil {
		t.Fatal(err)
	}
	settest.Run(t, set)
	info := set.Info()
	if info.Shape[0] != 1 || info.Labels[0].Name != "normal" || info.SplitBy != "group hash" {
		t.Errorf("%+v", info)
	}
	if n := set.Len(dataset.Train) + set.Len(dataset.Validation) + set.Len(dataset.Test); n != 30 {
		t.Errorf("%d pictures", n)
	}
	s, err := set.Read(dataset.Train, 0, make([]float32, info.Size()))
	if err != nil || !strings.HasPrefix(s.Group, "person") || len(s.Group) != 7 {
		t.Errorf("group %q of %q is no person (%v)", s.Group, s.ID, err)
	}
}

func TestSplitFolders(t *testing.T) {
	fsys := fstest.MapFS{}
	for _, name := range []string{"train/a/1.png", "train/b/2.jpeg", "train/b/deeper/3.png", "valid/a/4.png", "TEST/b/5.JPG"} {
		content := pngBytes(t, grey(1))
		if strings.Contains(strings.ToLower(name), "jp") {
			content = jpegBytes(t, colour())
		}
		fsys[name] = &fstest.MapFile{Data: content}
	}
	set, err := open(fsys, "x", Options{Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	settest.Run(t, set)
	if set.Info().SplitBy != "official" || set.Info().Shape[0] != 3 {
		t.Errorf("%+v", set.Info())
	}
	settest.Counts(t, set, dataset.Train, []int{1, 2})
	settest.Counts(t, set, dataset.Validation, []int{1, 0})
	settest.Counts(t, set, dataset.Test, []int{0, 1})
}

func TestLabelsCSV(t *testing.T) {
	dir := filepath.Join("testdata", "films")
	set, err := Open(dir, Options{Size: 8})
	if err != nil {
		t.Fatal(err)
	}
	settest.Run(t, set)
	settest.Counts(t, set, dataset.Train, []int{2, 1})
	settest.Counts(t, set, dataset.Test, []int{1, 1})
	into := make([]float32, set.Info().Size())
	s, err := set.Read(dataset.Train, 1, into)
	if err != nil || s.Group != "p1" || s.ID != "b.png" {
		t.Errorf("%+v %v", s, err)
	}
}

func TestRefusals(t *testing.T) {
	good := &fstest.MapFile{Data: pngBytes(t, grey(0))}
	csvFolder := func(csv string) fstest.MapFS {
		return fstest.MapFS{"a.png": good, "b.png": good, "labels.csv": {Data: []byte(csv)}}
	}
	for _, c := range []struct {
		name string
		fsys fstest.MapFS
		o    Options
		code fault.Code
	}{
		{"empty folder", fstest.MapFS{}, Options{}, fault.InputEmpty},
		{"no class folder", fstest.MapFS{"a.png": good}, Options{}, fault.InputMalformed},
		{"one class", fstest.MapFS{"x/a.png": good}, Options{}, fault.InputUnsupported},
		{"broken picture", fstest.MapFS{"x/a.png": good, "y/b.png": {Data: []byte("?")}}, Options{}, fault.InputUnknown},
		{"negative size", folder(t), Options{Size: -1}, fault.Usage},
		{"huge size", folder(t), Options{Size: 1 << 20}, fault.Usage},
		{"group is no expression", folder(t), Options{Group: "("}, fault.Usage},
		{"fractions", folder(t), Options{Split: dataset.Fractions{Test: 1}}, fault.Usage},
		{"no columns", csvFolder("a,b\n1,2\n"), Options{}, fault.InputMalformed},
		{"missing file", csvFolder("file,label\nz.png,1\na.png,2\n"), Options{}, fault.InputMissing},
		{"outside the folder", csvFolder("file,label\n../a.png,1\n"), Options{}, fault.InputMalformed},
		{"absolute path", csvFolder("file,label\n/etc/passwd,1\n"), Options{}, fault.InputMalformed},
		{"named twice", csvFolder("file,label\na.png,1\na.png,2\n"), Options{}, fault.InputMalformed},
		{"unknown split", csvFolder("file,label,split\na.png,1,sometimes\n"), Options{}, fault.InputMalformed},
		{"split of some", csvFolder("file,label,split\na.png,1,train\nb.png,2,\n"), Options{}, fault.InputMalformed},
		{"patient in two splits", csvFolder("file,label,group,split\na.png,1,p,train\nb.png,2,p,test\n"), Options{}, fault.InputMalformed},
		{"no label", csvFolder("file,label\na.png,\n"), Options{}, fault.InputMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := open(c.fsys, "x", c.o); fault.CodeOf(err) != c.code {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
	if _, err := Open(filepath.Join(t.TempDir(), "none"), Options{}); fault.CodeOf(err) != fault.DataMissing {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := errors.Join(os.WriteFile(file, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(file, Options{}); fault.CodeOf(err) != fault.InputMissing {
		t.Error(err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(pngBytes(f, grey(0)))
	f.Add(pngBytes(f, deep()))
	f.Add(jpegBytes(f, colour()))
	f.Fuzz(func(t *testing.T, content []byte) {
		// Pictures of up to 1 MiB keep the fuzzer fast.
		if c, err := readConfig(bytes.NewReader(content), "x"); err == nil && c.rows*c.columns > 1<<20 {
			return
		}
		img, err := Decode(bytes.NewReader(content), "x")
		if err != nil {
			return
		}
		for _, v := range img.Pixels {
			if float64(v) < img.Low || float64(v) > img.High {
				t.Fatalf("value %v outside %v..%v", v, img.Low, img.High)
			}
		}
	})
}

func FuzzLabels(f *testing.F) {
	f.Add("file,label,group,split\na.png,x,p1,train\n")
	f.Add("\ufefffile,label\n\"a\nb\",x\n")
	f.Fuzz(func(t *testing.T, content string) {
		entries, err := listCSV(strings.NewReader(content))
		if err != nil {
			return
		}
		for _, e := range entries {
			if strings.HasPrefix(e.file, "/") || strings.HasPrefix(e.file, "..") || e.class == "" || e.group == "" {
				t.Fatalf("%+v", e)
			}
		}
	})
}
