package federation_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"consilium/clinical"
	"consilium/fault"
	"consilium/federation"
)

func job() federation.Job {
	p := federation.Plan{Rounds: 5, Quorum: 3}
	return federation.Job{Format: federation.JobFormat, ID: "films-1", Title: "T", Purpose: "P", Created: time.Unix(1_700_000_000, 0).UTC(),
		Model: federation.Model{Arch: "cnn3"}, Plan: p.WithDefaults(),
		Data: federation.Data{Kind: clinical.KindImage, Shape: []int{1, 28, 28}, Labels: []clinical.Concept{{Name: "a"}, {Name: "b"}}, Cohort: 1}}
}

func TestJobsAreRefusedWithAWayOut(t *testing.T) {
	if err := job().Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*federation.Job){
		"format":              func(j *federation.Job) { j.Format = 2 },
		"id":                  func(j *federation.Job) { j.ID = "../x" },
		"title":               func(j *federation.Job) { j.Title = "" },
		"arch":                func(j *federation.Job) { j.Model.Arch = "" },
		"head without a body": func(j *federation.Job) { j.Model.Arch = "head" },
		"one label":           func(j *federation.Job) { j.Data.Labels = j.Data.Labels[:1] },
		"shape":               func(j *federation.Job) { j.Data.Shape = []int{1 << 20, 1 << 20} },
		"no shape":            func(j *federation.Job) { j.Data.Shape = nil },
		"cohort":              func(j *federation.Job) { j.Data.Cohort = 0 },
		"prior":               func(j *federation.Job) { j.Plan.Prior = []int{1} },
		"algorithm":           func(j *federation.Job) { j.Plan.Algorithm = "magic" },
		"sum":                 func(j *federation.Job) { j.Plan.Sum = "magic" },
		"robust and secure":   func(j *federation.Job) { j.Plan.Algorithm, j.Plan.Sum = federation.Krum, federation.SumMasks },
		"secure sum of two":   func(j *federation.Job) { j.Plan.Sum, j.Plan.Quorum = federation.SumMasks, 2 },
		"rounds":              func(j *federation.Job) { j.Plan.Rounds = 0 },
		"rate":                func(j *federation.Job) { j.Plan.Rate = -1 },
		"batch":               func(j *federation.Job) { j.Plan.Batch = 1 << 20 },
		"half are poisoned":   func(j *federation.Job) { j.Plan.Evil = 0.5 },
		"most samples":        func(j *federation.Job) { j.Plan.MostSamples = 1000 },
		"deadline":            func(j *federation.Job) { j.Plan.Deadlines.Round = -1 },
		"harmonise":           func(j *federation.Job) { j.Plan.Harmonise = "magic" },
		"noise of nothing":    func(j *federation.Job) { j.Privacy.Local = &federation.Noise{} },
		"noise for single sites": func(j *federation.Job) {
			j.Privacy.Central = &federation.Noise{Multiplier: 1, Clip: 1, Delta: 1e-5, Epsilon: 1}
		},
		"noise and adam": func(j *federation.Job) {
			j.Plan.Algorithm, j.Privacy.Central = federation.FedAdam, &federation.Noise{Multiplier: 1, Clip: 1, Delta: 1e-5, Epsilon: 1}
		},
	} {
		j := job()
		spoil(&j)
		err := j.Validate()
		if fault.CodeOf(err) != fault.Usage || fault.Of(err).Do == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The hash is of everything: what a site signs is the job that is run.
func TestEveryChangeChangesTheHash(t *testing.T) {
	seen := map[string]string{job().Hash(): "as it was"}
	for name, change := range map[string]func(*federation.Job){
		"rounds":  func(j *federation.Job) { j.Plan.Rounds++ },
		"sum":     func(j *federation.Job) { j.Plan.Sum = federation.SumMasks },
		"epsilon": func(j *federation.Job) { j.Privacy.Local = &federation.Noise{Epsilon: 1} },
		"body":    func(j *federation.Job) { j.Model.Body = []byte{1} },
		"labels":  func(j *federation.Job) { j.Data.Labels = append(j.Data.Labels[:1:1], clinical.Concept{Name: "c"}) },
		"purpose": func(j *federation.Job) { j.Purpose = "Q" },
	} {
		j := job()
		change(&j)
		if old, ok := seen[j.Hash()]; ok {
			t.Errorf("%s has the hash of %s", name, old)
		}
		seen[j.Hash()] = name
	}
	text, err := json.Marshal(job())
	if err != nil {
		t.Fatal(err)
	}
	var again federation.Job
	if err := json.Unmarshal(text, &again); err != nil || again.Hash() != job().Hash() {
		t.Errorf("a job that was written and read has another hash: %v", err)
	}
}

func TestOnlyTheEdgesOfLifeExist(t *testing.T) {
	phases := []federation.Phase{"", federation.Draft, federation.Proposed, federation.Running, federation.Finished}
	allowed := map[[2]federation.Phase]bool{{"", federation.Draft}: true, {federation.Draft, federation.Proposed}: true, {federation.Draft, federation.Finished}: true,
		{federation.Proposed, federation.Running}: true, {federation.Proposed, federation.Finished}: true, {federation.Running, federation.Finished}: true}
	for _, from := range phases {
		for _, to := range phases {
			s := federation.State{Phase: from}
			err := s.Move(to)
			if want := allowed[[2]federation.Phase{from, to}]; (err == nil) != want || (err != nil && (fault.CodeOf(err) != fault.Conflict || s.Phase != from)) {
				t.Errorf("%q to %q: %v", from, to, err)
			}
		}
	}
}

func TestAnswersAreTheSitesOwn(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			rt.Fatal(err)
		}
		j := job()
		text := rapid.StringMatching(`[a-z \n]{0,12}`)
		a, err := federation.Answer{Job: j.Hash(), Site: "east", Agree: rapid.Bool().Draw(rt, "agree"), Reason: text.Draw(rt, "reason"), By: text.Draw(rt, "by"),
			At: time.Unix(rapid.Int64Range(0, 1<<33).Draw(rt, "at"), 7)}.Sign(private)
		if err != nil {
			rt.Fatal(err)
		}
		if err := a.Verify(j, "east", public); err != nil {
			rt.Fatal(err)
		}
		b := a
		switch rapid.IntRange(0, 5).Draw(rt, "change") {
		case 0:
			b.Agree = !b.Agree
		case 1:
			b.Reason += "x"
		case 2:
			b.By, b.Reason = b.By+"x", "y"+b.Reason
		case 3:
			b.At = b.At.Add(time.Nanosecond)
		case 4:
			b.Signature = strings.Repeat("0", 128)
		case 5:
			b.Signature = "zz"
		}
		if err := b.Verify(j, "east", public); fault.CodeOf(err) != fault.ConsentForged {
			rt.Fatalf("a changed answer: %v", err)
		}
		if err := a.Verify(j, "west", public); fault.CodeOf(err) != fault.ConsentForged {
			rt.Fatalf("in another's name: %v", err)
		}
		j.Title += "!"
		if err := a.Verify(j, "east", public); fault.CodeOf(err) != fault.ConsentForged {
			rt.Fatalf("for another job: %v", err)
		}
	})
}

