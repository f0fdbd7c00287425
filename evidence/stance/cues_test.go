package stance

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDescribe(t *testing.T) {
	for _, c := range []struct {
		sentence string
		want     string
	}{
		{"There was no significant difference between the groups (P = 0.34).", "no significance, no difference, negation, p >= 0.05"},
		{"Mortality was significantly higher in the first group (p<.001).", "significance, increase, harm, p < 0.05"},
		{"Age did not predict survival, but weight was associated with it.", "association, contrast, no association, negation"},
		{"Patients may be safe.", "soundness, hedge"},
		{"", ""},
		{"The weather was fine.", ""},
		{"It failed to improve outcome.", "harm, no benefit, negation"},
		// A negation reaches five words and not beyond.
		{"Not one two three four five improved.", "benefit, negation"},
		{"Not one two three four improved.", "no benefit, negation"},
	} {
		var got []string
		for i, v := range describe(tokenise(c.sentence)) {
			if v > 0 {
				got = append(got, sentenceFeatures[i])
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%q: %s, want %s", c.sentence, strings.Join(got, ", "), c.want)
		}
	}
}

func TestPValue(t *testing.T) {
	for text, want := range map[string][2]bool{ // significant, ok
		"p < 0.05": {true, true}, "P=.049": {true, true}, "p = 0.05": {false, true}, "p > 0.05": {false, true}, "p≥0.2": {false, true},
		"p-value = 0.001": {true, true}, "p = ns": {false, false}, "p": {false, false}, "p <": {false, false}, "p = 5": {false, false}, "q < 0.05": {false, false},
	} {
		significant, ok := pValue(tokenise(text))
		if significant != want[0] || ok != want[1] {
			t.Errorf("%q: %v, %v", text, significant, ok)
		}
	}
}

func TestTokenise(t *testing.T) {
	got := tokenise("No. of 3.5% (P<.05), naïve \xff\x00end.")
	if want := []string{"no", ".", "of", "3.5", "%", "(", "p", "<", ".05", ")", ",", "naïve", "\x00", "end", "."}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func TestPolar(t *testing.T) {
	for question, want := range map[string]bool{
		"Does aspirin prevent stroke?":                    true,
		"What are the symptoms of gout?":                  false,
		"How is phenylketonuria inherited":                false,
		"Which is better: is surgery superior to drugs?":  true,
		"Screening in the elderly: is it worth the cost?": true,
		"":  false,
		"?": true, // no interrogative: the model decides
	} {
		if polar(question) != want {
			t.Errorf("%q: polar is %v", question, !want)
		}
	}
}

// FuzzJudge reads whatever comes: no panic, probabilities that are some, and indexes that exist.
func FuzzJudge(f *testing.F) {
	f.Add("Does aspirin help?", "It did not.\nP < 0.05 was found.")
	f.Add("\xff\xfe", "p = . 5\np-")
	f.Add("is it?", strings.Repeat("no\n", 500))
	c, err := New()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, question, text string) {
		sentences := strings.Split(text, "\n")
		s := c.Judge(question, sentences)
		if !slices.Contains([]string{Yes, No, Maybe, CannotTell}, s.Label) {
			t.Fatalf("label %q", s.Label)
		}
		sum := 0.0
		for _, p := range s.Probabilities {
			sum += p
		}
		if s.Probabilities != nil && (sum < 0.999 || sum > 1.001) {
			t.Fatalf("probabilities %v", s.Probabilities)
		}
		for _, i := range s.Because {
			if i < 0 || i >= len(sentences) {
				t.Fatalf("sentence %d of %d", i, len(sentences))
			}
		}
		for _, w := range tokenise(question) {
			if w == "" || utf8.ValidString(question) && !utf8.ValidString(w) {
				t.Fatalf("token %q", w)
			}
		}
	})
}
