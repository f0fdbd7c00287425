package open_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"consilium/clinical"
	"consilium/dataset"
	"consilium/dataset/open"
	"consilium/dataset/settest"
	"consilium/fault"
)

func TestFixtures(t *testing.T) {
	for ref, want := range map[string]clinical.Kind{
		"../picture/testdata/films":     clinical.KindImage,
		"../table/testdata/hearts.arff": clinical.KindTable,
		"../table/testdata/hearts.csv":  clinical.KindTable,
	} {
		t.Run(ref, func(t *testing.T) {
			set, err := open.Set(filepath.FromSlash(ref), open.Options{Seed: 3})
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			if got := set.Info().Kind; got != want {
				t.Errorf("kind %q, want %q", got, want)
			}
			settest.Run(t, set)
		})
	}
}

func TestSynthetic(t *testing.T) {
	for name, want := range map[string]clinical.Kind{
		"ecg": clinical.KindECG, "film": clinical.KindImage, "cough": clinical.KindSound, "nodule": clinical.KindVolume,
	} {
		t.Run(name, func(t *testing.T) {
			set, err := open.Set("synthetic:"+name, open.Options{Count: 20, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			info := set.Info()
			if info.Kind != want || !info.Synthetic || !strings.Contains(strings.Join(info.Caveats, " "), clinical.SyntheticNotice) {
				t.Errorf("%+v", info)
			}
			total := 0
			for _, split := range dataset.Splits {
				total += set.Len(split)
			}
			if total != 20 {
				t.Errorf("%d examples, want 20", total)
			}
			if _, err := set.Read(dataset.Train, 0, make([]float32, info.Size())); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	unknown := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(unknown, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ref  string
		o    open.Options
		code fault.Code
	}{
		{unknown, open.Options{}, fault.InputUnknown},
		{dir, open.Options{}, fault.InputEmpty},
		{"synthetic:patient", open.Options{}, fault.Usage},
		{"synthetic:ecg", open.Options{Count: 1}, fault.Usage},
		{"synthetic:ecg", open.Options{Label: "x"}, fault.Usage},
		{"../table/testdata/hearts.csv", open.Options{Size: 28}, fault.Usage},
		{"../picture/testdata/films", open.Options{Label: "x"}, fault.Usage},
		{filepath.Join(dir, "none.csv"), open.Options{}, fault.DataMissing},
	} {
		set, err := open.Set(c.ref, c.o)
		if fault.CodeOf(err) != c.code || set != nil {
			t.Errorf("%s %+v: %v %v, want %s", c.ref, c.o, set, err, c.code)
		}
	}
}

// Who lacks a data set is told which one to get.
func TestMissingNamesTheDownload(t *testing.T) {
	for path, want := range map[string]string{
		"data/pathmnist_64.npz":    "PathMNIST",
		"data/cough_covid":         "covid19-cough",
		"data/ecg_12lead":          "Challenge 2021",
		"data/uci_heart/va.csv":    "Heart Disease",
		"pad_ufes_20/metadata.csv": "PAD-UFES-20",
		"somewhere/else.csv":       "docs/datasets.md",
	} {
		_, err := open.Set(filepath.FromSlash(path), open.Options{})
		if fault.CodeOf(err) != fault.DataMissing || !strings.Contains(fault.Of(err).Do, want) {
			t.Errorf("%s: %v does not name %q", path, err, want)
		}
	}
}

func TestRealSets(t *testing.T) {
	for _, c := range []struct {
		folder, file string
		kind         clinical.Kind
	}{
		{"medmnist", "pneumoniamnist.npz", clinical.KindImage},
		{"cough_covid", "", clinical.KindSound},
		{"ecg_12lead", "", clinical.KindECG},
		{"uci_arrhythmia", "arrhythmia.data", clinical.KindTable},
		{"uci_arff", "wdbc.arff", clinical.KindTable},
	} {
		t.Run(c.folder, func(t *testing.T) {
			set, err := open.Set(filepath.Join(settest.Data(t, c.folder), c.file), open.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer set.Close()
			if got := set.Info().Kind; got != c.kind {
				t.Errorf("kind %q, want %q", got, c.kind)
			}
			if _, err := set.Read(dataset.Train, 0, make([]float32, set.Info().Size())); err != nil {
				t.Error(err)
			}
		})
	}
}
