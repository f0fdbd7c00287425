package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"consilium/clinical"
	"consilium/dataset/wfdb"
	"consilium/engine"
	"consilium/models"
	"consilium/panel/paneltest"
	"consilium/registry"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"consilium": main})
}

// TestScripts runs testdata/script: every script gets test models in its data
// directory and the inputs of writeInputs in the folder in/.
func TestScripts(t *testing.T) {
	library, _ := engine.FindLibrary("")
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("CONSILIUM_DATA_DIR", home)
			e.Setenv(engine.LibraryVariable, library)
			return errors.Join(installModels(home, filepath.Join(e.WorkDir, "bundles")), writeInputs(filepath.Join(e.WorkDir, "in")))
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "onnx":
				return library != "", nil
			case "shipped":
				return len(models.Names()) > 0, nil
			case "root":
				return os.Getuid() == 0, nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": exits,
			"flip":  flip,
			"long":  long,
			"seen":  seen,
		},
	})
}

// exits runs a command and checks its exit status: exits 3 consilium diagnose x.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		got = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit status %d, want %d\n%s", got, want, ts.ReadFile("stderr"))
	}
}

// flip turns one bit in the middle of a file over.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	path := ts.MkAbs(args[0])
	b, err := os.ReadFile(path)
	ts.Check(err)
	b[len(b)/2] ^= 1
	ts.Check(os.WriteFile(path, b, 0o644))
}

// seen waits until some file says what a regular expression does: seen REGEXP GLOB.
func seen(ts *testscript.TestScript, _ bool, args []string) {
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	tick, late := time.NewTicker(20*time.Millisecond), time.After(time.Minute)
	defer tick.Stop()
	for {
		paths, err := filepath.Glob(ts.MkAbs(args[1]))
		ts.Check(err)
		for _, path := range paths {
			if text, err := os.ReadFile(path); err == nil && want.Match(text) {
				return
			}
		}
		select {
		case <-tick.C:
		case <-late:
			ts.Fatalf("no file of %s says %s", args[1], args[0])
		}
	}
}

// long runs a command with inputs of so many bytes that are not there: refused, not crashed.
func long(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	for i := range n / 10 {
		args = append(args, fmt.Sprintf("no-%06d", i))
	}
	exits(ts, false, append([]string{"3"}, args[1:]...))
}

func installModels(home, bundles string) error {
	public := paneltest.Key.Public().(ed25519.PublicKey)
	if _, err := registry.AddTrust(home, public); err != nil {
		return err
	}
	store, err := registry.OpenStore(home, nil)
	if err != nil {
		return err
	}
	for _, b := range paneltest.All() {
		if _, err := store.Install(b); err != nil {
			return err
		}
		if err := registry.Write(filepath.Join(bundles, b.Card.Name), *b, paneltest.Key); err != nil {
			return err
		}
	}
	return registry.SavePublicKey(filepath.Join(bundles, "maker.pem"), public)
}

// writeInputs makes one good file of every kind and one for each refusal.
func writeInputs(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	good := greyPNG(240)
	files := map[string][]byte{
		"bright.png": good,
		"dark.png":   greyPNG(10),
		"empty.png":  nil,
		"cut.png":    good[:len(good)/2],
		"huge.png":   hugePNG(60000),
		"flat.png":   flatPNG(),
		"note.txt":   []byte("chest film attached\n"),
		"named.png":  []byte("this is no picture at all"),
		"nan.wav":    floatWAV(float32(math.NaN())),
		"silent.wav": floatWAV(0),
		"huge.json":  manyFindings(10_000),
		"cut.zip":    cutZip(),
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	if err := wfdb.Write(dir, "one", oneLead()); err != nil {
		return err
	}
	return errors.Join(
		syscall.Mkfifo(filepath.Join(dir, "pipe.png"), 0o644),
		os.Symlink("loop.png", filepath.Join(dir, "loop.png")),
		os.Mkdir(filepath.Join(dir, "bare"), 0o755),
	)
}

func greyPNG(level uint8) []byte {
	img := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range img.Pix {
		img.Pix[i] = level + uint8(i%5)
	}
	return encodePNG(img)
}

func flatPNG() []byte { return encodePNG(image.NewGray(image.Rect(0, 0, 64, 64))) }

func encodePNG(img image.Image) []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		panic(err) // into memory: cannot fail
	}
	return b.Bytes()
}

func hugePNG(side uint32) []byte {
	header := binary.BigEndian.AppendUint32([]byte("IHDR"), side)
	header = append(binary.BigEndian.AppendUint32(header, side), 8, 0, 0, 0, 0)
	b := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), header...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(header))
}

// floatWAV is one second of a constant, 8 kHz, 32-bit float.
func floatWAV(value float32) []byte {
	const rate, n = 8000, 8000
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, 36+4*n)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x03\x00\x01\x00"...)
	b = binary.LittleEndian.AppendUint32(b, rate)
	b = binary.LittleEndian.AppendUint32(b, 4*rate)
	b = append(b, 4, 0, 32, 0)
	b = append(b, "data"...)
	b = binary.LittleEndian.AppendUint32(b, 4*n)
	for range n {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(value))
	}
	return b
}

func oneLead() clinical.Recording {
	s := make([]float32, 5000)
	for i := range s {
		s[i] = float32(math.Sin(float64(i) / 50))
	}
	return clinical.Recording{Kind: clinical.KindECG, Rate: 500, Channels: []clinical.Channel{{Name: "V1", Unit: "mV", Samples: s}}}
}
