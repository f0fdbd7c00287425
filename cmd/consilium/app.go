package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/engine"
	"consilium/fault"
	"consilium/models"
	"consilium/ontology"
	"consilium/registry"
)

// app is what the verbs share: the streams and the global flags.
type app struct {
	out, err io.Writer
	json     bool
	quiet    bool
	backend  string
	library  string
	threads  int
	dataDir  string
	started  bool // a verb has begun: errors are its own, not the command line's
}

// run executes one command line and gives its exit status.
func run(ctx context.Context, args []string, out, err io.Writer) int {
	a := &app{out: out, err: err}
	root := newRoot(a)
	root.SetArgs(args)
	failure := root.ExecuteContext(ctx)
	if failure == nil {
		return fault.ExitOK
	}
	a.json = a.json || slices.Contains(args, "--json") // also when the flags could not be parsed
	failure = a.coded(ctx, failure)
	a.printError(failure)
	return fault.ExitStatus(failure)
}

// coded gives every error a code: the library's complaints about the command
// line become USAGE, an ended context INTERRUPTED or TIMEOUT.
func (a *app) coded(ctx context.Context, err error) error {
	var e *fault.Error
	if errors.As(err, &e) {
		return err
	}
	switch {
	case errors.Is(err, context.Canceled) || ctx.Err() != nil:
		return fault.New(fault.Interrupted, "stopped before the end", "start it again")
	case errors.Is(err, context.DeadlineExceeded):
		return fault.New(fault.Timeout, "the deadline passed", "allow more time")
	case !a.started || strings.HasPrefix(err.Error(), "required flag("): // cobra looks for those when the verb has started
		return fault.New(fault.Usage, err.Error(), "see `consilium --help`, or `consilium VERB --help`")
	}
	return err
}

func (a *app) printError(err error) {
	e := fault.Of(err)
	what := e.What
	if e.Err != nil {
		what += ": " + e.Err.Error()
	}
	if a.json {
		_ = json.NewEncoder(a.err).Encode(map[string]any{"error": map[string]string{"code": string(e.Code), "what": what, "do": e.Do}})
		return
	}
	fmt.Fprintf(a.err, "error %s: %s\n", e.Code, what)
	if e.Do != "" {
		fmt.Fprintf(a.err, "  what to do: %s\n", e.Do)
	}
}

// show prints a result: v as indented JSON with --json, else what text writes,
// followed by the disclaimer. v carries the disclaimer as a field.
func (a *app) show(v any, text func(w io.Writer)) error {
	if a.json {
		enc := json.NewEncoder(a.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return fault.Wrap(err, fault.IO, "the result cannot be written", "check where the output goes")
		}
		return nil
	}
	text(a.out)
	fmt.Fprintf(a.out, "\n%s\n", clinical.Disclaimer)
	return nil
}

// progress prints a line for people who wait; --quiet and --json leave it out.
func (a *app) progress(format string, args ...any) {
	if !a.quiet && !a.json {
		fmt.Fprintf(a.err, format+"\n", args...)
	}
}

// engine gives the options of the global flags.
func (a *app) engine() engine.Options {
	return engine.Options{Backend: a.backend, Library: a.library, Threads: a.threads}
}

// home is the folder with installed models and keys.
func (a *app) home() (string, error) {
	if a.dataDir != "" {
		return filepath.Abs(a.dataDir)
	}
	return registry.DataDir()
}

// base opens the imported ontology, or the built-in sample.
func (a *app) base() (*ontology.Base, error) {
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	return ontology.Open(dir)
}

// store opens the installed and the shipped models.
func (a *app) store() (*registry.Store, error) {
	dir, err := a.home()
	if err != nil {
		return nil, err
	}
	trust, err := models.Trust()
	if err != nil {
		return nil, err
	}
	return registry.OpenStore(dir, models.FS(), slices.Collect(maps.Values(trust))...)
}

// model opens one model: a name, or the folder or zip of a bundle.
func (a *app) model(ref string) (*registry.Bundle, error) {
	store, err := a.store()
	if err != nil {
		return nil, err
	}
	return store.Open(ref)
}

// atTerminal says whether w is a terminal that shows colours.
func atTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// files checks that a verb got at least one argument.
func files(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fault.New(fault.Usage, "no "+what+" was named", "see the examples in --help")
		}
		return nil
	}
}

// exactly checks the number of arguments and names them.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != len(names) {
			return fault.New(fault.Usage, fmt.Sprintf("%s takes %s, got %d arguments", c.CommandPath(), strings.Join(names, " and "), len(args)), "see the examples in --help")
		}
		return nil
	}
}
