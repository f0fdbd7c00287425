package page

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
	"consilium/figure/pagetest"
	"consilium/internal/golden"
)

// histories are what a page must be able to show.
func histories() map[string]federation.History {
	return map[string]federation.History{"plain": sample(), "masks": masked(), "proposed": proposed(), "running": running(), "failed": failed(), "empty": {}}
}

func html(t *testing.T, h federation.History) string {
	t.Helper()
	var b bytes.Buffer
	if err := HTML(&b, h); err != nil {
		t.Fatal(err)
	}
	if dir := os.Getenv("CONSILIUM_PAGES"); dir != "" { // to be looked at
		name := strings.ReplaceAll(t.Name(), "/", "-") + ".html"
		if err := os.WriteFile(filepath.Join(dir, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}

func TestText(t *testing.T) {
	for name, h := range histories() {
		var b bytes.Buffer
		if err := Text(&b, h); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "testdata/"+name+".txt", b.String())
	}
}

func TestHTML(t *testing.T) {
	want := map[string][]string{
		"plain":    {"loss", "macro-f1", "accuracy", "grid", "sites", "bytes", "seconds", "epsilon"},
		"masks":    {"loss", "macro-f1", "accuracy", "grid", "sites", "bytes", "seconds", "epsilon"},
		"running":  {"loss", "macro-f1", "accuracy", "grid", "bytes", "seconds", "epsilon"},
		"failed":   {"loss", "grid", "bytes", "seconds", "epsilon"},
		"proposed": {}, "empty": {},
	}
	for name, h := range histories() {
		t.Run(name, func(t *testing.T) {
			page := html(t, h)
			seen := pagetest.Check(t, page)
			for _, id := range want[name] {
				if !seen[id] {
					t.Errorf("no figure %s", id)
				}
			}
			if len(seen) != len(want[name]) {
				t.Errorf("figures %v, want %v", seen, want[name])
			}
			if strings.Count(page, clinical.Disclaimer) < 2 {
				t.Error("the disclaimer is missing")
			}
		})
	}
}

func TestPageTellsTheStory(t *testing.T) {
	page := html(t, sample())
	for what, text := range map[string]string{
		"the grid's words": "clinic-4 dropped 2×", "a refusal's reason": "holds NaN or infinity", "the hub's restart": "the hub was restarted",
		"who can see what": "The hub sees the update of each single site", "the refused consent": "the hub would see this site&#39;s own update",
		"the worst site": "Worst served: clinic-", "what is kept": ">own<", "bytes": "to the sites,", "the hub's epsilon": "7.4 of 8 at delta 1e-05",
		"a site's epsilon": "at most 3.52 of 4", "the budget line": "budget of the hub, 8", "the baseline": "commonest class",
	} {
		if !strings.Contains(page, text) {
			t.Errorf("%s: no %q", what, text)
		}
	}
	if faint := strings.Count(page, `<polyline class="line faint s8"`); faint != 3*23 {
		t.Errorf("%d thin lines, want one for each of 23 sites in three pictures", faint)
	}
	page = html(t, masked())
	if strings.Contains(page, `<polyline class="line faint s8"`) || !strings.Contains(page, "single update, because each site hides its own behind masks") || !strings.Contains(page, "of the secure sum") {
		t.Error("a secure sum is not told of")
	}
	page = html(t, failed())
	if !strings.Contains(page, `role="alert">The job ended as failed. QUORUM_MISSED`) {
		t.Error("a failure does not stand on top")
	}
}

// A report that was altered after the job was signed says so; so does one that spent too much.
func TestAlarms(t *testing.T) {
	h := sample()
	h.Job.Privacy.Central.Epsilon = 5
	text := strings.Join(tell(h).alarms(), "\n")
	if !strings.Contains(text, "not the one that the hash names") || !strings.Contains(text, "spent epsilon 7.4, more than the 5") {
		t.Errorf("alarms %q", text)
	}
	if got := tell(sample()).alarms(); len(got) > 0 {
		t.Errorf("alarms of a job that went well: %q", got)
	}
}

func TestHostileHistory(t *testing.T) {
	h := hostile()
	page := html(t, h)
	pagetest.Check(t, page)
	var text, status bytes.Buffer
	if err := errors.Join(Text(&text, h), Status(&status, h, []federation.Member{{Name: "\x1b[2Jx", Skew: federation.Duration(-1 << 63), Doing: "a\nb"}}, begun)); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]string{"page": page, "text": text.String(), "status": status.String()} {
		if strings.Contains(s, "\x1b") || strings.Contains(s, "\u202e") || strings.Contains(s, "NaN\n") {
			t.Errorf("%s: control characters pass", what)
		}
	}
	if strings.Contains(page, "<script>") || strings.Contains(page, "<img") {
		t.Error("markup passes")
	}
	if strings.Contains(text.String(), "\nWARNING: c") {
		t.Error("a purpose makes a line of its own")
	}
}

// However large a job, the page stays small enough to be opened.
func TestManyRoundsAndSites(t *testing.T) {
	if testing.Short() {
		t.Skip("500 rounds of 200 sites")
	}
	h := federation.History{Job: sampleJob()}
	small := scoreOf(random(), "validation", 40, 0.7)
	for round := range 500 {
		line := federation.Round{Round: round + 1, Attempt: 1, Outcome: "done", Started: begun, Ended: begun.Add(time.Second)}
		for i := range 200 {
			e := federation.Entry{Site: "site-" + string(rune('a'+i%26)) + strings.Repeat("x", i/26), State: "in", Sent: 10, Score: small, Seconds: 1}
			if (round+i)%97 == 0 {
				e.State = "dropped"
			}
			line.Sites = append(line.Sites, e)
		}
		h.Rounds = append(h.Rounds, line)
	}
	page := html(t, h)
	pagetest.Check(t, page)
	if len(page) > 4<<20 {
		t.Errorf("the page has %d bytes", len(page))
	}
	if !strings.Contains(page, "A column holds 7 rounds") {
		t.Error("the grid does not say that it shares columns")
	}
}

// A file can claim more than anybody can draw: no interval is worth an hour, and no grid a gigabyte.
func TestHugeClaimsAreBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("seconds of bootstrap")
	}
	h := federation.History{Job: sampleJob(), Final: &federation.Final{}, Rounds: make([]federation.Round, 50_000)}
	wide := &federation.Score{Confusion: make([][]int, mostClasses)}
	for i := range wide.Confusion {
		wide.Confusion[i] = make([]int, mostClasses)
		for j := range wide.Confusion[i] {
			wide.Confusion[i][j] = i + j
		}
	}
	for i := range 400 {
		name := fmt.Sprintf("s%d", i)
		h.Sites = append(h.Sites, name)
		h.Final.Scores = append(h.Final.Scores, federation.Kept{Site: name, Federated: wide, Own: wide, Personal: wide})
	}
	s := tell(h)
	if s.left != 45_000 || len(s.h.Rounds) != 5_000 || len(s.alarms()) == 0 {
		t.Errorf("%d round lines are left out, %d stay", s.left, len(s.h.Rounds))
	}
	intervals := 0
	for _, p := range s.placed() {
		if p.federated.Low != nil {
			intervals++
		}
	}
	if intervals < 1 || intervals > 12 {
		t.Errorf("%d sites have intervals of %d cells", intervals, mostClasses*mostClasses)
	}
}

