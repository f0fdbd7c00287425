package edge

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/engine"
	"consilium/fault"
	"consilium/federation"
	"consilium/federation/room"
	"consilium/metric"
	"consilium/registry"
)

// TrialOptions say what is measured: a small model at the site against the hub's, on a test split of grey pictures.
type TrialOptions struct {
	Dir        string // for the desks' folders
	Set        dataset.Set
	Site, Hub  *registry.Bundle
	Engine     engine.Options
	Thresholds []float64
	Unsure     float64       // threshold of the live runs
	Longest    int           // queue of the live runs
	Way        time.Duration // that one mail takes from the site to the hub's disk
	Cases      int           // at most; 0 = the whole split
	Seed       uint64
	Tell       func(string)
}

// Trial is the measurement.
type Trial struct {
	Data       string        `json:"data"`
	N          int           `json:"n"`
	Site       string        `json:"site_model"`
	SiteSize   int           `json:"site_parameters"`
	Hub        string        `json:"hub_model"`
	HubSize    int           `json:"hub_parameters"`
	Majority   Share         `json:"majority"` // the trivial answer
	SiteAlone  Share         `json:"site_alone"`
	HubAlone   Share         `json:"hub_alone"`
	Agreement  Share         `json:"agreement"` // of the two models, over all cases
	Curve      []CurvePoint  `json:"curve"`
	Live       []Live        `json:"live"`
	Way        time.Duration `json:"way_ns"`
	Synthetic  bool          `json:"synthetic"`
	Disclaimer string        `json:"disclaimer"`
}

// CurvePoint is handing over at one threshold.
type CurvePoint struct {
	Unsure   float64         `json:"unsure"`
	Handed   Share           `json:"handed_over"`
	Accuracy Share           `json:"accuracy"`     // the hub's answer where there is one, else the site's
	Gain     metric.Estimate `json:"gain"`         // over the site alone: paired bootstrap
	Rest     Share           `json:"agreement"`    // of the two models where the site kept to itself
	Asked    Share           `json:"disagreement"` // of the two models where the hub was asked: what asking can change
}

// Live is a desk and a counter at work.
type Live struct {
	Name     string  `json:"name"`
	Load     float64 `json:"load"` // cases that come, in units of what the site can do alone
	Lost     int     `json:"lost"`
	Repeated int     `json:"repeated"`
	Accuracy Share   `json:"accuracy"`
	Seconds  float64 `json:"seconds"`
	Report   Report  `json:"report"`
}

// trial holds what the parts share.
type trial struct {
	o      TrialOptions
	films  [][]byte // PNG
	labels []int
	names  []string // of the labels
}

// RunTrial measures. Errors: USAGE for data that are no grey pictures.
func RunTrial(ctx context.Context, o TrialOptions) (Trial, error) {
	info := o.Set.Info()
	if info.Kind != clinical.KindImage || len(info.Shape) != 3 || info.Shape[0] != 1 {
		return Trial{}, fault.New(fault.Usage, "the trial wants grey pictures", "use pneumoniamnist.npz or synthetic:film")
	}
	t := &trial{o: o}
	for _, l := range o.Hub.Card.Labels {
		t.names = append(t.names, l.Name)
	}
	if err := t.draw(); err != nil {
		return Trial{}, err
	}
	out := Trial{Data: info.Name + ", split test", N: len(t.films), Site: o.Site.Card.Arch, SiteSize: o.Site.Card.Parameters,
		Hub: o.Hub.Card.Arch, HubSize: o.Hub.Card.Parameters, Way: o.Way, Synthetic: info.Synthetic, Disclaimer: clinical.Disclaimer}
	site, err := t.answers(ctx, o.Site)
	if err != nil {
		return out, err
	}
	hub, err := t.answers(ctx, o.Hub)
	if err != nil {
		return out, err
	}
	t.compare(&out, site, hub)
	load, err := t.capacity(ctx)
	if err != nil {
		return out, err
	}
	for _, r := range []struct {
		name string
		load float64
		cut  bool
	}{{"the site keeps up", 0.6, false}, {"too many cases for the site", 1.5, false}, {"the link is cut for the middle third", 0.6, true}} {
		l, err := t.live(ctx, len(out.Live), r.name, r.load, load, r.cut)
		if err != nil {
			return out, err
		}
		out.Live = append(out.Live, l)
	}
	return out, nil
}