func TestPolicy(t *testing.T) {
	local := func(j *federation.Job) {
		j.Privacy.Local = &federation.Noise{Multiplier: 1, Clip: 1, Delta: 1e-5, Epsilon: 3}
	}
	for name, c := range map[string]struct {
		policy   federation.Policy
		change   func(*federation.Job)
		examples int
		spent    float64
		want     fault.Code
	}{
		"default":               {policy: federation.DefaultPolicy(), examples: 20},
		"too few":               {policy: federation.DefaultPolicy(), examples: 19, want: fault.PolicyRefused},
		"the job wants more":    {policy: federation.Policy{ShareScores: true}, change: func(j *federation.Job) { j.Data.Cohort = 30 }, examples: 29, want: fault.PolicyRefused},
		"network":               {policy: federation.Policy{ShareScores: true, Models: []string{"res*"}}, examples: 50, want: fault.PolicyRefused},
		"network that fits":     {policy: federation.Policy{ShareScores: true, Models: []string{"res*", "cnn?"}}, examples: 50},
		"algorithm":             {policy: federation.Policy{ShareScores: true, Algorithms: []string{"krum"}}, examples: 50, want: fault.PolicyRefused},
		"plain sum":             {policy: federation.Policy{ShareScores: true, SecureOnly: true}, examples: 50, want: fault.PolicyRefused},
		"secure sum":            {policy: federation.Policy{SecureOnly: true}, change: func(j *federation.Job) { j.Plan.Sum = federation.SumMasks; j.Plan = j.Plan.WithDefaults() }, examples: 50},
		"no noise":              {policy: federation.Policy{ShareScores: true, Privacy: true}, examples: 50, want: fault.PolicyRefused},
		"noise":                 {policy: federation.Policy{ShareScores: true, Privacy: true, Epsilon: 3}, change: local, examples: 50},
		"budget":                {policy: federation.Policy{ShareScores: true, Epsilon: 3}, change: local, examples: 50, spent: 0.1, want: fault.BudgetSpent},
		"rounds":                {policy: federation.Policy{ShareScores: true, MaxRounds: 4}, examples: 50, want: fault.PolicyRefused},
		"its own figures":       {policy: federation.Policy{}, examples: 50, want: fault.PolicyRefused},
		"figures as a sum only": {policy: federation.Policy{}, change: func(j *federation.Job) { j.Plan.Scores = "sum" }, examples: 50},
	} {
		j := job()
		if c.change != nil {
			c.change(&j)
		}
		if err := c.policy.Judge(j, c.examples, c.spent); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		} else if err != nil && strings.Contains(err.Error(), "19") {
			t.Errorf("%s: the hub is told the site's own number: %v", name, err)
		}
	}
}

func TestPolicyFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.json")
	if p, err := federation.LoadPolicy(file); err != nil || !cmp.Equal(p, federation.DefaultPolicy()) {
		t.Errorf("no file: %+v, %v", p, err)
	}
	for text, want := range map[string]fault.Code{`{"min_cohort": 7}`: "", `{"min_cohrt": 7}`: fault.Usage, `{`: fault.Usage,
		`{"min_cohort": 7, "peers": "verified"}`: "", `{"peers": "trusted"}`: fault.Usage, `{"peers": ""}`: fault.Usage} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		p, err := federation.LoadPolicy(file)
		if fault.CodeOf(err) != want || (err == nil && (p.MinCohort != 7 || p.Epsilon != 8)) {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
}

func TestScoresAddUp(t *testing.T) {
	auc := 0.9
	a := &federation.Score{N: 4, Loss: 1, Confusion: [][]int{{1, 1}, {0, 2}}, AUC: &auc}
	b := &federation.Score{N: 12, Loss: 2, Confusion: [][]int{{6, 0}, {3, 3}}}
	var none *federation.Score
	sum := none.Plus(a).Plus(b)
	want := &federation.Score{N: 16, Loss: 1.75, Confusion: [][]int{{7, 1}, {3, 5}}}
	if diff := cmp.Diff(want, sum); diff != "" {
		t.Error(diff)
	}
	if a.Confusion[0][0] != 1 || a.AUC == nil {
		t.Error("adding has changed a part")
	}
	// scikit-learn: f1_score(..., average="macro") of this confusion is (14/18 + 10/14)/2.
	if got, want := sum.MacroF1(), (14.0/18+10.0/14)/2; got != want || sum.Accuracy() != 0.75 {
		t.Errorf("macro-F1 %g, want %g; accuracy %g", got, want, sum.Accuracy())
	}
	if (&federation.Score{}).MacroF1() != 0 || (&federation.Score{}).Accuracy() != 0 {
		t.Error("figures of nothing")
	}
}

func question() federation.Question {
	return federation.Question{Job: "h", Round: 3, Attempt: 2, Pooled: []float64{1.5, -2}, Measured: 4, Until: time.Unix(1_700_000_000, 0).UTC(),
		Global: []float32{1, -2.5, 3}, Extra: []float32{7}}
}

func step() federation.SumStep {
	return federation.SumStep{Job: "h", Round: 3, Attempt: 2, Step: 1, Body: []byte{0, 1, 2},
		Roster: &federation.SumRoster{Way: federation.SumMasks, Sites: []string{"a"}, Keys: map[string]string{"a": strings.Repeat("ab", 32)}, Threshold: 3, Length: 4, Bound: 8}}
}

func TestQuestionsAndStepsComeBackAsTheyWere(t *testing.T) {
	b, err := question().Encode()
	if err != nil {
		t.Fatal(err)
	}
	q, err := federation.DecodeQuestion(b)
	if diff := cmp.Diff(question(), q); err != nil || diff != "" {
		t.Error(err, diff)
	}
	for _, bad := range [][]byte{nil, b[:3], b[:9], b[:len(b)-1], append(bytes.Clone(b), 0)} {
		if _, err := federation.DecodeQuestion(bad); fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	if b, err = step().Encode(); err != nil {
		t.Fatal(err)
	}
	s, err := federation.DecodeSumStep(b)
	if diff := cmp.Diff(step(), s); err != nil || diff != "" {
		t.Error(err, diff)
	}
	short := step()
	short.Roster.Keys["a"] = "ab"
	if b, err = short.Encode(); err != nil {
		t.Fatal(err)
	}
	if _, err := federation.DecodeSumStep(b); fault.CodeOf(err) != fault.SumBroken {
		t.Errorf("a key of one byte: %v", err)
	}
	for _, name := range []string{"", "A b", "\x1b[2J", strings.Repeat("a", 65)} { // it comes to be printed and kept at the sites
		named := step()
		named.Roster.Sites = []string{name}
		if b, err = named.Encode(); err != nil {
			t.Fatal(err)
		}
		if _, err := federation.DecodeSumStep(b); fault.CodeOf(err) != fault.SumBroken {
			t.Errorf("a site called %q: %v", name, err)
		}
	}
}

func FuzzDecodeQuestion(f *testing.F) {
	b, err := question().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)-2])
	f.Add([]byte("CFQ1\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		q, err := federation.DecodeQuestion(b)
		if err == nil && 4*(len(q.Global)+len(q.Extra)) > len(b) {
			t.Error("more numbers than bytes")
		}
		if err != nil && fault.CodeOf(err) != fault.InputMalformed {
			t.Error(err)
		}
	})
}

func FuzzDecodeSumStep(f *testing.F) {
	b, err := step().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\xff\xff\xff\xff{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := federation.DecodeSumStep(b); err != nil && fault.CodeOf(err) != fault.SumBroken {
			t.Error(err)
		}
	})
}
