package site_test

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/dataset"
	"consilium/federation"
	"consilium/federation/aggregate"
	"consilium/federation/harmonise"
	"consilium/federation/local"
	"consilium/federation/room"
	"consilium/federation/secsum"
	"consilium/federation/site"
	"consilium/federation/wardtest"
	"consilium/govern"
)

// liar is a hub that the test plays, with four honest sites.
type liar struct {
	sent  int
	t     *testing.T
	room  *room.Room
	job   federation.Job
	names []string
	dir   string
	stop  []func()
	lie   func(*federation.SumRoster) // changes what the sites are told
	mu    sync.Mutex
	log   []govern.Event // of all sites
}

func newLiar(t *testing.T, harmonise string) *liar {
	l := &liar{t: t, dir: t.TempDir(), names: []string{"site-a", "site-b", "site-c", "site-d"}}
	var err error
	if l.room, err = room.New(l.names...); err != nil {
		t.Fatal(err)
	}
	hour := federation.Duration(time.Hour)
	l.job = wardtest.Job(federation.FedAvg, federation.SumMasks, 5, 3, time.Hour)
	l.job.Plan.Harmonise, l.job.Plan.Deadlines.Consent, l.job.Plan.Deadlines.Round = harmonise, hour, hour
	for _, n := range l.names {
		if err := os.MkdirAll(filepath.Join(l.dir, n), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(l.dir, n, site.PolicyFile), []byte(`{"agree": true, "min_cohort": 1}`), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	l.start()
	t.Cleanup(func() { l.halt() })
	body, err := json.Marshal(l.job)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range l.names {
		l.send(n, federation.Mail{Kind: federation.MailProposal, Body: body})
	}
	for range l.names {
		l.hear(federation.MailAnswer)
	}
	return l
}

func (l *liar) start() {
	for i, n := range l.names {
		s, err := site.Open(site.Options{Dir: filepath.Join(l.dir, n), End: l.room.Site(n), Key: l.room.Key(n), Sets: []dataset.Set{wardtest.Set{Seed: uint64(i + 1), N: 40, Held: 40}},
			Audit: l.note, Look: 10 * time.Millisecond})
		if err != nil {
			l.t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		l.stop = append(l.stop, func() {
			cancel()
			if err := <-ended; err != nil {
				l.t.Error(err)
			}
		})
	}
}

func (l *liar) note(_ context.Context, e govern.Event) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log = append(l.log, e)
	return nil
}

func (l *liar) halt() {
	for _, stop := range l.stop {
		stop()
	}
	l.stop = nil
}

func (l *liar) send(to string, m federation.Mail) {
	l.t.Helper()
	l.sent++
	m.ID, m.Job = fmt.Sprint("lie", l.sent), l.job.ID
	if err := l.room.Hub().Send(l.t.Context(), to, m); err != nil {
		l.t.Fatal(err)
	}
}

// hear waits for the next mail, which is of a kind or trouble. An answer that a restarted site repeats is passed over.
func (l *liar) hear(kind string) federation.Delivery {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), 20*time.Second)
	defer cancel()
	for {
		d, err := l.room.Hub().Receive(ctx)
		if err != nil {
			l.t.Fatal("waiting for ", kind, ": ", err)
		}
		if err := d.Done(); err != nil {
			l.t.Fatal(err)
		}
		switch {
		case d.Kind == kind || d.Kind == federation.MailTrouble:
			return d
		case d.Kind != federation.MailAnswer:
			l.t.Fatalf("%s sent %s, and %s was waited for", d.From, d.Kind, kind)
		}
	}
}