// draw makes pictures of the test split.
func (t *trial) draw() error {
	shape := t.o.Set.Info().Shape
	n := t.o.Set.Len(dataset.Test)
	if t.o.Cases > 0 {
		n = min(n, t.o.Cases)
	}
	x := make([]float32, shape[1]*shape[2])
	for i := range n {
		one, err := t.o.Set.Read(dataset.Test, i, x)
		if err != nil {
			return err
		}
		img := image.NewGray(image.Rect(0, 0, shape[2], shape[1]))
		for k, v := range x {
			img.Pix[k] = uint8(min(max(v, 0), 1)*255 + 0.5)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, img); err != nil {
			return fault.Wrap(err, fault.Internal, "a picture cannot be written", "this is a defect; please report it")
		}
		t.films, t.labels = append(t.films, b.Bytes()), append(t.labels, one.Label)
	}
	return nil
}

func (t *trial) one(i int) Case {
	return Case{ID: fmt.Sprintf("t%d", i), Name: fmt.Sprintf("%d.png", i), Files: []File{{Name: "film.png", Body: t.films[i]}}}
}

func (t *trial) panel(b *registry.Bundle, name string) (*Panel, error) {
	return NewPanel([]*registry.Bundle{b}, t.o.Engine, filepath.Join(t.o.Dir, "tmp-"+name), 1)
}

