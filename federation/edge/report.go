package edge

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"consilium/clinical"
	"consilium/fault"
	"consilium/metric"
)

// mostTimes is how many times of each sort are kept for the percentiles: the latest.
const mostTimes = 10_000

// mostPoints of the queue's length are kept; beyond it every second one goes.
const mostPoints = 256

// tally counts while the desk works.
type tally struct {
	accepted, done, handed, byHub, wanted, notGiven int
	reasons                                         map[string]int
	local, second, instead                          ring
	agreed                                          map[string][2]int // by reason: agreed, compared
	began                                           time.Time
	lengths                                         []Point
	every, skip                                     int
	longest                                         int
	last                                            *fault.Error
}

// ring keeps the latest times.
type ring struct {
	values []float64
	n      int
}

func (r *ring) add(v float64) {
	if len(r.values) < mostTimes {
		r.values = append(r.values, v)
	} else {
		r.values[r.n%mostTimes] = v
	}
	r.n++
}

func (t *tally) begin(now time.Time) {
	t.began, t.reasons, t.agreed, t.every = now, map[string]int{}, map[string][2]int{}, 1
}

func (t *tally) answered(r Result) {
	t.done++
	if r.Reason != "" {
		t.reasons[r.Reason]++
	}
	if r.Handed {
		t.handed++
	}
	if r.Local != nil {
		t.local.add(r.WaitMS + r.WorkMS)
	}
	if r.State == StateHub {
		t.byHub++
		t.instead.add(r.SecondMS)
	}
	if r.NotAsked != "" && r.Handed {
		t.notGiven++
	}
	if r.State == StateWanted || r.State == StateAsked {
		t.wanted++
	}
	if r.Local != nil && r.Second != nil {
		t.compare(r)
	}
}

// seconded: an answer of the hub was added to a result that was counted before.
func (t *tally) seconded(r Result) {
	if r.Reason != ReasonBusy {
		t.wanted--
	}
	t.compare(r)
}

func (t *tally) refused() { t.notGiven++ }

func (t *tally) compare(r Result) {
	t.second.add(r.SecondMS)
	agree, known := Agree(*r.Local, *r.Second)
	if !known {
		return
	}
	n := t.agreed[r.Reason]
	n[1]++
	if agree {
		n[0]++
	}
	t.agreed[r.Reason] = n
}

func (t *tally) fault(err error) { t.last = fault.Of(err) }

func (t *tally) length(now time.Time, n int) {
	t.longest = max(t.longest, n)
	if t.skip++; t.skip < t.every {
		return
	}
	t.skip = 0
	t.lengths = append(t.lengths, Point{Seconds: now.Sub(t.began).Seconds(), Length: n})
	if len(t.lengths) < mostPoints {
		return
	}
	kept := t.lengths[:0]
	for i := 0; i < len(t.lengths); i += 2 {
		kept = append(kept, t.lengths[i])
	}
	t.lengths, t.every = kept, 2*t.every
}

// Point is the queue's length at a time since the desk was opened.
type Point struct {
	Seconds float64 `json:"seconds"`
	Length  int     `json:"length"`
}

// Share is a part of a whole with its 95% interval; nil when there is no whole.
type Share struct {
	Name string           `json:"name"`
	Part int              `json:"part"`
	Of   int              `json:"of"`
	Est  *metric.Estimate `json:"share"`
}

// NewShare measures a share: bootstrap of package metric, and where all or none make every draw the same, the exact
// binomial interval (Clopper and Pearson 1934).
func NewShare(name string, part, of int) Share {
	s := Share{Name: name, Part: part, Of: of}
	if of == 0 {
		return s
	}
	edge := math.Pow(0.025, 1/float64(of))
	switch part {
	case 0:
		s.Est = &metric.Estimate{Value: 0, Low: 0, High: 1 - edge}
	case of:
		s.Est = &metric.Estimate{Value: 1, Low: edge, High: 1}
	default:
		values, groups := make([]float64, of), make([]string, of)
		for i := range values {
			groups[i] = fmt.Sprint(i)
			if i < part {
				values[i] = 1
			}
		}
		e, _ := metric.Grouped(values, groups, 1)
		s.Est = &e
	}
	return s
}

// Times are percentiles in milliseconds.
type Times struct {
	Name string  `json:"name"`
	N    int     `json:"n"` // all; the percentiles are of the latest 10 000
	P50  float64 `json:"p50_ms"`
	P99  float64 `json:"p99_ms"`
	Max  float64 `json:"max_ms"`
}

// NewTimes sorts a copy of the values; nearest rank.
func NewTimes(name string, values []float64) Times {
	t := Times{Name: name, N: len(values)}
	if len(values) == 0 {
		return t
	}
	v := slices.Sorted(slices.Values(values))
	rank := func(q float64) float64 { return v[max(int(math.Ceil(q*float64(len(v))))-1, 0)] }
	t.P50, t.P99, t.Max = rank(0.50), rank(0.99), v[len(v)-1]
	return t
}

