package ecg12_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/ecg12"
	"consilium/dataset/settest"
	"consilium/dataset/wfdb"
	"consilium/fault"
	"consilium/signal"
)

func TestRealRecords(t *testing.T) {
	set, err := ecg12.Open(settest.Data(t, "ecg_12lead"), ecg12.Options{})
	if err != nil {
		t.Fatal(err)
	}
	settest.Run(t, set)
	n := 0
	counts := make([]int, len(set.Info().Labels))
	into := make([]float32, set.Info().Size())
	for _, split := range dataset.Splits {
		for i := range set.Len(split) {
			s, err := set.Read(split, i, into)
			if err != nil {
				t.Fatal(err)
			}
			counts[s.Label]++
			n++
		}
	}
	if n+set.LeftOut() != 40 || !slices.Equal(counts, []int{5, 0, 0, 6}) {
		t.Errorf("%d records of %v, %d left out", n, counts, set.LeftOut())
	}
}

// TestEveryRecordFitsTheNetwork conditions all 40 records, labelled or not. Two
// of them were taken with three chest electrodes off, and are refused for it.
func TestEveryRecordFitsTheNetwork(t *testing.T) {
	paths, _ := filepath.Glob(filepath.Join(settest.Data(t, "ecg_12lead"), "*.hea"))
	into := make([]float32, 12*5000)
	for _, path := range paths {
		rec, err := wfdb.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Base(path)
		off := name == "JS20004.hea" || name == "JS20008.hea"
		if err := signal.ECG(rec, ecg12.DefaultSpec, into); off && fault.CodeOf(err) != fault.InputFlat || !off && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func write(t *testing.T, dir, name string, dx string) {
	t.Helper()
	rec := clinical.Recording{Rate: 500, Comments: []string{"Dx: " + dx}}
	for k, lead := range signal.Leads12 {
		c := clinical.Channel{Name: lead, Unit: "mV", Samples: make([]float32, 5000)}
		for i := range c.Samples {
			c.Samples[i] = float32(math.Sin(float64(i) / 50 * float64(k+1)))
		}
		rec.Channels = append(rec.Channels, c)
	}
	if err := wfdb.Write(dir, name, rec); err != nil {
		t.Fatal(err)
	}
}

func TestOneLabelExactly(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "normal", "426783006")
	write(t, dir, "fibrillation", "164889003, 59118001")
	write(t, dir, "block", "733534002,164909002") // two codes, one label
	write(t, dir, "both", "426783006,164889003")
	write(t, dir, "other", "59118001")
	set, err := ecg12.Open(dir, ecg12.Options{Fractions: dataset.Fractions{Train: 1}})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	into := make([]float32, set.Info().Size())
	for i := range set.Len(dataset.Train) {
		s, err := set.Read(dataset.Train, i, into)
		if err != nil {
			t.Fatal(err)
		}
		got[s.ID] = s.Label
	}
	if len(got) != 3 || got["normal"] != 0 || got["fibrillation"] != 1 || got["block"] != 2 || set.LeftOut() != 2 {
		t.Errorf("labels %v, %d left out", got, set.LeftOut())
	}
}

func TestOpenRefuses(t *testing.T) {
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "r.hea"), []byte("r two 500"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		folder  string
		options ecg12.Options
		code    fault.Code
	}{
		{t.TempDir(), ecg12.Options{}, fault.DataMissing},
		{broken, ecg12.Options{}, fault.InputMalformed},
		{broken, ecg12.Options{Labels: []ecg12.Label{{}}}, fault.Usage},
		{broken, ecg12.Options{Spec: signal.ECGSpec{Rate: -1}}, fault.Usage},
		{broken, ecg12.Options{Fractions: dataset.Fractions{Train: 2}}, fault.Usage},
	} {
		if _, err := ecg12.Open(c.folder, c.options); fault.CodeOf(err) != c.code {
			t.Errorf("%+v: %v, want %s", c.options, err, c.code)
		}
	}
}
