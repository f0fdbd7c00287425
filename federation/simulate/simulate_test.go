package simulate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/settest"
	"consilium/fault"
	"consilium/federation"
)

// blobs is a table whose classes lie around points of their own; class 2 is between the others.
type blobs struct{ sizes map[dataset.Split]int }

func (b blobs) Info() dataset.Info {
	return dataset.Info{Name: "blobs", Kind: clinical.KindTable, Shape: []int{4}, Licence: "none", Citation: "none", SplitBy: "made", Synthetic: true,
		Labels: []clinical.Concept{{Name: "a"}, {Name: "b"}, {Name: "c"}}, Columns: []string{"w", "x", "y", "z"}}
}
func (b blobs) Len(s dataset.Split) int { return b.sizes[s] }
func (b blobs) Close() error            { return nil }
func (b blobs) Read(s dataset.Split, i int, into []float32) (dataset.Sample, error) {
	if err := dataset.CheckRead(b, s, i, into); err != nil {
		return dataset.Sample{}, err
	}
	r := rand.New(rand.NewPCG(uint64(i), uint64(len(s))))
	label := i % 3
	for k := range into {
		into[k] = float32(0.6 * r.NormFloat64())
	}
	into[label]++
	return dataset.Sample{ID: fmt.Sprint(s, i), Group: fmt.Sprint(s, i), Label: label}, nil
}

func small() dataset.Set {
	return blobs{map[dataset.Split]int{dataset.Train: 360, dataset.Validation: 60, dataset.Test: 150}}
}

func plan() federation.Plan {
	return federation.Plan{Rounds: 6, Epochs: 1, Batch: 8, Rate: 0.2}
}

func experiment(t *testing.T, cut Cut, preset string, algorithms ...string) Experiment {
	t.Helper()
	arms, err := Arms(preset, plan(), algorithms, Attack{})
	if err != nil {
		t.Fatal(err)
	}
	return Experiment{Title: "test", Arch: "logistic", World: cut.World(small()), WorldID: fmt.Sprint(cut), Arms: arms, Seeds: 2, Rare: 2}
}

func run(t *testing.T, e Experiment) Result {
	t.Helper()
	r, err := Go(context.Background(), e)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r Result) arm(t *testing.T, name string) int {
	t.Helper()
	i := slices.IndexFunc(r.Details, func(d Detail) bool { return d.Arm == name })
	if i < 0 {
		t.Fatalf("no arm %q", name)
	}
	return i
}

// What a federation is for: on sites with unlike mixtures it does better than each alone, and nearly as well as all
// examples in one place.
func TestFederationBeatsLocal(t *testing.T) {
	r := run(t, experiment(t, Cut{Sites: 6, Alpha: 0.1}, Plain, federation.FedAvg, federation.Scaffold))
	local, pooled, fed := r.Arms[r.arm(t, "local")].MacroF1.Mean, r.Arms[r.arm(t, "pooled")].MacroF1.Mean, r.Arms[r.arm(t, "fedavg")].MacroF1.Mean
	if !(fed > local+0.05) || !(fed > pooled-0.1) || !(pooled > 0.7) {
		t.Errorf("macro-F1: local %.3f, fedavg %.3f, pooled %.3f", local, fed, pooled)
	}
	if r.Baseline.MacroF1 < 0.16 || r.Baseline.MacroF1 > 0.17 { // one class of three, always: F1 1/2 for it, 0 for others
		t.Errorf("the trivial answer has macro-F1 %.3f", r.Baseline.MacroF1)
	}
	var d Difference
	for _, x := range r.Differences {
		if x.A == "fedavg" && x.B == "local" {
			d = x
		}
	}
	if len(d.Each) != 2 || math.Abs(d.Mean-(fed-local)) > 1e-9 || d.Low == nil || !(*d.Low <= d.Mean && d.Mean <= *d.High) {
		t.Errorf("the paired difference: %+v, want %.4f", d, fed-local)
	}
	if a := r.Arms[r.arm(t, "scaffold")]; len(a.Curve) != 2 || len(a.Curve[0]) != 6 || a.Bytes < 2*6*6*4*15 {
		t.Errorf("curve %v, %d bytes", a.Curve, a.Bytes)
	}
	if d := r.Details[r.arm(t, "local")]; d.Worst == nil || d.Worst.Mean > local || d.Recall == nil {
		t.Errorf("%+v", d)
	}
	// The same number of gradients.
	a, b, c := r.Details[r.arm(t, "local")].Steps, r.Details[r.arm(t, "pooled")].Steps, r.Details[r.arm(t, "fedavg")].Steps
	if a != c || b != c {
		t.Errorf("gradients: local %d, pooled %d, fedavg %d", a, b, c)
	}
}

