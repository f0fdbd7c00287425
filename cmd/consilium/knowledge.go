package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"consilium/clinical"
	"consilium/fault"
	"consilium/knowledge"
	"consilium/ontology"
)

func newKnowledge(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "knowledge",
		Short: "Predict links that the knowledge graph of diseases, findings and genes lacks",
		Long: "Learns the graph of the imported ontology (diseases, phenotypes, genes, inheritance, onset) by tensor\n" +
			"factorisation, TuckER or ComplEx, and predicts phenotypes of a disease that nobody annotated. Predictions are\n" +
			"hypotheses about annotations, never findings of a patient.",
		Example: "  consilium knowledge train\n  consilium knowledge predict OMIM:154700\n" +
			"  consilium knowledge train --hold-out 0.05 --seeds 3 --out runs/graph\n  consilium knowledge eval runs/graph/*.model",
		Args: noVerb,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newKnowledgeTrain(a), newKnowledgeEval(a), newKnowledgePredict(a))
	return c
}

// knowledgeRun is what `train` shows of a model.
type knowledgeRun struct {
	Model     string           `json:"model"`
	File      string           `json:"file"`
	Config    knowledge.Config `json:"config"`
	Loss      float64          `json:"loss"`
	Synthetic bool             `json:"synthetic,omitempty"`
}

// graphFlags are the flags of `knowledge train`.
type graphFlags struct {
	out             string
	models, sources []string
	seeds           int
	holdOut         knowledge.HoldOut
	tune            knowledge.Config
}

func newKnowledgeTrain(a *app) *cobra.Command {
	var k graphFlags
	c := &cobra.Command{
		Use:   "train",
		Short: "Learn the graph; with --hold-out, keep links back to measure it on",
		Long: "Without --hold-out, learns every link and writes one model, by default where `predict` looks for it.\n" +
			"With --hold-out, keeps that share of the links (disease, has_phenotype, term) for validation and again for test,\n" +
			"and writes a file for each model and seed into the folder --out. Ctrl-C keeps what was learnt: the same command goes on.",
		Example: "  consilium knowledge train\n  consilium knowledge train --hold-out 0.05 --of OMIM --model tucker,complex --seeds 3 --out runs/graph",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			b, err := a.base()
			if err != nil {
				return err
			}
			runs, err := a.trainGraph(c, b, k)
			if err != nil {
				return err
			}
			return a.show(struct {
				Runs       []knowledgeRun `json:"runs"`
				Notice     string         `json:"notice"`
				Disclaimer string         `json:"disclaimer"`
			}{runs, b.Notice(), clinical.Disclaimer}, func(w io.Writer) {
				for _, r := range runs {
					fmt.Fprintf(w, "%s seed %d: %d epochs, loss %.4f, written to %s\n", r.Model, r.Config.Seed, r.Config.Epochs, r.Loss, r.File)
				}
				fmt.Fprintf(w, "\n%s\n", b.Notice())
			})
		},
	}
	k.register(c)
	return c
}

func (k *graphFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&k.out, "out", "", "file of the model, or folder with --hold-out (default: knowledge/links.model in the data directory)")
	f.StringSliceVar(&k.models, "model", []string{knowledge.TuckER}, "tucker, complex, or both with --hold-out")
	f.StringSliceVar(&k.sources, "sources", nil, "only diseases of these sources: OMIM, ORPHA, DECIPHER (default: all)")
	f.Float64Var(&k.holdOut.Share, "hold-out", 0, "share of links kept for validation, and again for test")
	f.Uint64Var(&k.holdOut.Seed, "split-seed", 1, "which links are held out")
	f.StringVar(&k.holdOut.Source, "of", "OMIM", "hold out links of this source's diseases only")
	f.IntVar(&k.seeds, "seeds", 1, "training runs of each model, each from another seed")
	f.IntVar(&k.tune.Dim, "dim", 0, "length of an embedding")
	f.IntVar(&k.tune.Core, "core", 0, "coordinates of a relation (tucker)")
	f.IntVar(&k.tune.Epochs, "epochs", 0, "passes over the graph")
	f.IntVar(&k.tune.Batch, "batch", 0, "queries in a step")
	f.IntVar(&k.tune.Candidates, "candidates", 0, "answers that the softmax runs over, about")
	f.Float64Var(&k.tune.Rate, "rate", 0, "learning rate of Adagrad")
	f.Float64Var(&k.tune.Dropout, "dropout", 0, "share of coordinates left out in a step")
	f.Float64Var(&k.tune.N3, "n3", 0, "weight of N3 regularisation")
	f.Uint64Var(&k.tune.Seed, "seed", 1, "seed of the first run")
}

