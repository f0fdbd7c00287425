package cough

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"consilium/dataset"
	"consilium/dataset/settest"
	"consilium/fault"
	"consilium/signal"
	"pgregory.net/rapid"
)

// TestConforms runs the suite of all sets on 60 real recordings.
func TestConforms(t *testing.T) {
	set, err := Open(some(t, settest.Data(t, "cough_covid"), 60), Options{Source: All})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	settest.Run(t, set)
}

// some makes a set of the first n recordings.
func some(t *testing.T, folder string, n int) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, "labels.csv"))
	if err != nil {
		t.Fatal(err)
	}
	part := t.TempDir()
	lines := strings.SplitAfter(string(text), "\n")
	if err := os.WriteFile(filepath.Join(part, "labels.csv"), []byte(strings.Join(lines[:n+1], "")), 0o644); err != nil {
		t.Fatal(err)
	}
	audio, err := filepath.Abs(filepath.Join(folder, "audio"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(audio, filepath.Join(part, "audio")); err != nil {
		t.Skip(err)
	}
	return part
}

func TestCallCenterIsStratified(t *testing.T) {
	set, err := Open(settest.Data(t, "cough_covid"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for split, want := range map[dataset.Split][2]int{dataset.Train: {91, 223}, dataset.Validation: {23, 56}, dataset.Test: {38, 92}} {
		var got [2]int
		for _, r := range set.splits[split] {
			got[r.label]++
		}
		if got != want {
			t.Errorf("%s has %v negative and positive recordings, want %v", split, got, want)
		}
	}
}

// TestDurations checks the floor that a model must beat: shortness alone gives
// AUC 0.639 over the call-center's 523 recordings (0.62 with those held out).
func TestDurations(t *testing.T) {
	set, err := Open(settest.Data(t, "cough_covid"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var positive, negative []float64
	for _, split := range dataset.Splits {
		seconds, labels, err := set.Durations(split)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range seconds {
			if labels[i] == 1 {
				positive = append(positive, s)
			} else {
				negative = append(negative, s)
			}
		}
	}
	wins := 0.
	for _, p := range positive {
		for _, n := range negative {
			switch {
			case n > p:
				wins++
			case n == p:
				wins += 0.5
			}
		}
	}
	if auc := wins / float64(len(positive)*len(negative)); math.Abs(auc-0.639) > 0.001 {
		t.Errorf("AUC of shortness %.3f, want 0.639", auc)
	}
}

func TestSources(t *testing.T) {
	folder := settest.Data(t, "cough_covid")
	for source, want := range map[string]int{Telegram: 293, All: 816} {
		set, err := Open(folder, Options{Source: source})
		if err != nil {
			t.Fatal(err)
		}
		if n := set.Len(dataset.Train) + set.Len(dataset.Validation) + set.Len(dataset.Test); n != want {
			t.Errorf("%s: %d recordings, want %d", source, n, want)
		}
		warned := slices.ContainsFunc(set.Info().Caveats, func(c string) bool { return strings.Contains(c, "pooled") })
		if warned != (source == All) {
			t.Errorf("%s: caveats %q", source, set.Info().Caveats)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct {
		options Options
		code    fault.Code
	}{
		{Options{Source: "hospital"}, fault.Usage},
		{Options{Spec: signal.SoundSpec{Rate: 8000, Seconds: -1, Mels: 4}}, fault.Usage},
		{Options{Spec: signal.SoundSpec{Rate: 8000, Seconds: 2, Mels: 40, Hop: 0.01}}, fault.Usage},
		{Options{}, fault.DataMissing},
	} {
		if _, err := Open(t.TempDir(), c.options); fault.CodeOf(err) != c.code {
			t.Errorf("%+v: %v, want %s", c.options, err, c.code)
		}
	}
}

func TestLabelsRefused(t *testing.T) {
	const header = "filename,covid19,source,md5\n"
	for _, text := range []string{
		"",
		"filename,covid19\n",
		header + "a.mp3,2,telegram,1\n",
		header + "../a.mp3,1,telegram,1\n",
		header + "a.mp3,1,telegram,1\nb.mp3,0,telegram,1\n",
		header + "a.mp3,1\n",
	} {
		if _, err := parseLabels(strings.NewReader(text)); fault.CodeOf(err) != fault.InputMalformed {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestSplitStaysApart: every recording falls into exactly one split, whatever
// the order of the list, and every stratum is cut alike.
func TestSplitStaysApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 200).Draw(t, "recordings")
		var list []recording
		for i := range n {
			list = append(list, recording{md5: string(rune('a' + i)), source: rapid.SampledFrom([]string{CallCenter, Telegram}).Draw(t, "source"), label: i % 2})
		}
		seed := rapid.Uint64().Draw(t, "seed")
		first := split(slices.Clone(list), seed)
		slices.Reverse(list)
		second := split(list, seed)
		total := 0
		for _, part := range dataset.Splits {
			if !slices.Equal(first[part], second[part]) {
				t.Fatalf("%s depends on the order of the list", part)
			}
			total += len(first[part])
		}
		if total != n {
			t.Fatalf("%d recordings in the splits, want %d", total, n)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	c := newCache(4)
	into := make([]float32, 2)
	c.put("a", []float32{1, 1})
	c.put("b", []float32{2, 2})
	if !c.get("a", into) || into[0] != 1 {
		t.Error("a is lost")
	}
	c.put("c", []float32{3, 3}) // pushes out b, which was used least recently
	if c.get("b", into) || !c.get("a", into) || !c.get("c", into) {
		t.Error("not the least recently used entry was dropped")
	}
	c.put("d", make([]float32, 5)) // larger than the cache: not kept
	if c.get("d", into) || len(c.byKey) != 2 {
		t.Error("the cache outgrew its bound")
	}
}

func FuzzLabels(f *testing.F) {
	f.Add("filename,covid19,source,md5\na.mp3,1,telegram,1\n")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := parseLabels(strings.NewReader(text))
		if err != nil && fault.CodeOf(err) == fault.Internal {
			t.Fatal(err)
		}
		for _, r := range list {
			if strings.ContainsAny(r.file, "/") {
				t.Fatalf("file %q", r.file)
			}
		}
	})
}