// A cap on a round's steps holds for each site, and the pooled learner still makes as many gradients as all together.
func TestSameGradientsUnderACap(t *testing.T) {
	e := experiment(t, Cut{Sites: 5, Alpha: 1}, Plain, federation.FedAvg)
	for i := range e.Arms {
		e.Arms[i].Plan.Steps = 4
	}
	r := run(t, e)
	for _, d := range r.Details {
		if d.Steps != r.Details[0].Steps || d.Steps > 6*5*4 || d.Steps < 6*4 {
			t.Errorf("%s made %d gradients, %s made %d", d.Arm, d.Steps, r.Details[0].Arm, r.Details[0].Steps)
		}
	}
}

// Where a class is rare and sites are unlike, one balanced loss for all beats each site's own.
func TestPrior(t *testing.T) {
	e := experiment(t, Cut{Sites: 8, Alpha: 0.1, Rare: 2, Share: 0.05}, Plain, federation.FedAvg)
	own := e.Arms[3]
	own.Plan = own.Plan.WithDefaults()
	own.Plan.Balance, own.Plan.Rate, own.Plan.Rounds = 1, 0.1, 20
	known := own
	own.Name, own.Prior, known.Prior = "own", false, true
	e.Arms, e.Seeds = []Arm{own, known}, 6
	r := run(t, e)
	if a, b := r.Details[0].Recall.Mean, r.Details[1].Recall.Mean; !(b > a) {
		t.Errorf("recall of the rare class is %.3f when sites balance by their own classes, %.3f by all", a, b)
	}
	if a, b := r.Arms[0].MacroF1.Mean, r.Arms[1].MacroF1.Mean; !(b > a) {
		t.Errorf("macro-F1 is %.3f when sites balance by their own classes, %.3f by all", a, b)
	}
	set := small()
	job := e.job(known, set, []int{1, 2, 3}, 1)
	if err := job.Validate(); err != nil {
		t.Error(err)
	}
	for _, prior := range [][]int{{1, 2}, {1, 2, 0}, {1, 2, 3, 4}} {
		if job := e.job(known, set, prior, 1); fault.CodeOf(job.Validate()) != fault.Usage {
			t.Errorf("a prior of %v is taken", prior)
		}
	}
}

func TestDeterministic(t *testing.T) {
	e := experiment(t, Cut{Sites: 4, Alpha: 0.5, Rare: 2, Share: 0.05}, Plain, federation.FedAvg)
	e.Parallel = 3
	a := run(t, e)
	e.Parallel = 1
	b := run(t, e)
	for i := range a.Arms {
		if !slices.Equal(a.Arms[i].MacroF1.Each, b.Arms[i].MacroF1.Each) || a.Arms[i].Bytes != b.Arms[i].Bytes {
			t.Errorf("%s: %v and %v", a.Arms[i].Name, a.Arms[i].MacroF1.Each, b.Arms[i].MacroF1.Each)
		}
	}
	if a.Arms[0].MacroF1.Each[0] == a.Arms[0].MacroF1.Each[1] {
		t.Error("two seeds gave the same")
	}
	share := 0.0
	total := 0.0
	for _, row := range a.Partition {
		share += float64(row[2])
		total += float64(row[0] + row[1] + row[2])
	}
	if share == 0 || share/total > 0.06 {
		t.Errorf("the rare class has %v of %v", share, total)
	}
}