// Report is what a desk did, over all results in its folder; queue and accepted are since it was opened.
type Report struct {
	Accepted   int            `json:"accepted"`
	Answered   int            `json:"answered"`
	Waiting    int            `json:"waiting"` // for their diagnosis
	Aside      int            `json:"aside"`   // of them: handed over, the deadline not passed
	ByHub      int            `json:"answered_by_hub"`
	Wanted     int            `json:"second_opinions_wanted"` // that have not come
	NotGiven   int            `json:"second_opinions_refused"`
	Offload    Share          `json:"handed_over"` // of the results
	Reasons    map[string]int `json:"reasons"`
	Agreement  []Share        `json:"agreement"` // by reason, of those that both answered
	Latency    []Times        `json:"latency"`
	Queue      []Point        `json:"queue"`
	Longest    int            `json:"queue_longest"`
	Outbox     int            `json:"outbox"`
	Held       int            `json:"held"` // beyond the room
	Kept       int64          `json:"kept_bytes"`
	Room       int64          `json:"room_bytes"`
	Fault      string         `json:"fault,omitempty"` // the latest
	Disclaimer string         `json:"disclaimer"`
}

// Report is safe to call at any time.
func (d *Desk) Report() Report {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &d.tally
	r := Report{Accepted: t.accepted, Answered: t.done, ByHub: t.byHub, Wanted: t.wanted, NotGiven: t.notGiven,
		Offload: NewShare("handed over", t.handed, t.done), Reasons: map[string]int{}, Queue: slices.Clone(t.lengths), Longest: t.longest,
		Outbox: len(d.posts), Held: len(d.held), Kept: d.bytes.kept, Room: d.o.Room, Disclaimer: clinical.Disclaimer}
	for reason, n := range t.reasons {
		r.Reasons[reason] = n
	}
	for _, e := range d.live {
		if !e.answered {
			r.Waiting++
			if e.aside() {
				r.Aside++
			}
		}
	}
	for _, reason := range []string{ReasonUnsure, ReasonCannotTell, ReasonNoModel, ReasonBusy} {
		if n, ok := t.agreed[reason]; ok {
			r.Agreement = append(r.Agreement, NewShare(reason, n[0], n[1]))
		}
	}
	for _, x := range []struct {
		name string
		ring *ring
	}{{"own answer", &t.local}, {"second opinion", &t.second}, {"answered by the hub", &t.instead}} {
		times := NewTimes(x.name, x.ring.values)
		times.N = x.ring.n
		r.Latency = append(r.Latency, times)
	}
	if t.last != nil {
		r.Fault = t.last.Error()
	}
	return r
}

// WriteText prints a report.
func (r Report) WriteText(w io.Writer) {
	fmt.Fprintf(w, "%d cases answered, %d of them by the hub; %d wait (%d handed over)\n", r.Answered, r.ByHub, r.Waiting, r.Aside)
	fmt.Fprintf(w, "second opinions: %d wanted and not come, %d refused\n", r.Wanted, r.NotGiven)
	fmt.Fprintf(w, "for the hub: %d results wait, %d held back; %d of %d KiB used\n\n", r.Outbox, r.Held, r.Kept>>10, r.Room>>10)
	fmt.Fprintf(w, "%-34s %10s   %7s  %s\n", "", "n", "share", "95% interval")
	r.Offload.writeText(w)
	for _, a := range r.Agreement {
		a.Name = "agreement, when " + a.Name
		a.writeText(w)
	}
	fmt.Fprintf(w, "\n%-34s %10s %10s %10s %10s\n", "latency", "n", "p50 ms", "p99 ms", "most ms")
	for _, t := range r.Latency {
		fmt.Fprintf(w, "%-34s %10d %10.1f %10.1f %10.1f\n", t.Name, t.N, t.P50, t.P99, t.Max)
	}
	for _, reason := range []string{ReasonUnsure, ReasonCannotTell, ReasonNoModel, ReasonBusy} {
		if n := r.Reasons[reason]; n > 0 {
			fmt.Fprintf(w, "%-34s %10d\n", "second opinion, "+reason, n)
		}
	}
	fmt.Fprintf(w, "longest queue %d\n", r.Longest)
	if r.Fault != "" {
		fmt.Fprintf(w, "latest fault: %s\n", r.Fault)
	}
}

func (s Share) writeText(w io.Writer) {
	if s.Est == nil {
		fmt.Fprintf(w, "%-34s %10s   %7s\n", s.Name, "0 of 0", "-")
		return
	}
	fmt.Fprintf(w, "%-34s %10s   %7.3f  %.3f to %.3f\n", s.Name, fmt.Sprintf("%d of %d", s.Part, s.Of), s.Est.Value, s.Est.Low, s.Est.High)
}
