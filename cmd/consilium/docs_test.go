package main

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"consilium/fault"
	"consilium/internal/golden"
)

// The documents are what the program says: they are made from the command tree
// and from the catalogue of errors.
func TestDocumentsAreCurrent(t *testing.T) {
	for name, want := range map[string]string{"cli.md": cliPage(), "errors.md": errorsPage()} {
		golden.Check(t, "../../docs/"+name, want)
	}
}

func errorsPage() string {
	var b strings.Builder
	b.WriteString("# Errors\n\nEvery error has a stable code, says what happened and what to do. Scripts may match on the code and on\n" +
		"the exit status. This page is made from `fault.Catalogue` by `go test ./cmd/consilium -run Documents -update`.\n\n" +
		"On a terminal:\n\n```\nerror INPUT_TRUNCATED: \"film.png\" ends in the middle of its PNG data\n  what to do: copy or export the file again\n```\n\n" +
		"With `--json`, on standard error:\n\n```json\n{\"error\":{\"code\":\"INPUT_TRUNCATED\",\"do\":\"...\",\"what\":\"...\"}}\n```\n\n" +
		"| code | exit status | meaning |\n|---|---|---|\n")
	for _, e := range fault.Catalogue() {
		fmt.Fprintf(&b, "| `%s` | %d | %s |\n", e.Code, e.Exit, e.Meaning)
	}
	b.WriteString("\nExit status 0 means that it worked. When several inputs are given to `diagnose`, the refused ones do not stop\n" +
		"the others; the exit status is then 3 and the code is that of the first refusal.\n")
	return b.String()
}

func cliPage() string {
	var b strings.Builder
	b.WriteString("# Command line\n\nMade from the command tree by `go test ./cmd/consilium -run Documents -update`.\n")
	root := newRoot(&app{out: io.Discard, err: io.Discard})
	describe(&b, root)
	b.WriteString("\n## Exit status\n\n```\n" + strings.TrimPrefix(exitText(), "Exit status:\n") + "```\n\nThe codes are explained in [errors.md](errors.md).\n")
	return b.String()
}

func describe(b *strings.Builder, c *cobra.Command) {
	fmt.Fprintf(b, "\n## %s\n\n", c.CommandPath())
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	fmt.Fprintf(b, "%s\n\n```\n%s\n```\n", text, c.UseLine())
	if c.Example != "" {
		fmt.Fprintf(b, "\nExamples:\n\n```\n%s\n```\n", dedent(c.Example))
	}
	flags := c.LocalFlags()
	if flags.HasAvailableFlags() {
		b.WriteString("\n| flag | default | meaning |\n|---|---|---|\n")
		flags.VisitAll(func(f *pflag.Flag) {
			if f.Hidden || f.Name == "help" {
				return
			}
			name := "`--" + f.Name + "`"
			if f.Shorthand != "" {
				name += ", `-" + f.Shorthand + "`"
			}
			value := f.DefValue
			if value != "" {
				value = "`" + value + "`"
			}
			fmt.Fprintf(b, "| %s | %s | %s |\n", name, value, strings.ReplaceAll(f.Usage, "|", "\\|"))
		})
	}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" {
			describe(b, sub)
		}
	}
}

func dedent(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.TrimPrefix(strings.TrimSuffix(line, "\n"), "  "))
	}
	return strings.Join(lines, "\n")
}

// Every verb has a short line, examples and --json, and says so.
func TestEveryVerbIsDocumented(t *testing.T) {
	root := newRoot(&app{out: io.Discard, err: io.Discard})
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" {
			return
		}
		if c.Short == "" || c.Example == "" {
			t.Errorf("%s lacks a short line or examples", c.CommandPath())
		}
		if c.Flag("json") == nil {
			t.Errorf("%s lacks --json", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
