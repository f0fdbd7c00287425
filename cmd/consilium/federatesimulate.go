package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"consilium/dataset"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/local"
	"consilium/federation/simulate"
	"consilium/zoo"
)

// simulateFlags is what the verb is told.
type simulateFlags struct {
	data       dataFlags
	cut        simulate.Cut
	plan       federation.Plan
	rare       string
	attack     string
	scanner    bool
	algorithms []string
	preset     string
	arch       string
	seeds      int
	first      uint64
	parallel   int
	out, html  string
}

func newFederateSimulate(a *app) *cobra.Command {
	var s simulateFlags
	c := &cobra.Command{
		Use:   "simulate --data SET",
		Short: "Try a federation on one data set cut into many sites, before asking anybody",
		Long: "Cuts a data set into sites with unlike mixtures of classes, and sets three ways side by side: every site alone,\n" +
			"all examples in one place, and one or more federations. It runs in one process, without the wire; figures are\n" +
			"means over seeds with 95% intervals, on test examples that decided nothing. --out keeps finished runs: Ctrl-C\n" +
			"shows what there is, and the same command goes on.\n\n" +
			"Experiments (--experiment): rare (several algorithms, with --rare), poison (robust rules under three attacks),\n" +
			"shift (unlike scanners: personal models and harmonisation), privacy (noise at hub and sites), heart (four\n" +
			"hospitals of Fed-Heart-Disease: --data heart:FOLDER or synthetic:heart).",
		Example: "  consilium federate simulate --data pneumoniamnist.npz --rare normal:0.03 --algorithms fedavg,scaffold --seeds 5 --out runs/rare\n" +
			"  consilium federate simulate --data heart:uci_heart --experiment heart --seeds 10\n" +
			"  consilium federate simulate --data synthetic:film --experiment poison --arch linear --sites 10 --rounds 10",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return s.run(a, c) },
	}
	s.data.register(c)
	f := c.Flags()
	f.StringVar(&s.preset, "experiment", "", "a set of arms: "+strings.Join(simulate.Presets(), ", "))
	f.StringSliceVar(&s.algorithms, "algorithms", nil, "of "+strings.Join(federation.Algorithms(), ", ")+" (default: fedavg, or the experiment's)")
	f.IntVar(&s.cut.Sites, "sites", 23, "simulated sites")
	f.Float64Var(&s.cut.Alpha, "alpha", 0.3, "how alike they are: Dirichlet concentration; 0.3 is unlike, 100 alike")
	f.StringVar(&s.rare, "rare", "", "thin a class of train and validation, CLASS:SHARE, for example normal:0.03")
	f.StringVar(&s.attack, "attack", "", "poison a share of the sites: sign:0.2, scale:0.2:10 or label:0.2")
	f.BoolVar(&s.scanner, "scanner", false, "give every site a scanner of its own")
	f.StringVar(&s.arch, "arch", "", "network: logistic, "+strings.Join(zoo.Names(), ", ")+" (default: cnn3 for pictures, logistic for tables, else the network for the data)")
	f.IntVar(&s.plan.Rounds, "rounds", 30, "rounds")
	f.IntVar(&s.plan.Epochs, "epochs", 1, "passes over a site's examples in one round")
	f.IntVar(&s.plan.Steps, "steps", 0, "most gradients of a site in one round (default: as many as the epochs make)")
	f.IntVar(&s.plan.Batch, "batch", 16, "examples of one gradient")
	f.Float64Var(&s.plan.Rate, "rate", 0.05, "learning rate of the sites")
	f.Float64Var(&s.plan.Momentum, "momentum", 0, "of the sites' descent")
	f.Float64Var(&s.plan.Balance, "balance", 0, "0 = every example counts alike, 1 = every class of the site does")
	f.Float64Var(&s.plan.ServerRate, "server-rate", 0, "step of the hub (default: the algorithm's)")
	f.StringVar(&s.plan.Weighting, "weighting", "samples", "sites count by their samples, or alike: sites")
	f.IntVar(&s.seeds, "seeds", 1, "how often, each time with other sites and first weights")
	f.Uint64Var(&s.first, "seed", 1, "the first seed")
	f.IntVar(&s.parallel, "parallel", 1, "sites that train at a time")
	f.StringVar(&s.out, "out", "", "folder for result.json, report.html and finished runs")
	f.StringVar(&s.html, "html", "", "file for the report as a page")
	return c
}

func (s *simulateFlags) run(a *app, c *cobra.Command) error {
	e, done, err := s.experiment(a, c)
	if err != nil {
		return err
	}
	defer done()
	r, failure := simulate.Go(c.Context(), e)
	if failure != nil && (fault.CodeOf(failure) != fault.Interrupted || len(r.Arms) == 0) {
		return failure
	}
	if err := s.write(r); err != nil {
		return err
	}
	if err := s.show(a, r); err != nil {
		return err
	}
	return failure
}

// show prints the result; its text ends with the disclaimer, its JSON carries it.
func (s *simulateFlags) show(a *app, r simulate.Result) error {
	if a.json {
		return a.show(r, nil)
	}
	if err := r.Text(a.out); err != nil {
		return fault.Wrap(err, fault.IO, "the result cannot be written", "check where the output goes")
	}
	return nil
}

