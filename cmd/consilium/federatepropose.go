package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/hub"
)

// proposal is the flags of `federate propose`.
type proposal struct {
	data    dataFlags
	job     federation.Job
	body    string
	local   federation.Noise
	central federation.Noise
	consent time.Duration
	round   time.Duration
	grace   time.Duration
	wait    bool
	print   bool
}

func newFederatePropose(a *app) *cobra.Command {
	p := &proposal{}
	c := &cobra.Command{
		Use:   "propose [FILE]",
		Short: "Propose a job to the sites, at the hub",
		Long: "A job is data: network, data query, plan, privacy budget. It is proposed to every site, and begins when they have\n" +
			"answered (or at `federate start`). Give it as a JSON file, or by flags; --print writes the file instead of\n" +
			"proposing it. Shape and labels are taken from a data set like the sites' own (--data); nothing else is read from it.\n\n" +
			"Algorithms: " + strings.Join(federation.Algorithms(), ", ") + ".\n" +
			"Sums: plain (the hub sees each update), masks (the hub learns one sum a round), ckks (the same, by threshold\n" +
			"encryption; slower). Robust algorithms have to see each update, so they go with plain only.",
		Example: "  consilium federate propose --id films-1 --title 'Pneumonia on films' --purpose 'A shared reader' \\\n" +
			"      --data films.npz --arch cnn3 --rounds 30 --quorum 3 --sum masks\n" +
			"  consilium federate propose job.json --wait",
		Args: cobra.MaximumNArgs(1),
		RunE: a.inFolder(func(c *cobra.Command, dir string, args []string) error { return p.run(a, c, dir, args) }),
	}
	p.register(c)
	return c
}

func (p *proposal) register(c *cobra.Command) {
	p.data.offer(c)
	f, j := c.Flags(), &p.job
	f.StringVar(&p.data.o.Label, "label", "", "label column of a table")
	f.StringVar(&j.ID, "id", "", "id of the job: a word")
	f.StringVar(&j.Title, "title", "", "one line for the people who decide")
	f.StringVar(&j.Purpose, "purpose", "", "why, in words that a consent board understands")
	f.StringVar(&j.By, "by", "", "who proposes it")
	f.StringVar(&j.Model.Arch, "arch", "cnn3", "network: one of zoo, logistic, or head on a --body")
	f.StringVar(&p.body, "body", "", "ONNX graph from input to features, for --arch head")
	f.Uint64Var(&j.Model.Seed, "seed", 1, "of the first weights")
	f.IntVar(&j.Data.Cohort, "cohort", 20, "fewest training examples with which a site takes part")
	n := &j.Plan
	f.StringVar(&n.Algorithm, "algorithm", federation.FedAvg, "how updates become a model")
	f.StringVar(&n.Sum, "sum", federation.SumPlain, "what the hub sees: plain, masks or ckks")
	f.IntVar(&n.Rounds, "rounds", 20, "rounds")
	f.IntVar(&n.Quorum, "quorum", 2, "fewest sites that make a round")
	f.IntVar(&n.Epochs, "epochs", 1, "passes over a site's examples in a round")
	f.IntVar(&n.Steps, "steps", 0, "most steps in a round; 0 = as the epochs make")
	f.IntVar(&n.Batch, "batch", 16, "examples in a step")
	f.Float64Var(&n.Rate, "rate", 0.05, "learning rate at the site")
	f.Float64Var(&n.Momentum, "momentum", 0.9, "momentum at the site")
	f.Float64Var(&n.Balance, "balance", 0, "0 = every example counts alike, 1 = every class of the site does")
	f.IntSliceVar(&n.Prior, "prior", nil, "with --balance: class counts over all sites, N,N..., where they are known (default: each site's own)")
	f.Float64Var(&n.ServerRate, "server-rate", 0, "learning rate at the hub; 0 = the algorithm's default")
	f.Float64Var(&n.Mu, "mu", 0, "pull towards the shared weights (fedprox, ditto); 0 = the algorithm's default")
	f.Float64Var(&n.Clip, "clip", 0, "largest L2 norm of an update; 0 = not cut")
	f.Float64Var(&n.Evil, "evil", 0, "share of sites that may be poisoned (trimmed, krum, multikrum); 0 = 0.2")
	f.IntVar(&n.Buffer, "buffer", 0, "updates that make a step (fedbuff); 0 = the quorum")
	f.Float64Var(&n.Q, "q", 0, "how much more sites count that do badly (qfedavg); 0 = 0.2")
	f.StringSliceVar(&n.Personal, "personal", nil, "parameters that never leave a site, as path patterns, for example 'logits/*'")
	f.StringVar(&n.Harmonise, "harmonise", "", "align the sites' features first: standardise or combat")
	f.StringVar(&n.Weighting, "weighting", "", "samples (default) or sites")
	f.StringVar(&n.Scores, "scores", "", "each: sites tell their own figures; sum: only as one sum (secure sums: always)")
	f.DurationVar(&p.consent, "consent-deadline", 7*24*time.Hour, "for the quorum to have agreed")
	f.DurationVar(&p.round, "round-deadline", 10*time.Minute, "stragglers are cut off")
	f.DurationVar(&p.grace, "grace", 10*time.Second, "how long a site without a link is waited for")
	f.IntVar(&n.Deadlines.Retries, "retries", 3, "how often a round without quorum is tried again; -1 = never")
	for _, x := range []struct {
		name, what string
		to         *federation.Noise
	}{{"local", "DP-SGD at the sites", &p.local}, {"central", "noise at the hub", &p.central}} {
		f.Float64Var(&x.to.Multiplier, x.name+"-noise", 0, x.what+": noise multiplier; 0 = off")
		f.Float64Var(&x.to.Epsilon, x.name+"-epsilon", 8, x.what+": the job stops before it spends more")
		f.Float64Var(&x.to.Delta, x.name+"-delta", 1e-5, x.what+": delta")
		f.Float64Var(&x.to.Clip, x.name+"-clip", 1, x.what+": norm that one contribution is cut to")
	}
	f.BoolVar(&p.wait, "wait", false, "wait until the job is finished, and print its report")
	f.BoolVar(&p.print, "print", false, "print the job's file and propose nothing")
}

