package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"consilium/fault"
)

func TestInterruptedWorkEndsWithStatus6(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, failure bytes.Buffer
	data := t.TempDir()
	if err := installModels(data, t.TempDir()); err != nil {
		t.Fatal(err)
	}
	status := run(ctx, []string{"diagnose", "x.png", "--data-dir", data}, &out, &failure)
	if status != fault.ExitInterrupted || !strings.Contains(failure.String(), "error INTERRUPTED") {
		t.Errorf("status %d: %s", status, failure.String())
	}
}

func TestEveryErrorGetsACode(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	started, starting := &app{started: true}, &app{}
	tests := []struct {
		a    *app
		ctx  context.Context
		err  error
		want fault.Code
	}{
		{starting, t.Context(), errors.New("unknown flag"), fault.Usage},
		{started, t.Context(), errors.New("surprise"), fault.Internal},
		{started, t.Context(), fmt.Errorf("deep: %w", context.Canceled), fault.Interrupted},
		{started, t.Context(), fmt.Errorf("deep: %w", context.DeadlineExceeded), fault.Timeout},
		{started, ended, errors.New("the consequence of Ctrl-C"), fault.Interrupted},
		{started, ended, fault.New(fault.InputEmpty, "x", "y"), fault.InputEmpty},
	}
	for _, tt := range tests {
		if got := fault.CodeOf(tt.a.coded(tt.ctx, tt.err)); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}

func TestErrorsAreJSONWithTheFlag(t *testing.T) {
	var out, failure bytes.Buffer
	status := run(t.Context(), []string{"models", "show", "absent", "--json", "--data-dir", t.TempDir()}, &out, &failure)
	if status != fault.ExitModel || out.Len() != 0 || !strings.HasPrefix(failure.String(), `{"error":{"code":"MODEL_MISSING"`) {
		t.Errorf("status %d, out %q, err %q", status, out.String(), failure.String())
	}
}