// attempt asks the sites of a roster for a round and sums what they have, with an errant message before each step.
// refusals are their troubles' texts.
func (l *liar) attempt(round, attempt int, roster []string, change func(*federation.Question), bound float64) (sum []float64, refusals []string) {
	l.t.Helper()
	global, _, err := local.Initial(l.job, local.Options{})
	if err != nil {
		l.t.Fatal(err)
	}
	q := federation.Question{Job: l.job.Hash(), Round: round, Attempt: attempt, Global: global}
	change(&q)
	length := aggregate.ShareLen(l.job.Plan, len(global), 2)
	if q.Measure {
		length = harmonise.ShareLen(l.job.Data.Shape)
	}
	body, err := q.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	for _, n := range roster {
		l.send(n, federation.Mail{Kind: federation.MailRound, Round: round, Attempt: attempt, Body: body})
	}
	for range roster {
		if d := l.hear(federation.MailReady); d.Kind == federation.MailTrouble {
			refusals = append(refusals, string(d.Body))
		}
	}
	if refusals != nil {
		return nil, refusals
	}
	r := &federation.SumRoster{Way: federation.SumMasks, Sites: roster, Keys: map[string]string{}, Threshold: 3, Length: length, Bound: bound}
	c := secsum.Config{Job: l.job.Hash(), Round: round, Attempt: attempt, Sites: roster, Threshold: 3, Length: length, Bound: bound, Keys: map[string]ed25519.PublicKey{}}
	for _, n := range roster {
		c.Keys[n] = l.room.Key(n).Public().(ed25519.PublicKey)
		r.Keys[n] = hex.EncodeToString(c.Keys[n])
	}
	if l.lie != nil {
		l.lie(r)
	}
	g, err := secsum.NewGatherer(c)
	if err != nil {
		l.t.Fatal(err)
	}
	var before map[string][]byte
	out := map[string][]byte{}
	for step := range g.Steps() {
		for _, n := range roster {
			if step > 1 && attempt == 1 { // a message of another step first: it is put aside, and the site goes on
				l.step(n, federation.SumStep{Round: round, Attempt: attempt, Step: step, Body: before[n]})
			}
			s := federation.SumStep{Round: round, Attempt: attempt, Step: step, Body: out[n]}
			if step == 0 {
				s.Roster = r
			}
			l.step(n, s)
		}
		for range roster {
			d := l.hear(federation.MailSum)
			if d.Kind == federation.MailTrouble {
				refusals = append(refusals, string(d.Body))
				continue
			}
			s, err := federation.DecodeSumStep(d.Body)
			if err == nil {
				err = g.Add(d.From, s.Body)
			}
			if err != nil && l.lie != nil { // it believes what it was told, and the gatherer does not
				refusals = append(refusals, err.Error())
			} else if err != nil {
				l.t.Fatal(err)
			}
		}
		if refusals != nil {
			return nil, refusals
		}
		before = out
		if out, err = g.Close(); err != nil {
			l.t.Fatal(err)
		}
	}
	if sum, _, err = g.Sum(); err != nil {
		l.t.Fatal(err)
	}
	return sum, nil
}

func (l *liar) step(to string, s federation.SumStep) {
	l.t.Helper()
	s.Job = l.job.Hash()
	body, err := s.Encode()
	if err != nil {
		l.t.Fatal(err)
	}
	l.send(to, federation.Mail{Kind: federation.MailSum, Round: s.Round, Attempt: s.Attempt, Body: body})
}

// A hub that knows the sum of four sites and says that the attempt failed does not get the sum of three: the fourth
// one's update would be the difference.
func TestNoSecondSumOfOtherSites(t *testing.T) {
	for _, measure := range []bool{false, true} {
		t.Run(fmt.Sprint("measure=", measure), func(t *testing.T) {
			t.Parallel()
			kind := ""
			if measure {
				kind = "standardise"
			}
			l := newLiar(t, kind)
			as := func(q *federation.Question) {
				if q.Measure = measure; measure {
					q.Global = nil
				}
			}
			refused := func(what string, got []string, want int) {
				t.Helper()
				if len(got) != want {
					t.Fatalf("%s: %d refusals, want %d: %v", what, len(got), want, got)
				}
				for _, s := range got {
					if !strings.Contains(s, "SUM_BROKEN") {
						t.Errorf("%s: %s", what, s)
					}
				}
			}
			first, no := l.attempt(2, 1, l.names, as, 8)
			if no != nil {
				t.Fatal(no)
			}
			_, no = l.attempt(2, 2, l.names[:3], as, 8)
			refused("another attempt without the fourth site", no, 3)
			l.halt()
			l.start() // a hub could wait for that
			_, no = l.attempt(2, 3, l.names[:3], as, 8)
			refused("the same after a restart", no, 3)
			_, no = l.attempt(2, 4, l.names, as, 4)
			refused("another bound", no, 4)
			// The very same sum teaches nothing, and is what an honest hub asks for that was killed before it had kept it.
			again, no := l.attempt(2, 5, l.names, as, 8)
			if no != nil {
				t.Fatal(no)
			}
			for i, v := range first {
				if math.Abs(v-again[i]) != 0 {
					t.Fatalf("value %d was %g and is %g", i, v, again[i])
				}
			}
			if measure {
				_, no = l.attempt(3, 1, l.names[:3], as, 8) // the same moments in every round
				refused("moments in a later round", no, 3)
				return
			}
			_, no = l.attempt(1, 1, l.names[:3], as, 8)
			refused("an earlier round", no, 3)
			_, no = l.attempt(2, 6, l.names, func(q *federation.Question) { q.Global[0]++ }, 8)
			refused("the same round from other weights", no, 4)
			if _, no = l.attempt(3, 1, l.names[:3], as, 8); no != nil {
				t.Error("the next round: ", no)
			}
		})
	}
}
