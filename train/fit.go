package train

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"time"

	"github.com/gomlx/gomlx/core/tensors"

	"consilium/calibration"
	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/metric"
	"consilium/zoo"
)

// Epoch is one line of the learning curve.
type Epoch struct {
	Epoch     int      `json:"epoch"`
	TrainLoss float64  `json:"train_loss"`
	ValLoss   float64  `json:"val_loss"`
	ValAUC    *float64 `json:"val_auc,omitempty"`
	Seconds   float64  `json:"seconds"`
}

// Step tells where a run is: counts from 0, steps of this epoch that are done, mean loss of the epoch so far.
type Step struct {
	Seed, Epoch, Epochs, Step, Steps int
	Loss                             float64
}

// Progress is told after every step; it must return quickly.
type Progress func(Step)

// Fitted is a trained network.
type Fitted struct {
	Model   *Model
	History []Epoch
	Best    int    // epoch whose averaged weights were kept
	Stopped string // why: "epochs", "patience", "time limit", "interrupted"
	Seconds float64
}

// Fit trains one network on a set's train split and keeps the weights that do best on its validation split.
// On Ctrl-C (ctx) and at the time limit it ends well, with the best so far; the checkpoint lets it go on.
func Fit(ctx context.Context, set dataset.Set, cfg Config, progress Progress) (*Fitted, error) {
	r, err := newRun(set, cfg)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	stopped, err := r.loop(ctx, start, progress)
	if err != nil {
		return nil, err
	}
	if r.state.Best == nil {
		return nil, fault.New(fault.Interrupted, "training stopped before the first epoch ended: there is nothing to keep",
			"run the same command again to go on, or give a longer --time-limit")
	}
	r.model.Weights = r.state.Best
	return &Fitted{Model: r.model, History: r.state.History, Best: r.state.BestAt, Stopped: stopped, Seconds: time.Since(start).Seconds()}, nil
}

// run is a training run under way.
type run struct {
	cfg   Config
	feed  *feeder
	model *Model
	state *checkpoint
	opt   optimiser
}

func newRun(set dataset.Set, cfg Config) (*run, error) {
	cfg = cfg.planned(set.Len(dataset.Train))
	if err := cfg.check(); err != nil {
		return nil, err
	}
	info := set.Info()
	arch, err := zoo.Get(cfg.Arch)
	if err != nil {
		return nil, err
	}
	if len(info.Shape) != arch.Rank {
		return nil, fault.New(fault.Usage, "the network "+cfg.Arch+" does not fit data of kind "+string(info.Kind),
			"try --arch "+zoo.Default(info.Kind))
	}
	if set.Len(dataset.Train) < 2 || set.Len(dataset.Validation) < 2 {
		return nil, fault.New(fault.DataMissing, "the data set has no train or no validation examples", "check --data and its splits")
	}
	backend, err := engine.Training(cfg.Backend, cfg.Library)
	if err != nil {
		return nil, err
	}
	weights, err := weightsFor(set, cfg.Balance)
	if err != nil {
		return nil, err
	}
	model, err := NewModel(backend, arch.Build(len(info.Labels)), info.Shape, len(info.Labels), cfg.Seed)
	if err != nil {
		return nil, err
	}
	if err := model.compileStep(cfg.Loss); err != nil {
		return nil, err
	}
	r := &run{cfg: cfg, model: model, feed: &feeder{set: set, cfg: cfg, info: info, weights: weights}}
	return r, r.restore()
}

// restore takes up a checkpoint, or starts afresh.
func (r *run) restore() error {
	same := r.cfg
	same.TimeLimit = 0 // may differ between the parts of one run
	id, err := json.Marshal(struct {
		Config Config
		Data   dataset.Info
		Layout any
	}{same, r.feed.info, r.model.Layout})
	if err != nil {
		return fault.Wrap(err, fault.Internal, "the run could not be described", "")
	}
	if r.cfg.Resume != "" {
		if r.state, err = loadCheckpoint(r.cfg.Resume, id); err != nil {
			return err
		}
	}
	if r.state == nil {
		w, n := r.model.Weights, r.model.Layout.Size
		r.state = &checkpoint{Format: checkpointFormat, Config: id, Weights: w, Mean: make([]float32, n), Square: make([]float32, n),
			Average: append([]float32{}, w...)}
	}
	r.upload()
	return nil
}

