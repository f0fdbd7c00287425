package differential

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"consilium/fault"
)

func TestTheShippedWeightsFit(t *testing.T) {
	w, err := ShippedWeights()
	if err != nil {
		t.Fatal(err)
	}
	if len(w.Reranked.Features) != int(features) || !slices.Equal(w.Plain.Features, []string{"ratio_sum", "absent_ratio"}) || len(w.Published.Features) != int(features) {
		t.Errorf("%d, %v and %d features", len(w.Reranked.Features), w.Plain.Features, len(w.Published.Features))
	}
	var card map[string]any
	if err := json.Unmarshal(Card(), &card); err != nil || card["disclaimer"] == "" || card["split"] == "" {
		t.Errorf("card %v, %v", card, err)
	}
	m := shipped(t)
	for _, p := range patients(m, 20, 4, 2) {
		for _, o := range []RankOptions{{}, {Plain: true}, {Published: true}} {
			if d, err := m.Rank(p, o); err != nil || len(d.Candidates) != 10 || math.IsNaN(d.Candidates[0].Probability) {
				t.Fatal(d, err)
			}
		}
	}
}

func TestEveryFeatureHasOneName(t *testing.T) {
	seen := map[string]bool{}
	for f, name := range names {
		if name == "" || seen[name] {
			t.Errorf("feature %d is called %q", f, name)
		}
		seen[name] = true
	}
	for f := range signs {
		if partOf(f) != partAbsent && f != strangeToDisease {
			t.Errorf("%s has a sign", names[f])
		}
	}
}

// broken gives the fixed weights after a change.
func broken(t testing.TB, change func(w *Weights)) []byte {
	w := *fixedWeights(t)
	change(&w)
	raw, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestWeightsThatDoNotFitAreRefused(t *testing.T) {
	index := func(w *Weights, name string) int { return slices.Index(w.Reranked.Features, name) }
	good := broken(t, func(*Weights) {})
	for name, c := range map[string]struct {
		file []byte
		code fault.Code
		says string
	}{
		"good":             {good, "", ""},
		"empty":            {nil, fault.ModelMalformed, "not JSON"},
		"not JSON":         {[]byte("weights"), fault.ModelMalformed, "not JSON"},
		"cut short":        {good[:len(good)/2], fault.ModelMalformed, "not JSON"},
		"null":             {[]byte("null"), fault.ModelMalformed, "do not fit"},
		"nothing":          {[]byte("{}"), fault.ModelMalformed, "do not fit"},
		"a list":           {[]byte("[]"), fault.ModelMalformed, "not JSON"},
		"too large":        {[]byte(strings.Repeat(" ", maxWeights+1)), fault.InputTooLarge, "at most"},
		"a number too big": {[]byte(strings.Replace(string(good), `"mean":[`, `"mean":[1e999,`, 1)), fault.ModelMalformed, "not JSON"},
		"unknown feature":  {broken(t, func(w *Weights) { w.Reranked.Features[3] = "horoscope" }), fault.ModelMalformed, `unknown feature "horoscope"`},
		"a mean too few":   {broken(t, func(w *Weights) { w.Reranked.Mean = w.Reranked.Mean[1:] }), fault.ModelMalformed, "53 means"},
		"a scale of 0":     {broken(t, func(w *Weights) { w.Reranked.Scale[2] = 0 }), fault.ModelMalformed, "no training gives"},
		"a negative scale": {broken(t, func(w *Weights) { w.Plain.Scale[1] = -1 }), fault.ModelMalformed, "no training gives"},
		"it would overflow": {broken(t, func(w *Weights) { w.Reranked.Weight[0] = 1e308 }), fault.ModelMalformed,
			"no training gives"},
		"heads would":         {broken(t, func(w *Weights) { w.Plain.Outside[0][0] = -1e300 }), fault.ModelMalformed, "not whole"},
		"a head too few":      {broken(t, func(w *Weights) { w.Plain.Outside = w.Plain.Outside[1:] }), fault.ModelMalformed, "1 heads"},
		"a head too short":    {broken(t, func(w *Weights) { w.Plain.Outside[1] = w.Plain.Outside[1][1:] }), fault.ModelMalformed, "not whole"},
		"exclusions speak up": {broken(t, func(w *Weights) { w.Reranked.Weight[index(w, "absent_ratio")] = -0.1 }), fault.ModelMalformed, "must not speak for"},
		"the most absent":     {broken(t, func(w *Weights) { w.Reranked.Weight[index(w, "absent_most")] = 0.1 }), fault.ModelMalformed, "must not speak for"},
		"plain ones too":      {broken(t, func(w *Weights) { w.Plain.Weight[1] = -0.1 }), fault.ModelMalformed, "must not speak for"},
		"published may":       {broken(t, func(w *Weights) { w.Published.Weight[index(w, "absent_ratio")] = -0.1 }), "", ""},
		"no features":         {broken(t, func(w *Weights) { w.Plain = Ranker{Outside: w.Plain.Outside} }), "", ""},
	} {
		if _, err := ParseWeights(c.file); fault.CodeOf(err) != c.code || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s %q", name, err, c.code, c.says)
		}
	}
}

// FuzzWeights: whatever is accepted can rank, and its probabilities are probabilities.
func FuzzWeights(f *testing.F) {
	f.Add([]byte("{}"))
	f.Add([]byte(`{"reranked":{"features":["ratio_sum"],"mean":[0],"scale":[1],"weight":[1],"outside":[[0,0,0,0,0,0,0,0,0,0],[1e6,0,0,0,0,0,0,0,0,1e6]]}}`))
	for _, path := range []string{filepath.Join("testdata", "weights.json"), filepath.Join("weights", "weights.json")} {
		if file, err := os.ReadFile(path); err == nil {
			f.Add(file)
		}
	}
	one := `{"features":["ratio_sum","absent_ratio"],"mean":[0,-1e6],"scale":[1e-300,1e6],"weight":[1e6,1e6],"outside":[[0,0,0,0,0,0,0,0,0,1e6],[0,0,0,0,0,0,0,0,0,-1e6]]}`
	f.Add([]byte(`{"reranked":` + one + `,"plain":` + one + `,"published":` + one + `}`))
	model := sync.OnceValue(func() *Model { return tiny(f) })
	base := model().base
	f.Fuzz(func(t *testing.T, file []byte) {
		w, err := ParseWeights(file)
		if err != nil {
			return
		}
		m, err := New(base, Options{Weights: &w})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range []RankOptions{{}, {Plain: true}, {Published: true}} {
			d, err := m.Rank(patient("1250", "1083", "!1631"), o)
			total := d.Unlisted + d.Elsewhere
			for _, c := range d.Candidates {
				total += c.Probability
			}
			if err != nil || len(d.Candidates) != 5 || !near(total, 1) {
				t.Fatalf("%d candidates, probabilities add up to %g, %v", len(d.Candidates), total, err)
			}
		}
		if _, err := m.Ask(patient("1250"), 2); err != nil {
			t.Fatal(err)
		}
	})
}
