package whole

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"consilium/fault"
	"consilium/federation"
	"consilium/federation/folder"
	"consilium/federation/link"
)

const endless = federation.MaxRounds

func TestHubComesBackInMidJob(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 4)
			h.startAll(job(sum, 8, 3))
			for _, round := range []int{2, 5} {
				h.until("a round", func(g federation.History) bool { return g.State.Round >= round })
				h.stop["hub"]()
				h.stop["link"]()
				h.openHub()
				began := time.Now()
				h.startHub()
				h.wait("every link", func() bool {
					members, err := h.hub.Members(t.Context())
					return err == nil && !slices.ContainsFunc(members, func(m federation.Member) bool { return !m.Linked })
				})
				took := time.Since(began)
				t.Logf("in round %d: 4 sites were linked again %v after the hub listened", round, took.Round(time.Millisecond))
				if took > 2*time.Second {
					t.Errorf("the links took %v", took)
				}
			}
			g := h.ok()
			var done []int
			for _, r := range g.Rounds {
				if r.Outcome == "done" {
					done = append(done, r.Round)
				}
			}
			if !slices.Equal(done, []int{1, 2, 3, 4, 5, 6, 7, 8}) {
				t.Errorf("rounds %v", done)
			}
		})
	}
}

func TestSiteRevokedInMidJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 4)
	h.startAll(job(federation.SumMasks, endless, 3))
	h.until("a round", func(g federation.History) bool { return g.State.Round >= 2 })
	out := h.names[3]
	if err := link.Revoke(h.dir, out); err != nil {
		t.Fatal(err)
	}
	h.wait("the site's trouble", func() bool { return fault.CodeOf(h.links[out].Trouble()) == fault.SiteRevoked })
	began, before := time.Now(), h.ends[out].tried()
	g := h.goOn(5)
	for _, r := range g.Rounds[len(g.Rounds)-3:] {
		if entry(r, out).Site != "" {
			t.Errorf("round %d asks a site that is shut out", r.Round)
		}
	}
	for h.ends[out].tried() == before && time.Since(began) < 6*time.Second { // one call is under way; the next comes after a rest
		h.goOn(1)
	}
	// A site that the hub refuses rests 5 s between tries.
	if tried, most := h.ends[out].tried()-before, 2+int(time.Since(began)/(5*time.Second)); tried > most {
		t.Errorf("the site tried %d times in %v", tried, time.Since(began))
	}
	select {
	case err := <-h.runs[out]:
		t.Fatalf("the site has ended: %v", err)
	default:
	}
	h.abort()
}

// A site of the protocol before this one takes part. One that is older still, and one whose clock is a day off, are
// refused with a code, and the others go on.
func TestSitesThatDoNotFit(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 5)
	h.startSite(h.names[0])
	h.startSite(h.names[1])
	h.startSite(h.names[2], func(o *link.SiteOptions) { o.Protocol = federation.OldestProtocol })
	h.startSite(h.names[3], func(o *link.SiteOptions) { o.Protocol = federation.OldestProtocol - 2 }) // 0 is the default
	h.startSite(h.names[4], func(o *link.SiteOptions) { o.Now = func() time.Time { return time.Now().Add(24 * time.Hour) } })
	h.propose(job(federation.SumMasks, 3, 3))
	h.startHub()
	for name, code := range map[string]fault.Code{h.names[3]: fault.VersionUnfit, h.names[4]: fault.ClockSkew} {
		h.wait("the trouble of "+name, func() bool { return fault.CodeOf(h.links[name].Trouble()) == code })
	}
	h.until("three answers", func(g federation.History) bool { return len(g.State.Consents) == 3 })
	if err := folder.Mark(h.dir, "ward-1", folder.StartFile, ""); err != nil {
		t.Fatal(err)
	}
	g := h.ok()
	if !slices.Equal(g.Sites, h.names[:3]) {
		t.Errorf("sites %v took part", g.Sites)
	}
	for _, r := range g.Rounds {
		for _, n := range h.names[:3] {
			if e := entry(r, n); e.State != "in" {
				t.Errorf("round %d: %s is %q", r.Round, n, e.State)
			}
		}
	}
	for _, name := range h.names[3:] {
		if _, err := os.Stat(filepath.Join(h.dirs[name], "jobs")); err == nil {
			t.Errorf("%s, which is refused, has heard of the job", name)
		}
	}
}