func (p *proposal) run(a *app, c *cobra.Command, dir string, args []string) (err error) {
	j := p.job
	if len(args) == 1 {
		err = folder.ReadJSON(args[0], 2*federation.MaxJobBytes, &j)
	} else {
		j, err = p.made(c)
	}
	if err != nil {
		return err
	}
	if err := j.Validate(); err != nil {
		return err
	}
	if p.print {
		a.json = true
		return a.show(j, nil)
	}
	if err := hub.Propose(dir, j, time.Now()); err != nil {
		return err
	}
	if !p.wait {
		return a.show(map[string]string{"job": j.ID, "hash": j.Hash()}, func(w io.Writer) {
			fmt.Fprintf(w, "proposed %s\nhash %s\nwatch it with: consilium federate status %s\n", j.ID, j.Hash(), j.ID)
		})
	}
	return a.watch(c.Context(), dir, j.ID)
}

// made is the job that the flags describe.
func (p *proposal) made(c *cobra.Command) (federation.Job, error) {
	j := p.job
	if p.data.ref == "" {
		return j, fault.New(fault.Usage, "a job needs shape and labels of the sites' data", "name a data set like theirs with --data, or give the job as a file")
	}
	set, err := p.data.open(c)
	if err != nil {
		return j, err
	}
	info := set.Info()
	if err := set.Close(); err != nil {
		return j, err
	}
	j.Format, j.Created = federation.JobFormat, time.Now().UTC().Truncate(time.Second)
	j.Data.Kind, j.Data.Shape, j.Data.Labels = info.Kind, info.Shape, info.Labels
	if j.Data.Task == "" {
		j.Data.Task = j.Title
	}
	if j.By == "" {
		j.By = "the keeper of the hub"
	}
	if p.body != "" {
		if j.Model.Body, err = os.ReadFile(p.body); err != nil {
			return j, fault.Wrap(err, fault.InputMissing, "the body cannot be read", "name an ONNX file with --body")
		}
	}
	j.Plan.Deadlines.Consent, j.Plan.Deadlines.Round, j.Plan.Deadlines.Grace =
		federation.Duration(p.consent), federation.Duration(p.round), federation.Duration(p.grace)
	if p.local.Multiplier > 0 {
		j.Privacy.Local = &p.local
	}
	if p.central.Multiplier > 0 {
		j.Privacy.Central = &p.central
	}
	j.Plan = j.Plan.WithDefaults()
	return j, nil
}
