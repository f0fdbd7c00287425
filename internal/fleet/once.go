package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"consilium/dataset"
	"consilium/dataset/open"
	"consilium/dataset/partition"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/simulate"
)

const jobID = "fleet-1"

// run is one federation of processes.
type run struct {
	options
	dir     string
	address string
	hub     *process
	sites   []*process
	out     outcome
}

func (o options) once(ctx context.Context, seed uint64) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, o.limit)
	defer cancel()
	r := &run{options: o, dir: filepath.Join(o.out, fmt.Sprintf("seed-%d", seed)), out: outcome{Seed: seed, Sites: o.sites}}
	if err := os.RemoveAll(r.dir); err != nil {
		return r.out, err
	}
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		return r.out, err
	}
	defer r.stop()
	began := time.Now()
	if err := r.open(ctx, seed); err != nil {
		return r.out, err
	}
	r.out.SetUp = time.Since(began).Seconds()
	began = time.Now()
	h, err := r.follow(ctx, seed)
	if err != nil {
		return r.out, err
	}
	r.out.Seconds = time.Since(began).Seconds()
	for _, p := range r.sites {
		r.out.Memory, r.out.Private = max(r.out.Memory, p.peak), max(r.out.Private, p.anon)
	}
	r.out.HubMemory = r.hub.peak
	return r.out, r.out.judge(h)
}

func (r *run) stop() {
	for _, p := range append(r.sites, r.hub) {
		if p != nil && p.running() {
			_ = p.kill() // what it wrote is on the disk
		}
	}
}

// open starts the hub, lets every site join, starts the sites and proposes the job.
func (r *run) open(ctx context.Context, seed uint64) error {
	l, err := net.Listen("tcp", "127.0.0.1:0") // a free port, the same after the hub's death
	if err != nil {
		return err
	}
	r.address = l.Addr().String()
	if err := l.Close(); err != nil {
		return err
	}
	if err := r.startHub(ctx); err != nil {
		return err
	}
	data := append([]string{"--data", r.data}, strings.Fields(r.extra)...)
	for i := range r.options.sites {
		name := fmt.Sprintf("site-%02d", i+1)
		text, err := r.verb(ctx, r.dir, "hub", "federate", "invite", name, "--json")
		if err != nil {
			return err
		}
		var invitation struct{ Code string }
		if err := json.Unmarshal([]byte(text), &invitation); err != nil {
			return err
		}
		if _, err := r.verb(ctx, r.dir, name, "federate", "join", invitation.Code, "--hub", r.address); err != nil {
			return err
		}
		policy := filepath.Join(r.dir, name, "federation", "policy.json")
		if err := os.WriteFile(policy, []byte(`{"agree": true, "min_cohort": 1, "epsilon": 0}`), 0o600); err != nil {
			return err
		}
		args := append([]string{"federate", "site", "--part", fmt.Sprintf("%d/%d", i+1, r.options.sites), "--part-seed", fmt.Sprint(seed), "--alpha", fmt.Sprint(r.alpha)}, data...)
		if r.rare != "" {
			args = append(args, "--rare", r.rare)
		}
		p, err := r.start(r.dir, name, args...)
		if err != nil {
			return err
		}
		r.sites = append(r.sites, p)
	}
	if err := r.linked(ctx, r.options.sites); err != nil {
		return err
	}
	args := append([]string{"federate", "propose", "--id", jobID, "--title", "Trial of a fleet", "--purpose", "Measuring", "--seed", fmt.Sprint(seed), "--cohort", "1",
		"--quorum", fmt.Sprint(max(r.options.sites/2+1, 2))}, data...)
	if r.prior {
		counts, err := r.counts(seed)
		if err != nil {
			return err
		}
		args = append(args, "--prior", counts)
	}
	_, err = r.verb(ctx, r.dir, "hub", append(args, strings.Fields(r.plan)...)...)
	return err
}

// counts are the class counts of all sites' training examples, as one option.
func (r *run) counts(seed uint64) (string, error) {
	set, err := open.Set(r.data, open.Options{})
	if err != nil {
		return "", err
	}
	defer set.Close()
	cut := simulate.Cut{Sites: r.options.sites, Alpha: r.alpha}
	if r.rare != "" {
		if _, err := fmt.Sscanf(r.rare, "%d:%f", &cut.Rare, &cut.Share); err != nil {
			return "", fmt.Errorf("-rare with -prior is CLASS NUMBER:SHARE: %w", err)
		}
	}
	cohort, err := cut.World(set)(seed)
	if err != nil {
		return "", err
	}
	counts, err := partition.Counts(cohort.All, dataset.Train)
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(counts), " ", ","), "[]"), err
}

func (r *run) startHub(ctx context.Context) (err error) {
	if r.hub, err = r.start(r.dir, "hub", "federate", "hub", "--listen", r.address); err != nil {
		return err
	}
	return r.until(ctx, "the hub to listen", func() (bool, error) {
		c, err := net.DialTimeout("tcp", r.address, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil, nil
	})
}

// until looks again and again, measures memory meanwhile, and ends when a process that should run does not.
func (r *run) until(ctx context.Context, what string, ok func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		done, err := ok()
		if done || err != nil {
			return err
		}
		if !r.hub.running() {
			text, _ := os.ReadFile(r.hub.log)
			return fmt.Errorf("the hub has ended while waiting for %s:\n%s", what, text)
		}
		r.hub.measure()
		for _, p := range r.sites {
			p.measure()
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
}

// linked waits until so many sites are linked, by what the hub itself says.
func (r *run) linked(ctx context.Context, want int) error {
	return r.until(ctx, fmt.Sprintf("%d sites to be linked", want), func() (bool, error) {
		var members []federation.Member
		if err := folder.ReadJSON(filepath.Join(r.dir, "hub", "federation", "members.json"), 16<<20, &members); err != nil {
			return false, nil //nolint:nilerr // it is not written yet
		}
		n := 0
		for _, m := range members {
			if m.Linked {
				n++
			}
		}
		return n >= want, nil
	})
}

// follow watches the job to its end, and does the damage on the way.
func (r *run) follow(ctx context.Context, seed uint64) (h federation.History, err error) {
	dir := filepath.Join(r.dir, "hub", "federation")
	random := rand.New(rand.NewPCG(seed, 23))
	killed, killedHub := r.options.kill == 0, !r.killHub
	err = r.until(ctx, "the job to end", func() (bool, error) {
		got, err := folder.History(dir, jobID)
		if err != nil {
			return false, nil //nolint:nilerr // it is being replaced
		}
		h = got
		if rounds := got.Job.Plan.Rounds; !killed && got.State.Round > rounds/3 {
			killed = true
			for _, i := range random.Perm(len(r.sites))[:r.options.kill] {
				r.out.Killed = append(r.out.Killed, r.sites[i].name)
				if err := r.sites[i].kill(); err != nil {
					return false, err
				}
			}
		} else if !killedHub && got.State.Round > rounds/2 {
			killedHub = true
			if err := r.restart(ctx); err != nil {
				return false, err
			}
		}
		return got.State.Phase == federation.Finished, nil
	})
	return h, err
}

// restart kills the hub, starts it again, and measures until every living site is linked.
func (r *run) restart(ctx context.Context) error {
	if err := r.hub.kill(); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(r.dir, "hub", "federation", "members.json")); err != nil {
		return err
	}
	if err := r.startHub(ctx); err != nil {
		return err
	}
	began := time.Now()
	if err := r.linked(ctx, r.options.sites-len(r.out.Killed)); err != nil {
		return err
	}
	r.out.Rejoin = time.Since(began).Seconds()
	return nil
}
