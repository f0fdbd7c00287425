package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"

	"consilium/fault"
)

// BackendVariable is the environment variable that sets the backend where the options leave it open.
const BackendVariable = "CONSILIUM_BACKEND"

// The backends that Options.Backend may name.
const (
	BackendAuto = "auto" // ONNX Runtime when it is there, else the evaluator in Go
	BackendONNX = "onnx" // ONNX Runtime, or an error
	BackendGo   = "go"   // the evaluator in Go: no native library, slower
	BackendXLA  = "xla"  // training only; an inference session takes what auto takes and says so
)

// maxThreads bounds the default of Options.Threads: the shipped networks are
// small, and more threads than this only cost memory and hand-over time.
const maxThreads = 8

// Options choose how a model runs. The zero value is good.
type Options struct {
	Backend string // BackendAuto, BackendONNX, BackendGo or BackendXLA; "" takes BackendVariable, then BackendAuto
	Threads int    // threads inside one operator; 0 = the cores, at most maxThreads
	Library string // ONNX Runtime's shared library; "" searches as FindLibrary does
}

// runner is a loaded model on one backend. Inputs and outputs stand in the order of the signature.
// It is safe for concurrent run.
type runner interface {
	run(ctx context.Context, inputs []Tensor) ([]Tensor, error)
	close() error
}

// Session is a model that is ready to run. It is safe for concurrent use.
// Close it when done: nothing is released behind the caller's back.
type Session struct {
	signature
	backend string
	notice  string

	mu     sync.RWMutex // held for reading by every running call, for writing by Close
	runner runner       // nil once closed
}

// OpenSession loads an ONNX model. The bytes are not used after it returns.
// Errors: MODEL_MALFORMED, MODEL_OPSET, MODEL_SHAPE, MODEL_UNSUPPORTED for the
// model, ENGINE_MISSING and ENGINE_FAILED for the backend, USAGE for an unknown backend.
func OpenSession(model []byte, o Options) (*Session, error) {
	proto, err := decodeModel(model)
	if err != nil {
		return nil, err
	}
	if model, err = withFloatPorts(proto, model); err != nil {
		return nil, err
	}
	sig, err := readSignature(proto)
	if err != nil {
		return nil, err
	}
	backend, library, notice, err := chooseBackend(o)
	if err != nil {
		return nil, err
	}
	s := &Session{signature: sig, backend: backend, notice: notice}
	threads := o.Threads
	if threads <= 0 {
		threads = min(runtime.GOMAXPROCS(0), maxThreads)
	}
	if backend == BackendONNX {
		s.runner, err = openONNX(model, sig, library, threads)
	} else {
		s.runner, err = openGo(proto, sig, threads)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Choose says which backend the options lead to here, and what the user should know about it.
func Choose(o Options) (backend, notice string, err error) {
	backend, _, notice, err = chooseBackend(o)
	return backend, notice, err
}

// chooseBackend resolves options and environment to a backend that is installed.
func chooseBackend(o Options) (backend, library, notice string, err error) {
	backend = o.Backend
	if backend == "" {
		backend = os.Getenv(BackendVariable)
	}
	if backend == "" {
		backend = BackendAuto
	}
	switch strings.ToLower(backend) {
	case BackendGo:
		return BackendGo, "", "", nil
	case BackendONNX:
		library, err = FindLibrary(o.Library)
		return BackendONNX, library, "", err
	case BackendXLA:
		notice = "xla is a training backend; inference uses ONNX Runtime or Go"
	case BackendAuto:
	default:
		return "", "", "", fault.New(fault.Usage, fmt.Sprintf("unknown backend %q", backend),
			"use auto, onnx, go or xla")
	}
	library, err = FindLibrary(o.Library)
	if err == nil {
		return BackendONNX, library, notice, nil
	}
	if o.Library != "" { // named by the caller: a typing error must not pass silently
		return "", "", "", err
	}
	return BackendGo, "", "ONNX Runtime was not found: running in Go, which is slower (run `make setup`, or set " + LibraryVariable + ")", nil
}

// Inputs lists the inputs that Run wants, all as float32: whole numbers where the model takes integers.
func (s *Session) Inputs() []Port { return clonePorts(s.inputs) }

// Outputs lists the float32 outputs that Run gives. Outputs of other types
// (the label and the map that some exporters add) are not offered.
func (s *Session) Outputs() []Port { return clonePorts(s.outputs) }

// Backend names the backend that runs: "onnx" or "go".
func (s *Session) Backend() string { return s.backend }

// Notice is one line for the user when the backend is not the one that was hoped for; else "".
func (s *Session) Notice() string { return s.notice }

// Run evaluates the model. Every input must be there, with a shape that fits
// its port. The result is the caller's. When ctx ends during the call, the call
// is stopped and returns INTERRUPTED or TIMEOUT. Other errors: MODEL_SHAPE for
// inputs that do not fit, ENGINE_FAILED when the backend gives up.
func (s *Session) Run(ctx context.Context, inputs map[string]Tensor) (map[string]Tensor, error) {
	if err := contextError(ctx); err != nil {
		return nil, err
	}
	ordered, err := s.order(inputs)
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.runner == nil {
		return nil, fault.New(fault.EngineFailed, "the session is closed", "open the model again")
	}
	results, err := s.runner.run(ctx, ordered)
	if err != nil {
		if ended := contextError(ctx); ended != nil {
			return nil, ended
		}
		return nil, err
	}
	outputs := make(map[string]Tensor, len(results))
	for i, t := range results {
		outputs[s.outputs[i].Name] = t
	}
	return outputs, nil
}

// Warm runs the model once on zeros, so that the first real call does not pay
// for allocation. Free dimensions other than the batch become 1.
func (s *Session) Warm(ctx context.Context, batch int) error {
	inputs := make(map[string]Tensor, len(s.inputs))
	for _, p := range s.inputs {
		shape := make([]int, len(p.Shape))
		for i, d := range p.Shape {
			switch {
			case d > 0:
				shape[i] = d
			case i == 0:
				shape[i] = max(batch, 1)
			default:
				shape[i] = 1
			}
		}
		if err := checkSize(p.Name, shape); err != nil {
			return err
		}
		inputs[p.Name] = Tensor{Shape: shape, Data: make([]float32, Size(shape))}
	}
	_, err := s.Run(ctx, inputs)
	return err
}

// Close waits for running calls and releases the model. Closing twice is fine.
func (s *Session) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.runner == nil {
		return nil
	}
	err := s.runner.close()
	s.runner = nil
	return err
}

// contextError turns an ended context into a coded error.
func contextError(ctx context.Context) error {
	err := ctx.Err()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(err, fault.Timeout, "the time limit ended the computation", "allow more time, or give it less work")
	}
	return fault.Wrap(err, fault.Interrupted, "the computation was stopped", "start it again")
}
