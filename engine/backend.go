package engine

import (
	"os"
	"runtime"
	"sync"

	"github.com/gomlx/compute"
	onnxbackend "github.com/gomlx/compute-onnx"
	"github.com/gomlx/compute/gobackend"

	"consilium/fault"
)

var backends struct {
	sync.Mutex
	open map[string]compute.Backend
}

// openXLA is set by xla.go when the program is built with -tags xla.
var openXLA func() (compute.Backend, error)

// Training opens the GoMLX backend that trains networks and exports them: name is one of the Backend
// constants, "" takes the environment and then auto. Backends are opened once a process and shared.
func Training(name, library string) (compute.Backend, error) {
	chosen, path := BackendXLA, ""
	if name == "" {
		name = os.Getenv(BackendVariable)
	}
	if name != BackendXLA {
		var err error
		if chosen, path, _, err = chooseBackend(Options{Backend: name, Library: library}); err != nil {
			return nil, err
		}
	}
	backends.Lock()
	defer backends.Unlock()
	if b, ok := backends.open[chosen]; ok {
		return b, nil
	}
	b, err := openTraining(chosen, path)
	if err != nil {
		return nil, err
	}
	if backends.open == nil {
		backends.open = map[string]compute.Backend{}
	}
	backends.open[chosen] = b
	return b, nil
}

func openTraining(name, library string) (b compute.Backend, err error) {
	if name == BackendXLA && openXLA == nil {
		return nil, fault.New(fault.EngineMissing, "this program was built without the XLA backend",
			"build it with `make build TAGS=xla`, or choose --backend onnx or go")
	}
	tryErr := Try(func() {
		switch name {
		case BackendONNX:
			silence()
			onnxbackend.EnableAutoInstall(false) // nothing is ever downloaded at run time
			b, err = onnxbackend.New("cpu," + library)
		case BackendXLA:
			b, err = openXLA()
		default:
			b, err = gobackend.New("")
		}
	})
	if err == nil {
		err = tryErr
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.EngineFailed, "the "+name+" backend did not start", "run `consilium doctor`, or choose --backend go")
	}
	return b, nil
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