// A fifth of the sites turned round: the mean suffers, the median does not.
func TestRobustRulesWithstandPoison(t *testing.T) {
	e := experiment(t, Cut{Sites: 10, Alpha: 100}, Poison, federation.FedAvg, federation.Median, federation.MultiKrum)
	r := run(t, e)
	clean := r.Arms[r.arm(t, "fedavg, nobody poisoned")].MacroF1.Mean
	for _, attack := range []string{AttackSign, AttackScale, AttackLabel} {
		for _, rule := range []string{federation.Median, federation.MultiKrum} {
			if v := r.Arms[r.arm(t, rule+", "+attack)].MacroF1.Mean; v < clean-0.1 {
				t.Errorf("%s under %s: macro-F1 %.3f, %.3f without", rule, attack, v, clean)
			}
		}
	}
	if v := r.Arms[r.arm(t, "fedavg, sign")].MacroF1.Mean; v > clean-0.1 {
		t.Errorf("the mean withstands the sign flip: %.3f of %.3f; the attack does nothing", v, clean)
	}
	if d := r.Details[r.arm(t, "multikrum, sign")]; d.Left != 2*6 {
		t.Errorf("multi-Krum left out %v poisoned and %v honest updates in 6 rounds, there were 12", d.Left, d.Wrong)
	}
}

func TestHearts(t *testing.T) {
	arms, err := Arms(Heart, federation.Plan{Rounds: 15, Epochs: 1, Batch: 8, Rate: 0.1}, []string{federation.FedAvg}, Attack{})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, Experiment{Title: "hearts", Arch: "logistic", World: Hearts(""), WorldID: "synthetic", Arms: arms, Seeds: 2, Rare: -1, Measure: Accuracy})
	pooled := r.Arms[r.arm(t, "pooled")].Accuracy.Mean
	fed := r.Arms[r.arm(t, "fedavg")].Accuracy.Mean
	if math.Abs(pooled-fed) > 0.05 || pooled < r.Baseline.Accuracy+0.05 {
		t.Errorf("accuracy: pooled %.3f, fedavg %.3f, trivial %.3f", pooled, fed, r.Baseline.Accuracy)
	}
	sites := r.Details[r.arm(t, "fedavg, combat")].Sites
	if len(sites) != 4 || sites[0].N != 104 || sites[2].N != 16 || sites[2].Site != "switzerland" {
		t.Errorf("%+v", sites)
	}
	for _, d := range r.Differences {
		if strings.HasSuffix(d.A, "combat") && !strings.HasSuffix(d.B, "combat") {
			t.Errorf("%s is compared with %s", d.A, d.B)
		}
	}
	// The figure of all centres is that of the centres' confusion matrices together.
	sum := 0.0
	for _, s := range sites {
		sum += s.Accuracy.Mean * float64(s.N) / 254
	}
	if got := r.Arms[r.arm(t, "fedavg, combat")].Accuracy.Mean; math.Abs(got-sum) > 1e-9 {
		t.Errorf("accuracy %.4f, centres together %.4f", got, sum)
	}
}

// Unlike scanners hurt a common model; every site is measured through its own.
func TestShift(t *testing.T) {
	e := experiment(t, Cut{Sites: 4, Alpha: 10, Scanner: 1}, Shift)
	e.Seeds = 1
	r := run(t, e)
	for _, name := range []string{"local", "ditto", "fedavg, site may keep its own", "fedavg, combat"} {
		if n := len(r.Arms[r.arm(t, name)].PerSite); n != 4 {
			t.Errorf("%s has figures of %d sites", name, n)
		}
	}
	var b bytes.Buffer
	if err := r.Text(&b); err != nil || !strings.Contains(b.String(), "Worst site") || !strings.Contains(b.String(), "site-04") {
		t.Errorf("%v: %s", err, b.String())
	}
	b.Reset()
	if err := r.HTML(&b); err != nil || !strings.Contains(b.String(), "<html") {
		t.Errorf("%v", err)
	}
}