// complete fills in what depends on the base and on other flags.
func (k *graphFlags) complete(a *app, c *cobra.Command, b *ontology.Base) error {
	if k.holdOut.Share > 0 {
		if k.out == "" {
			return fault.New(fault.Usage, "--hold-out writes several models", "name a folder with --out")
		}
		ours := func(d ontology.Disease) bool { return strings.HasPrefix(d.ID, k.holdOut.Source) }
		if !c.Flags().Changed("of") && !slices.ContainsFunc(b.Diseases, ours) {
			k.holdOut.Source = "" // the built-in sample has sources of its own
		}
		return nil
	}
	if k.holdOut.Share == 0 {
		k.holdOut = knowledge.HoldOut{}
	}
	if len(k.models) > 1 || k.seeds > 1 {
		return fault.New(fault.Usage, "several models without --hold-out", "choose one --model and one seed, or hold links out to compare them")
	}
	if k.out == "" {
		home, err := a.home()
		if err != nil {
			return err
		}
		k.out = filepath.Join(home, knowledge.FileName)
	}
	return nil
}

// trainGraph trains each model from each seed, and saves it before the next begins.
func (a *app) trainGraph(c *cobra.Command, b *ontology.Base, k graphFlags) ([]knowledgeRun, error) {
	if err := k.complete(a, c, b); err != nil {
		return nil, err
	}
	g, err := knowledge.FromBase(b, k.sources...)
	if err != nil {
		return nil, err
	}
	var runs []knowledgeRun
	for _, name := range k.models {
		for seed := range k.seeds {
			config := tuned(c, knowledge.Recipe(name), k.tune)
			config.Seed += uint64(seed)
			file := k.out
			if k.holdOut.Share > 0 {
				file = filepath.Join(k.out, fmt.Sprintf("%s-%d.model", name, config.Seed))
			}
			run := knowledgeRun{Model: name, File: file, Config: config, Synthetic: b.Synthetic}
			m, err := knowledge.Train(c.Context(), g, knowledge.Plan{Config: config, HoldOut: k.holdOut, Sources: k.sources, Checkpoint: file + ".checkpoint",
				Report: func(p knowledge.Progress) {
					run.Loss = p.Loss
					a.progress("%s seed %d epoch %d/%d loss %.4f (%.1f s)", name, config.Seed, p.Epoch, p.Epochs, p.Loss, p.Took.Seconds())
				}})
			if err != nil {
				return nil, err
			}
			if err := m.Save(file); err != nil {
				return nil, err
			}
			runs = append(runs, run)
		}
	}
	return runs, nil
}

// tuned takes the flags that were given; the recipe stands for the others.
func tuned(c *cobra.Command, recipe, flags knowledge.Config) knowledge.Config {
	for name, set := range map[string]func(){
		"dim":        func() { recipe.Dim = flags.Dim },
		"core":       func() { recipe.Core = flags.Core },
		"epochs":     func() { recipe.Epochs = flags.Epochs },
		"batch":      func() { recipe.Batch = flags.Batch },
		"candidates": func() { recipe.Candidates = flags.Candidates },
		"rate":       func() { recipe.Rate = flags.Rate },
		"dropout":    func() { recipe.Dropout = flags.Dropout },
		"n3":         func() { recipe.N3 = flags.N3 },
	} {
		if c.Flags().Changed(name) {
			set()
		}
	}
	recipe.Seed = flags.Seed
	return recipe
}

func newKnowledgePredict(a *app) *cobra.Command {
	var model string
	var limit int
	c := &cobra.Command{
		Use:   "predict DISEASE",
		Short: "List findings that a disease is likely to have and is not annotated with",
		Long: "Lists phenotypes by how likely the model thinks it that they are annotated next, leaving out what is annotated,\n" +
			"follows from an annotation, or was excluded. These are hypotheses for curators and researchers, not knowledge.",
		Example: "  consilium knowledge predict OMIM:154700\n  consilium knowledge predict OMIM:154700 --limit 20 --json",
		Args:    exactly("DISEASE"),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := a.base()
			if err != nil {
				return err
			}
			if model == "" {
				home, err := a.home()
				if err != nil {
					return err
				}
				model = filepath.Join(home, knowledge.FileName)
			}
			m, err := knowledge.Load(model)
			if err != nil {
				return err
			}
			list, err := m.Scorer().Predict(b, args[0], limit)
			if err != nil {
				return err
			}
			return a.show(struct {
				Disease    string                 `json:"disease"`
				Status     string                 `json:"status"`
				Hypotheses []knowledge.Hypothesis `json:"hypotheses"`
				Synthetic  bool                   `json:"synthetic,omitempty"`
				Notice     string                 `json:"notice"`
				Disclaimer string                 `json:"disclaimer"`
			}{args[0], "hypotheses of a model, not annotated by anybody", list, m.Synthetic, b.Notice(), clinical.Disclaimer}, func(w io.Writer) {
				fmt.Fprintf(w, "HYPOTHESES about %s: likely by the model, not annotated by anybody\n\n", args[0])
				t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
				fmt.Fprintln(t, "TERM\tNAME\tPROBABILITY\tTIMES THE AVERAGE DISEASE'S")
				for _, h := range list {
					fmt.Fprintf(t, "%s\t%s\t%.4f\t%.1f\n", h.Term, h.Label, h.Probability, h.Lift)
				}
				t.Flush()
				fmt.Fprintf(w, "\n%s\n", b.Notice())
			})
		},
	}
	c.Flags().StringVar(&model, "model", "", "file of the model (default: knowledge/links.model in the data directory)")
	c.Flags().IntVar(&limit, "limit", 10, "how many")
	return c
}
