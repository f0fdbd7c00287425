package evidence

import (
	"context"
	"slices"
	"testing"
)

// A document on the subject's neighbour has no position on the subject.
func TestPositionNeedsADocumentThatSpeaksOfIt(t *testing.T) {
	ctx := context.Background()
	ix, err := Open(ctx, t.TempDir(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer ix.Close()
	documents := []Document{
		{ID: "diet", Title: "Preventing a heart attack", Text: "A healthy diet can prevent a heart attack. Exercise can prevent a heart attack too. A heart attack is an emergency."},
		{ID: "gout", Title: "Gout", Text: "Gout is a disease of joints. Colchicine prevents attacks of gout in most patients."},
		{ID: "other", Title: "Asthma", Text: "Asthma is a disease of the airways. Inhalers help."},
	}
	all := func(yield func(Document, error) bool) {
		for _, d := range documents {
			if !yield(d, nil) {
				return
			}
		}
	}
	if _, err := ix.Add(ctx, all, nil); err != nil {
		t.Fatal(err)
	}
	yes := func(string, []string) (string, map[string]float64, []int) {
		return "yes", map[string]float64{"yes": 1}, []int{0}
	}
	for question, want := range map[string]string{
		"Does aspirin prevent a heart attack?":        "",
		"Does colchicine prevent attacks of gout?":    "gout",
		"Does a healthy diet prevent a heart attack?": "diet",
		"Does colchicine prevent a heart attack?":     "",
	} {
		a, err := ix.Answer(ctx, Query{Text: question, Mode: Words}, 3)
		if err != nil {
			t.Fatal(err)
		}
		p, err := ix.Position(a, yes)
		if err != nil {
			t.Fatal(err)
		}
		if p.Document != want || (want == "") != (p.Label == CannotTell) {
			t.Errorf("%s: judged %q, said %s; want %q (%v)", question, p.Document, p.Label, want, slices.Collect(func(yield func(string) bool) {
				for _, s := range a.Sentences {
					yield(s.Document)
				}
			}))
		}
	}
}
