package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"consilium/engine"
	"consilium/engine/onnxtest"
	"consilium/fault"
)

// linear is logits = input @ W + b for 3 values and 2 classes.
func linear(batch int) []byte {
	return onnxtest.New(17).
		Input("input", batch, 3).
		Weights("w", []int{3, 2}, []float32{1, 2, 3, 4, 5, 6}).
		Weights("b", []int{2}, []float32{0.5, -0.5}).
		Node("Gemm", []string{"input", "w", "b"}, []string{"logits"}, nil).
		Output("logits", batch, 2).Build()
}

// network is a small image classifier of the kind that is shipped.
func network() []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	g := onnxtest.New(17).Input("input", -1, 1, 28, 28)
	from, channels := "input", 1
	for i, out := range []int{16, 32, 64} {
		w, to := fmt.Sprintf("w%d", i), fmt.Sprintf("c%d", i)
		g.Weights(w, []int{out, channels, 3, 3}, normal(rng, out*channels*9, 0.2))
		g.Node("Conv", []string{from, w}, []string{to}, map[string]any{"pads": []int{1, 1, 1, 1}, "strides": []int{2, 2}, "kernel_shape": []int{3, 3}})
		g.Node("Relu", []string{to}, []string{to + "r"}, nil)
		from, channels = to+"r", out
	}
	return g.Node("GlobalAveragePool", []string{from}, []string{"pool"}, nil).
		Node("Flatten", []string{"pool"}, []string{"flat"}, nil).
		Weights("w", []int{64, 2}, normal(rng, 128, 0.2)).
		Node("MatMul", []string{"flat", "w"}, []string{"logits"}, nil).
		Output("logits", -1, 2).Build()
}

func normal(rng *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(rng.NormFloat64() * scale)
	}
	return v
}

// eachBackend runs a test on every backend that is installed.
func eachBackend(t *testing.T, test func(t *testing.T, o engine.Options)) {
	for _, backend := range []string{engine.BackendONNX, engine.BackendGo} {
		t.Run(backend, func(t *testing.T) {
			if backend == engine.BackendONNX {
				needLibrary(t)
			}
			test(t, engine.Options{Backend: backend, Threads: 1})
		})
	}
}

func needLibrary(t testing.TB) {
	if _, err := engine.FindLibrary(""); err != nil {
		t.Skip(err)
	}
}

