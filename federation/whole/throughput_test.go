package whole

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/hub"
	"consilium/federation/link"
	"consilium/federation/wardtest"
)

// BenchmarkHubOverTLS is a running hub with a model of 10 million parameters: weights out and updates in over TLS,
// through its encrypted mail on disk, into the rule and the next weights; four rounds.
//
//	go test -run xxx -bench HubOverTLS -benchtime 1x ./federation/whole
//
// The sites are a process of their own on the same machine and make up their updates at once, so the time is that of
// the hub and the link. peak/models is the highest resident memory of the hub's process beyond an idle one's, in
// sizes of the model (4 bytes a parameter).
func BenchmarkHubOverTLS(b *testing.B) {
	for _, c := range []struct{ sites, size int }{{5, 1_000_000}, {25, 1_000_000}, {5, 10_000_000}, {25, 10_000_000}} {
		b.Run(fmt.Sprintf("sites=%d/parameters=%d", c.sites, c.size), func(b *testing.B) { overTLS(b, c.sites, c.size) })
	}
}

const throughputRounds = 4

func overTLS(b *testing.B, sites, size int) {
	var seconds, high float64
	for range b.N {
		ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
		defer cancel()
		dir := b.TempDir()
		l, err := link.OpenHub(ctx, link.HubOptions{Dir: dir})
		if err != nil {
			b.Fatal(err)
		}
		dirs := joinAll(b, ctx, dir, l.Addresses()[0], sites)
		defer debug.SetGCPercent(debug.SetGCPercent(25)) // as `federate hub` has it
		debug.FreeOSMemory()
		_ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0o200) // the highest figure counts from here on
		before := memory(b, "VmRSS:")
		h := hub.Open(hub.Options{Dir: dir, Name: "throughput", End: l, Look: 10 * time.Millisecond})
		run, stop := context.WithCancel(ctx)
		ended := make(chan error, 1)
		go func() { ended <- h.Run(run) }()
		wards := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestWardsOfABenchmark$")
		wards.Env = append(os.Environ(), "WHOLE_WARDS="+strings.Join(dirs, string(os.PathListSeparator)), "WHOLE_SIZE="+strconv.Itoa(size))
		if err := hub.Propose(dir, largeJob(sites, size), time.Now()); err != nil {
			b.Fatal(err)
		}
		if out, err := wards.CombinedOutput(); err != nil {
			b.Fatalf("%v\n%s", err, out)
		}
		story, err := folder.History(dir, "ward-1")
		if err != nil || story.State.Phase != federation.Finished {
			b.Fatal(story.State, err)
		}
		for _, r := range story.Rounds {
			seconds += r.Ended.Sub(r.Started).Seconds()
		}
		high = max(high, (memory(b, "VmHWM:")-before)/float64(4*size))
		stop()
		if err := <-ended; err != nil {
			b.Fatal(err)
		}
		if err := l.Close(ctx); err != nil {
			b.Fatal(err)
		}
	}
	updates := float64(b.N * sites * throughputRounds)
	b.ReportMetric(updates/seconds, "updates/s")
	b.ReportMetric(2*updates*float64(4*size)/seconds/1e6, "MB/s") // both ways
	b.ReportMetric(high, "peak/models")
	debug.FreeOSMemory()
}

func largeJob(sites, size int) federation.Job {
	j := wardtest.Job(federation.FedAvg, federation.SumPlain, throughputRounds, sites, time.Minute)
	j.Data.Shape = []int{size/2 - 1}
	j.Plan.Deadlines.Round = federation.Duration(5 * time.Minute)
	return j
}

func joinAll(b *testing.B, ctx context.Context, hubDir, at string, sites int) (dirs []string) {
	for i := range sites {
		code, err := link.Invite(hubDir, fmt.Sprintf("site-%02d", i), time.Hour)
		if err != nil {
			b.Fatal(err)
		}
		dirs = append(dirs, b.TempDir())
		if err := link.Join(ctx, link.JoinOptions{Dir: dirs[i], Hub: at, Code: code}); err != nil {
			b.Fatal(err)
		}
	}
	return dirs
}

// memory reads one figure of this process, in bytes; 0 where the system does not tell.
func memory(b *testing.B, what string) float64 {
	text, err := os.ReadFile(filepath.Join("/proc", "self", "status"))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte(what))
	var kib float64
	if _, err := fmt.Sscan(string(rest), &kib); err != nil {
		b.Fatal(err)
	}
	return kib * 1024
}

// TestWardsOfABenchmark is the process of the sites.
func TestWardsOfABenchmark(t *testing.T) {
	dirs, size := os.Getenv("WHOLE_WARDS"), os.Getenv("WHOLE_SIZE")
	if dirs == "" {
		t.Skip("only in a process of its own")
	}
	n, err := strconv.Atoi(size)
	if err != nil {
		t.Fatal(err)
	}
	delta := make([]float32, n)
	for i := range delta {
		delta[i] = float32(math.Sin(float64(i))) * 1e-3
	}
	var work sync.WaitGroup
	for _, dir := range filepath.SplitList(dirs) {
		work.Go(func() {
			if err := quickSite(dir, delta); err != nil {
				t.Error(err)
			}
		})
	}
	work.Wait()
}

// quickSite agrees to everything and answers each round at once, until the job ends.
func quickSite(dir string, delta []float32) error {
	ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
	defer cancel()
	l, err := link.OpenSite(ctx, link.SiteOptions{Dir: dir})
	if err != nil {
		return err
	}
	defer l.Close(ctx)
	for {
		d, err := l.Receive(ctx)
		if err != nil {
			return err
		}
		out, end, err := reply(dir, l.Name(), d, delta)
		if err != nil {
			return err
		}
		if out.Kind != "" {
			if err := l.Send(ctx, out); err != nil {
				return err
			}
		}
		if err := d.Done(); err != nil || end {
			return err
		}
	}
}

var answering sync.Mutex

func reply(dir, name string, d federation.Delivery, delta []float32) (out federation.Mail, end bool, err error) {
	out = federation.Mail{ID: "re " + d.ID, Job: d.Job, Round: d.Round, Attempt: d.Attempt}
	switch d.Kind {
	case federation.MailProposal:
		var j federation.Job
		if err := json.Unmarshal(d.Body, &j); err != nil {
			return out, false, err
		}
		key, err := link.Identity(dir)
		if err != nil {
			return out, false, err
		}
		a, err := federation.Answer{Job: j.Hash(), Site: name, Agree: true, By: "test", At: time.Now()}.Sign(key)
		if err != nil {
			return out, false, err
		}
		out.Kind = federation.MailAnswer
		out.Body, err = json.Marshal(a)
		return out, false, err
	case federation.MailRound:
		answering.Lock() // what one site needs for an answer, not all of them
		defer answering.Unlock()
		q, err := federation.DecodeQuestion(d.Body)
		if err != nil {
			return out, false, err
		}
		out.Kind = federation.MailUpdate
		out.Body, err = federation.Update{Job: q.Job, Site: name, Round: q.Round, Attempt: q.Attempt, Base: federation.HashFloats(q.Global),
			Samples: 10, Steps: 1, Delta: delta}.Encode()
		return out, false, err
	case federation.MailSettle:
		out.Kind = federation.MailKept
		out.Body = []byte("{}")
		return out, false, nil
	case federation.MailEnd:
		return federation.Mail{}, true, nil
	}
	return federation.Mail{}, false, nil
}