func (r *run) upload() {
	n := r.model.Layout.Size
	r.opt = optimiser{
		weights: tensors.FromFlatDataAndDimensions(r.state.Weights, n),
		mean:    tensors.FromFlatDataAndDimensions(r.state.Mean, n),
		square:  tensors.FromFlatDataAndDimensions(r.state.Square, n),
		decay:   tensors.FromFlatDataAndDimensions(r.model.Layout.DecayMask(), n),
	}
}

func (r *run) loop(ctx context.Context, start time.Time, progress Progress) (stopped string, err error) {
	steps := r.feed.stepsPerEpoch()
	for s := r.state; s.Epoch < r.cfg.Epochs; {
		began := time.Now()
		done, err := r.epoch(ctx, start, steps, progress)
		if err != nil {
			return "", err
		}
		if !done {
			if err := r.save(); err != nil {
				return "", err
			}
			if ctx.Err() != nil {
				return "interrupted", nil
			}
			return "time limit", nil
		}
		if err := r.judge(ctx, steps, time.Since(began)); err != nil {
			return "", err
		}
		s.Epoch, s.Step, s.LossSum = s.Epoch+1, 0, 0
		if err := r.save(); err != nil {
			return "", err
		}
		if r.cfg.Patience > 0 && s.Epoch-1-s.BestAt >= r.cfg.Patience {
			return "patience", nil
		}
	}
	return "epochs", nil
}

// epoch runs the steps that are left of the current epoch; false when it was cut short.
func (r *run) epoch(ctx context.Context, start time.Time, steps int, progress Progress) (bool, error) {
	feedCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := r.state
	for b := range r.feed.stream(feedCtx, s.Epoch, s.Step) {
		if b.err != nil {
			return false, b.err
		}
		loss, err := r.one(b, steps*r.cfg.Epochs)
		if err != nil {
			return false, err
		}
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			return false, fault.New(fault.EngineFailed, "the loss is no longer a number", "lower --rate, or look for broken values in the data")
		}
		s.Step++
		s.Total++
		s.LossSum += loss
		if progress != nil {
			progress(Step{Epoch: s.Epoch, Epochs: r.cfg.Epochs, Step: s.Step, Steps: steps, Loss: s.LossSum / float64(s.Step)})
		}
		if ctx.Err() != nil || (r.cfg.TimeLimit > 0 && time.Since(start) > r.cfg.TimeLimit) {
			return s.Step == steps, nil
		}
	}
	return s.Step == steps, nil
}

// one is a training step; the averaged weights follow on this side of the boundary.
func (r *run) one(b batch, total int) (loss float64, err error) {
	m, s := r.model, r.state
	n, k := len(b.importance), m.classes
	t := float64(s.Total + 1)
	hyper := []float32{float32(r.cfg.rate(s.Total, total)), float32(r.cfg.Decay),
		float32(1 / (1 - math.Pow(beta1, t))), float32(1 / (1 - math.Pow(beta2, t)))}
	in := []any{
		tensors.FromFlatDataAndDimensions(b.x, append([]int{n}, m.input...)...),
		tensors.FromFlatDataAndDimensions(b.target, n, k), tensors.FromFlatDataAndDimensions(b.importance, n),
		tensors.FromFlatDataAndDimensions(hyper, 4), r.opt.weights, r.opt.mean, r.opt.square, r.opt.decay,
	}
	for _, mask := range m.drawMasks(rand.New(rand.NewPCG(r.cfg.Seed+0x5bd1e995, uint64(s.Total))), n) {
		in = append(in, mask)
	}
	var out []*tensors.Tensor
	if tryErr := engine.Try(func() { out, err = m.step.Call(in...) }); tryErr != nil {
		return 0, tryErr
	}
	if err != nil {
		return 0, fault.Wrap(err, fault.EngineFailed, "a training step failed", "run `consilium doctor`, or choose --backend go")
	}
	for i, t := range in {
		if i != decayInput {
			t.(*tensors.Tensor).MustFinalizeAll() // native memory: the collector does not see how large it is
		}
	}
	r.opt.weights, r.opt.mean, r.opt.square = out[1], out[2], out[3]
	decay := float32(min(r.cfg.Average, (t+1)/(t+10)))
	err = tensors.ConstFlatData(out[1], func(w []float32) {
		for i, v := range w {
			s.Average[i] += (1 - decay) * (v - s.Average[i])
		}
	})
	if err != nil {
		return 0, fault.Wrap(err, fault.EngineFailed, "weights could not be read back", "")
	}
	loss = float64(tensors.MustCopyFlatData[float32](out[0])[0])
	out[0].MustFinalizeAll()
	return loss, nil
}

