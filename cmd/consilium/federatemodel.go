package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/harmonise"
	"consilium/federation/local"
	"consilium/registry"
)

func newFederateModel(a *app) *cobra.Command {
	var data dataFlags
	var part partFlags
	var name, number, out string
	c := &cobra.Command{
		Use:   "model JOB",
		Short: "Make a signed bundle of what a finished job has left at this site",
		Long: "Takes the weights that this site keeps (the shared model, its own or its personal one), calibrates them on the\n" +
			"validation examples here, measures them on the test examples here, and writes a signed bundle, which `models\n" +
			"import`, `diagnose` and `eval` take.",
		Example: "  consilium federate model films-1 --data films.npz --out films-1\n  consilium diagnose film.dcm --model films-1",
		Args:    jobArgument,
		RunE: a.inFolder(func(c *cobra.Command, dir string, args []string) error {
			job, err := folder.Job(dir, args[0])
			if err != nil {
				return err
			}
			weights, err := keptWeights(filepath.Join(folder.JobDir(dir, job.ID), folder.FinalFile))
			if err != nil {
				return err
			}
			whole, err := data.open(c)
			if err != nil {
				return err
			}
			defer whole.Close()
			set, err := part.of(whole)
			if err != nil {
				return err
			}
			l, err := local.New(job, set, local.Options{Backend: a.backend, Library: a.library, Dir: filepath.Join(folder.JobDir(dir, job.ID), "learner")})
			if err != nil {
				return err
			}
			defer l.Close()
			var adjust harmonise.Adjustment
			switch err := folder.ReadJSON(filepath.Join(folder.JobDir(dir, job.ID), "harmonise.json"), 64<<20, &adjust); {
			case err == nil:
				l.Adjust(adjust)
			case fault.CodeOf(err) != fault.NotFound:
				return err
			}
			if name == "" {
				name = job.ID
			}
			card := registry.Card{Name: name, Version: number}
			b, err := l.Bundle(c.Context(), weights, card, "consilium federate model "+job.ID)
			if err != nil {
				return err
			}
			home, err := a.home()
			if err != nil {
				return err
			}
			key, err := registry.SigningKey(home)
			if err != nil {
				return err
			}
			if err := registry.Write(out, b, key); err != nil {
				return err
			}
			return a.show(map[string]string{"bundle": out, "model": name, "job": job.ID, "hash": job.Hash(), "disclaimer": clinical.Disclaimer}, func(w io.Writer) {
				fmt.Fprintf(w, "%s: model %s of job %s\n", out, name, job.ID)
			})
		}),
	}
	data.register(c)
	part.register(c.Flags())
	f := c.Flags()
	f.StringVar(&name, "name", "", "name of the model (default: the job's id)")
	f.StringVar(&number, "version", "1.0.0", "version of the model")
	f.StringVar(&out, "out", "", "folder of the bundle")
	_ = c.MarkFlagRequired("out")
	return c
}

// keptWeights reads the weights that a site or a hub has kept.
func keptWeights(path string) ([]float32, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "the job has left no model here yet", "wait until it is finished; see `consilium federate status`")
	}
	if info.Size() > federation.MaxUpdateBytes {
		return nil, fault.New(fault.InputTooLarge, path+" is too large", "restore it from a backup")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, folder.Failed(err, path+" cannot be read")
	}
	weights, rest, err := federation.CutFloats(text)
	if err != nil || len(rest) != 0 {
		return nil, fault.New(fault.StoreCorrupt, path+" is not a list of weights", "restore it from a backup")
	}
	return weights, nil
}