func open(t testing.TB, model []byte, o engine.Options) *engine.Session {
	t.Helper()
	s, err := engine.OpenSession(model, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRunGivesTheLinearModelsAnswer(t *testing.T) {
	eachBackend(t, func(t *testing.T, o engine.Options) {
		s := open(t, linear(-1), o)
		if s.Backend() != o.Backend || s.Notice() != "" {
			t.Errorf("backend %q, notice %q", s.Backend(), s.Notice())
		}
		out, err := s.Run(t.Context(), map[string]engine.Tensor{"input": {Shape: []int{2, 3}, Data: []float32{1, 0, 0, 1, 1, 1}}})
		if err != nil {
			t.Fatal(err)
		}
		got := out["logits"]
		if !slices.Equal(got.Shape, []int{2, 2}) || !slices.Equal(got.Data, []float32{1.5, 1.5, 9.5, 11.5}) {
			t.Errorf("got %v", got)
		}
		if err := s.Warm(t.Context(), 4); err != nil {
			t.Error(err)
		}
	})
}

func TestPortsAreCopies(t *testing.T) {
	eachBackend(t, func(t *testing.T, o engine.Options) {
		s := open(t, linear(-1), o)
		s.Inputs()[0].Shape[1] = 99
		if got := s.Inputs(); got[0].Name != "input" || !slices.Equal(got[0].Shape, []int{-1, 3}) {
			t.Errorf("inputs %v", got)
		}
		if got := s.Outputs(); got[0].Name != "logits" || !slices.Equal(got[0].Shape, []int{-1, 2}) {
			t.Errorf("outputs %v", got)
		}
	})
}

func TestRunRefusesInputsThatDoNotFit(t *testing.T) {
	good := engine.Tensor{Shape: []int{1, 3}, Data: make([]float32, 3)}
	cases := map[string]struct {
		inputs map[string]engine.Tensor
		want   fault.Code
	}{
		"none":           {nil, fault.ModelShape},
		"unknown name":   {map[string]engine.Tensor{"input": good, "x": good}, fault.ModelShape},
		"wrong rank":     {map[string]engine.Tensor{"input": {Shape: []int{3}, Data: make([]float32, 3)}}, fault.ModelShape},
		"wrong size":     {map[string]engine.Tensor{"input": {Shape: []int{1, 4}, Data: make([]float32, 4)}}, fault.ModelShape},
		"data too short": {map[string]engine.Tensor{"input": {Shape: []int{2, 3}, Data: make([]float32, 3)}}, fault.ModelShape},
		"empty batch":    {map[string]engine.Tensor{"input": {Shape: []int{0, 3}}}, fault.ModelShape},
		"negative":       {map[string]engine.Tensor{"input": {Shape: []int{-1, 3}, Data: make([]float32, 3)}}, fault.ModelShape},
		"overflow":       {map[string]engine.Tensor{"input": {Shape: []int{1 << 40, 1 << 40}}}, fault.InputTooLarge},
	}
	eachBackend(t, func(t *testing.T, o engine.Options) {
		s := open(t, linear(-1), o)
		for name, c := range cases {
			if _, err := s.Run(t.Context(), c.inputs); fault.CodeOf(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
		}
	})
}

func TestOpenRefusesWhatIsNoClassifier(t *testing.T) {
	external := onnxtest.New(17).Input("input", -1, 3).Weights("w", []int{3}, []float32{1, 2, 3}).
		Node("Add", []string{"input", "w"}, []string{"logits"}, nil).Output("logits", -1, 3)
	location := external.Proto().Graph.Initializer[0]
	location.DataLocation = 1
	cases := map[string]struct {
		model []byte
		want  fault.Code
	}{
		"empty":            {nil, fault.ModelMalformed},
		"noise":            {[]byte("not a model, not at all"), fault.ModelMalformed},
		"no graph":         {[]byte{8, 8}, fault.ModelMalformed},
		"truncated":        {linear(-1)[:60], fault.ModelMalformed},
		"opset":            {onnxtest.New(99).Input("input", 1).Node("Relu", []string{"input"}, []string{"logits"}, nil).Output("logits", 1).Build(), fault.ModelOpset},
		"external weights": {external.Build(), fault.ModelUnsupported},
		"no input":         {onnxtest.New(17).Weights("w", []int{1}, []float32{1}).Node("Relu", []string{"w"}, []string{"logits"}, nil).Output("logits", 1).Build(), fault.ModelShape},
		"unknown operator": {onnxtest.New(17).Input("input", 1).Node("Levitate", []string{"input"}, []string{"logits"}, nil).Output("logits", 1).Build(), fault.ModelOpset},
	}
	eachBackend(t, func(t *testing.T, o engine.Options) {
		for name, c := range cases {
			s, err := engine.OpenSession(c.model, o)
			if fault.CodeOf(err) != c.want {
				t.Errorf("%s: %v, want %s", name, err, c.want)
			}
			if s != nil {
				s.Close()
			}
		}
	})
}

func TestOpenRefusesAnUnknownBackend(t *testing.T) {
	if _, err := engine.OpenSession(linear(-1), engine.Options{Backend: "abacus"}); fault.CodeOf(err) != fault.Usage {
		t.Error(err)
	}
}

func TestEnvironmentChoosesTheBackend(t *testing.T) {
	t.Setenv(engine.BackendVariable, engine.BackendGo)
	if s := open(t, linear(-1), engine.Options{}); s.Backend() != engine.BackendGo {
		t.Errorf("backend %q", s.Backend())
	}
}

func TestAutoFallsBackToGoAndSaysSo(t *testing.T) {
	t.Setenv(engine.LibraryVariable, filepath.Join(t.TempDir(), "absent.so"))
	s := open(t, linear(-1), engine.Options{Backend: engine.BackendAuto})
	if s.Backend() != engine.BackendGo || s.Notice() == "" {
		t.Errorf("backend %q, notice %q", s.Backend(), s.Notice())
	}
	if _, err := engine.OpenSession(linear(-1), engine.Options{Backend: engine.BackendONNX}); fault.CodeOf(err) != fault.EngineMissing {
		t.Errorf("onnx without a library: %v", err)
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	eachBackend(t, func(t *testing.T, o engine.Options) {
		s := open(t, linear(-1), o)
		input := map[string]engine.Tensor{"input": {Shape: []int{1, 3}, Data: make([]float32, 3)}}
		stopped, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Run(stopped, input); fault.CodeOf(err) != fault.Interrupted {
			t.Error(err)
		}
		late, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
		defer cancel()
		if _, err := s.Run(late, input); fault.CodeOf(err) != fault.Timeout {
			t.Error(err)
		}
	})
}

// long is a chain of matrix products that takes minutes when nothing stops it.
func long() []byte {
	const n = 1024
	g := onnxtest.New(17).Input("input", -1, n).Weights("w", []int{n, n}, make([]float32, n*n))
	from := "input"
	for i := range 2000 {
		to := fmt.Sprintf("m%d", i)
		g.Node("MatMul", []string{from, "w"}, []string{to}, nil)
		from = to
	}
	return g.Node("Relu", []string{from}, []string{"logits"}, nil).Output("logits", -1, n).Build()
}

func TestARunningCallIsStopped(t *testing.T) {
	eachBackend(t, func(t *testing.T, o engine.Options) {
		s := open(t, long(), o)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := s.Run(ctx, map[string]engine.Tensor{"input": {Shape: []int{512, 1024}, Data: make([]float32, 512*1024)}})
		if fault.CodeOf(err) != fault.Timeout {
			t.Error(err)
		}
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("stopped after %v", d)
		}
	})
}

func TestConcurrentRunAndClose(t *testing.T) {
	eachBackend(t, func(t *testing.T, o engine.Options) {
		s := open(t, linear(-1), o)
		var wg sync.WaitGroup
		for g := range 8 {
			wg.Go(func() {
				for i := range 50 {
					x := float32(g*100 + i)
					out, err := s.Run(t.Context(), map[string]engine.Tensor{"input": {Shape: []int{1, 3}, Data: []float32{x, 0, 0}}})
					if fault.CodeOf(err) == fault.EngineFailed {
						return // closed meanwhile
					}
					if err != nil || out["logits"].Data[0] != x+0.5 {
						t.Errorf("%v %v", out, err)
						return
					}
				}
			})
		}
		wg.Go(func() {
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if _, err := s.Run(t.Context(), map[string]engine.Tensor{"input": {Shape: []int{1, 3}, Data: make([]float32, 3)}}); fault.CodeOf(err) != fault.EngineFailed {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestRunBatchesCoversEveryExample(t *testing.T) {
	eachBackend(t, func(t *testing.T, o engine.Options) {
		for _, c := range []struct{ fixed, n, batch int }{{-1, 0, 4}, {-1, 1, 4}, {-1, 10, 4}, {-1, 8, 4}, {-1, 70, 0}, {4, 10, 2}, {1, 3, 0}} {
			s := open(t, linear(c.fixed), o)
			var got []float32
			err := s.RunBatches(t.Context(), "input", c.n,
				func(i int, into []float32) error { into[0], into[1], into[2] = float32(i), 0, 0; return nil }, c.batch,
				func(first int, out map[string]engine.Tensor) error {
					if first*2 != len(got) {
						t.Errorf("%+v: chunk starts at %d after %d examples", c, first, len(got)/2)
					}
					got = append(got, out["logits"].Data...)
					return nil
				})
			if err != nil || len(got) != 2*c.n {
				t.Fatalf("%+v: %d values, %v", c, len(got), err)
			}
			for i := range c.n {
				if got[2*i] != float32(i)+0.5 {
					t.Errorf("%+v: example %d gives %v", c, i, got[2*i])
				}
			}
		}
	})
}

func TestRunBatchesRefusals(t *testing.T) {
	s := open(t, linear(-1), engine.Options{Backend: engine.BackendGo})
	fill := func(int, []float32) error { return nil }
	each := func(int, map[string]engine.Tensor) error { return nil }
	if err := s.RunBatches(t.Context(), "picture", 1, fill, 1, each); fault.CodeOf(err) != fault.ModelShape {
		t.Error(err)
	}
	broken := errors.New("broken")
	if err := s.RunBatches(t.Context(), "input", 1, func(int, []float32) error { return broken }, 1, each); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := s.RunBatches(t.Context(), "input", 1, fill, 1, func(int, map[string]engine.Tensor) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(engine.LibraryVariable, "")
	if _, err := engine.FindLibrary(dir); fault.CodeOf(err) != fault.EngineMissing {
		t.Errorf("empty folder: %v", err)
	}
	file := filepath.Join(dir, "libonnxruntime.so.1")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, file} {
		if got, err := engine.FindLibrary(path); err != nil || got != file {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	t.Setenv(engine.LibraryVariable, file)
	if got, err := engine.FindLibrary(""); err != nil || got != file {
		t.Errorf("by variable: %q, %v", got, err)
	}
	t.Setenv(engine.LibraryVariable, filepath.Join(dir, "absent"))
	if _, err := engine.FindLibrary(""); fault.CodeOf(err) != fault.EngineMissing {
		t.Errorf("a wrong variable must not be passed over: %v", err)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, backend := range []string{engine.BackendONNX, engine.BackendGo} {
		for _, batch := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/batch=%d", backend, batch), func(b *testing.B) {
				if backend == engine.BackendONNX {
					needLibrary(b)
				}
				s := open(b, network(), engine.Options{Backend: backend})
				input := map[string]engine.Tensor{"input": {Shape: []int{batch, 1, 28, 28}, Data: make([]float32, batch*784)}}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := s.Run(b.Context(), input); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