// judge measures the averaged weights on the validation split and keeps them when they are the best so far.
func (r *run) judge(ctx context.Context, steps int, took time.Duration) error {
	s := r.state
	r.model.Weights = s.Average
	logits, labels, err := r.model.Logits(context.WithoutCancel(ctx), r.feed.set, dataset.Validation)
	if err != nil {
		return err
	}
	e := Epoch{Epoch: s.Epoch, TrainLoss: s.LossSum / float64(steps), Seconds: took.Seconds()}
	e.ValLoss, e.ValAUC, err = validate(logits, labels)
	if err != nil {
		return err
	}
	if len(s.History) == 0 || better(e, s.History[s.BestAt]) {
		s.Best, s.BestAt = append([]float32{}, s.Average...), s.Epoch
	}
	s.History = append(s.History, e)
	return nil
}

// better prefers the higher AUC once it differs by more than noise in its third place, else the lower loss.
func better(a, b Epoch) bool {
	if a.ValAUC != nil && b.ValAUC != nil && math.Abs(*a.ValAUC-*b.ValAUC) > 0.001 {
		return *a.ValAUC > *b.ValAUC
	}
	return a.ValLoss < b.ValLoss
}

func validate(logits [][]float64, labels []int) (loss float64, auc *float64, err error) {
	probs := make([][]float64, len(logits))
	for i, l := range logits {
		if probs[i], err = calibration.Softmax(l); err != nil {
			return 0, nil, err
		}
		loss -= math.Log(max(probs[i][labels[i]], 1e-12)) / float64(len(logits))
	}
	return loss, MeanAUC(probs, labels), nil
}

// MeanAUC is the mean of the one-against-rest AUCs; nil when a class is missing, so that the loss decides.
func MeanAUC(probs [][]float64, labels []int) *float64 {
	classes := len(probs[0])
	var sum float64
	for k := range classes {
		scores, came := make([]float64, len(probs)), make([]int, len(probs))
		for i, p := range probs {
			scores[i] = p[k]
			if labels[i] == k {
				came[i] = 1
			}
		}
		a, err := metric.AUC(scores, came)
		if err != nil {
			return nil
		}
		sum += a / float64(classes)
	}
	return &sum
}

func (r *run) save() error {
	if r.cfg.Resume == "" {
		return nil
	}
	var err error
	for _, c := range []struct {
		from *tensors.Tensor
		to   *[]float32
	}{{r.opt.weights, &r.state.Weights}, {r.opt.mean, &r.state.Mean}, {r.opt.square, &r.state.Square}} {
		if *c.to, err = tensors.CopyFlatData[float32](c.from); err != nil {
			return fault.Wrap(err, fault.EngineFailed, "weights could not be read back", "")
		}
	}
	return r.state.save(r.cfg.Resume)
}

// weightsFor gives the weight of each class. The train split is read for it only when the classes are to be balanced.
func weightsFor(set dataset.Set, balance float64) ([]float64, error) {
	if balance == 0 {
		equal := make([]float64, len(set.Info().Labels))
		for k := range equal {
			equal[k] = 1
		}
		return equal, nil
	}
	counts, err := classCounts(set)
	if err != nil {
		return nil, err
	}
	return ClassWeights(counts, balance), nil
}

func classCounts(set dataset.Set) ([]int, error) {
	info := set.Info()
	counts := make([]int, len(info.Labels))
	x := make([]float32, engine.Size(info.Shape))
	for i := range set.Len(dataset.Train) {
		s, err := set.Read(dataset.Train, i, x)
		if err != nil {
			return nil, err
		}
		counts[s.Label]++
	}
	return counts, nil
}