// answers asks one model about every film.
func (t *trial) answers(ctx context.Context, b *registry.Bundle) ([]Answer, error) {
	p, err := t.panel(b, "all")
	if err != nil {
		return nil, err
	}
	defer p.Close()
	var out []Answer
	for i := range t.films {
		a, err := p.Diagnose(ctx, t.one(i))
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (t *trial) right(i int, a Answer) bool {
	return len(a.Findings) > 0 && a.Findings[0].Label() == t.names[t.labels[i]]
}

func (t *trial) compare(out *Trial, site, hub []Answer) {
	n := len(t.films)
	tally := func(yes func(i int) bool) (k int) {
		for i := range n {
			if yes(i) {
				k++
			}
		}
		return k
	}
	agree := func(i int) bool { a, _ := Agree(site[i], hub[i]); return a }
	most := 0
	for label := range t.names {
		most = max(most, tally(func(i int) bool { return t.labels[i] == label }))
	}
	out.Majority = NewShare("always the most frequent label", most, n)
	out.SiteAlone = NewShare("site alone", tally(func(i int) bool { return t.right(i, site[i]) }), n)
	out.HubAlone = NewShare("hub alone", tally(func(i int) bool { return t.right(i, hub[i]) }), n)
	out.Agreement = NewShare("agreement of the two models", tally(agree), n)
	groups := make([]string, n)
	for i := range groups {
		groups[i] = fmt.Sprint(i)
	}
	for _, threshold := range t.o.Thresholds {
		p := Policy{Unsure: threshold}
		asked := func(i int) bool { return p.doubt(site[i]) != "" }
		final := func(i int) bool {
			if asked(i) && len(hub[i].Findings) > 0 {
				return t.right(i, hub[i])
			}
			return t.right(i, site[i])
		}
		gains := make([]float64, n)
		for i := range gains {
			gains[i] = float64(count01(final(i)) - count01(t.right(i, site[i])))
		}
		handed := tally(asked)
		point := CurvePoint{Unsure: threshold, Handed: NewShare("handed over", handed, n), Accuracy: NewShare("accuracy", tally(final), n),
			Rest:  NewShare("agreement where not asked", tally(func(i int) bool { return !asked(i) && agree(i) }), n-handed),
			Asked: NewShare("disagreement where asked", tally(func(i int) bool { return asked(i) && !agree(i) }), handed)}
		point.Gain, _ = metric.Paired(gains, groups, t.o.Seed)
		out.Curve = append(out.Curve, point)
	}
}

func count01(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// slow is a link on which a mail takes its time.
type slow struct {
	federation.SiteEnd
	way time.Duration
}

func (s slow) Send(ctx context.Context, m federation.Mail) error {
	select {
	case <-time.After(s.way):
	case <-ctx.Done():
	}
	return s.SiteEnd.Send(ctx, m)
}

// scene is a hub and a site in one process.
type scene struct {
	room    *room.Room
	desk    *Desk
	counter *Counter
	all     sync.WaitGroup
	cancel  context.CancelFunc
	close   []func()
	mu      sync.Mutex
	results map[string]int // at the hub, by case
	changed chan struct{}
}

func (t *trial) stage(ctx context.Context, name string, policy Policy) (*scene, error) {
	s := &scene{results: map[string]int{}, changed: make(chan struct{}, 1)}
	ctx, s.cancel = context.WithCancel(ctx)
	site, err := t.panel(t.o.Site, name+"-site")
	if err != nil {
		return nil, err
	}
	s.close = append(s.close, site.Close)
	hub, err := t.panel(t.o.Hub, name+"-hub")
	if err != nil {
		return s, err
	}
	s.close = append(s.close, hub.Close)
	if s.room, err = room.New("site"); err != nil {
		return s, err
	}
	s.counter, err = OpenCounter(CounterOptions{Dir: filepath.Join(t.o.Dir, name+"-hub"), Link: s.room.Hub(), Diagnose: hub.Diagnose, PerSite: 64,
		Tell: func(_ string, r Summary) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.results[r.Case]++
			select {
			case s.changed <- struct{}{}:
			default:
			}
		}})
	if err != nil {
		return s, err
	}
	s.close = append(s.close, func() { _ = s.counter.Close() })
	end := slow{s.room.Site("site"), t.o.Way}
	s.desk, err = Open(Options{Dir: filepath.Join(t.o.Dir, name+"-site"), Link: end, Diagnose: site.Diagnose, Policy: policy})
	if err != nil {
		return s, err
	}
	s.close = append(s.close, func() { _ = s.desk.Close() })
	s.all.Go(func() { _ = s.desk.Run(ctx) })
	s.all.Go(func() { _ = s.counter.Run(ctx) })
	s.all.Go(func() { Serve(ctx, end, s.desk) })
	s.all.Go(func() {
		for {
			m, err := s.room.Hub().Receive(ctx)
			if err != nil {
				return
			}
			_ = s.counter.Handle(ctx, m) // what is refused is missing in the end, and counted
		}
	})
	return s, nil
}

func (s *scene) end() {
	s.cancel()
	s.all.Wait()
	for _, f := range slices.Backward(s.close) {
		f()
	}
}

// capacity is how long a case takes at the site alone, with all writing to the disk.
func (t *trial) capacity(ctx context.Context) (time.Duration, error) {
	s, err := t.stage(ctx, "capacity", Policy{})
	if s != nil {
		defer s.end()
	}
	if err != nil {
		return 0, err
	}
	n := min(len(t.films), 60)
	var began time.Time
	for i := range n {
		if i == 10 { // after the models are warm
			if err := s.desk.Drain(ctx, false); err != nil {
				return 0, err
			}
			began = time.Now()
		}
		if _, _, err := s.desk.Submit(ctx, t.one(i)); err != nil {
			return 0, err
		}
	}
	if err := s.desk.Drain(ctx, false); err != nil {
		return 0, err
	}
	return time.Since(began) / time.Duration(max(n-10, 1)), nil
}

// live lets cases come as a Poisson process.
func (t *trial) live(ctx context.Context, at int, name string, load float64, each time.Duration, cut bool) (Live, error) {
	s, err := t.stage(ctx, fmt.Sprint("live", at), Policy{HandOver: true, Unsure: t.o.Unsure, Longest: t.o.Longest})
	if s != nil {
		defer s.end()
	}
	if err != nil {
		return Live{}, err
	}
	n := len(t.films)
	rng := rand.New(rand.NewPCG(t.o.Seed, uint64(at)))
	began := time.Now()
	due := began
	for i := range n {
		if cut && i == n/3 {
			s.room.Cut("site")
		}
		if cut && i == 2*n/3 {
			s.room.Restore("site")
		}
		due = due.Add(time.Duration(rng.ExpFloat64() * float64(each) / load))
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return Live{}, fault.Wrap(ctx.Err(), fault.Interrupted, "stopped while measuring", "start it again")
		}
		if _, _, err := s.desk.Submit(ctx, t.one(i)); err != nil {
			return Live{}, err
		}
	}
	if err := s.desk.Drain(ctx, true); err != nil {
		return Live{}, err
	}
	if t.o.Tell != nil {
		t.o.Tell(fmt.Sprintf("%s: %d cases in %.1f s", name, n, time.Since(began).Seconds()))
	}
	return t.judge(ctx, s, Live{Name: name, Load: load, Seconds: time.Since(began).Seconds()})
}

// judge counts what came to an end, and how often.
func (t *trial) judge(ctx context.Context, s *scene, l Live) (Live, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	atHub := func() int { s.mu.Lock(); defer s.mu.Unlock(); return len(s.results) }
	for atHub() < len(t.films) && ctx.Err() == nil {
		select {
		case <-s.changed:
		case <-ctx.Done():
		}
	}
	right := 0
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range t.films {
		r, err := s.desk.Result(t.one(i).ID)
		if err != nil || s.results[s.desk.pseudonym(r.Case)] == 0 {
			l.Lost++
			continue
		}
		l.Repeated += s.results[s.desk.pseudonym(r.Case)] - 1
		final := r.Local
		if r.Second != nil {
			final = r.Second
		}
		right += count01(t.right(i, *final))
	}
	l.Accuracy, l.Report = NewShare("accuracy", right, len(t.films)), s.desk.Report()
	return l, nil
}

// WriteText prints a trial.
func (t Trial) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%s: %d films; site %s (%d parameters), hub %s (%d parameters)\n", t.Data, t.N, t.Site, t.SiteSize, t.Hub, t.HubSize)
	if t.Synthetic {
		fmt.Fprintln(w, clinical.SyntheticNotice)
	}
	fmt.Fprintf(w, "\n%-34s %10s   %7s  %s\n", "accuracy", "n", "share", "95% interval")
	for _, s := range []Share{t.Majority, t.SiteAlone, t.HubAlone, t.Agreement} {
		s.writeText(w)
	}
	fmt.Fprintf(w, "\n%-7s %-26s %-26s %-26s %-26s\n", "unsure", "handed over", "accuracy", "gain over site alone", "agreement where not asked")
	for _, p := range t.Curve {
		fmt.Fprintf(w, "%-7.2f %-26s %-26s %-26s %-26s\n", p.Unsure, between(p.Handed.Est), between(p.Accuracy.Est), between(&p.Gain), between(p.Rest.Est))
	}
	for _, l := range t.Live {
		fmt.Fprintf(w, "\n%s: load %.1f, %.1f s, %d lost, %d repeated, accuracy %s; a mail takes %s\n", l.Name, l.Load, l.Seconds, l.Lost, l.Repeated, between(l.Accuracy.Est), t.Way)
		l.Report.WriteText(w)
	}
}

func between(e *metric.Estimate) string {
	if e == nil {
		return "-"
	}
	return fmt.Sprintf("%.3f (%.3f to %.3f)", e.Value, e.Low, e.High)
}
