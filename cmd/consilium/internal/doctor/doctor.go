// Package doctor examines the installation: backend and library, machine, data
// directory, and every model with its signature.
package doctor

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
	"consilium/registry"
)

// Levels of a check.
const (
	OK      = "ok"
	Warning = "warning" // works, but not as well as it could
	Broken  = "broken"
)

// trialTime bounds the trial run of one model.
const trialTime = 30 * time.Second

// Check is one line of the examination.
type Check struct {
	Name  string `json:"name"`
	Level string `json:"level"`
	Found string `json:"found"`
	Do    string `json:"do,omitempty"`
}

// Report is the whole examination.
type Report struct {
	Checks     []Check `json:"checks"`
	Disclaimer string  `json:"disclaimer"`
}

// Broken tells whether anything does not work.
func (r Report) Broken() bool {
	for _, c := range r.Checks {
		if c.Level == Broken {
			return true
		}
	}
	return false
}

// Options say what to examine.
type Options struct {
	Engine  engine.Options
	DataDir string
	Store   func() (*registry.Store, error)
	Version string // of the program
}

// Examine looks at everything. It writes nothing but one empty file into an
// existing data directory, which it removes.
func Examine(ctx context.Context, o Options) Report {
	r := Report{Disclaimer: clinical.Disclaimer}
	r.add("version", OK, fmt.Sprintf("consilium %s, %s, %s/%s", o.Version, runtime.Version(), runtime.GOOS, runtime.GOARCH), "")
	r.add("libraries", OK, libraries(), "")
	r.backend(ctx, o.Engine)
	r.machine(o.DataDir)
	r.dataDir(o.DataDir)
	r.models(ctx, o)
	return r
}

func (r *Report) add(name, level, found, do string) {
	r.Checks = append(r.Checks, Check{name, level, found, do})
}

func (r *Report) fail(name string, err error) {
	e := fault.Of(err)
	what := string(e.Code) + ": " + e.What
	if e.Err != nil {
		what += ": " + e.Err.Error()
	}
	r.add(name, Broken, what, e.Do)
}

// probe is a model of one operator, which adds 1. The test beside makes it.
//
//go:embed probe.onnx
var probe []byte

// backend starts the backend and lets it compute.
func (r *Report) backend(ctx context.Context, o engine.Options) {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	name, notice, err := compute(ctx, o)
	switch {
	case err != nil:
		r.fail("backend", err)
		return
	case notice != "":
		r.add("backend", Warning, name+": "+notice, "run `make setup`")
	default:
		r.add("backend", OK, name, "")
	}
	if name != engine.BackendONNX {
		return
	}
	path, err := engine.FindLibrary(o.Library)
	if err != nil {
		r.fail("ONNX Runtime", err)
		return
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	r.add("ONNX Runtime", OK, path, "")
}

// compute runs the probe and checks its answer.
func compute(ctx context.Context, o engine.Options) (name, notice string, err error) {
	s, err := engine.OpenSession(probe, o)
	if err != nil {
		return "", "", err
	}
	defer s.Close()
	out, err := s.Run(ctx, map[string]engine.Tensor{"input": {Shape: []int{1, 2}, Data: []float32{1, 2}}})
	if err != nil {
		return "", "", err
	}
	if got := out["output"].Data; !slices.Equal(got, []float32{2, 3}) {
		return "", "", fault.New(fault.EngineFailed, fmt.Sprintf("1+1 and 2+1 are %v", got), "install the library again: `make setup`")
	}
	return s.Backend(), s.Notice(), nil
}

// libraries names the versions that results depend on.
func libraries() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "not recorded in this build"
	}
	found := ""
	for _, d := range info.Deps {
		switch d.Path {
		case "github.com/gomlx/gomlx", "github.com/gomlx/compute", "github.com/gomlx/compute-onnx", "github.com/yalue/onnxruntime_go", "github.com/cocosip/go-dicom":
			if found != "" {
				found += ", "
			}
			found += filepath.Base(d.Path) + " " + d.Version
		}
	}
	return found
}

func (r *Report) machine(dataDir string) {
	r.add("cores", OK, fmt.Sprintf("%d, of which %d may be used", runtime.NumCPU(), runtime.GOMAXPROCS(0)), "")
	const least = 512 << 20
	if free, total, ok := memory(); ok {
		level, do := OK, ""
		if free < least {
			level, do = Warning, "close other programs; diagnosis needs about 300 MB"
		}
		r.add("memory", level, fmt.Sprintf("%s free of %s", gib(free), gib(total)), do)
	}
	if free, ok := disk(existing(dataDir)); ok {
		level, do := OK, ""
		if free < least {
			level, do = Warning, "make room: models, heat maps and checkpoints are written to disk"
		}
		r.add("disk", level, gib(free)+" free", do)
	}
}

func gib(bytes uint64) string { return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30)) }

// existing is the nearest folder above path that is there.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}

func (r *Report) dataDir(dir string) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		r.add("data directory", OK, dir+" (made when it is needed)", "")
		return
	case err != nil:
		r.add("data directory", Broken, err.Error(), "choose another with --data-dir")
		return
	case !info.IsDir():
		r.add("data directory", Broken, dir+" is not a folder", "choose another with --data-dir")
		return
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		r.add("data directory", Warning, dir+" cannot be written", "models cannot be installed; change its permissions or choose another with --data-dir")
		return
	}
	f.Close()
	os.Remove(f.Name())
	r.add("data directory", OK, dir, "")
}

func (r *Report) models(ctx context.Context, o Options) {
	store, err := o.Store()
	if err != nil {
		r.fail("models", err)
		return
	}
	entries, err := store.List()
	if err != nil {
		r.fail("models", err)
		return
	}
	if len(entries) == 0 {
		r.add("models", Warning, "none is installed", "bring one in with `consilium models import`")
	}
	for _, e := range entries {
		name := "model " + e.Ref()
		if e.Bundle == nil {
			r.add(name, Broken, e.Fault, "remove it with `consilium models remove`, or bring in a whole copy")
			continue
		}
		took, err := trial(ctx, e.Bundle, o.Engine)
		if err != nil {
			r.fail(name, err)
			continue
		}
		r.add(name, OK, fmt.Sprintf("signed by %s, hashes agree, one run takes %s", e.Bundle.Signer(), took), "")
	}
}

// trial loads a model and times its second run, on zeros.
func trial(ctx context.Context, b *registry.Bundle, o engine.Options) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, trialTime)
	defer cancel()
	s, err := engine.OpenSession(b.Model, o)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if err := s.Warm(ctx, 1); err != nil {
		return 0, err
	}
	start := time.Now()
	err = s.Warm(ctx, 1)
	return time.Since(start).Round(10 * time.Microsecond), err
}