func TestPrivacyCosts(t *testing.T) {
	e := experiment(t, Cut{Sites: 5, Alpha: 10}, Privacy)
	e.Seeds = 1
	r := run(t, e)
	for _, where := range []string{"hub's", "sites'"} {
		noises := centralNoise
		if where == "sites'" {
			noises = localNoise
		}
		last := math.Inf(1)
		for _, m := range noises {
			got := r.Details[r.arm(t, fmt.Sprintf("%s noise %g", where, m))].Epsilon
			if !(got > 0 && got < last) {
				t.Errorf("%s noise %g spends epsilon %g, less noise spent %g", where, m, got, last)
			}
			last = got
		}
	}
	// The noise is the operating system's, not the seed's: much of it, over several seeds, leaves nothing to be right by.
	i := r.arm(t, "hub's noise 3")
	much := e.Arms[i]
	central := *much.Privacy.Central
	central.Multiplier = 100
	much.Privacy.Central = &central
	e.Arms, e.Seeds = []Arm{e.Arms[r.arm(t, "fedavg, cut to norm 1")], much}, 6
	if r = run(t, e); r.Arms[1].MacroF1.Mean > r.Arms[0].MacroF1.Mean-0.1 {
		t.Errorf("much noise costs nothing: %.3f and %.3f", r.Arms[1].MacroF1.Mean, r.Arms[0].MacroF1.Mean)
	}
}