// smallDisk is a disk of so many bytes, where this user may mount one.
func smallDisk(t *testing.T, size int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprint("size=", size)); err != nil {
		t.Skip("no small disk can be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// filler takes what room is left on a disk: again and again, because who works there gives some back.
type filler struct{ f *os.File }

func fill(t *testing.T, dir string) filler {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	x := filler{f}
	x.more()
	return x
}

func (x filler) more() {
	for block := 64 << 10; block >= 1; {
		if _, err := x.f.Write(make([]byte, block)); err != nil {
			block /= 2
		}
	}
}

func (x filler) free() { _ = x.f.Truncate(0) }

// A site whose disk is full tells the hub so, the others go on, and it comes back when there is room.
func TestDiskFullAtASite(t *testing.T) {
	for _, sum := range []string{federation.SumPlain, federation.SumMasks} {
		t.Run(sum, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, 4)
			full := h.names[1]
			h.dirs[full] = smallDisk(t, 2<<20)
			h.startAll(job(sum, endless, 3))
			h.until("a round", func(g federation.History) bool { return g.State.Round >= 2 })
			filler := fill(t, h.dirs[full])
			in := func(state string) func(federation.History) bool {
				return func(g federation.History) bool {
					return slices.ContainsFunc(g.Rounds[max(0, len(g.Rounds)-3):], func(r federation.Round) bool {
						return r.Outcome == "done" && entry(r, full).State == state && (state == "in" || strings.Contains(entry(r, full).Reason, string(fault.StoreFull)))
					})
				}
			}
			h.until("the trouble of a full disk", func(g federation.History) bool { filler.more(); return in("refused")(g) })
			g := h.goOn(3)
			for _, n := range h.names {
				last := g.Rounds[len(g.Rounds)-2]
				if n != full && entry(last, n).State != "in" {
					t.Errorf("round %d: %s is %q", last.Round, n, entry(last, n).State)
				}
			}
			filler.free()
			h.until("its return", in("in"))
			h.abort()
		})
	}
}

// A site that cannot keep what it is proposed says why.
func TestDiskFullAtTheProposal(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 3)
	full := h.names[1]
	h.dirs[full] = smallDisk(t, 2<<20)
	for _, n := range h.names {
		h.startSite(n)
	}
	fill(t, h.dirs[full])
	said := make(chan string, 10)
	h.end.on = func(d federation.Delivery) {
		if d.Kind == federation.MailTrouble && d.From == full {
			said <- string(d.Body)
		}
	}
	h.propose(job(federation.SumPlain, 2, 2))
	h.startHub()
	select {
	case why := <-said:
		if !strings.Contains(why, string(fault.StoreFull)) {
			t.Error(why)
		}
	case <-time.After(patience):
		t.Fatal("the hub never heard of it")
	}
	h.until("the others' answers", func(g federation.History) bool { return len(g.State.Consents) == 2 })
	if err := folder.Mark(h.dir, "ward-1", folder.StartFile, ""); err != nil {
		t.Fatal(err)
	}
	h.ok()
}

// The hub learns the sum by threshold encryption too.
func TestThresholdEncryption(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 3)
	h.startAll(job(federation.SumCKKS, 2, 3))
	g := h.ok()
	for _, r := range g.Rounds {
		if r.Outcome != "done" || r.Score == nil || r.Score.N != 90 {
			t.Errorf("round %d: %s, %s, %+v", r.Round, r.Outcome, r.Reason, r.Score)
		}
	}
	first, last := g.Rounds[0].Score, g.Rounds[len(g.Rounds)-1].Score
	if last.Loss >= first.Loss {
		t.Errorf("loss %g after %g", last.Loss, first.Loss)
	}
}