// experiment opens the data and puts the arms together.
func (s *simulateFlags) experiment(a *app, c *cobra.Command) (e simulate.Experiment, done func(), err error) {
	set, err := s.data.open(c)
	if err != nil {
		return e, nil, err
	}
	defer func() {
		if err != nil {
			set.Close()
		}
	}()
	info := set.Info()
	e = simulate.Experiment{Title: "A simulated federation on " + info.Name, Command: commandLine(os.Args[1:]), Seeds: s.seeds, First: s.first, Rare: -1,
		Out: s.out, Backend: a.backend, Library: a.library, Parallel: s.parallel, Arch: s.network(info),
		Progress: func(line string) { a.progress("%s", line) }}
	attack, err := s.poison()
	if err != nil {
		return e, nil, err
	}
	if err = s.world(c, set, &e); err != nil {
		return e, nil, err
	}
	e.Arms, err = simulate.Arms(s.preset, s.plan, s.algorithms, attack)
	return e, func() { set.Close() }, err
}

// world says what the sites are.
func (s *simulateFlags) world(c *cobra.Command, set dataset.Set, e *simulate.Experiment) error {
	info := set.Info()
	if s.preset == simulate.Heart {
		dir, real := strings.CutPrefix(s.data.ref, "heart:")
		if !real && s.data.ref != "synthetic:heart" || strings.Contains(dir, "=") || s.cut.Sites != 23 && c.Flags().Changed("sites") {
			return fault.New(fault.Usage, "the experiment heart is about the four centres of Fed-Heart-Disease", "give --data heart:FOLDER or synthetic:heart, and no --sites")
		}
		if !real {
			dir = ""
		}
		e.World, e.WorldID, e.Measure = simulate.Hearts(dir), "hearts "+info.Name, simulate.Accuracy
		e.Data = info.Name + ", four hospitals, a new split for every seed"
		s.hearts(c)
		return nil
	}
	if s.scanner || s.preset == simulate.Shift {
		s.cut.Scanner = 1
	}
	if s.rare != "" {
		var err error
		if s.cut.Rare, s.cut.Share, err = rareClass(set, s.rare); err != nil {
			return err
		}
		e.Rare = s.cut.Rare
	}
	text, err := json.Marshal(s.cut)
	if err != nil {
		return fault.Wrap(err, fault.Usage, "the cut into sites is not made of numbers", "see --help")
	}
	e.World = s.cut.World(set)
	e.WorldID = fmt.Sprint(info.Name, info.Shape, set.Len(dataset.Train), set.Len(dataset.Validation), set.Len(dataset.Test), s.data.o.Seed, string(text))
	e.Data = fmt.Sprintf("%s: %d examples for training and choosing, cut into %d sites (Dirichlet %g); %d test examples",
		info.Name, set.Len(dataset.Train)+set.Len(dataset.Validation), s.cut.Sites, s.cut.Alpha, set.Len(dataset.Test))
	if s.rare != "" {
		e.Data += fmt.Sprintf("; %s thinned to %.3g%% of training and validation", info.Labels[s.cut.Rare].Name, 100*s.cut.Share)
	}
	return nil
}

// rareClass reads CLASS:SHARE.
func rareClass(set dataset.Set, text string) (class int, share float64, err error) {
	name, number, ok := strings.Cut(text, ":")
	if share, err = strconv.ParseFloat(number, 64); !ok || err != nil {
		return 0, 0, fault.New(fault.Usage, fmt.Sprintf("a rare class of %q", text), "write CLASS:SHARE, for example normal:0.03")
	}
	class, err = classNamed(set.Info(), name)
	return class, share, err
}

// hearts takes the plan that was chosen for Fed-Heart-Disease, where no other was asked for.
func (s *simulateFlags) hearts(c *cobra.Command) {
	p := simulate.HeartPlan()
	for name, set := range map[string]func(){
		"rounds": func() { s.plan.Rounds = p.Rounds }, "epochs": func() { s.plan.Epochs = p.Epochs },
		"batch": func() { s.plan.Batch = p.Batch }, "rate": func() { s.plan.Rate = p.Rate },
	} {
		if !c.Flags().Changed(name) {
			set()
		}
	}
}

func (s *simulateFlags) poison() (simulate.Attack, error) {
	if s.attack == "" {
		return simulate.Attack{}, nil
	}
	return simulate.ParseAttack(s.attack)
}

// network is the one that was asked for, or a small one that fits.
func (s *simulateFlags) network(info dataset.Info) string {
	switch {
	case s.arch != "":
		return s.arch
	case len(info.Shape) == 3:
		return "cnn3"
	case len(info.Shape) == 1:
		return local.ArchLogistic
	}
	return zoo.Default(info.Kind)
}

// classNamed finds a class by its name or number.
func classNamed(info dataset.Info, name string) (int, error) {
	var names []string
	for i, l := range info.Labels {
		if strings.EqualFold(l.Name, name) || strconv.Itoa(i) == name {
			return i, nil
		}
		names = append(names, l.Name)
	}
	return 0, fault.New(fault.Usage, fmt.Sprintf("there is no class %q", name), "choose one of: "+strings.Join(names, ", "))
}

// write keeps the result in files.
func (s *simulateFlags) write(r simulate.Result) error {
	pages := []string{s.html}
	if s.out != "" {
		if err := folder.WriteJSON(filepath.Join(s.out, "result.json"), r); err != nil {
			return err
		}
		pages = append(pages, filepath.Join(s.out, "report.html"))
	}
	for _, path := range slices.DeleteFunc(pages, func(p string) bool { return p == "" }) {
		var b strings.Builder
		if err := r.HTML(&b); err != nil {
			return err
		}
		if err := folder.Write(path, []byte(b.String())); err != nil {
			return err
		}
	}
	return nil
}