// Stopped after its second run, an experiment keeps what is finished and goes on from there.
func TestGoesOn(t *testing.T) {
	e := experiment(t, Cut{Sites: 3, Alpha: 1}, Plain, federation.FedAvg)
	e.Out = t.TempDir()
	whole := run(t, Experiment{Title: e.Title, Arch: e.Arch, World: e.World, WorldID: e.WorldID, Arms: e.Arms, Seeds: 2, Rare: 2})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := 0
	e.Progress = func(line string) {
		if strings.Contains(line, " in ") && !strings.Contains(line, "round") {
			if done++; done == 2 {
				cancel()
			}
		}
	}
	part, err := Go(ctx, e)
	if fault.CodeOf(err) != fault.Interrupted || len(part.Arms) != 2 {
		t.Fatalf("%v, %d arms", err, len(part.Arms))
	}
	taken := 0
	e.Progress = func(line string) {
		if strings.Contains(line, "taken from") {
			taken++
		}
	}
	r := run(t, e)
	if taken != 2 {
		t.Errorf("%d runs were taken up, 2 were finished", taken)
	}
	for i := range whole.Arms {
		if !slices.Equal(whole.Arms[i].MacroF1.Each, r.Arms[i].MacroF1.Each) {
			t.Errorf("%s: %v in one go, %v in two", r.Arms[i].Name, whole.Arms[i].MacroF1.Each, r.Arms[i].MacroF1.Each)
		}
	}
	// Another plan is another run; a damaged file is made anew.
	files, _ := filepath.Glob(filepath.Join(e.Out, "runs", "*.json"))
	if len(files) != 8 {
		t.Fatalf("%d files for 8 runs", len(files))
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	e.Arms[3].Plan.Rounds, taken = 7, 0
	run(t, e)
	if taken > 6 || taken < 5 {
		t.Errorf("%d runs were taken up of 6 that fit, one of which may be the damaged one", taken)
	}
}

// A site whose update is beyond all measure is left out; without it there is no quorum, and the run ends early and
// says so. It does not fail the experiment.
func TestDivergence(t *testing.T) {
	e := experiment(t, Cut{Sites: 3, Alpha: 1}, Plain, federation.FedAvg)
	e.Arms, e.Seeds = e.Arms[3:], 1
	e.Arms[0].Attack = Attack{Kind: AttackScale, Share: 0.4, Factor: 1e6}
	e.Arms[0].Plan.Quorum, e.Arms[0].Plan.Rate = 3, 1e6
	r := run(t, e)
	if len(r.Details[0].Failed) != 1 || !strings.Contains(r.Details[0].Failed[0], "round") {
		t.Errorf("%+v", r.Details[0])
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestAttacks(t *testing.T) {
	u := federation.Update{Delta: []float32{1, -2}, Extra: []float32{3}}
	for text, want := range map[string][]float32{"sign:0.2": {-4, 8, -12}, "sign:0.2:1": {-1, 2, -3}, "scale:0.3": {10, -20, 30}, "label:0.2": {1, -2, 3}} {
		a, err := ParseAttack(text)
		if err != nil {
			t.Fatal(err)
		}
		p := a.poison(u)
		if !slices.Equal(append(slices.Clone(p.Delta), p.Extra...), want) {
			t.Errorf("%s: %v %v", text, p.Delta, p.Extra)
		}
	}
	if u.Delta[0] != 1 {
		t.Error("the honest update was changed")
	}
	for _, text := range []string{"", "sign", "sign:x", "sign:1", "sign:-0.1", "fire:0.2", "sign:0.2:0", "sign:0.2:NaN", ":0.2", "sign:0.1:2:3"} {
		if _, err := ParseAttack(text); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%q: %v", text, err)
		}
	}
	a := Attack{Kind: AttackSign, Share: 0.2}
	n := 0
	for i, v := range a.victims(23, 4) {
		if v != (Attack{Kind: AttackLabel, Share: 0.2}).victims(23, 4)[i] {
			t.Error("another attack has other victims")
		}
		if v {
			n++
		}
	}
	if n != 5 {
		t.Errorf("%d of 23 sites are poisoned, want 5", n)
	}
}

func TestRefusals(t *testing.T) {
	good := experiment(t, Cut{Sites: 3, Alpha: 1}, Plain, federation.FedAvg)
	for name, change := range map[string]func(*Experiment){
		"no seeds":   func(e *Experiment) { e.Seeds = 0 },
		"no arms":    func(e *Experiment) { e.Arms = nil },
		"no network": func(e *Experiment) { e.Arch = "" },
		"fedbuff":    func(e *Experiment) { e.Arms[3].Plan.Algorithm = federation.FedBuff },
		"secure sum": func(e *Experiment) { e.Arms[3].Plan.Sum, e.Arms[3].Plan.Quorum = federation.SumMasks, 3 },
		"two alike":  func(e *Experiment) { e.Arms[1].Name = e.Arms[0].Name },
		"kind":       func(e *Experiment) { e.Arms[1].Kind = "x" },
		"rounds":     func(e *Experiment) { e.Arms[1].Plan.Rounds = 0 },
		"measure":    func(e *Experiment) { e.Measure = "x" },
		"attack":     func(e *Experiment) { e.Arms[3].Attack.Kind = "x" },
	} {
		e := good
		e.Arms = slices.Clone(good.Arms)
		change(&e)
		if _, err := Go(context.Background(), e); fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Arms("x", plan(), nil, Attack{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an experiment that is not there: %v", err)
	}
	if _, err := Arms(Plain, plan(), []string{"x"}, Attack{}); fault.CodeOf(err) != fault.Usage {
		t.Errorf("an algorithm that is not there: %v", err)
	}
}

// FLamby's set with our own pooled run as the yardstick: the lead's target is one point, and 0.73.
func TestFedHeartDisease(t *testing.T) {
	dir := settest.Data(t, "uci_heart")
	arms, err := Arms(Heart, HeartPlan(), []string{federation.FedAvg, federation.Scaffold}, Attack{})
	if err != nil {
		t.Fatal(err)
	}
	r := run(t, Experiment{Title: "Fed-Heart-Disease", Arch: "logistic", World: Hearts(dir), WorldID: "uci", Arms: arms, Seeds: 3, Rare: -1, Measure: Accuracy})
	pooled := r.Arms[r.arm(t, "pooled")].Accuracy.Mean
	fed := r.Arms[r.arm(t, "fedavg")].Accuracy.Mean
	t.Logf("accuracy: pooled %.3f, fedavg %.3f", pooled, fed)
	if pooled < 0.73 || fed < pooled-0.02 {
		t.Errorf("accuracy: pooled %.3f, fedavg %.3f", pooled, fed)
	}
}
