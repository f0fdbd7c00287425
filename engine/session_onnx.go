package engine

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"

	"consilium/fault"
)

// environment is ONNX Runtime's process-wide state. It is made once and lives
// as long as the process: tearing it down under other users of the library is unsafe.
var environment struct {
	sync.Mutex
	library string
}

// startONNX loads the shared library on the first call.
func startONNX(library string) error {
	environment.Lock()
	defer environment.Unlock()
	if environment.library != "" {
		if environment.library != library {
			return fault.New(fault.EngineFailed, "another ONNX Runtime is already loaded: "+environment.library,
				"use one library a process")
		}
		return nil
	}
	silence()
	ort.SetSharedLibraryPath(library)
	if err := ort.InitializeEnvironment(ort.WithLogLevelFatal()); err != nil {
		return fault.Wrap(err, fault.EngineMissing, "ONNX Runtime could not be loaded from "+library,
			"install version 1.24 or newer: run `make setup`")
	}
	environment.library = library
	return nil
}

// onnxRunner runs a model on ONNX Runtime.
type onnxRunner struct {
	session *ort.DynamicAdvancedSession
	outputs []string
}

func openONNX(model []byte, sig signature, library string, threads int) (runner, error) {
	if err := startONNX(library); err != nil {
		return nil, err
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		return nil, fault.Wrap(err, fault.EngineFailed, "ONNX Runtime gave no session options", "")
	}
	defer options.Destroy()
	if err := configure(options, threads); err != nil {
		return nil, fault.Wrap(err, fault.EngineFailed, "ONNX Runtime refused a session option", "install version 1.24 or newer: run `make setup`")
	}
	r := &onnxRunner{outputs: portNames(sig.outputs)}
	r.session, err = ort.NewDynamicAdvancedSessionWithONNXData(model, portNames(sig.inputs), r.outputs, options)
	if err != nil {
		return nil, fault.Wrap(err, fault.ModelOpset, "ONNX Runtime refused the model", "check the model with the tool that exported it")
	}
	return r, nil
}

// configure sets what keeps a session quick, quiet and small.
func configure(o *ort.SessionOptions, threads int) error {
	steps := []func() error{
		func() error { return o.SetIntraOpNumThreads(threads) },
		func() error { return o.SetInterOpNumThreads(1) },
		func() error { return o.SetExecutionMode(ort.ExecutionModeSequential) },
		func() error { return o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelEnableAll) },
		func() error { return o.SetLogSeverityLevel(ort.LoggingLevelFatal) },
		// The arena keeps the largest batch's memory for ever, and memory patterns keep one plan a batch size.
		func() error { return o.SetCpuMemArena(false) },
		func() error { return o.SetMemPattern(false) },
		// Waiting threads sleep instead of burning a core that others need.
		func() error { return o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0") },
		func() error { return o.AddSessionConfigEntry("session.inter_op.allow_spinning", "0") },
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (r *onnxRunner) run(ctx context.Context, inputs []Tensor) (outputs []Tensor, err error) {
	defer func() { // the binding panics on shapes it did not foresee
		if p := recover(); p != nil {
			err = fault.New(fault.EngineFailed, fmt.Sprintf("ONNX Runtime's binding failed: %v", p), "")
		}
	}()
	var pins runtime.Pinner // the library holds the data's address during the call
	defer pins.Unpin()
	values := make([]ort.Value, len(inputs))
	for i, t := range inputs {
		pins.Pin(&t.Data[0])
		v, err := ort.NewTensor(onnxShape(t.Shape), t.Data)
		if err != nil {
			return nil, fault.Wrap(err, fault.EngineFailed, "ONNX Runtime refused an input", "")
		}
		defer v.Destroy()
		values[i] = v
	}
	results := make([]ort.Value, len(r.outputs))
	defer func() {
		for _, v := range results {
			if t, ok := v.(*ort.Tensor[float32]); v == nil || ok && t == nil { // a failed run leaves typed nils
				continue
			}
			v.Destroy()
		}
	}()
	options, done, err := stopWith(ctx)
	if err != nil {
		return nil, err
	}
	err = r.session.RunWithOptions(values, results, options)
	done()
	if err != nil {
		return nil, fault.Wrap(err, fault.EngineFailed, "ONNX Runtime could not run the model", "check that the input fits the model")
	}
	return r.collect(results)
}

// stopWith makes run options that end the call when ctx ends. done must be
// called after the run; it waits for a stop that is under way.
func stopWith(ctx context.Context) (options *ort.RunOptions, done func(), err error) {
	if ctx.Done() == nil {
		return nil, func() {}, nil
	}
	options, err = ort.NewRunOptions()
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.EngineFailed, "ONNX Runtime gave no run options", "")
	}
	stopped := make(chan struct{})
	cancel := context.AfterFunc(ctx, func() {
		defer close(stopped)
		_ = options.Terminate() // the run then ends by itself, at worst later
	})
	return options, func() {
		if !cancel() {
			<-stopped
		}
		options.Destroy()
	}, nil
}

// collect takes the float32 data out of ONNX Runtime's values.
func (r *onnxRunner) collect(results []ort.Value) ([]Tensor, error) {
	outputs := make([]Tensor, len(results))
	for i, v := range results {
		t, ok := v.(*ort.Tensor[float32])
		if !ok {
			return nil, fault.New(fault.ModelShape, fmt.Sprintf("output %q is not a float32 tensor", r.outputs[i]), anotherModelHint)
		}
		shape := t.GetShape()
		outputs[i] = Tensor{Shape: make([]int, len(shape)), Data: t.GetData()} // a Go slice: it outlives the value
		for j, d := range shape {
			outputs[i].Shape[j] = int(d)
		}
	}
	return outputs, nil
}

func (r *onnxRunner) close() error {
	if err := r.session.Destroy(); err != nil {
		return fault.Wrap(err, fault.EngineFailed, "ONNX Runtime did not release the model", "")
	}
	return nil
}

func onnxShape(shape []int) ort.Shape {
	s := make(ort.Shape, len(shape))
	for i, d := range shape {
		s[i] = int64(d)
	}
	return s
}

func portNames(ports []Port) []string {
	names := make([]string, 0, len(ports))
	for _, p := range ports {
		names = append(names, p.Name)
	}
	return slices.Clip(names)
}
