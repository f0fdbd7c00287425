package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"consilium/dataset"
	"consilium/fault"
	"consilium/models"
	"consilium/registry"
	"consilium/train"
	"consilium/train/report"
	"consilium/zoo"
)

func newTrain(a *app) *cobra.Command {
	var data dataFlags
	var task, arch, out, version string
	var seeds int
	var coverage float64
	var tune recipeFlags
	c := &cobra.Command{
		Use:   "train --data SET --task NAME --out FOLDER",
		Short: "Train, calibrate and measure a model, and write it as a signed bundle",
		Long: "Trains one network per seed on the train split, calibrates on the validation split, measures on the test split\n" +
			"(which decides nothing), and ships the seed with the lowest validation loss. FOLDER gets bundle/ (signed),\n" +
			"report.html, report.json and checkpoints/. Ctrl-C and --time-limit keep the best so far; the same command goes on.\n\n" +
			"Networks (--arch): " + strings.Join(zoo.Names(), ", ") + ".",
		Example: "  consilium train --data pneumoniamnist.npz --task pneumonia --seeds 5 --out runs/pneumonia\n" +
			"  consilium train --data synthetic:ecg --count 2000 --task ecg --out runs/ecg --time-limit 10m\n" +
			"  consilium eval runs/pneumonia/bundle --data pneumoniamnist.npz --split test",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			set, err := data.open(c)
			if err != nil {
				return err
			}
			defer set.Close()
			info := set.Info()
			if arch == "" {
				arch = zoo.Default(info.Kind)
			}
			cfg := tune.apply(c, train.Recipe(info.Kind))
			cfg.Arch, cfg.Backend, cfg.Library = arch, a.backend, a.library
			card, err := cardFor(task, version, info)
			if err != nil {
				return err
			}
			bar := newTrainingBar(a, seeds)
			result, err := train.Run(c.Context(), set, train.Plan{Config: cfg, Seeds: seeds, Coverage: coverage, Card: card, Out: out,
				Command: commandLine(os.Args[1:]), Progress: bar.step})
			bar.end()
			if err != nil {
				return err
			}
			if err := a.writeRun(out, result); err != nil {
				return err
			}
			if err := a.show(result.Report, func(w io.Writer) {
				_ = report.WriteText(w, result.Report)
				fmt.Fprintf(w, "\nmodel   %s\nreport  %s\n", filepath.Join(out, "bundle"), filepath.Join(out, "report.html"))
			}); err != nil {
				return err
			}
			if c.Context().Err() != nil {
				return fault.New(fault.Interrupted, "stopped by Ctrl-C; the best so far was kept in "+out, "run the same command again to go on")
			}
			return nil
		},
	}
	data.register(c)
	f := c.Flags()
	f.StringVar(&task, "task", "model", "name of the model; "+strings.Join(models.Tasks(), ", ")+" bring their card's texts")
	f.StringVar(&version, "version", "1.0.0", "version on the card")
	f.StringVar(&arch, "arch", "", "network (default: the one for the data's kind)")
	f.StringVar(&out, "out", "run", "folder for bundle, report and checkpoints")
	f.IntVar(&seeds, "seeds", 1, "training runs, each from another seed")
	f.Float64Var(&coverage, "coverage", 0.9, "coverage that the conformal sets promise")
	tune.register(f)
	return c
}

// cardFor is the card that a task brings, or one that states what is not known.
func cardFor(task, version string, info dataset.Info) (registry.Card, error) {
	card, ok, err := models.Template(task)
	if err != nil || ok {
		card.Version = version
		return card, err
	}
	return registry.Card{Name: task, Version: version, Task: task + " on " + info.Name, Licence: "not stated",
		IntendedUse: "Research. The maker has not stated an intended use.",
		Limits:      []string{"The maker has not stated limits: treat every answer as unproven."}}, nil
}

// commandLine is how the program was called, fit to be repeated elsewhere: file names instead of paths of this
// machine, and without the flags that change nothing in the result.
func commandLine(args []string) string {
	words := []string{"consilium"}
	for i := 0; i < len(args); i++ {
		name, value, has := strings.Cut(args[i], "=")
		switch name {
		case "--quiet", "-q", "--json":
			continue
		case "--data-dir", "--library":
			if !has {
				i++
			}
			continue
		}
		if has {
			words = append(words, quoted(name+"="+base(value)))
		} else {
			words = append(words, quoted(base(name)))
		}
	}
	return strings.Join(words, " ")
}

// quoted is a word as a shell takes it.
func quoted(word string) string {
	if strings.ContainsAny(word, " \t'\"$;&|<>()*?") {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}

// base is the last part of a path, and every other word as it is.
func base(word string) string {
	if strings.ContainsRune(word, filepath.Separator) {
		return filepath.Base(word)
	}
	return word
}

// writeRun puts bundle and reports into the folder.
func (a *app) writeRun(out string, r *train.Result) error {
	home, err := a.home()
	if err != nil {
		return err
	}
	key, err := registry.SigningKey(home)
	if err != nil {
		return err
	}
	if err := registry.Write(filepath.Join(out, "bundle"), r.Bundle, key); err != nil {
		return err
	}
	for name, write := range map[string]func(io.Writer, report.Run) error{"report.html": report.WriteHTML, "report.json": report.WriteJSON} {
		if err := writeFile(filepath.Join(out, name), func(w io.Writer) error { return write(w, r.Report) }); err != nil {
			return err
		}
	}
	return nil
}

// trainingBar shows progress on standard error.
type trainingBar struct {
	bar   *progressbar.ProgressBar
	seeds int
	total int
}

func newTrainingBar(a *app, seeds int) *trainingBar {
	return &trainingBar{seeds: seeds, bar: newBar(a)}
}

// newBar is nil with --quiet and --json.
func newBar(a *app) *progressbar.ProgressBar {
	if a.quiet || a.json {
		return nil
	}
	return progressbar.NewOptions(1, progressbar.OptionSetWriter(a.err), progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true), progressbar.OptionThrottle(progressThrottle), progressbar.OptionSetWidth(24))
}

func (b *trainingBar) step(s train.Step) {
	if b.bar == nil {
		return
	}
	if b.total == 0 {
		b.total = b.seeds * s.Epochs * s.Steps
		b.bar.ChangeMax(b.total)
	}
	b.bar.Describe(fmt.Sprintf("seed %d/%d epoch %d/%d loss %.3f", s.Seed+1, b.seeds, s.Epoch+1, s.Epochs, s.Loss))
	_ = b.bar.Set(min((s.Seed*s.Epochs+s.Epoch)*s.Steps+s.Step, b.total))
}

func (b *trainingBar) end() {
	if b.bar != nil {
		_ = b.bar.Exit()
		fmt.Fprintln(os.Stderr)
	}
}
