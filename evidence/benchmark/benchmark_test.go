package benchmark

import (
	"os"
	"path/filepath"
	"testing"

	"pgregory.net/rapid"

	"consilium/dataset/settest"
	"consilium/fault"
)

// The split is fixed for good: weights in the repository were trained on it.
func TestSplitIsFixed(t *testing.T) {
	for focus, want := range map[string]string{"Adult Acute Lymphoblastic Leukemia": Train, "Glaucoma": Train, "": Test} {
		if got := Split(focus); got != want {
			t.Errorf("Split(%q) = %s, want %s", focus, got, want)
		}
	}
}

func TestSplitIgnoresSpelling(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		focus := rapid.StringMatching(`[a-z]{1,8}( [a-z0-9]{1,8}){0,3}`).Draw(t, "focus")
		if Split(focus) != Split("  "+focus+"-") || Fold(focus, 5) != Fold(focus+"!", 5) {
			t.Fatal("punctuation changes the part")
		}
		if f := Fold(focus, 5); f < 0 || f > 4 {
			t.Fatalf("fold %d", f)
		}
	})
}

func TestMedQuAD(t *testing.T) {
	pairs, err := ReadMedQuAD(filepath.Join(settest.Data(t, "medquad"), "medquad.jsonl.gz"))
	if err != nil {
		t.Fatal(err)
	}
	train, test := Partition(pairs)
	if len(pairs) != 16407 || len(test) < 4000 || len(test) > 6000 {
		t.Errorf("%d pairs, %d for training, %d for testing", len(pairs), len(train), len(test))
	}
	held := map[string]bool{}
	for _, p := range test {
		held[p.Answer], held[normal(p.Focus)] = true, true
	}
	for _, p := range train {
		if held[p.Answer] || held[normal(p.Focus)] {
			t.Fatalf("%s (%s) is in both parts", p.ID, p.Focus)
		}
	}
}

func TestPubMedQA(t *testing.T) {
	all, err := ReadPubMedQA(filepath.Join(settest.Data(t, "pubmedqa"), "pqal_cv_500.json"))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, a := range all {
		counts[a.Answer]++
	}
	if counts["yes"] != 276 || counts["no"] != 169 || counts["maybe"] != 55 {
		t.Errorf("answers %v", counts)
	}
}

func TestBadFilesAreCoded(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct {
		name, text string
		want       fault.Code
	}{
		{"empty", "", fault.InputEmpty},
		{"broken", "{\"id\":", fault.InputMalformed},
		{"hollow", `{"id":"1","focus":"f","question":"q","answer":""}`, fault.InputMalformed},
		{"gzip", "\x1f\x8b\x08", fault.InputTruncated},
	} {
		path := filepath.Join(dir, c.name)
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadMedQuAD(path); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := ReadMedQuAD(filepath.Join(dir, "absent")); fault.CodeOf(err) != fault.InputMissing {
		t.Errorf("absent file: %v", err)
	}
}
