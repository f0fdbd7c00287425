package engine

import (
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/gobackend"

	"consilium/fault"
)

// Names of compute backends, as the flag --backend and CONSILIUM_BACKEND take them.
const (
	Auto = "auto" // ONNX Runtime when its library is found, else Go
	ONNX = "onnx" // ONNX Runtime: fast on CPU, GPU through its providers
	Go   = "go"   // pure Go: no native library, slower
	XLA  = "xla"  // OpenXLA PJRT plugin, for GPU and TPU; linked only with -tags xla
)

// BackendEnv names the environment variable that chooses a backend when no flag does.
const BackendEnv = "CONSILIUM_BACKEND"

var backends struct {
	sync.Mutex
	open map[string]compute.Backend
}

// openXLA is set by xla.go when the program is built with -tags xla.
var openXLA func() (compute.Backend, error)

// Choose resolves a backend name ("" = environment, then auto) to one that can run here.
// The notice is a sentence for the user when auto had to fall back; it is empty otherwise.
func Choose(name, library string) (chosen, notice string, err error) {
	if name == "" {
		name = os.Getenv(BackendEnv)
	}
	switch strings.ToLower(name) {
	case "", Auto:
		if _, err := FindLibrary(library); err != nil {
			return Go, "ONNX Runtime was not found, so the pure Go backend runs (slower): " + fault.Of(err).Do, nil
		}
		return ONNX, "", nil
	case ONNX:
		_, err := FindLibrary(library)
		return ONNX, "", err
	case Go:
		return Go, "", nil
	case XLA:
		if openXLA == nil {
			return "", "", fault.New(fault.EngineMissing, "this program was built without the XLA backend",
				"build it with `make build TAGS=xla`, or choose --backend onnx or go")
		}
		return XLA, "", nil
	}
	return "", "", fault.New(fault.Usage, "unknown backend "+name, "choose one of auto, onnx, go, xla")
}

// Training opens the GoMLX backend that trains networks and exports them. Backends are opened once a
// process and shared.
func Training(name, library string) (compute.Backend, error) {
	chosen, _, err := Choose(name, library)
	if err != nil {
		return nil, err
	}
	backends.Lock()
	defer backends.Unlock()
	if b, ok := backends.open[chosen]; ok {
		return b, nil
	}
	b, err := openTraining(chosen, library)
	if err != nil {
		return nil, fault.Wrap(err, fault.EngineFailed, "the "+chosen+" backend did not start", "run `consilium doctor`, or choose --backend go")
	}
	if backends.open == nil {
		backends.open = map[string]compute.Backend{}
	}
	backends.open[chosen] = b
	return b, nil
}

func openTraining(name, library string) (b compute.Backend, err error) {
	err = Try(func() {
		switch name {
		case ONNX:
			var path string
			if path, err = FindLibrary(library); err == nil {
				onnxbackend.EnableAutoInstall(false) // nothing is ever downloaded at run time
				b, err = onnxbackend.New("cpu," + path)
			}
		case XLA:
			b, err = openXLA()
		default:
			b, err = gobackend.New("")
		}
	})
	return b, err
}

// Try runs f and turns the panics by which GoMLX reports graph errors into an error.
// It is the one boundary for them; runtime faults of our own (nil dereference, index) pass through.
func Try(f func()) (err error) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if re, ok := r.(runtime.Error); ok {
			panic(re)
		}
		if e, ok := r.(error); ok {
			err = fault.Wrap(e, fault.EngineFailed, "the compute graph could not be built or run", "check shapes and the backend; `consilium doctor` shows what is installed")
			return
		}
		panic(r)
	}()
	f()
	return nil
}