func TestStatus(t *testing.T) {
	now := begun.Add(63 * time.Second)
	members := []federation.Member{
		{Name: "clinic-1", Linked: true, Seen: now, Protocol: 2, Version: "0.5.0", Skew: federation.Duration(120 * time.Millisecond), Memory: 88_400_000, Doing: "training 40%", Sent: 9e6, Received: 8e6},
		{Name: "clinic-2", Seen: now.Add(-95 * time.Second), Protocol: 1, Version: "0.4.2", Skew: federation.Duration(-25 * time.Hour), Memory: 90e6},
		{Name: "clinic-24", Revoked: true, Seen: now.Add(-time.Hour), Protocol: 9},
		{Name: "clinic-30"},
	}
	for name, h := range map[string]federation.History{"status-running": running(), "status-proposed": proposed(), "status-failed": failed(), "status-sites": {}} {
		var b bytes.Buffer
		if err := Status(&b, h, members, now); err != nil {
			t.Fatal(err)
		}
		golden.Check(t, "testdata/"+name+".txt", b.String())
	}
	var b bytes.Buffer
	if err := Status(&b, running(), []federation.Member{}, begun.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "overdue by 56m47s") || !strings.Contains(b.String(), "No site has joined.") {
		t.Errorf("status:\n%s", b.String())
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestFullDisk(t *testing.T) {
	for what, err := range map[string]error{"html": HTML(full{}, sample()), "text": Text(full{}, sample()), "status": Status(full{}, sample(), nil, begun),
		"simulation": Simulation{}.HTML(full{}), "simulation text": Simulation{}.Text(full{})} {
		if fault.CodeOf(err) != fault.IO {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A history comes back from JSON as it went in, but for the body of the model.
func TestDecode(t *testing.T) {
	h := sample()
	h.Job.Model.Body = []byte("ONNX")
	text, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	h.Job.Model.Body = nil
	if diff := cmp.Diff(h, got); diff != "" {
		t.Error(diff)
	}
}

func FuzzDecode(f *testing.F) {
	for _, h := range histories() {
		h.Sites, h.State.Consents, h.Rounds = h.Sites[:min(len(h.Sites), 2)], nil, h.Rounds[:min(len(h.Rounds), 2)]
		for i := range h.Rounds {
			h.Rounds[i].Sites = h.Rounds[i].Sites[:2]
		}
		if h.Final != nil {
			h.Final.Scores = h.Final.Scores[:2]
		}
		text, err := json.Marshal(h)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(`{"rounds":[{"round":-1,"sites":[{"site":"a","state":"in","score":{"confusion":[[1e400]]}}]}]}`))
	f.Add([]byte(`{"job":{"privacy":{"central":{}}},"state":{"wait":{}},"final":{"scores":[{"federated":{"confusion":[[1,0],[0,1]]}}]}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := Decode(bytes.NewReader(text))
		if err != nil {
			if fault.CodeOf(err) != fault.InputMalformed {
				t.Fatal(err)
			}
			return
		}
		var page, words bytes.Buffer
		if err := errors.Join(HTML(&page, h), Text(&words, h), Status(&words, h, nil, begun)); err != nil {
			t.Fatal(err)
		}
		pagetest.Check(t, page.String())
		if i := strings.IndexFunc(words.String(), func(r rune) bool { return r < ' ' && r != '\n' }); i >= 0 {
			t.Errorf("a control character at %d", i)
		}
		if _, err := json.Marshal(Summarise(h)); err != nil {
			t.Error(err)
		}
	})
}
